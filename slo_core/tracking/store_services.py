"""The SLOs of every service in a shared store, for one process that Prometheus scrapes instead of all of theirs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from slo_core.budgets.snapshot import SLOSnapshots
from slo_core.conventions import DEFAULT_SERVICE
from slo_core.errors import StoreError
from slo_core.objectives.definition import SLODefinition
from slo_core.process.internal_errors import InternalErrors
from slo_core.stores.buckets import BucketStore, SLORecord
from slo_core.stores.shared.read_only import ReadOnlyStore
from slo_core.stores.stored_definition import definition_from_stored
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.shared_read import SharedRead

__all__ = ["StoreServices"]

# What a store is opened for to ask which services it holds. Not the default one: stores warn of that.
_NO_SERVICE = "slo-exporter"

# Prometheus' own, unless it is configured: every service is read within one scrape.
_SCRAPE_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Service:
    """
    A service as its processes have declared it.

    Attributes:
        registry: Its SLOs.
        documents: Their names and definitions, as they stand in the store.
        unreadable: SLOs that are not in the registry, and why.
    """

    registry: SLORegistry
    documents: list[tuple[str, str]]
    unreadable: tuple[str, ...]


class StoreServices:
    """
    Finds the services and SLOs in a store, by the definitions that their processes have declared there.

    Everything is looked up again at a scrape: new SLOs appear, changed targets and windows apply, and nothing is ever
    written to the store.

    Args:
        open_store: Opens the store for a service.
        service: The only service to show; None shows all.
        clock: Returns seconds since the epoch.
        monotonic: Measures how long a scrape takes.
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
        self._internal_errors = InternalErrors()
        self._stores: dict[str, ReadOnlyStore] = {}
        # The one that is asked which services there are, and shown as long as there is none.
        self._first = self._store(_NO_SERVICE if service is None else service)
        self._nothing = SLORegistry(self._first, service=service or DEFAULT_SERVICE, clock=clock)
        self._services: dict[str, _Service] = {}
        self._shared_read = SharedRead(
            self._read,
            what=f"the store {self._first.backend}",
            timeout_seconds=_SCRAPE_TIMEOUT_SECONDS,
            monotonic=monotonic,
        )

    def read(self) -> dict[SLORegistry, SLOSnapshots | Exception]:
        """
        Every service with its SLOs, or why they cannot be read; an empty one when there is none.

        A registry stays the same for as long as its definitions do. When the store is out of reach, the services that
        were known last.
        """
        try:
            return self._shared_read()
        except StoreError as exc:
            self._internal_errors.report("the store cannot be read; only slo_store_up 0 is shown", detail=str(exc))
            known = [service.registry for service in self._services.values()]
            return dict.fromkeys(known or [self._nothing], exc)

    def unreadable(self, registry: SLORegistry) -> tuple[str, ...]:
        """SLOs of a service that its registry does not have, because what the store says of them cannot be read."""
        service = self._services.get(registry.service)
        return () if service is None else service.unreadable

    def close(self) -> None:
        """Release the store."""
        for store in tuple(self._stores.values()):
            store.close()

    def _read(self) -> dict[SLORegistry, SLOSnapshots | Exception]:
        # One time-out is enough: when this fails no service is tried.
        names = self._first.services() if self._service is None else [self._service]
        records = {name: self._store(name).records() for name in names}
        self._services = {name: self._declared(name, declared) for name, declared in records.items() if declared}
        registries = [service.registry for service in self._services.values()]
        return {registry: _snapshots(registry) for registry in registries} or {self._nothing: []}

    def _store(self, service: str) -> ReadOnlyStore:
        store = self._stores.get(service)
        if store is None:
            store = self._stores[service] = ReadOnlyStore(self._open_store(service), clock=self._clock)
        return store

    def _declared(self, name: str, records: list[SLORecord]) -> _Service:
        """The service: the one from before, unless a definition has changed."""
        documents = [(record.slo, record.definition) for record in records]
        before = self._services.get(name)
        if before is not None and documents == before.documents:
            return before
        store = self._store(name)
        registry = SLORegistry(store, service=store.service, clock=self._clock)
        if before is not None:
            registry.internals.errors = before.registry.internals.errors  # a total never starts again at 0
        unreadable = []
        for record in records:
            try:
                registry.define(_definition_in(record))
            except Exception as exc:  # whatever stands in a store: one SLO that cannot be read hides no other
                unreadable.append(f"SLO {record.slo!r} cannot be shown: {exc}")
                registry.internals.errors.report(
                    f"service {name!r}, SLO {record.slo!r}: not shown", detail=f"{type(exc).__name__}: {exc}"
                )
        return _Service(registry, documents, tuple(unreadable))


def _snapshots(registry: SLORegistry) -> SLOSnapshots | Exception:
    try:
        return registry.internals.read_all()
    except Exception as exc:  # a service that cannot be read hides no other
        return exc


def _definition_in(record: SLORecord) -> SLODefinition:
    definition = definition_from_stored(record.definition)
    if definition.name != record.slo:
        raise StoreError(f"its definition is that of {definition.name!r}")
    return definition
