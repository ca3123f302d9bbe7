"""Counting against a brute-force list of events: whatever comes, in whatever order, read at any instant."""

from __future__ import annotations

import math
import random
from datetime import datetime
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from slo_core import SLODefinition, SLOSnapshot, SLOTracker
from slo_core.objectives.window import DAY, HOUR, load_timezone
from slo_core.testing import FakeClock

pytestmark = pytest.mark.usefixtures("untraced")

T = 1_700_000_000.0
LONGEST = 30 * DAY
DEFINITION = SLODefinition("a", 0.999)  # windows of 5 m, 30 m, 1 h, 2 h, 6 h, 1 d, 3 d and 30 d


class Event(NamedTuple):
    at: float
    success: bool


# Dense close to the edges that matter, sparse over the whole of what is kept.
ages = st.one_of(
    st.floats(min_value=0, max_value=LONGEST),
    st.floats(min_value=0, max_value=2 * HOUR),
    st.integers(min_value=0, max_value=LONGEST // 900).map(lambda quarters: quarters * 900.0),
    st.sampled_from([0.0, 300.0, 1800.0, 3600.0, 7200.0, 21_600.0, 86_400.0, 259_200.0]),
)
histories = st.lists(st.builds(Event, at=ages.map(lambda age: T - age), success=st.booleans()), max_size=40)


def width_of(window_seconds: int) -> int:
    """The bucket a window is cut by: a second of an hour, a minute of a day, a quarter of an hour beyond."""
    return 1 if window_seconds <= HOUR else 60 if window_seconds <= DAY else 900


def brute_force(events: list[Event], after: float, until: float) -> tuple[int, int]:
    inside = [event.success for event in events if after < event.at <= until]
    return len(inside), inside.count(False)


def check_windows(snapshot: SLOSnapshot, events: list[Event], *, until: float) -> None:
    """Between the exact window and the one extended by its cut bucket, total and bad by the same cut."""
    # Seconds are the finest there is: the second of the near edge counts whole.
    near = max(until, math.floor(until) + 1 - 1e-6)
    for sample in snapshot.window_samples:
        start = snapshot.at - sample.window_seconds
        exact = brute_force(events, start, until)
        cut_bucket = math.floor(start / width_of(sample.window_seconds)) * width_of(sample.window_seconds)
        extended = brute_force(events, math.nextafter(cut_bucket, -math.inf), near)
        assert exact[0] <= sample.sample_count <= extended[0]
        assert exact[1] <= sample.failures <= extended[1]
        # Whole buckets: it is what the cut bucket and the last second hold, and nothing in between.
        assert (sample.sample_count, sample.failures) == extended


def recorded(events: list[Event], *, now: float = T) -> SLOTracker:
    clock = FakeClock(now)
    tracker = SLOTracker(DEFINITION, clock=clock)
    for event in events:
        tracker.record(event.success, at=event.at)
    return tracker


@given(histories)
def test_a_live_read_counts_each_window_to_the_bucket(events: list[Event]) -> None:
    """Recorded in the order in which they happened to come."""
    check_windows(recorded(events).snapshot(), events, until=T + 60)


@given(histories, st.lists(st.builds(Event, at=st.floats(T, T + 60), success=st.booleans()), max_size=5))
def test_a_live_read_sees_a_minute_ahead(events: list[Event], ahead: list[Event]) -> None:
    """Hosts whose clocks run fast are seen live; a read at this instant leaves them out, to the second."""
    tracker = recorded(events + ahead)

    check_windows(tracker.snapshot(), events + ahead, until=T + 60)
    check_windows(tracker.snapshot(at=T), events + ahead, until=T)


@given(histories, st.floats(min_value=0, max_value=HOUR))
def test_a_read_of_the_last_hour_counts_each_window_to_the_bucket(events: list[Event], age: float) -> None:
    """As long as seconds are kept, also around the window's far edge."""
    at = T - age
    snapshot = recorded([*events, Event(T, success=True)]).snapshot(at=at)
    events = [*events, Event(T, success=True)]

    for sample in snapshot.window_samples:
        start = at - sample.window_seconds
        exact = brute_force(events, start, at)
        # What is kept of a tier reaches back its span; beyond, the next coarser one has the far edge.
        coarser = {1: 60, 60: 900, 900: 900}[width_of(sample.window_seconds)]
        edge = max(math.floor(start / coarser) * coarser, T - LONGEST - 2000)
        extended = brute_force(events, math.nextafter(edge, -math.inf), math.floor(at / 60) * 60 + 60 - 1e-6)
        if start > T - LONGEST - 120:
            assert exact[0] <= sample.sample_count <= extended[0]
            assert exact[1] <= sample.failures <= extended[1]
        assert 0 <= sample.failures <= sample.sample_count


@given(histories, st.randoms())
def test_events_recorded_in_any_order_are_equal(events: list[Event], shuffler: random.Random) -> None:
    """Late or not, the numbers are the same, to the last field."""
    newest_first = sorted(events, reverse=True)
    shuffled = list(events)
    shuffler.shuffle(shuffled)

    assert recorded(shuffled).snapshot() == recorded(newest_first).snapshot() == recorded(sorted(events)).snapshot()


@given(histories)
def test_a_bad_event_never_raises_what_remains(events: list[Event]) -> None:
    """And is seen at once."""
    tracker = recorded(events)
    before = tracker.snapshot()

    tracker.record_failure()

    after = tracker.snapshot()
    assert after.error_budget_remaining <= before.error_budget_remaining
    assert after.burn_rate >= before.burn_rate
    assert (after.total, after.failures) == (before.total + 1, before.failures + 1)


@given(histories, st.integers(min_value=0, max_value=700 * DAY))
def test_an_old_stream_replayed_today_counts_as_it_did(events: list[Event], years: int) -> None:
    """Backfill: what is kept reaches back from the newest event, never from the clock."""
    replayed = recorded(sorted(events), now=T + years).snapshot(at=T)
    lived = recorded(sorted(events)).snapshot(at=T)

    assert replayed.window_samples == lived.window_samples
    assert replayed.alerts == lived.alerts or years
    assert replayed.dropped == 0


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"])
@pytest.mark.parametrize("window", ["month", "week", "quarter"])
@settings(max_examples=30)
@given(
    now=st.integers(min_value=1_300_000_000, max_value=1_800_000_000),
    ages=st.lists(st.integers(min_value=0, max_value=93 * DAY), max_size=20),
)
def test_calendar_windows_hold_what_happened_since_local_midnight(
    zone: str, window: str, now: int, ages: list[int]
) -> None:
    """[start, now] to the event: midnights lie on bucket edges, in all zones, summer time or not."""
    definition = SLODefinition("a", 0.9, window=window, timezone=zone)  # type: ignore[arg-type]
    tracker = SLOTracker(definition, clock=FakeClock(float(now)))
    local = datetime.fromtimestamp(now, load_timezone(zone))
    first = {
        "week": lambda day: (day.isocalendar().year, day.isocalendar().week),
        "month": lambda day: (day.year, day.month),
        "quarter": lambda day: (day.year, (day.month - 1) // 3),
    }[window]
    expected = 0
    for age in sorted(ages):
        tracker.record(False, at=float(now - age))
        expected += first(datetime.fromtimestamp(now - age, load_timezone(zone))) == first(local)

    assert tracker.snapshot(at=float(now)).total == expected
    assert tracker.snapshot().failures == expected


class TrackerMachine(RuleBasedStateMachine):
    """A tracker whose clock goes on, jumps, and steps back, beside a plain list of what was recorded."""

    @initialize()
    def start(self) -> None:
        self.clock = FakeClock(T)
        self.tracker = SLOTracker(DEFINITION, clock=self.clock)
        self.events: list[Event] = []
        self.newest = T
        self.late_dropped = 0

    @rule(success=st.booleans(), count=st.integers(min_value=1, max_value=5))
    def record(self, success: bool, count: int) -> None:
        for _ in range(count):
            self.tracker.record(success)
            self.events.append(Event(self.clock(), success))

    @rule(success=st.booleans(), age=st.floats(min_value=-60, max_value=29 * DAY))
    def record_late(self, success: bool, age: float) -> None:
        at = self.clock() - age
        if at > self.clock() + 60:  # rounding
            return
        self.tracker.record(success, at=at)
        self.events.append(Event(at, success))

    @rule(seconds=st.one_of(st.floats(min_value=0, max_value=5), st.floats(min_value=0, max_value=2 * DAY)))
    def go_on(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(seconds=st.floats(min_value=0, max_value=600))
    def step_back(self, seconds: float) -> None:
        self.clock.advance(-seconds)

    @rule(at=st.one_of(st.just(math.nan), st.just(math.inf), st.floats(min_value=61, max_value=1e12)))
    def refuse(self, at: float) -> None:
        with pytest.raises(ValueError, match="at"):
            self.tracker.record(True, at=self.clock() + at)

    @precondition(lambda self: hasattr(self, "clock"))
    @invariant()
    def lifetime_totals_are_exact(self) -> None:
        snapshot = self.tracker.snapshot()
        assert snapshot.dropped == 0
        assert snapshot.lifetime_good == sum(event.success for event in self.events)
        assert snapshot.lifetime_bad == sum(not event.success for event in self.events)

    @precondition(lambda self: hasattr(self, "clock"))
    @invariant()
    def windows_are_exact_to_the_bucket_unless_the_clock_is_behind(self) -> None:
        now = self.clock()
        if all(event.at <= now + 60 for event in self.events):
            check_windows(self.tracker.snapshot(), self.events, until=now + 60)


TestTrackerMachine = TrackerMachine.TestCase
TestTrackerMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
