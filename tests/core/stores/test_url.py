"""What a URL says of a store, without opening it."""

from __future__ import annotations

from pathlib import Path

import pytest

from slo_core.stores.open import bucket_store_from_url, store_from_url
from slo_core.stores.url import redacted_url, scope_of_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://user:hunter2@localhost/0", "redis://user:***@localhost/0"),
        ("redis://:hunter2@localhost", "redis://:***@localhost"),
        ("redis://user:hunter2@x@localhost/0", "redis://user:***@localhost/0"),
        ("redis://localhost/0?password=hunter2&x=1", "redis://localhost/0?..."),
        ("redis://localhost/0#hunter2", "redis://localhost/0"),
        ("redis://user@localhost", "redis://user@localhost"),
        ("redis://user:hunter2/x@localhost/0", "redis://..."),
        ("redis://user:hunter2?x@localhost/0", "redis://..."),
        ("redis://user:hunter2#x@localhost/0", "redis://..."),
        ("redis://localhost?password=hunter2@x", "redis://..."),
        ("redis:user:hunter2@localhost", "redis://..."),
        ("redis://user:[hunter2@localhost", "redis://user:***@localhost"),
        ("sqlite:////var/lib/slo.db", "sqlite:////var/lib/slo.db"),
        ("sqlite:///slo.db", "sqlite:///slo.db"),
        ("memory://", "memory://"),
    ],
)
def test_a_url_for_the_log_holds_no_password(url: str, shown: str) -> None:
    """Not even one with unescaped characters, which end the address early: then only the scheme is shown."""
    assert redacted_url(url) == shown
    assert "hunter2" not in redacted_url(url)


@pytest.mark.parametrize(
    ("url", "scope"), [("memory://", "process"), ("sqlite:///slo.db", "host"), ("redis://127.0.0.1:1/0", "fleet")]
)
def test_scopes_are_known_without_a_store(
    url: str, scope: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And they are those of the stores."""
    monkeypatch.chdir(tmp_path)
    store = store_from_url(url) if url == "memory://" else bucket_store_from_url(url, service="shop")

    assert (store.scope, scope_of_url(url)) == (scope, scope)
    store.close()
