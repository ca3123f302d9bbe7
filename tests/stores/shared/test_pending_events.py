"""Events that wait for a store: in little memory, however long it is away, and none of them lost."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

from slo_core.stores.shared.outbox import GIVEN_UP_SECONDS
from slo_core.stores.shared.pending_events import PendingEvents
from slo_core.testing import FakeClock
from store_process import SLO, Process

DAY = 86_400


def test_an_outage_of_a_day_with_an_event_a_second_takes_a_quarter_of_a_mebibyte(
    start: Callable[..., Process], clock: FakeClock, monotonic: FakeClock
) -> None:
    """Also with the batch that is frozen when an earlier one is given up, and while the store is caught up with."""
    process = start()
    process.record(1)
    process.store.flush()
    process.network.fails = "before"
    add = process.store.ledger(SLO).outbox.add
    most = 0
    tracemalloc.start()
    try:
        for _ in range(DAY // 900):
            began = int(clock())
            for second in range(began, began + 900):
                add(second, 1, 0, now=monotonic())
            clock.advance(900)
            monotonic.advance(900)
            process.store.flush()
            process.network.sent.clear()
            most = max(most, tracemalloc.get_traced_memory()[0])
        process.network.fails = None
        process.store.flush()
        process.network.sent.clear()
        # Not the interpreter's own lists of free tuples, which the store leaves behind.
        ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/slo_core/stores/shared/*")])
        most = max(most, sum(trace.size for trace in ours.traces))
    finally:
        tracemalloc.stop()

    assert most <= 256 * 1024
    snapshot = process.tracker.snapshot()
    assert snapshot.lifetime_good + snapshot.dropped == DAY + 1
    assert snapshot.dropped == 900  # the first batch, which was given up after twelve hours
    assert DAY > GIVEN_UP_SECONDS


def test_late_events_are_put_where_they_belong() -> None:
    """In any order, and several to a second; the earliest are taken first."""
    pending = PendingEvents(30 * DAY)
    for second in (50, 10, 30, 10, 50, 20):
        pending.add(second, 1, 2, now=0.0)

    taken = pending.take(5, now=60.0)
    assert taken.counted == [(10, 2, 4), (20, 1, 2)]
    assert (taken.earliest, taken.newest, taken.has_rest) == (10, 50, True)
    rest = pending.take(5000, now=60.0)
    assert rest.counted == [(30, 1, 2), (50, 2, 4)]
    assert not pending
    assert pending.since is None


def test_seconds_beyond_everything_that_is_kept_are_merged_into_one() -> None:
    """The store drops and counts them: no memory is spent on telling them apart."""
    pending = PendingEvents(DAY)
    now = 1_700_000_000
    for number in range(20_000):
        pending.add(now - 400 * DAY + 3600 * number, 1, 0, now=0.0)
    assert len(pending) < 6_000
    assert pending.count == 20_000


def test_times_that_no_store_can_hold_are_counted_as_dropped(start: Callable[..., Process], clock: FakeClock) -> None:
    """A clock may say anything; events before and after it count."""
    process = start()
    process.record(1)
    before = clock()
    for absurd in (1e300, 2.0**41, -5.0, -1e30):
        clock.now = absurd
        process.record(0, 1)
    clock.now = before + 1
    process.record(1)

    snapshot = process.tracker.snapshot()
    assert (snapshot.lifetime_good, snapshot.lifetime_bad, snapshot.dropped) == (2, 0, 4)
