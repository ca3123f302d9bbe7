"""After a long outage: slices that a store can take, and answers to readers in between. Tests of flush_round, store_lock."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from database_servers import start_postgres
from django_databases import django_database, set_up_django
from faulty_store import FaultyStore
from slo_core import SLODefinition, SLORegistry
from slo_core.budgets.events import EventCounts
from slo_core.stores.buckets import Applied, Batch, BucketRange, Query, Stored
from slo_core.stores.closed_periods import PeriodQuery, StoredPeriods
from slo_core.stores.shared.outbox import MOST_INCREMENTS
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock
from slo_servers import PATIENCE_SECONDS, wait_until
from store_process import Process

set_up_django()

from slo_django.store.bucket_store import open_django  # noqa: E402  # after Django is configured

OUTAGE_SECONDS = 7_200


class SlowStore(FaultyStore):
    """
    Takes a second for 10,000 increments, by a clock of the test's, and gives up after three: a PostgreSQL on a bad day.

    Attributes:
        calls: How many increments each call brought.
    """

    def __init__(self, store: Any, monotonic: FakeClock) -> None:
        super().__init__(store)
        self._monotonic = monotonic
        self.calls: list[int] = []

    def apply(self, batches: Sequence[Batch]) -> Applied:
        self.calls.append(sum(len(batch.increments) for batch in batches))
        self._monotonic.advance(min(self.calls[-1] / 10_000, 3.0))
        if self.calls[-1] > 30_000:
            raise TimeoutError("cut")
        return super().apply(batches)


def gather(store: WriteBehindStore, names: Sequence[str], *, until: int, seconds: int = OUTAGE_SECONDS) -> None:
    """What comes in an outage: a good and a bad event of each SLO in each second."""
    ledgers = [store.ledger(SLODefinition(name, 0.99)) for name in names]
    for second in range(until - seconds, until):
        for ledger in ledgers:
            ledger.add(second, 1, 1, live=True)


def test_a_slow_store_catches_up_in_slices(tmp_path: Path, clock: FakeClock) -> None:
    """Each of them is far below what it can take at once, and counts as soon as it is applied."""
    monotonic = FakeClock(0.0)
    network = SlowStore(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), monotonic)
    store = WriteBehindStore(network, clock=clock, monotonic=monotonic, flush_interval=5.0)
    names = [f"slo-{number}" for number in range(12)]
    gather(store, names, until=int(clock()))
    rounds = 0
    pauses = set()
    while any(store.ledger(SLODefinition(name, 0.99)).outbox.waiting for name in names):
        store._round()
        rounds += 1
        pauses.add(store._pause())
        assert rounds < 20

    assert max(network.calls) < 2 * MOST_INCREMENTS
    # 12 x some 3,900 increments are 4.7 seconds: each round goes on until two have passed, and ends with its slice.
    assert rounds == 2
    assert pauses == {0.05, 5.0}
    totals = [
        stored.record and (stored.record.good, stored.record.bad) for stored in network.read([*map(Query, names)])
    ]
    assert totals == [(OUTAGE_SECONDS, OUTAGE_SECONDS)] * len(names)


def test_one_slo_with_more_than_a_batch_may_hold(tmp_path: Path, clock: FakeClock) -> None:
    """The oldest go first, the rest into the next batches; an answer that is lost in between doubles nothing."""
    process = Process(
        SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock, FakeClock(0.0), SLODefinition("a", 0.9)
    )
    now = int(clock())
    for age in range(3_600, 0, -1):
        process.tracker.record(age % 2 == 0, at=now - age)
    for age in range(7_200, 3 * 86_400, 61):
        process.tracker.record(True, at=now - age)
    process.network.fails_on_content = "after"
    process.store.flush()
    process.record(7)
    process.network.fails_on_content = None
    process.store.flush()

    sent = process.network.sent
    assert [batch.number for batch in sent] == [1, 1, 2]
    assert sent[0] is sent[1]
    assert all(len(batch.increments) <= MOST_INCREMENTS for batch in sent)
    assert len(sent[0].increments) + len(sent[2].increments) > MOST_INCREMENTS
    old = len(range(7_200, 3 * 86_400, 61))
    assert process.totals() == (1_800 + old + 7, 1_800)
    assert process.tracker.snapshot().total == 3_600 + old + 7
    for sample in process.tracker.snapshot().window_samples:
        if sample.window_seconds == 3_600:
            assert (sample.sample_count, sample.failures) == (3_600 + 7, 1_800)


def test_seconds_that_no_window_tells_apart_are_not_sent(tmp_path: Path, clock: FakeClock) -> None:
    """After an outage of two days: an hour of seconds, a day of minutes, and quarters of an hour."""
    process = Process(
        SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock, FakeClock(0.0), SLODefinition("a", 0.9)
    )
    now = int(clock())
    for age in range(0, 2 * 86_400, 40):
        process.tracker.record(age % 80 == 0, at=now - age)

    totals = process.totals()

    (batch,) = process.network.sent
    per_width = dict.fromkeys((1, 60, 900, 86_400), 0)
    for increment in batch.increments:
        per_width[increment.width_seconds] += 1
    assert per_width[1] == 94  # of the last 3,721 seconds, one in forty
    assert 1_440 <= per_width[60] <= 1_444
    assert 192 <= per_width[900] <= 194
    assert totals == (2_160, 2_160)
    day = BucketRange(86_400, (now - 3 * 86_400) // 86_400, now // 86_400)
    (stored,) = process.network.read([Query("a", (day,))])
    assert stored.sums == (EventCounts(2_160, 2_160),)


class WatchedStore(FaultyStore):
    """
    Remembers who asked for what, and takes its time with the first batches until another thread waits.

    Attributes:
        asked: What was asked of it, in order.
    """

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.asked: list[str] = []
        self.reached = threading.Event()
        self.somebody_waits = threading.Event()

    def apply(self, batches: Sequence[Batch]) -> Applied:
        self.asked.append("apply")
        self.reached.set()
        assert self.somebody_waits.wait(PATIENCE_SECONDS)
        return super().apply(batches)

    def read(self, queries: Sequence[Query]) -> list[Any]:
        self.asked.append("read")
        return super().read(queries)


def test_readers_get_in_between_the_slices(tmp_path: Path, clock: FakeClock) -> None:
    """The flush gives them the lock between two slices, and goes on afterwards."""
    network = WatchedStore(SQLiteBucketStore(tmp_path / "slo.db", clock=clock))
    # Time stands still: on a busy machine the two seconds of a round would be over after a slice.
    store = WriteBehindStore(network, clock=clock, monotonic=clock, flush_interval=3600.0)
    names = [f"slo-{number}" for number in range(8)]
    registry = SLORegistry(store, clock=clock)
    trackers = [registry.define(SLODefinition(name, 0.99)) for name in names]
    gather(store, names, until=int(clock()), seconds=3_600)

    catching_up = threading.Thread(target=store.flush)
    catching_up.start()
    assert network.reached.wait(PATIENCE_SECONDS)
    totals: list[int] = []
    reader = threading.Thread(target=lambda: totals.append(trackers[0].snapshot().lifetime_good))
    reader.start()
    wait_until(lambda: store._delivery.lock.get().is_wanted, message="the reader does not wait")
    network.somebody_waits.set()
    catching_up.join(PATIENCE_SECONDS)
    reader.join(PATIENCE_SECONDS)

    # Each SLO's 3,600 seconds are two slices or so; the reader's own first slice, then its answer, then the rest.
    assert network.asked.index("read") <= 3
    assert network.asked.count("apply") > 3
    assert totals == [3_600]
    assert {snapshot.lifetime_good for snapshot in registry.snapshot_all()} == {3_600}


def test_postgresql_catches_up_after_two_hours() -> None:
    """Twenty SLOs (a hundred outside CI) with events in every second are far more than it can take at once: exactly."""
    now = int(time.time())
    names = [f"slo-{number}" for number in range(100 if os.environ.get("SLO_LONG_TESTS") else 20)]
    with start_postgres() as server, django_database("catching-up", server.settings) as alias:
        # Its clock stands still: seconds that get older than an hour while a busy machine catches up are not sent as seconds.
        store = WriteBehindStore(
            open_django(f"django://{alias}", service="shop"), clock=FakeClock(float(now)), flush_interval=3600.0
        )
        gather(store, names, until=now)
        began = time.monotonic()
        rounds = 0
        while any(store.ledger(SLODefinition(name, 0.99)).outbox.waiting for name in names):
            assert rounds < 200  # of two seconds at most
            # Goes on at once where a round would pause: on a host that is busy enough a slice may be cut, and is sent again.
            store.flush()
            rounds += 1
        assert store.health().is_up
        print(f"caught up in {time.monotonic() - began:.1f} s, {rounds} rounds")

        hour = BucketRange(1, now - 3_600, now)
        stored = store.buckets.read([Query(name, (hour,)) for name in names])
        assert {
            answer.record and (answer.record.good, answer.record.bad, answer.record.dropped) for answer in stored
        } == {(OUTAGE_SECONDS, OUTAGE_SECONDS, 0)}
        assert {answer.sums for answer in stored} == {(EventCounts(3_600, 3_600),)}
        store.close()


class SlowReads(SQLiteBucketStore):
    """Each read takes a second, by a clock of the test's: a server that takes long to connect to."""

    monotonic: FakeClock

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        self.monotonic.advance(1)
        return super().read(queries)

    def read_periods(self, queries: Sequence[PeriodQuery]) -> list[StoredPeriods]:
        self.monotonic.advance(1)
        return super().read_periods(queries)


def test_a_flush_hands_over_everything_though_it_takes_long_to_look_for_periods(
    tmp_path: Path, clock: FakeClock
) -> None:
    """The first flush of a process declares its SLOs, then sends their events."""
    buckets = SlowReads(tmp_path / "slo.db", clock=clock)
    buckets.monotonic = FakeClock(0.0)
    store = WriteBehindStore(buckets, clock=clock, monotonic=buckets.monotonic, flush_interval=3600.0)
    store.ledger(SLODefinition("a", 0.9)).add(int(clock()), 1, 1, live=True)

    assert store.flush()
    assert buckets.monotonic() >= 2
