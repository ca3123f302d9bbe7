"""A store in a file that services count in, and an exporter that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from slo_core import SLODefinition, SLORegistry
from slo_core.metrics.view import services_view
from slo_core.stores.buckets import Query, Stored
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock
from slo_core.tracking.store_services import StoreServices

Series = dict[tuple[str, str, str], float]


class House:
    """A store in a file, services that count in it, and an exporter that reads it."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.path, self.clock, self.monotonic = folder / "slo.db", clock, FakeClock(0.0)
        self.is_down = False
        self.asked = 0

    def count(self, service: str, definition: SLODefinition, good: int, bad: int) -> None:
        """Events of a process that ends afterwards."""
        store = WriteBehindStore(self.buckets(service), clock=self.clock)
        with SLORegistry(store, service=service, clock=self.clock) as registry:
            tracker = registry.define(definition)
            for success, times in ((True, good), (False, bad)):
                for _ in range(times):
                    tracker.record(success)

    def buckets(self, service: str) -> SQLiteBucketStore:
        return Unsteady(self, self.path, service=service, clock=self.clock)

    def exporter(self, service: str | None = None) -> StoreServices:
        return StoreServices(self.buckets, service=service, clock=self.clock, monotonic=self.monotonic)

    def read(self, exporter: StoreServices) -> list[SLORegistry]:
        """The registries that an exporter reads, long after its last read."""
        self.monotonic.advance(15)
        return list(exporter.read())

    def scrape(self, exporter: StoreServices) -> Series:
        """Values by name, service and SLO, where no other label tells series apart."""
        self.monotonic.advance(15)
        response = services_view(exporter).respond("GET")
        assert response.status == 200
        return series_of(response.body)


class Unsteady(SQLiteBucketStore):
    """A store that is out of reach when its house says so."""

    def __init__(self, house: House, path: Path, *, service: str, clock: FakeClock) -> None:
        super().__init__(path, service=service, clock=clock)
        self._house = house

    def _ask(self) -> None:
        if self._house.is_down:
            self._house.asked += 1
            raise OSError("no route to redis://:hunter2@host")

    def services(self) -> list[str]:
        self._ask()
        return super().services()

    def names(self) -> list[str]:
        self._ask()
        return super().names()

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        self._ask()
        return super().read(queries)


def series_of(body: bytes) -> Series:
    return {
        (sample.name, sample.labels.get("slo_service", ""), sample.labels.get("slo", "")): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if not {"window_seconds", "severity", "backend"} & sample.labels.keys()
        and sample.labels.get("outcome") != "good"
    }
