"""Counts in this process's memory: buckets of constant size, and the exact reference beside them."""

from __future__ import annotations

import logging
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_core import InMemoryStore, Observation, ObservationStore, SLODefinition, SLORegistry, SLOTracker
from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import rolling_span
from slo_core.stores.base import Store
from slo_core.stores.memory.observation_ledger import ObservationLedger
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


# The exact reference, and stores of users.


def test_the_exact_store_is_an_observation_store() -> None:
    """It is the reference of that protocol."""
    assert isinstance(InMemoryStore(60), ObservationStore)
    assert not isinstance(MemoryStore(), ObservationStore)


def test_the_exact_store_answers_to_the_instant() -> None:
    """Later than `now - seconds`, and up to a minute ahead."""
    store = InMemoryStore(1000)
    for at in (100.0, 100.1, 150.0, 200.0, 260.0, 260.1):
        store.record(Observation(at, success=True))

    assert [event.timestamp for event in store.window(200.0, 100)] == [100.1, 150.0, 200.0, 260.0]


def test_the_exact_store_keeps_the_order_of_time() -> None:
    """However late an event comes."""
    store = InMemoryStore(1000)
    for at in (5.0, 3.0, 4.0, 3.0):
        store.record(Observation(at, success=at != 4.0))

    assert [event.timestamp for event in store.window(5.0, 1000)] == [3.0, 3.0, 4.0, 5.0]


def test_the_exact_store_forgets_what_is_too_old() -> None:
    """Seen from the newest event, and in windows of any length, whether it was dropped already or not."""
    store = InMemoryStore(10)
    for at in range(1000):
        store.record(Observation(float(at), success=True))
        assert len(store) == min(at + 1, 11)
        assert len(store.window(at, 10_000)) == len(store)


def test_the_exact_store_trims_when_told() -> None:
    """What is older than `before`; `before` itself stays."""
    store = InMemoryStore(1000)
    for at in (1.0, 2.0, 3.0):
        store.record(Observation(at, success=True))

    store.trim(2.0)

    assert [event.timestamp for event in store.window(3.0, 100)] == [2.0, 3.0]
    assert len(InMemoryStore(5)) == 0


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_the_exact_store_keeps_something(seconds: float) -> None:
    """A store of nothing is a mistake."""
    with pytest.raises(ValueError, match="max_age_seconds: must be positive"):
        InMemoryStore(seconds)  # type: ignore[arg-type]


class ListStore:
    """An observation store as a user writes it: a list, false while it is empty."""

    def __init__(self) -> None:
        self.events: list[Observation] = []
        self.asked: list[tuple[float, int]] = []
        self.trimmed: list[float] = []

    def record(self, observation: Observation) -> None:
        self.events.append(observation)

    def window(self, now: float, seconds: int) -> list[Observation]:
        self.asked.append((now, seconds))
        return [event for event in self.events if event.timestamp >= now - seconds]

    def trim(self, before: float) -> None:
        self.trimmed.append(before)
        self.events = [event for event in self.events if event.timestamp >= before]

    def __len__(self) -> int:
        return len(self.events)


def test_an_empty_store_of_the_users_own_is_not_dropped(clock: FakeClock) -> None:
    """Its length is 0 and its truth False; it is a store all the same."""
    store = ListStore()
    assert not store
    tracker = SLOTracker(SLODefinition("a", 0.9), store=store, clock=clock)

    tracker.record(False)
    tracker.record(True, at=clock() - 0.25)

    assert store.events == [Observation(clock(), success=False), Observation(clock() - 0.25, success=True)]
    assert (tracker.snapshot().total, tracker.snapshot().failures) == (2, 1)


@pytest.mark.parametrize("now", [0.1, 1_700_000_000.3, 1e9 + 1 / 3])
def test_a_store_of_the_users_own_is_asked_for_the_windows_literally(now: float) -> None:
    """`window(now, window_seconds)` with the instant and the very lengths of the definition."""
    store = ListStore()
    tracker = SLOTracker(SLODefinition("a", 0.9, 7200, (3600,), alert_rules=()), store=store, clock=FakeClock(now))

    tracker.snapshot()

    assert store.asked == [(now, 7200), (now, 3600)]


