"""From what somebody typed to what can be asked."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

from slo_core.errors import SLOError
from slo_core.status.service_status import ServiceStatus
from slo_core.stores.url import redacted_url

__all__ = ["StatusSource", "open_status_source"]


class StatusSource(Protocol):
    """Knows how the SLOs of one or more services stand."""

    def read(self) -> list[ServiceStatus]:
        """
        Every service, as it stands now; one that cannot be read says so itself (`ServiceStatus.trouble`).

        Raises:
            StoreError: Whoever is asked is out of reach: it may answer later.
            SLOError: It answers, but not with the SLOs: a wrong token, another page.
        """
        ...

    def close(self) -> None:
        """Release what is held open."""
        ...


def open_status_source(address: str, *, token: str | None = None, service: str | None = None) -> StatusSource:
    """
    What can be asked at an address.

    Args:
        address: The `/slo.json` or `/metrics` of a running service, or the URL of a shared store.
        token: Bearer token for a page; None sends none.
        service: The only service to show; None shows all.

    Raises:
        SLOError: It is no address, or that of a store that is not there or not shared.
    """
    scheme = address.partition(":")[0].lower()
    if scheme in ("http", "https"):
        from slo_core.status.sources.http_page import HTTPStatusSource

        _refuse_credentials(address)
        return HTTPStatusSource(address, token=token, service=service)
    if "://" not in address:
        raise SLOError(
            f"expected the address of a service's page (http://host:8000/slo.json, or /metrics) or of a shared store "
            f"(sqlite:///slo.db, redis://host/0), got {redacted_url(address)!r}"
        )
    from slo_core.status.sources.store import StoreSource

    return StoreSource(address, service=service)


def _refuse_credentials(address: str) -> None:
    try:
        parts = urlsplit(address)
        has_credentials, _ = "@" in parts.netloc, parts.port
    except ValueError as exc:
        raise SLOError(f"expected an address such as http://host:8000/slo.json, got {redacted_url(address)!r}") from exc
    if has_credentials:
        # Everybody on the machine can read the arguments of a process.
        raise SLOError(
            f"{redacted_url(address)}: expected no password in the address; give the token in a file, or in SLO_TOKEN"
        )
    if not parts.hostname:
        raise SLOError(f"expected an address such as http://host:8000/slo.json, got {redacted_url(address)!r}")
