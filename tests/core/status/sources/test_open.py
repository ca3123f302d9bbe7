"""What may be typed where the address of a service or a store is expected."""

from __future__ import annotations

import pytest

from slo_core.errors import SLOError
from slo_core.status.sources.open import open_status_source


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "expected the address"),
        ("shop", "expected the address"),
        ("http://", "expected an address such as"),
        ("http://host:port/", "expected an address such as"),
        ("http://me:hunter2@host/slo.json", "expected no password in the address"),
        ("ftp://host/slo.json", "expected one of the schemes"),
        ("memory://", "expected a store that processes share"),
        ("sqlite:///no/such.db", "there is no such file"),
        ("http://ho st/slo.json", "expected an address such as"),
    ],
)
def test_an_address_that_is_none_is_refused(address: str, message: str) -> None:
    """And no password is repeated."""
    with pytest.raises(SLOError, match=message) as caught:
        open_status_source(address).read()

    assert "hunter2" not in str(caught.value)
