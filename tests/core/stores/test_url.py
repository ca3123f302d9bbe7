"""What a URL says of a store, without opening it."""

from __future__ import annotations

import pytest

from slo_core.stores.url import redacted_url


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
