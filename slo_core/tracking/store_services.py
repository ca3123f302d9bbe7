"""The SLOs of every service in a shared store, for one process that Prometheus scrapes in place of all workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from slo_core.budgets.retired_slo import RetiredSLO
from slo_core.budgets.snapshot import SLOSnapshots
from slo_core.conventions import DEFAULT_SERVICE
from slo_core.errors import DamagedError, StoreError
from slo_core.objectives.definition import SLODefinition
from slo_core.process.internal_errors import InternalErrors
from slo_core.stores.buckets import BucketStore, SLORecord
from slo_core.stores.shared.read_only import ReadOnlyStore
from slo_core.stores.stored_definition import definition_from_stored
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.retirement import retired_slos
from slo_core.tracking.shared_read import SharedRead

__all__ = ["StoreServices"]

# A store is opened for this service to list the services in it. Not the default service: stores warn of that.
_NO_SERVICE = "slo-exporter"

# Prometheus' default: every service is read within one scrape.
_SCRAPE_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Service:
    """
    A service as its processes have declared it.

    Attributes:
        registry: Its SLOs.
        stored_definitions: The SLOs' names and definitions, as they are stored.
        unreadable: For each SLO that is not in the registry, the reason.
        retired: Those that no process declares any more; they are in neither.
    """

    registry: SLORegistry
    stored_definitions: list[tuple[str, str]]
    unreadable: tuple[str, ...]
    retired: tuple[RetiredSLO, ...] = ()


class StoreServices:
    """
    Finds the services and SLOs in a store, by the definitions that their processes have declared there.

    Each scrape reads the definitions again: new SLOs appear, and changed targets and windows apply. SLOs that no process
    has declared for one of their windows are left out, and listed as retired. Nothing is ever written to the store.

    Args:
        open_store: Opens the store for a service.
        service: The service to show; None shows all.
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
        # It lists the services, and is shown while there is none.
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
        Every service with its SLOs, or with the reason why they cannot be read; an empty service when there is none.

        A registry is replaced when a definition changes. When the store is out of reach, these are the services of the
        last read.
        """
        try:
            return self._shared_read()
        except StoreError as exc:
            self._internal_errors.report("the store cannot be read; only slo_store_up 0 is shown", detail=str(exc))
            known = [service.registry for service in self._services.values()]
            return dict.fromkeys(known or [self._nothing], exc)

    def unreadable(self, registry: SLORegistry) -> tuple[str, ...]:
        """For each SLO of a service whose stored definition cannot be read, the reason."""
        service = self._services.get(registry.service)
        return () if service is None else service.unreadable

    def close(self) -> None:
        """Release the store."""
        for store in tuple(self._stores.values()):
            store.close()

    def _read(self) -> dict[SLORegistry, SLOSnapshots | Exception]:
        # When the first call times out, no service is read: one time-out is enough.
        names = self._first.services() if self._service is None else [self._service]
        records = {name: self._store(name).records() for name in names}
        self._services = {name: self._declared(name, declared) for name, declared in records.items() if declared}
        return {service.registry: _snapshots(service) for service in self._services.values()} or {
            self._nothing: SLOSnapshots()
        }

    def _store(self, service: str) -> ReadOnlyStore:
        store = self._stores.get(service)
        if store is None:
            store = self._stores[service] = ReadOnlyStore(self._open_store(service), clock=self._clock)
        return store

    def _declared(self, name: str, all_records: Mapping[str, SLORecord | DamagedError | None]) -> _Service:
        """The service, with the same registry as before, unless a definition has changed."""
        retired = retired_slos(all_records, now=self._clock())
        left_out = {slo.name for slo in retired}
        records = {slo: record for slo, record in all_records.items() if record is not None and slo not in left_out}
        stored_definitions = [
            (slo, record.definition if isinstance(record, SLORecord) else str(record))
            for slo, record in records.items()
        ]
        before = self._services.get(name)
        if before is not None and stored_definitions == before.stored_definitions:
            return before if retired == before.retired else replace(before, retired=retired)
        store = self._store(name)
        registry = SLORegistry(store, service=store.service, clock=self._clock)
        if before is not None:
            registry.internals.errors = before.registry.internals.errors  # a total never starts again at 0
        unreadable = []
        for slo, record in records.items():
            try:
                registry.define(_definition_in(record))
            except Exception as exc:  # from any text in a store: one SLO that cannot be read hides no other
                unreadable.append(f"SLO {slo!r} cannot be shown: {exc}")
                registry.internals.errors.report(
                    f"service {name!r}, SLO {slo!r}: not shown", detail=f"{type(exc).__name__}: {exc}"
                )
        return _Service(registry, stored_definitions, tuple(unreadable), retired)


def _snapshots(service: _Service) -> SLOSnapshots | Exception:
    try:
        snapshots = service.registry.internals.read_all()
    except Exception as exc:  # a service that cannot be read hides no other
        return exc
    snapshots.retired = service.retired
    return snapshots


def _definition_in(record: SLORecord | DamagedError) -> SLODefinition:
    if isinstance(record, DamagedError):
        raise record
    definition = definition_from_stored(record.definition)
    if definition.name != record.slo:
        raise StoreError(f"its definition is that of {definition.name!r}")
    return definition
