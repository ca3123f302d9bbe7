"""The status source of a shared store: every service that counts in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from time import time

from slo_core.budgets.cause_shares import CauseBreakdown
from slo_core.budgets.latencies import Latencies
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.budgets.snapshot import SLOSnapshots
from slo_core.errors import StoreError
from slo_core.status.changes import burn_changes
from slo_core.status.failures import failures_in
from slo_core.status.incidents import ServiceIncidents, check_slo
from slo_core.status.service_status import ServiceStatus, service_status_or_error
from slo_core.status.why import causes_in, latencies_in
from slo_core.stores.existing import existing_store_from_url, without_secrets
from slo_core.stores.url import redacted_url
from slo_core.tracking.incidents import incidents_of_all
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.store_services import StoreServices

__all__ = ["StoreStatusSource"]


class StoreStatusSource:
    """
    Reads every service in a store, and writes nothing.

    Args:
        url: Of the store.
        service: The only service to show; None shows all.
        clock: Returns seconds since the epoch.

    Raises:
        StoreError: The URL is unknown or refused, or the store does not exist.
    """

    def __init__(self, url: str, *, service: str | None = None, clock: Callable[[], float] = time) -> None:
        self._shown = redacted_url(url)
        self._service = service
        with without_secrets():
            self._services = StoreServices(partial(existing_store_from_url, url), service=service, clock=clock)
        self._registries: dict[str, SLORegistry] = {}

    def read(self) -> list[ServiceStatus]:
        """
        Every service in the store.

        Raises:
            StoreError: The store is out of reach, or holds no SLO of the requested service.
        """
        read = self._services.read()
        self._registries = {registry.service: registry for registry in read}
        services = [self._status(registry, snapshots) for registry, snapshots in read.items()]
        if not any(status.snapshots or status.retired for status in services):
            error = next((status.error for status in services if status.error is not None), None)
            owner = "any service" if self._service is None else f"service {self._service!r}"
            raise StoreError(error or f"store {self._shown}: it holds no SLO of {owner}; is it the right store?")
        return services

    def causes(self, asked: Sequence[tuple[str, str]]) -> list[CauseBreakdown | str]:
        """The causes of the last hour, or why they are not known, of SLOs that the last read has shown."""
        answers: dict[tuple[str, str], CauseBreakdown | str] = {}
        for service in dict.fromkeys(service for service, _ in asked):
            of_service = [each for each in asked if each[0] == service]
            answers |= zip(of_service, causes_in(self._registries[service])(of_service), strict=True)
        return [answers[each] for each in asked]

    def incidents(self, *, since: float, slo: str | None = None) -> list[ServiceIncidents]:
        """The incidents of every service in the store, as `StatusSource.incidents`."""
        services = self.read()
        check_slo(slo, [snapshot.name for status in services for _, snapshot in status.snapshots])
        answers = []
        for status in services:
            snapshots = SLOSnapshots(each for each in status.snapshots if slo is None or each[0].name == slo)
            if slo is not None and not snapshots:
                continue
            try:
                episodes = incidents_of_all(self._registries[status.service], snapshots, since=since)
            except StoreError as exc:
                answers.append(ServiceIncidents(status.service, (), str(exc)))
            else:
                answers.append(ServiceIncidents(status.service, episodes, status.error))
        return answers

    def recent_failures(self, service: str, slo: str) -> Sequence[RecentFailure]:
        """The last bad events of an SLO that the last read has shown, the newest first."""
        return failures_in(self._registries[service])(service, slo)

    def latencies(self, asked: Sequence[tuple[str, str]]) -> list[Latencies | None]:
        """How long events took in the last hour; None for an SLO without a threshold, and where it is not known."""
        return [latencies_in(self._registries[service])([(service, slo)])[0] for service, slo in asked]

    def _status(self, registry: SLORegistry, snapshots: SLOSnapshots | Exception) -> ServiceStatus:
        status = service_status_or_error(registry, snapshots=snapshots, unreadable=self._services.unreadable(registry))
        return replace(status, changes=burn_changes(registry, status.snapshots))

    def close(self) -> None:
        """Release the store."""
        self._services.close()
