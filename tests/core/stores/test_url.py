"""What a URL says of a store, without opening it."""

from __future__ import annotations

from pathlib import Path

import pytest

from slo_core.stores.open import _BUILT_IN, bucket_store_from_url, store_from_url
from slo_core.stores.url import file_of_url, redacted_url, scope_of_url


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


@pytest.mark.parametrize("scheme", sorted({"memory", "sqlite", "redis", "rediss", "redis+cluster", "rediss+cluster"}))
def test_every_built_in_scheme_has_a_scope(scheme: str) -> None:
    """Rules and gates ask for it without opening the store."""
    assert scope_of_url(f"{scheme}://host/0") in ("process", "host", "fleet")


def test_every_scheme_is_in_that_list() -> None:
    """A new scheme without a scope would be taken for one of another package."""
    assert set(_BUILT_IN) == {"memory", "sqlite", "redis", "rediss", "redis+cluster", "rediss+cluster"}


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///slo.db", Path("slo.db")), ("sqlite:////var/slo.db", Path("/var/slo.db")), ("sqlite:///", None),
        ("redis://host/0", None), ("memory://", None), ("django://default", None), ("", None),
    ],
)  # fmt: skip
def test_the_file_of_a_store(url: str, file: Path | None) -> None:
    """A tool looks whether it is there, so that a mistyped name makes no new store."""
    assert file_of_url(url) == file
