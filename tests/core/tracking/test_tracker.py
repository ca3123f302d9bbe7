"""One SLO at work: recording, late events, clocks that step, alerts. Tests of tracker and tracker_internals."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from slo_core import InMemoryStore, SLODefinition, SLOTracker
from slo_core.errors import StoreError
from slo_core.testing import FakeClock

HOUR, DAY = 3600, 86_400


@pytest.fixture
def tracker(clock: FakeClock) -> SLOTracker:
    return SLOTracker(SLODefinition("availability", 0.999), clock=clock)


def integers(tracker: SLOTracker, *, at: float | None = None) -> dict[int, tuple[int, int]]:
    """Total and failures of each window."""
    samples = tracker.snapshot(at=at).window_samples
    return {sample.window_seconds: (sample.sample_count, sample.failures) for sample in samples}


def test_the_documented_ways_to_record(tracker: SLOTracker, clock: FakeClock) -> None:
    """A success, a failure, a boolean, each also with a time of its own."""
    tracker.record_success()
    tracker.record_failure()
    tracker.record(True)
    tracker.record(False, at=clock() - 10)
    tracker.record_success(at=clock() - 10)
    tracker.record_failure(at=clock() - 10)

    snapshot = tracker.snapshot()

    assert (snapshot.total, snapshot.failures) == (6, 3)
    assert tracker.name == tracker.definition.name == "availability"
    assert repr(tracker) == "SLOTracker('availability')"


def test_without_arguments_the_wall_clock_and_memory_are_used() -> None:
    """The plain quick start."""
    tracker = SLOTracker(SLODefinition(name="availability", target=0.999))

    tracker.record_success()

    assert tracker.snapshot().total == 1
    assert tracker.snapshot().at > 1_600_000_000


def test_a_store_may_be_given_by_its_url(clock: FakeClock) -> None:
    """`memory://` is the default; what is unknown is refused."""
    tracker = SLOTracker(SLODefinition("a", 0.9), store="memory://", clock=clock)
    tracker.record(True)

    assert tracker.snapshot().total == 1
    with pytest.raises(StoreError, match=r"expected one of the schemes .*memory://"):
        SLOTracker(SLODefinition("a", 0.9), store="nowhere://")


def test_a_bad_event_older_than_the_window_spends_nothing(tracker: SLOTracker, clock: FakeClock) -> None:
    """The budget forgets what has left the window."""
    tracker.record_failure()

    clock.advance(days=30, minutes=16)

    assert tracker.snapshot().error_budget_remaining == 1.0
    assert tracker.snapshot().lifetime_bad == 1


def test_a_snapshot_sees_every_event_before_it(tracker: SLOTracker) -> None:
    """Nothing waits for the second to end."""
    for count in range(1, 50):
        tracker.record(True)
        assert tracker.snapshot().total == count


def test_a_snapshot_of_the_past_leaves_out_what_came_after(tracker: SLOTracker, clock: FakeClock) -> None:
    """(at - W, at], to the second."""
    tracker.record_failure()
    clock.advance(5)
    tracker.record_failure()

    assert tracker.snapshot(at=clock() - 1).failures == 1
    assert tracker.snapshot(at=clock()).failures == 2
    assert tracker.snapshot(at=clock() - 6).failures == 0


@pytest.mark.parametrize("at", [math.nan, math.inf, -math.inf, 10**400, -(10**400), True, "now", None.__class__])
def test_an_instant_is_a_finite_number(tracker: SLOTracker, at: float) -> None:
    """For recording as for reading."""
    for call in (tracker.record_success, tracker.record_failure, tracker.snapshot, tracker.check_burn_rate):
        with pytest.raises(ValueError, match="at=: expected a finite number of seconds since the epoch"):
            call(at=at)
    assert tracker.snapshot().lifetime_good == 0


def test_an_event_up_to_a_minute_ahead_counts(tracker: SLOTracker, clock: FakeClock) -> None:
    """A host whose clock runs fast is tolerated, and seen live."""
    tracker.record(False, at=clock() + 60)

    assert tracker.snapshot().failures == 1
    assert tracker.snapshot(at=clock()).failures == 0


@pytest.mark.parametrize("ahead", [60.001, 3600.0, 1.7e12])
def test_an_event_further_ahead_is_refused(tracker: SLOTracker, clock: FakeClock, ahead: float) -> None:
    """Milliseconds taken for seconds must not be counted in 55,000 years."""
    with pytest.raises(ValueError, match=r"at most (60 s ahead of the clock|1099511627776) .* is it in milliseconds\?"):
        tracker.record(True, at=clock() + ahead)

    assert tracker.snapshot().lifetime_good == 0


def test_a_refused_event_reaches_no_store_of_the_users_own(clock: FakeClock) -> None:
    """The rule is the tracker's, whatever keeps the events."""
    store = InMemoryStore(60)
    tracker = SLOTracker(SLODefinition("a", 0.9), store=store, clock=clock)

    with pytest.raises(ValueError, match="ahead of the clock"):
        tracker.record(True, at=clock() + 61)

    assert len(store) == 0