def test_a_store_of_the_users_own_may_return_more_than_was_asked_for(clock: FakeClock) -> None:
    """What lies outside of (at - W, at] is left out here, exactly."""
    store = ListStore()
    tracker = SLOTracker(SLODefinition("a", 0.9, 7200, (3600,), alert_rules=()), store=store, clock=clock)
    for at in (-7200, -7199.9, -3600, 0, 30):
        store.record(Observation(clock() + at, success=True))

    assert tracker.snapshot(at=clock()).total == 3
    assert tracker.snapshot().total == 4
    assert tracker.snapshot().burn_rate_samples[0].sample_count == 2


def test_a_store_of_the_users_own_is_never_told_to_forget(clock: FakeClock) -> None:
    """It may be a table that others read: how long it keeps its events is its own affair."""
    store = ListStore()
    tracker = SLOTracker(SLODefinition("a", 0.9, 7200, (3600,), alert_rules=()), store=store, clock=clock)
    for _ in range(100):
        tracker.record(True)
        tracker.snapshot()
        clock.advance(days=1)

    assert len(store) == 100
    assert store.trimmed == []


def test_lifetime_totals_over_a_store_of_the_users_own(clock: FakeClock) -> None:
    """Counted here: the protocol has no totals."""
    tracker = SLOTracker(SLODefinition("a", 0.9), store=InMemoryStore(60), clock=clock)
    for _ in range(10):
        tracker.record(True)
        tracker.record(False)
        clock.advance(hours=1)

    snapshot = tracker.snapshot()

    assert (snapshot.lifetime_good, snapshot.lifetime_bad) == (10, 10)


def test_several_events_of_one_second_are_kept_one_by_one(clock: FakeClock) -> None:
    """The protocol knows single events only."""
    store = ListStore()
    ledger = ObservationLedger(store, clock=clock)

    ledger.add(T, 2, 1, live=False)

    assert store.events == [Observation(float(T), success) for success in (True, True, False)]
    assert ledger.read([]).lifetime == EventCounts(2, 1)


def test_a_calendar_window_over_a_store_of_the_users_own(clock: FakeClock) -> None:
    """14 November: what happened in October is of the last month, the midnight of the first is of this."""
    midnight = 1_698_796_800.0  # 2023-11-01T00:00:00Z
    tracker = SLOTracker(SLODefinition("a", 0.9, window="month"), store=ListStore(), clock=clock)
    for at in (midnight - 0.5, midnight, midnight + 1):
        tracker.record(True, at=at)

    assert tracker.snapshot().total == 2


@pytest.mark.parametrize("store", [object(), 5, b"memory://"])
def test_what_is_no_store_is_refused(store: object) -> None:
    """With a sentence that says what a store is."""
    with pytest.raises(TypeError, match="expected a URL"):
        SLOTracker(SLODefinition("a", 0.9), store=store)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a URL"):
        SLORegistry(store)  # type: ignore[arg-type]


def test_a_registry_refuses_a_store_of_single_events() -> None:
    """All its SLOs would be counted as one."""
    with pytest.raises(TypeError, match=r"registry\.add\(SLOTracker"):
        SLORegistry(InMemoryStore(60))  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.integers(min_value=0, max_value=400), st.booleans()), max_size=60))
def test_buckets_and_the_exact_store_agree_on_bucket_edges(events: list[tuple[int, bool]]) -> None:
    """Events on whole minutes: the numbers differ by those of the one minute that the far edge cuts, if by any."""
    now = float(T + 59)
    definition = SLODefinition("a", 0.9, 21_600, (300, 3600, 7200), alert_rules=())
    exact = SLOTracker(definition, store=InMemoryStore(30 * DAY), clock=FakeClock(now))
    buckets = SLOTracker(definition, clock=FakeClock(now))
    for minutes_ago, success in events:
        exact.record(success, at=float(T - 60 * minutes_ago))
        buckets.record(success, at=float(T - 60 * minutes_ago))

    pairs = zip(buckets.snapshot(at=now).window_samples, exact.snapshot(at=now).window_samples, strict=True)
    for counted, expected in pairs:
        cut = [success for minutes_ago, success in events if minutes_ago * 60 == counted.window_seconds]
        if counted.window_seconds <= HOUR:  # read in seconds: the cut one is the minute's 59th, and empty
            cut = []
        assert counted.sample_count == expected.sample_count + len(cut)
        assert counted.failures == expected.failures + cut.count(False)
