"""The SLOs of every service in a shared store, for one process that Prometheus scrapes instead of all of theirs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from slo_core.conventions import DEFAULT_SERVICE
from slo_core.definition import SLODefinition
from slo_core.definition_document import definition_from
from slo_core.errors import StoreError
from slo_core.incidents import Incidents
from slo_core.metrics_view import MetricsView
from slo_core.prometheus import PrometheusExporter, ServicesCollector
from slo_core.registry import SLORegistry
from slo_core.stores.buckets import BucketStore, SLORecord
from slo_core.stores.read_only import ReadOnlyStore

__all__ = ["StoreExporter"]

# What a store is opened for to ask which services it holds. Not the default one: stores warn of that.
_NO_SERVICE = "slo-exporter"

# For so long the services and SLOs are taken to be those that were found last: two scrapes at about the same time.
_FRESH_SECONDS = 0.5


class StoreExporter:
    """
    Finds the services and SLOs in a store, by the definitions that their processes have declared there.

    Everything is looked up again at a scrape: new SLOs appear, changed targets and windows apply, and nothing is ever
    written to the store.

    Args:
        open_store: Opens the store for a service.
        service: The only service to show; None shows all.
        clock: Returns seconds since the epoch.
        monotonic: Measures how old something is.
    """

    def __init__(
        self,
        open_store: Callable[[str], BucketStore],
        *,
        service: str | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_store = open_store
        self._service = service
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._incidents = Incidents()
        self._stores: dict[str, ReadOnlyStore] = {}
        self._documents: dict[str, list[tuple[str, str]]] = {}
        # The one that is asked which services there are, and shown as long as there is none.
        self._first = self._store(_NO_SERVICE if service is None else service)
        self._nothing = SLORegistry(self._first, service=service or DEFAULT_SERVICE, clock=clock)
        self._registries: dict[str, SLORegistry] = {}
        self._unreadable: dict[str, tuple[str, ...]] = {}
        self._looked_at = float("-inf")

    def view(self, *, token: str | None = None) -> MetricsView:
        """
        What answers scrapes of all services.

        Args:
            token: Bearer token to ask for; None asks for none.
        """
        return MetricsView(PrometheusExporter(ServicesCollector(self.registries)), token=token)

    def registries(self) -> list[SLORegistry]:
        """
        A registry for each service; one without SLOs when there is none.

        When the store is out of reach those that were known last, whose reads then fail without being tried.
        """
        with self._lock:
            if self._monotonic() - self._looked_at > _FRESH_SECONDS:
                self._look()
                self._looked_at = self._monotonic()
            return list(self._registries.values()) or [self._nothing]

    def unreadable(self, registry: SLORegistry) -> tuple[str, ...]:
        """SLOs of a service that its registry does not have, because what the store says of them cannot be read."""
        return self._unreadable.get(registry.service, ())

    def close(self) -> None:
        """Release the store."""
        with self._lock:
            for store in self._stores.values():
                store.close()

    def _look(self) -> None:
        for store in self._stores.values():
            store.known_failure = None
        try:
            services = self._first.services() if self._service is None else [self._service]
            records = {service: self._store(service).records() for service in services}
        except StoreError as exc:
            # One time-out is enough: a scrape must be answered before Prometheus gives it up.
            for store in self._stores.values():
                store.known_failure = exc
            self._incidents.report("the store cannot be read; only slo_store_up 0 is shown", detail=str(exc))
            return
        self._registries = {service: self._registry(service, found) for service, found in records.items() if found}

    def _store(self, service: str) -> ReadOnlyStore:
        found = self._stores.get(service)
        if found is None:
            found = self._stores[service] = ReadOnlyStore(self._open_store(service), clock=self._clock)
        return found

    def _empty_registry(self, store: ReadOnlyStore) -> SLORegistry:
        return SLORegistry(store, service=store.service, clock=self._clock)

    def _registry(self, service: str, records: list[SLORecord]) -> SLORegistry:
        """The registry of a service: the one from before, unless a definition has changed."""
        documents = [(record.slo, record.definition) for record in records]
        before = self._registries.get(service)
        if before is not None and documents == self._documents[service]:
            return before
        registry = self._empty_registry(self._store(service))
        if before is not None:
            registry.incidents = before.incidents  # a total must not start anew
        unreadable = []
        for record in records:
            try:
                registry.define(_definition_in(record))
            except Exception as exc:  # whatever stands in a store: one SLO that cannot be read hides no other
                unreadable.append(f"SLO {record.slo!r} cannot be shown: {exc}")
                registry.incidents.report(
                    f"service {service!r}, SLO {record.slo!r}: not shown", detail=f"{type(exc).__name__}: {exc}"
                )
        self._documents[service] = documents
        self._unreadable[service] = tuple(unreadable)
        return registry


def _definition_in(record: SLORecord) -> SLODefinition:
    definition = definition_from(record.definition)
    if definition.name != record.slo:
        raise StoreError(f"its definition is that of {definition.name!r}")
    return definition
