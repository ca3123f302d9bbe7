"""Status sources, and how to open the one at an address: a page or a shared store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

from slo_core.budgets.cause_shares import CauseBreakdown
from slo_core.budgets.latencies import Latencies
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.errors import SLOError
from slo_core.status.incidents import ServiceIncidents
from slo_core.status.service_status import ServiceStatus
from slo_core.stores.url import redacted_url

__all__ = ["StatusSource", "open_status_source"]


class StatusSource(Protocol):
    """Reads the status of one or more services."""

    def read(self) -> list[ServiceStatus]:
        """
        The current status of every service; `ServiceStatus.error` says why one cannot be read.

        Raises:
            StoreError: The source is out of reach, and may answer later.
            SLOError: The source answers with something else: the token is wrong, or it is another page.
        """
        ...

    def causes(self, asked: Sequence[tuple[str, str]]) -> list[CauseBreakdown | str]:
        """The causes of the last hour, or why they are not known, for services and the names of their SLOs."""
        ...

    def incidents(self, *, since: float, slo: str | None = None) -> list[ServiceIncidents]:
        """
        The incidents of every service.

        Args:
            since: Those that began at or after this instant, and those that last.
            slo: The only SLO to look at; None looks at all.

        Raises:
            StoreError: As for `read`.
            SLOError: As there; or no service has that SLO.
        """
        ...

    def recent_failures(self, service: str, slo: str) -> Sequence[RecentFailure]:
        """The last bad events of an SLO that the last read has shown, the newest first; none where they cannot be read."""

    def latencies(self, asked: Sequence[tuple[str, str]]) -> list[Latencies | None]:
        """How long events took in the last hour, for the same; None without a threshold, and where it is not known."""
        ...

    def close(self) -> None:
        """Release connections and files."""
        ...


def open_status_source(address: str, *, token: str | None = None, service: str | None = None) -> StatusSource:
    """
    Open the source at an address.

    Args:
        address: The `/slo.json` or `/metrics` of a running service, or the URL of a shared store.
        token: Bearer token for a page; None sends none.
        service: The only service to show; None shows all.

    Raises:
        SLOError: Not an address, or a store that does not exist or is not shared.
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
    from slo_core.status.sources.store import StoreStatusSource

    return StoreStatusSource(address, service=service)


def _refuse_credentials(address: str) -> None:
    try:
        parts = urlsplit(address)
        has_credentials, _ = "@" in parts.netloc, parts.port
    except ValueError as exc:
        raise SLOError(f"expected an address such as http://host:8000/slo.json, got {redacted_url(address)!r}") from exc
    if has_credentials:
        # Every user of the machine can read the arguments of a process.
        raise SLOError(
            f"{redacted_url(address)}: expected no password in the address; give the token in a file, or in SLO_TOKEN"
        )
    if not parts.hostname:
        raise SLOError(f"expected an address such as http://host:8000/slo.json, got {redacted_url(address)!r}")