def test_a_late_event_lands_in_its_own_buckets(tracker: SLOTracker, clock: FakeClock) -> None:
    """Two hours late: in the six hours' window, not in the last one's."""
    tracker.record(True)
    tracker.record(False, at=clock() - 2 * HOUR - 60)

    counted = integers(tracker)

    assert counted[HOUR] == (1, 0)
    assert counted[2 * HOUR] == (1, 0)
    assert counted[6 * HOUR] == (2, 1)
    assert counted[30 * DAY] == (2, 1)


def test_an_event_too_late_to_count_is_counted_as_dropped(tracker: SLOTracker, clock: FakeClock) -> None:
    """31 days late: in no window and no total; the total of dropped events shows that it was there."""
    tracker.record(True)
    tracker.record(False, at=clock() - 31 * DAY)

    snapshot = tracker.snapshot()

    assert (snapshot.total, snapshot.failures, snapshot.lifetime_bad, snapshot.dropped) == (1, 0, 0, 1)


def test_a_live_event_makes_an_old_stream_too_old(tracker: SLOTracker, clock: FakeClock) -> None:
    """What is kept reaches back from the newest event: replay before going live, or into a tracker of its own."""
    tracker.record(True, at=clock() - 100 * DAY)
    tracker.record(True, at=clock() - 129 * DAY)
    assert tracker.snapshot().dropped == 0

    tracker.record(True)
    tracker.snapshot()
    tracker.record(True, at=clock() - 100 * DAY)

    assert tracker.snapshot().dropped == 1


def test_backfill_moves_since_when_the_slo_is_measured(tracker: SLOTracker, clock: FakeClock) -> None:
    """And then rules may fire at once: the data reach back their short windows."""
    for minute in range(360, 0, -1):
        for _ in range(10):
            tracker.record(minute % 3 > 0, at=clock() - 60 * minute)

    snapshot = tracker.snapshot()

    assert snapshot.data_since == math.floor(clock() - 360 * 60)
    assert snapshot.measured_seconds == pytest.approx(6 * HOUR, abs=1)
    assert [alert.is_firing for alert in snapshot.alerts] == [True, True, True, True]


def test_a_late_event_of_yesterday_makes_a_new_slo_measured_since_yesterday(
    tracker: SLOTracker, clock: FakeClock
) -> None:
    """An event of this very second does not."""
    assert tracker.snapshot().data_since == clock()

    tracker.record(True, at=clock() - DAY)

    assert tracker.snapshot().data_since == clock() - DAY


# Clocks that step.


def test_a_small_step_back_loses_nothing(tracker: SLOTracker, clock: FakeClock) -> None:
    """The time server takes back five seconds: every window sees every event."""
    for _ in range(100):
        tracker.record(False)
        clock.advance(0.5)
    clock.advance(-5)
    for _ in range(100):
        tracker.record(True)
        clock.advance(0.01)

    assert set(integers(tracker).values()) == {(200, 100)}


def test_while_the_clock_is_behind_windows_are_off_by_at_most_the_step(tracker: SLOTracker, clock: FakeClock) -> None:
    """Two hours back: the newest two hours are not seen until the clock has caught up; then they are."""
    for _ in range(6 * 60):
        tracker.record(True)
        clock.advance(minutes=1)
    clock.advance(hours=-2)
    tracker.record(False)

    behind = tracker.snapshot()
    assert (behind.lifetime_good, behind.lifetime_bad) == (360, 1)
    assert behind.failures == 1
    assert 240 <= behind.total <= 240 + 2 + 15  # the bucket of the near edge counts whole

    clock.advance(hours=2)
    assert tracker.snapshot().total == 361
    assert integers(tracker)[2 * HOUR] == (121, 1)


def test_a_step_forward_and_back_keeps_the_totals(tracker: SLOTracker, clock: FakeClock) -> None:
    """A day ahead by mistake, for one event: what is in that day's future stays unseen until it has passed."""
    for _ in range(10):
        tracker.record(True)
        clock.advance(60)
    clock.advance(days=1)
    tracker.record(False)
    assert tracker.snapshot().total == 11
    clock.advance(days=-1)

    for _ in range(10):
        tracker.record(True)
        clock.advance(60)

    snapshot = tracker.snapshot()
    assert (snapshot.lifetime_good, snapshot.lifetime_bad) == (20, 1)
    assert (snapshot.total, snapshot.failures) == (20, 0)
    clock.advance(days=1)
    assert (tracker.snapshot().total, tracker.snapshot().failures) == (21, 1)


def test_a_step_back_beyond_all_history_starts_the_windows_anew(tracker: SLOTracker, clock: FakeClock) -> None:
    """A container that began in 2040: the totals go on, the windows see what is recorded from now on."""
    clock.advance(days=5000)
    for _ in range(5):
        tracker.record(True)
    tracker.snapshot()
    clock.advance(days=-5000)

    for _ in range(3):
        tracker.record(False)
        clock.advance(2)

    snapshot = tracker.snapshot()
    assert (snapshot.total, snapshot.failures) == (3, 3)
    assert (snapshot.lifetime_good, snapshot.lifetime_bad) == (5, 3)
    assert snapshot.dropped == 0


