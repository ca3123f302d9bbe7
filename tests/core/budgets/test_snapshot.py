"""One SLO at one instant."""

from __future__ import annotations

import dataclasses
import json

import pytest

from slo_core import AlertRule, SLODefinition, SLOSnapshot, SLOTracker
from slo_core.budgets.snapshot import seconds_left
from slo_core.testing import FakeClock

DAY = 86_400


def tracker_of(clock: FakeClock, **options: object) -> SLOTracker:
    return SLOTracker(SLODefinition("availability", **{"target": 0.999, **options}), clock=clock)  # type: ignore[arg-type]


def record(tracker: SLOTracker, *, good: int = 0, bad: int = 0) -> None:
    for _ in range(good):
        tracker.record_success()
    for _ in range(bad):
        tracker.record_failure()


def test_the_documented_attributes(clock: FakeClock) -> None:
    """9,856 good and 144 bad at 99.9 %: 98.56 %, 14.4 budgets spent, breached and exhausted."""
    tracker = tracker_of(clock)
    clock.advance(days=3)
    record(tracker, good=9856, bad=144)

    snapshot = tracker.snapshot()

    assert (snapshot.name, snapshot.target, snapshot.window_seconds) == ("availability", 0.999, 2_592_000)
    assert (snapshot.total, snapshot.failures, snapshot.good) == (10_000, 144, 9856)
    assert snapshot.success_ratio == 0.9856
    assert snapshot.error_budget_remaining == -13.4
    assert snapshot.burn_rate == 14.4
    assert [(sample.window_seconds, sample.burn_rate) for sample in snapshot.burn_rate_samples] == [
        (3600, 14.4),
        (21_600, 14.4),
    ]
    assert snapshot.is_breached
    assert snapshot.is_budget_exhausted
    assert snapshot.has_data
    assert snapshot.error_budget_ratio == 0.001


def test_without_events_everything_is_well_and_known_to_be_empty(clock: FakeClock) -> None:
    """A quiet service: ratio 1, budget whole, no burn; `has_data` is False."""
    snapshot = tracker_of(clock).snapshot()

    assert (snapshot.total, snapshot.failures) == (0, 0)
    assert (snapshot.success_ratio, snapshot.error_budget_remaining, snapshot.burn_rate) == (1.0, 1.0, 0.0)
    assert not snapshot.is_breached
    assert not snapshot.is_budget_exhausted
    assert not snapshot.has_data
    assert not snapshot.is_firing
    assert snapshot.time_to_exhaustion is None
    assert all(sample.burn_rate == 0.0 and sample.success_ratio == 1.0 for sample in snapshot.window_samples)


def test_a_budget_spent_to_the_last_event(clock: FakeClock) -> None:
    """Two of 2,000: exactly 0.0, exhausted, not breached."""
    tracker = tracker_of(clock)
    clock.advance(days=3)
    record(tracker, good=1998, bad=2)

    snapshot = tracker.snapshot()

    assert snapshot.error_budget_remaining == 0.0
    assert snapshot.is_budget_exhausted
    assert not snapshot.is_breached
    assert snapshot.time_to_exhaustion == 0.0


def test_the_dict_of_a_snapshot_serialises(clock: FakeClock) -> None:
    """Applications return `snapshot.__dict__` from a JSON view."""
    tracker = tracker_of(clock)
    record(tracker, good=1, bad=1)

    text = json.dumps(tracker.snapshot().__dict__, default=dataclasses.asdict)

    assert json.loads(text)["total"] == 2


def test_a_snapshot_is_frozen(clock: FakeClock) -> None:
    """What was measured stays measured."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        tracker_of(clock).snapshot().total = 5  # type: ignore[misc]  # that is the mistake


def test_time_to_exhaustion_is_what_is_left_at_the_pace_of_the_shortest_long_window(clock: FakeClock) -> None:
    """100,000 events, 10 bad in the last hour: 90 of 100 are left, at ten an hour that is nine hours."""
    tracker = tracker_of(clock)
    record(tracker, good=99_990)
    clock.advance(days=1)
    record(tracker, bad=10)

    assert tracker.snapshot().time_to_exhaustion == 9 * 3600.0


@pytest.mark.parametrize(("bad", "left"), [(9, None), (10, None), (11, 89 * 3600 / 11)])
def test_a_pace_of_1_or_less_never_spends_a_budget(clock: FakeClock, bad: int, left: float | None) -> None:
    """10,000 of 100,000 events came in the last hour: 10 of them may fail, and 10 of each 10,000 to come."""
    tracker = tracker_of(clock)
    record(tracker, good=90_000)
    clock.advance(days=10)
    record(tracker, good=10_000 - bad, bad=bad)

    snapshot = tracker.snapshot()

    assert snapshot.time_to_exhaustion == (100 - bad) * 3600 / bad
    assert seconds_left(snapshot) == left


def test_a_pace_that_takes_a_whole_window_spends_no_budget(clock: FakeClock) -> None:
    """Two failures of an hour with ten events burn at 200x, and take 49 of the 30 days' 100 each two hours."""
    tracker = tracker_of(clock, window_seconds=DAY)
    record(tracker, good=99_988)
    clock.advance(hours=20)
    record(tracker, good=10, bad=2)

    snapshot = tracker.snapshot()

    assert snapshot.time_to_exhaustion is not None
    assert snapshot.time_to_exhaustion > DAY
    assert seconds_left(snapshot) is None


