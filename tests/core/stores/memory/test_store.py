"""Counts in this process's memory, in buckets of constant size. Tests of store and tiers."""

from __future__ import annotations

import logging
import tracemalloc

import pytest

from slo_core import SLODefinition
from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import rolling_span
from slo_core.stores.base import Store
from slo_core.stores.memory.store import MemoryLedger, MemoryStore
from slo_core.testing import FakeClock

DAY, HOUR = 86_400, 3600
T = 1_700_000_100  # a multiple of 900


def ledger_of(clock: FakeClock, longest_seconds: int = 30 * DAY) -> MemoryLedger:
    return MemoryLedger(longest_seconds, clock=clock)


def count(ledger: MemoryLedger, window_seconds: int, *, at: float) -> EventCounts:
    (counts,) = ledger.read([rolling_span(window_seconds, at=at, until=at)]).counts
    return counts


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("longest_days", [30, 92])
def test_ten_million_events_fit_into_256_kib(longest_days: int) -> None:
    """Memory depends on the window, never on traffic: ten million events over all of it."""
    clock = FakeClock(T)
    tracemalloc.start()
    try:
        ledger = ledger_of(clock, longest_days * DAY + HOUR)
        before, _ = tracemalloc.get_traced_memory()
        for step in range(300):
            ledger.add(T + step * longest_days * DAY // 300, 33_300, 34, live=True)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert ledger.read([]).lifetime.total >= 10_000_000
    assert after <= 256 * 1024
    assert after - before <= 4096


def test_an_event_leaves_a_window_with_its_bucket(clock: FakeClock) -> None:
    """The bucket that the far edge cuts counts whole: a second of an hour, a minute of a day, 15 min of 30 days."""
    ledger = ledger_of(clock)
    ledger.add(T, 0, 1, live=True)

    for window, width in ((HOUR, 1), (DAY, 60), (30 * DAY, 900)):
        assert count(ledger, window, at=T + window + width - 0.001).bad == 1
        assert count(ledger, window, at=T + window + width).bad == 0


def test_counting_is_exact_beyond_2_to_the_53(clock: FakeClock) -> None:
    """64-bit integers, and no float on the way."""
    ledger = ledger_of(clock)
    ledger.add(T, 2**53, 1, live=True)
    ledger.add(T, 1, 2**53, live=True)

    assert count(ledger, 30 * DAY, at=T) == EventCounts(2**53 + 1, 2**53 + 1)


def test_lifetime_totals_outlive_the_window(clock: FakeClock) -> None:
    """A counter never goes down."""
    ledger = ledger_of(clock)
    ledger.add(T, 3, 2, live=True)
    ledger.add(T + 200 * DAY, 1, 0, live=True)

    reading = ledger.read([rolling_span(30 * DAY, at=T + 200 * DAY, until=T + 200 * DAY)])

    assert reading.counts == (EventCounts(1, 0),)
    assert reading.lifetime == EventCounts(4, 2)


def test_an_event_older_than_everything_kept_is_dropped_and_counted_as_dropped(clock: FakeClock) -> None:
    """30 days, the cut bucket and the tolerance are kept; 31 days ago is gone."""
    ledger = ledger_of(clock)
    ledger.add(T, 1, 0, live=False)
    ledger.add(T - 31 * DAY, 5, 6, live=False)

    reading = ledger.read([rolling_span(30 * DAY, at=T, until=T)])

    assert (reading.counts, reading.lifetime, reading.dropped) == ((EventCounts(1, 0),), EventCounts(1, 0), 11)


def test_kept_reaches_back_from_the_newest_event_not_from_the_clock() -> None:
    """A stream of two years ago, replayed today, counts in its own windows."""
    ledger = ledger_of(FakeClock(T + 700 * DAY))
    ledger.add(T, 1, 0, live=False)
    ledger.add(T - 29 * DAY, 0, 1, live=False)

    assert count(ledger, 30 * DAY, at=T) == EventCounts(1, 1)
    assert ledger.read([]).dropped == 0


def test_a_live_event_that_comes_late_counts_in_the_totals_and_wipes_nothing() -> None:
    """A thread that was idle for months hands in its last event: no step of the clock, no new start."""
    clock = FakeClock(T + 40 * DAY)
    ledger = ledger_of(clock)
    ledger.add(T + 40 * DAY, 100, 0, live=True)
    ledger.add(T, 1, 0, live=True)

    reading = ledger.read([rolling_span(30 * DAY, at=clock(), until=clock())])

    assert (reading.counts, reading.lifetime, reading.dropped) == ((EventCounts(100, 0),), EventCounts(101, 0), 0)


def test_after_a_step_back_beyond_the_history_the_windows_start_anew(caplog: pytest.LogCaptureFixture) -> None:
    """What lies in a future that never came leaves the windows; the totals go on; the log says so."""
    clock = FakeClock(T + 400 * DAY)
    ledger = ledger_of(clock)
    ledger.add(T + 400 * DAY, 7, 0, live=True)
    clock.now = float(T)

    with caplog.at_level(logging.WARNING, "slo_core"):
        ledger.add(T, 0, 1, live=True)

    assert count(ledger, 30 * DAY, at=T) == EventCounts(0, 1)
    assert ledger.read([]).lifetime == EventCounts(7, 1)
    assert ledger.read([]).data_since == T
    assert "the clock stepped back" in caplog.text


def test_measuring_begins_with_the_ledger_or_with_an_older_event(clock: FakeClock) -> None:
    """Backfill of a day ago has been measured since a day ago; an event of this second changes nothing."""
    clock.now = T + 0.5
    ledger = ledger_of(clock)
    ledger.add(T, 1, 0, live=True)
    assert ledger.read([]).data_since == T + 0.5

    ledger.add(T - DAY, 1, 0, live=False)
    assert ledger.read([]).data_since == T - DAY


def test_an_empty_ledger_counts_nothing(clock: FakeClock) -> None:
    """And has no data."""
    assert count(ledger_of(clock), 30 * DAY, at=T) == EventCounts()
    assert not count(ledger_of(clock), 30 * DAY, at=T).has_data


def test_a_reset_ledger_is_empty_and_measured_from_now(clock: FakeClock) -> None:
    """What a forked child begins with."""
    ledger = ledger_of(clock)
    ledger.add(T, 1, 1, live=True)
    clock.advance(hours=1)

    ledger.reset()

    reading = ledger.read([rolling_span(HOUR, at=T, until=T)])
    assert (reading.lifetime, reading.counts) == (EventCounts(), (EventCounts(),))
    assert reading.data_since == clock()


@pytest.mark.parametrize("jump", [1, 59, 61, 899, 3600, 3725, 86_400, 90_000, 40 * DAY])
def test_skipped_buckets_are_empty(clock: FakeClock, jump: int) -> None:
    """A ring written once around holds nothing of the last round."""
    ledger = ledger_of(clock)
    for second in range(4000):
        ledger.add(T + second, 1, 0, live=True)
    at = T + 3999 + jump
    ledger.add(at, 0, 1, live=True)

    assert count(ledger, HOUR, at=at) == EventCounts(max(0, HOUR + 1 - jump), 1)
    assert count(ledger, 30 * DAY, at=at) == EventCounts(4000 if jump < 30 * DAY else 0, 1)


def test_the_oldest_second_that_is_kept(clock: FakeClock) -> None:
    """An hour, 120 s and two buckets: one second more would fall onto the newest."""
    ledger = ledger_of(clock, HOUR)
    ledger.add(T, 1, 0, live=False)
    ledger.add(T - 3721, 1, 0, live=False)
    ledger.add(T - 3722, 1, 0, live=False)

    assert count(ledger, HOUR, at=T) == EventCounts(1, 0)
    assert ledger.read([]).lifetime.total == 2
    assert ledger.read([]).dropped == 1


def test_a_read_of_long_ago_counts_in_the_buckets_that_are_left(clock: FakeClock) -> None:
    """Ten days later the seconds of that hour are gone: a quarter of an hour at either edge counts whole."""
    ledger = ledger_of(clock)
    ledger.add(T - HOUR - 899, 1, 0, live=True)  # in the bucket before the far edge's
    ledger.add(T - HOUR + 1, 10, 0, live=True)
    ledger.add(T + 899, 100, 0, live=True)  # in the bucket of the near edge
    ledger.add(T + 900, 1000, 0, live=True)
    ledger.add(T + 10 * DAY, 10_000, 0, live=True)

    assert count(ledger, HOUR, at=T + 1).good == 110


def test_the_store_behind_memory_is_a_store(clock: FakeClock) -> None:
    """Process scope, nothing to reach, nothing to release."""
    store = MemoryStore(clock=clock)

    store.flush()
    store.close()

    assert isinstance(store, Store)
    assert (store.backend, store.scope, store.store_id, store.created) == ("memory", "process", None, clock())
    assert store.health().is_up
    assert repr(store) == "MemoryStore()"
    assert store.ledger(SLODefinition("a", 0.9)) is not store.ledger(SLODefinition("a", 0.9))
