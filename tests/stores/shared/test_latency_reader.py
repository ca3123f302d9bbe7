"""How long events took, read from a shared store: as counted by every process, and of stores that know nothing of it."""

from __future__ import annotations

import random
from bisect import bisect_left
from pathlib import Path

import pytest

from faulty_store import FaultyStore
from slo_core import HTTPRule, SLODefinition, SLOTracker
from slo_core.budgets.latencies import edges_of
from slo_core.errors import StoreError
from slo_core.objectives.window import DAY, HOUR
from slo_core.stores.buckets import Applied, Batch
from slo_core.stores.shared.read_only import ReadOnlyStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock
from store_process import Process

SPANS = (60, HOUR, 6 * HOUR, DAY, 3 * DAY, 30 * DAY)
TIMED = SLODefinition("availability", 0.99, http=HTTPRule(latency_seconds=0.3))


def record(process: Process, seconds: float) -> None:
    process.tracker.internals.record_good(process.tracker, seconds)


class VersionBefore(FaultyStore):
    """What a version sends that knows nothing of latencies."""

    def apply(self, batches: list[Batch]) -> Applied:  # type: ignore[override]
        return super().apply([batch._replace(latencies=(), latency_blocks=()) for batch in batches])


@pytest.mark.parametrize("seed", range(2))
def test_any_stretch_holds_the_events_of_every_process(
    clock: FakeClock, monotonic: FakeClock, tmp_path: Path, seed: int
) -> None:
    """Three processes, one whose answers get lost and one of the version before, for ten days: to the event, in each cell."""
    chance = random.Random(seed)
    buckets = [SQLiteBucketStore(tmp_path / "slo.db", clock=clock) for _ in range(4)]
    processes = [Process(each, clock, monotonic, TIMED) for each in (*buckets[:2], VersionBefore(buckets[2]))]
    truth: list[tuple[int, float | None]] = []
    for _ in range(150):
        seconds = chance.choice([1, 60, 900, 20_000])
        clock.advance(seconds)
        monotonic.advance(seconds)
        process, took = chance.choice(processes), chance.choice([None, chance.lognormvariate(-2, 2)])
        for _ in range(chance.randrange(1, 4)):
            if took is None:
                process.tracker.record_failure()
            else:
                record(process, took)
            truth.append((int(clock()), None if process is processes[2] else took))
        processes[0].network.fails = chance.choice([None, "after"])
        if chance.random() < 0.5:
            process.store.flush()
    processes[0].network.fails = None
    clock.advance(2)
    monotonic.advance(600)
    for process in processes:
        process.store.flush()
    reader = SLOTracker(TIMED, store=ReadOnlyStore(buckets[3], clock=clock), clock=clock)

    for tracker in (processes[1].tracker, processes[2].tracker, reader):
        for seconds, latencies in zip(SPANS, tracker.internals.latencies(SPANS) or (), strict=True):
            expected = [0] * 16
            seen = [took for second, took in truth if second >= latencies.since]
            for took in seen:
                if took is not None:
                    expected[bisect_left(edges_of(0.3), took)] += 1
            assert latencies.since <= clock() - seconds
            assert latencies.counts == tuple(expected)
            assert latencies.known + latencies.unknown == sum(latencies.events) == len(seen)
    for process in processes:
        process.store.close()


def test_a_changed_threshold_leaves_what_was_counted_and_says_so(
    clock: FakeClock, monotonic: FakeClock, tmp_path: Path
) -> None:
    """The good stay good; beside them stands how many would have been within the new one, by the nearest edge."""
    before = Process(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock, monotonic, TIMED)
    for took in (0.1, 0.2, 0.29):
        record(before, took)
    before.store.close()
    faster = SLODefinition("availability", 0.99, http=HTTPRule(latency_seconds=0.16))
    after = Process(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock, monotonic, faster)
    record(after, 0.1)

    latencies = after.tracker.latency(HOUR)

    assert latencies is not None
    assert (latencies.events, latencies.within_threshold) == ((4, 0), 2)
    assert (latencies.is_approximate, latencies.counted_against) == (True, (0.15, 0.16))


def test_a_store_that_keeps_none_says_so(clock: FakeClock, monotonic: FakeClock, tmp_path: Path) -> None:
    """One of a user's own that keeps causes alone: nothing is collected for it, and the answer is None."""

    class CausesOnly(FaultyStore):
        keeps_latencies = False

    process = Process(CausesOnly(SQLiteBucketStore(tmp_path / "slo.db", clock=clock)), clock, monotonic, TIMED)
    record(process, 0.1)
    process.store.flush()

    assert process.tracker.latency(HOUR) is None
    assert [batch.latencies for batch in process.network.sent] == [()]
    assert process.tracker.snapshot().total == 1


def test_an_slo_without_a_threshold_has_none(clock: FakeClock, monotonic: FakeClock, tmp_path: Path) -> None:
    """Nothing is collected for it."""
    process = Process(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock, monotonic)
    record(process, 0.1)
    process.store.flush()

    assert process.tracker.latency(HOUR) is None
    assert [batch.latencies for batch in process.network.sent] == [()]


def test_a_store_that_is_away_is_an_error(clock: FakeClock, monotonic: FakeClock, tmp_path: Path) -> None:
    """No answer, rather than one about a part; and a span that is none is one, too."""
    process = Process(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock, monotonic, TIMED)
    record(process, 0.1)
    process.network.fails = "before"

    with pytest.raises(StoreError):
        process.tracker.latency(HOUR)
    process.network.fails = None
    with pytest.raises(ValueError, match=r"latency\(seconds\): expected a positive number"):
        process.tracker.latency(0)


def test_a_damaged_block_hides_its_own_events_only(clock: FakeClock, monotonic: FakeClock, tmp_path: Path) -> None:
    """They are unknown, and the reason is told; it begins again, and every event counts."""
    import sqlite3

    process = Process(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock, monotonic, TIMED)
    record(process, 0.1)
    process.store.flush()
    with sqlite3.connect(tmp_path / "slo.db") as connection:
        connection.execute("UPDATE cause_block SET content = '[[' WHERE width = 1")

    damaged = process.tracker.latency(HOUR)
    record(process, 0.1)
    renewed = process.tracker.latency(HOUR)

    assert damaged is not None
    assert (damaged.known, damaged.unknown, damaged.events) == (0, 1, (1, 0))
    assert "expected the text of a block" in (damaged.trouble or "")
    assert renewed is not None
    assert (renewed.known, renewed.unknown, renewed.events, renewed.trouble) == (1, 1, (2, 0), None)