def test_what_burned_before_a_month_began_spends_nothing_of_it(clock: FakeClock) -> None:
    """Its hour is the pace of the old month; the new one has its whole budget, with its first events and without."""
    clock.now = 1_775_001_600.0 - 600  # ten minutes before 1 April 2026
    tracker = tracker_of(clock, window="month")
    record(tracker, good=900, bad=100)
    clock.advance(minutes=20)

    assert tracker.snapshot().time_to_exhaustion is None
    record(tracker, good=50)
    assert tracker.snapshot().time_to_exhaustion is None
    record(tracker, good=99_949, bad=1)
    assert tracker.snapshot().time_to_exhaustion == pytest.approx(3600 * 99 / 101)


def test_nothing_burning_has_no_end(clock: FakeClock) -> None:
    """Bad events of yesterday are not the pace of this hour."""
    tracker = tracker_of(clock)
    record(tracker, good=99_990, bad=10)
    clock.advance(days=1)

    assert tracker.snapshot().time_to_exhaustion is None


def test_without_rules_the_burn_windows_are_the_pace(clock: FakeClock) -> None:
    """10 bad in the shortest of them, two hours: 90 left are 18 hours; without any, the SLO's own window."""
    by_burn_window = tracker_of(clock, alert_rules=(), burn_rate_windows=(21_600, 7200))
    by_own_window = tracker_of(clock, alert_rules=(), burn_rate_windows=())
    for tracker in (by_burn_window, by_own_window):
        record(tracker, good=99_990, bad=10)

    assert by_burn_window.snapshot().time_to_exhaustion == 18 * 3600.0
    assert by_own_window.snapshot().time_to_exhaustion == 9 * 30 * DAY


def test_measured_seconds_grow_to_the_whole_window(clock: FakeClock) -> None:
    """Measured 2 of 30 days, and never 31 of 30."""
    tracker = tracker_of(clock)
    assert tracker.snapshot().measured_seconds == 0.0

    clock.advance(days=2)
    assert tracker.snapshot().measured_seconds == 2 * DAY
    assert tracker.snapshot(at=clock() - 5 * DAY).measured_seconds == 0.0

    clock.advance(days=40)
    assert tracker.snapshot().measured_seconds == 30 * DAY


def test_an_alert_needs_data_that_reach_back_its_short_window(clock: FakeClock) -> None:
    """Everything fails from the start: the 5-minute page waits for five minutes of measuring."""
    tracker = tracker_of(clock)
    record(tracker, bad=100)
    assert not tracker.snapshot().is_firing

    clock.advance(299)
    record(tracker, bad=1)
    assert not tracker.snapshot().is_firing

    clock.advance(1)
    record(tracker, bad=1)
    firing = [alert for alert in tracker.snapshot().alerts if alert.is_firing]
    assert [(alert.severity, alert.threshold, alert.short.window_seconds) for alert in firing] == [("page", 14.4, 300)]


def test_a_rule_of_the_users_own_replaces_the_table(clock: FakeClock) -> None:
    """It alone is evaluated, over windows of its own."""
    tracker = tracker_of(clock, alert_rules=(AlertRule("2m", "30s", severity="wake", burn_rate=2, min_failures=1),))
    clock.advance(minutes=1)
    record(tracker, good=1, bad=1)

    (alert,) = tracker.snapshot().alerts

    assert (alert.severity, alert.threshold, alert.is_firing) == ("wake", 2.0, True)
    assert (alert.long.window_seconds, alert.short.window_seconds) == (120, 30)


def test_every_window_is_in_the_samples_with_its_integers(clock: FakeClock) -> None:
    """The SLO's, then burn and alert windows."""
    tracker = tracker_of(clock, window_seconds=7 * DAY)
    record(tracker, good=1, bad=2)

    samples = tracker.snapshot().window_samples

    assert [sample.window_seconds for sample in samples] == [7 * DAY, 3600, 21_600, 300, 1800, DAY, 7200]
    assert {(sample.sample_count, sample.failures) for sample in samples} == {(3, 2)}


def test_beyond_what_floats_can_count_a_snapshot_decides_in_integers() -> None:
    """2**53 + 1 failures are one more than the budget of 2**53 * 1000 events, though all the floats are equal."""
    facts = {"name": "a", "target": 0.999, "window_seconds": 1, "success_ratio": 0.999, "burn_rate": 1.0}
    over = SLOSnapshot(total=2**53 * 1000, failures=2**53 + 1, error_budget_remaining=0.0, **facts)  # type: ignore[arg-type]
    spent = SLOSnapshot(total=2**53 * 1000, failures=2**53, error_budget_remaining=0.0, **facts)  # type: ignore[arg-type]

    assert over.is_breached
    assert not spent.is_breached
    assert spent.is_budget_exhausted
