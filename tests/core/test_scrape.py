"""What a scrape is given when several come at about the same time."""

from __future__ import annotations

from pathlib import Path

from slo_core import SLODefinition, SLORegistry
from slo_core.scrape import ScrapeReader
from slo_core.stores.sqlite import SQLiteBucketStore
from slo_core.stores.write_behind import WriteBehindStore
from slo_core.testing import FakeClock


class SlowRegistry(SLORegistry):
    """
    A registry over a store that takes its time.

    Attributes:
        read_seconds: How long a read takes.
        reads: How many there were.
    """

    def __init__(self, path: Path, monotonic: FakeClock, clock: FakeClock) -> None:
        store = WriteBehindStore(SQLiteBucketStore(path, clock=clock), clock=clock, monotonic=monotonic)
        super().__init__(store, clock=clock)
        self._monotonic_clock = monotonic
        self.read_seconds = 0.0
        self.reads = 0

    def snapshot_all(self, *, at: float | None = None):  # type: ignore[no-untyped-def]  # as the registry's
        found = super().snapshot_all(at=at)
        self.reads += 1
        self._monotonic_clock.advance(self.read_seconds)
        return found


def test_scrapes_of_half_a_second_share_a_read(tmp_path: Path, clock: FakeClock) -> None:
    """And the next one reads again."""
    monotonic = FakeClock(0.0)
    registry = SlowRegistry(tmp_path / "slo.db", monotonic, clock)
    registry.define(SLODefinition("availability", 0.999))
    reader = ScrapeReader(registry, monotonic=monotonic)

    for seconds in (0.0, 0.3, 0.2, 0.1):
        monotonic.advance(seconds)
        reader.read()

    assert registry.reads == 2
    registry.close()


def test_what_was_read_is_as_old_as_the_question(tmp_path: Path, clock: FakeClock) -> None:
    """A slow read shows the store as it was when it began: kept for longer, a worker would show less than another has."""
    monotonic = FakeClock(0.0)
    registry = SlowRegistry(tmp_path / "slo.db", monotonic, clock)
    tracker = registry.define(SLODefinition("availability", 0.999))
    reader = ScrapeReader(registry, monotonic=monotonic)
    registry.read_seconds = 0.4
    tracker.record(True)
    reader.read()
    tracker.record(True)
    monotonic.advance(0.2)

    ((_, snapshot),) = reader.read()

    assert snapshot.lifetime_good == 2
    registry.close()