def test_a_clock_of_whole_seconds_will_do() -> None:
    """`clock=lambda: int(...)` is a clock like others."""
    for now in (1_700_000_000, 1):
        tracker = SLOTracker(SLODefinition("a", 0.9), clock=lambda now=now: now)  # type: ignore[misc]
        tracker.record(True)
        tracker.record(False, at=now - 1)
        assert tracker.snapshot().total == 2


# Single-window alerts.


def test_each_burn_window_at_or_over_the_threshold_alerts(tracker: SLOTracker, clock: FakeClock) -> None:
    """144 of 10,000 are exactly 14.4: both windows say so, in the definition's order."""
    for index in range(10_000):
        tracker.record(index >= 144)

    alerts = tracker.check_burn_rate()

    assert [alert.window_seconds for alert in alerts] == [HOUR, 6 * HOUR]
    alert = alerts[0]
    assert (alert.slo_name, alert.burn_rate, alert.threshold) == ("availability", 14.4, 14.4)
    assert (alert.success_ratio, alert.sample_count) == (0.9856, 10_000)
    tracker.record(True)
    assert tracker.check_burn_rate() == []
    assert tracker.check_burn_rate(at=clock() - 10) == []


def test_a_window_without_events_never_alerts(tracker: SLOTracker, clock: FakeClock) -> None:
    """Two hours later only the six hours' window has events."""
    assert tracker.check_burn_rate() == []

    tracker.record_failure()
    clock.advance(hours=2)

    assert [alert.window_seconds for alert in tracker.check_burn_rate()] == [6 * HOUR]


def test_a_calendar_month_starts_afresh(clock: FakeClock) -> None:
    """A budget overspent in November is whole again on 1 December, at midnight in Berlin."""
    tracker = SLOTracker(SLODefinition("a", 0.9, window="month", timezone="Europe/Berlin"), clock=clock)
    clock.now = 1_701_385_199.0  # 2023-11-30T23:59:59+01:00
    tracker.record(False)
    tracker.record(False)
    assert tracker.snapshot().is_breached
    assert tracker.snapshot().window_seconds == 30 * DAY

    clock.advance(1)
    assert not tracker.snapshot().has_data

    tracker.record(True)
    assert tracker.snapshot().error_budget_remaining == 1.0


@pytest.mark.parametrize("at", [-1.0, -5, -1e30, -1.7e12])
def test_an_event_before_1970_is_refused(tracker: SLOTracker, at: float) -> None:
    """Not every store could count it; the message says where, what is expected and what came."""
    with pytest.raises(ValueError, match=r"at=.*expected .*seconds since the epoch.* got "):
        tracker.record(True, at=at)
    assert tracker.snapshot().dropped == 0


def test_an_event_of_1970_says_nothing_about_todays_windows(tracker: SLOTracker, clock: FakeClock) -> None:
    """A time of 0 is somebody's mistake: the SLO is not measured for fifty years by it, once today's events come."""
    started = clock()
    tracker.record(False, at=0)
    assert tracker.snapshot().lifetime_bad == 1
    clock.advance(60)
    tracker.record(True)

    snapshot = tracker.snapshot()
    assert (snapshot.data_since, snapshot.total, snapshot.failures) == (started, 1, 0)
    assert snapshot.measured_seconds == 60


@pytest.mark.parametrize(
    ("window", "zone", "first", "days", "hours"),
    [
        ("week", "Europe/Berlin", "2026-10-19", 7, 1),
        ("week", "Antarctica/Troll", "2026-10-19", 7, 2),
        ("month", "Antarctica/Troll", "2026-10-01", 31, 2),
        ("quarter", "Antarctica/Troll", "2026-10-01", 92, 2),
        ("month", "Antarctica/Vostok", "2023-12-01", 31, 2),
        ("week", "Antarctica/Casey", "2018-03-05", 7, 3),
    ],
)
def test_a_period_in_which_clocks_go_back_is_counted_whole(
    window: Literal["week", "month", "quarter"], zone: str, first: str, days: int, hours: int, clock: FakeClock
) -> None:
    """Failures of its first minute still count in its last one, however far the clocks go back."""
    clock.now = datetime.fromisoformat(first).replace(tzinfo=ZoneInfo(zone)).timestamp()
    tracker = SLOTracker(SLODefinition("a", 0.9, window=window, timezone=zone), clock=clock)
    for _ in range(100):
        tracker.record_failure()

    clock.advance(days=days, hours=hours, minutes=-1)
    tracker.record_success()
    assert (tracker.snapshot().total, tracker.snapshot().failures) == (101, 100)

    clock.advance(minutes=1)
    assert tracker.snapshot().total == 0


@pytest.mark.parametrize("at", [1e12, -1e12])
def test_an_instant_beyond_the_calendar_is_refused(clock: FakeClock, at: float) -> None:
    """As a ValueError, like any other instant that makes no sense."""
    tracker = SLOTracker(SLODefinition("a", 0.9, window="month"), clock=clock)

    with pytest.raises(ValueError, match="out of range|the calendar knows"):
        tracker.snapshot(at=at)
