"""The exact store of single events, and stores of single events that users write. Tests of observation_ledger, too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_core import InMemoryStore, Observation, ObservationStore, SLODefinition, SLOTracker
from slo_core.budgets.events import EventCounts
from slo_core.stores.memory.observation_ledger import ObservationLedger
from slo_core.stores.memory.store import MemoryStore
from slo_core.testing import FakeClock

DAY, HOUR = 86_400, 3600
T = 1_700_000_100  # a multiple of 900


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
