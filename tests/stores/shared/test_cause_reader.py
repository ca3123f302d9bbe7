"""Causes read from a shared store: those of every process, at one moment with the events that they explain."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from faulty_store import FaultyStore
from slo_core import SLODefinition, SLORegistry, SLOTracker
from slo_core.errors import StoreError
from slo_core.objectives.window import DAY, HOUR
from slo_core.stores.buckets import BucketStore
from slo_core.stores.shared.read_only import ReadOnlyStore
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock
from store_process import SLO, Process

SPANS = (60, HOUR, 6 * HOUR, DAY, 3 * DAY, 30 * DAY)


def causes(tracker: SLOTracker, seconds: int = HOUR) -> dict[str | None, int]:
    breakdown = tracker.causes(seconds)
    assert breakdown is not None
    assert sum(each.bad for each in breakdown.causes) == breakdown.events.bad
    return {each.where: each.bad for each in breakdown.causes}


@pytest.mark.parametrize("seed", range(2))
def test_causes_of_any_stretch_are_those_of_every_process(
    start: Callable[..., Process], clock: FakeClock, monotonic: FakeClock, tmp_path: Path, seed: int
) -> None:
    """Three processes, one whose answers get lost, for ten days: as counted by hand, to the event."""
    chance = random.Random(seed)
    processes = [start() for _ in range(3)]
    truth: list[tuple[int, str | None]] = []
    for _ in range(150):
        seconds = chance.choice([1, 60, 900, 20_000])
        clock.advance(seconds)
        monotonic.advance(seconds)
        process = chance.choice(processes)
        cause = chance.choice([None, *(f"job-{number}" for number in range(9))])
        at = chance.choice([None, None, clock() - chance.choice([10, 400, 5000])])
        process.tracker.record_failure(at=at, cause=cause)
        truth.append((int(clock() if at is None else at), cause))
        processes[0].network.fails = chance.choice([None, "after"])
        if chance.random() < 0.5:
            process.store.flush()
    processes[0].network.fails = None
    clock.advance(2)
    monotonic.advance(600)
    for process in processes:
        process.store.flush()
    reader = SLOTracker(
        SLO, store=ReadOnlyStore(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock=clock), clock=clock
    )

    for tracker in (processes[1].tracker, reader):
        for seconds, breakdown in zip(SPANS, tracker.internals.causes(SPANS) or (), strict=True):
            expected = Counter(cause for second, cause in truth if second >= breakdown.since)
            assert breakdown.since <= clock() - seconds
            assert {each.where: each.bad for each in breakdown.causes} == expected
            assert breakdown.events.bad == sum(expected.values())
    for process in processes:
        process.store.close()


class Counted(FaultyStore):
    """Counts its round trips for causes."""

    trips = 0

    def read_causes(self, queries):  # type: ignore[no-untyped-def]
        self.trips += 1
        return self._store.read_causes(queries)  # type: ignore[attr-defined]


def test_the_causes_of_many_slos_are_one_round_trip(tmp_path: Path, clock: FakeClock) -> None:
    """One that has a store of its own is read by itself, and one that cannot be read hides no other."""
    counted = Counted(SQLiteBucketStore(tmp_path / "slo.db", clock=clock))
    registry = SLORegistry(WriteBehindStore(counted, clock=clock, flush_interval=3600.0), clock=clock)
    trackers = [registry.define(SLODefinition(name, 0.9)) for name in ("a", "b", "c")]
    trackers.append(registry.add(SLOTracker(SLODefinition("own", 0.9), clock=clock)))
    for number, tracker in enumerate(trackers):
        for _ in range(number):
            tracker.record_failure(cause=f"job-{number}")

    answers = registry.internals.causes([(tracker, HOUR) for tracker in trackers] + [(trackers[2], DAY)])

    assert counted.trips == 1
    assert [[(each.where, each.bad) for each in answer.causes] for answer in answers] == [  # type: ignore[union-attr]
        [], [("job-1", 1)], [("job-2", 2)], [("job-3", 3)], [("job-2", 2)],
    ]  # fmt: skip


def test_a_store_that_keeps_no_causes_says_so(tmp_path: Path, clock: FakeClock) -> None:
    """One that a user has written before there were any: its events count, and the answer is None, not an empty list."""

    class Old:
        def __init__(self, store: BucketStore) -> None:
            self._store = store

        def __getattr__(self, name: str) -> object:
            if name == "read_causes":
                raise AttributeError(name)
            return getattr(self._store, name)

    store = WriteBehindStore(Old(SQLiteBucketStore(tmp_path / "slo.db", clock=clock)), clock=clock)  # type: ignore[arg-type]
    registry = SLORegistry(store, clock=clock)
    tracker = registry.define(SLODefinition("a", 0.9))
    tracker.record_failure(cause="pay")

    assert tracker.causes(HOUR) is None
    assert registry.internals.causes([(tracker, HOUR)]) == [None]
    assert tracker.snapshot().lifetime_bad == 1
    store.close()


def test_a_store_that_is_away_is_an_error(start: Callable[..., Process]) -> None:
    """No answer, rather than one about a part."""
    process = start()
    process.tracker.record_failure(cause="pay")
    process.network.fails = "before"

    with pytest.raises(StoreError):
        process.tracker.causes(HOUR)
    process.network.fails = None
    assert causes(process.tracker) == {"pay": 1}
