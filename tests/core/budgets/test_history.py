"""What charts show, and since when alerts fire."""

from bisect import bisect_left
from fractions import Fraction

import pytest

from slo_core import AlertRule, SLODefinition, SLOTracker
from slo_core.budgets.burn_rate import burn_rate
from slo_core.budgets.events import EventCounts
from slo_core.budgets.history import FiringSince, firing_since, history, ranges_of
from slo_core.objectives.window import DAY, HOUR
from slo_core.testing import FakeClock

NOW = 1_800_000_000.0  # a whole minute, hour and quarter of an hour of the epoch


def made(**options):
    definition = SLODefinition("a", 0.9, **{"window_seconds": 30 * DAY, **options})
    clock = FakeClock(NOW)
    return SLOTracker(definition, clock=clock), clock


def past(tracker, seconds):
    return history(tracker.definition, tracker.snapshot(), tracker.internals.timeline(), range_seconds=seconds)


def test_the_budget_ends_where_the_snapshot_stands():
    """Of 100 events at 90 %, ten may fail: four have, and the rest is left."""
    tracker, _ = made()
    for age in range(96):
        tracker.record_success(at=NOW - 20 * DAY + age)
    for age_days in (15, 10, 5, 1):
        tracker.record_failure(at=NOW - age_days * DAY)

    points = past(tracker, 30 * DAY).points

    assert points[-1].error_budget_remaining == tracker.snapshot().error_budget_remaining == 0.6
    left = [point.error_budget_remaining for point in points if point.error_budget_remaining is not None]
    assert left == sorted(left, reverse=True)
    assert sorted(set(left), reverse=True) == [1.0, 0.9, 0.8, 0.7, 0.6]


@pytest.mark.parametrize("seconds", [HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY])
def test_every_event_of_a_range_is_in_one_point(seconds):
    """Bars add up to what happened, in every range."""
    tracker, _ = made()
    for age in range(0, 30 * DAY, 1200):
        tracker.record(age % 3600 != 0, at=NOW - age)

    chart = past(tracker, seconds)

    step = chart.step_seconds
    inside = [age for age in range(0, 30 * DAY, 1200) if NOW - age >= chart.points[0].end - step]
    assert sum(point.good + point.bad for point in chart.points) == len(inside)
    assert sum(point.bad for point in chart.points) == sum(age % 3600 == 0 for age in inside)
    assert len(chart.points) <= 251


def test_even_spend_falls_from_one_to_nothing():
    """The line that a budget spent evenly would follow: at the end of a rolling window it is used up."""
    tracker, _ = made()
    tracker.record_success(at=NOW - 29 * DAY)

    points = past(tracker, 30 * DAY).points

    assert points[-1].even_spend == 0.0
    assert points[len(points) // 2 - 1].even_spend == pytest.approx(0.5, abs=0.01)


def test_a_calendar_window_spends_evenly_until_its_end():
    """In the middle of a month of 31 days half of an even spend is left."""
    start = 1_798_761_600.0  # 2027-01-01 00:00 UTC
    clock = FakeClock(start + 15 * DAY + DAY / 2)
    tracker = SLOTracker(SLODefinition("a", 0.9, window="month"), clock=clock)
    tracker.record_success(at=start + DAY)

    points = past(tracker, 30 * DAY).points

    assert points[-1].even_spend == pytest.approx(0.5)
    assert [point.even_spend for point in points if point.end <= start] == [None] * sum(
        point.end <= start for point in points
    )


def test_an_even_spend_is_not_used_up_before_the_last_day_is_over():
    """At noon of 31 January half a day of 31 is left; it has not been used up with the nominal 30."""
    end = 1_798_761_600.0 + 31 * DAY
    tracker = SLOTracker(SLODefinition("a", 0.9, window="month"), clock=FakeClock(end - DAY / 2))

    points = past(tracker, 30 * DAY).points

    assert points[-1].even_spend == pytest.approx(0.5 / 31)
    assert all(point.even_spend > 0 for point in points if point.even_spend is not None)


def test_nothing_is_told_of_the_time_before_measuring():
    """A blank, not a perfect record."""
    tracker, clock = made()
    tracker.record_success(at=NOW - HOUR)
    clock.advance(seconds=60)

    points = past(tracker, 6 * HOUR).points

    before = [point for point in points if point.end <= NOW - HOUR]
    assert before
    assert all(point.error_budget_remaining is None and set(point.burn_rates) == {None} for point in before)
    assert all(burned is not None for burned in points[-1].burn_rates)


def test_burn_rates_are_those_of_the_snapshot_at_that_instant():
    """A total outage of five minutes, two hours ago: an hour's window burned at 5/60 of ten then, and at nothing now."""
    tracker, _ = made(alert_rules=[AlertRule(HOUR, 300, severity="page", burn_rate=5)])
    for second in range(0, 6 * HOUR, 60):
        age = 6 * HOUR - second
        tracker.record(not 2 * HOUR - 300 < age <= 2 * HOUR, at=NOW - age)

    chart = past(tracker, 6 * HOUR)

    hour = chart.burn_rate_windows.index(HOUR)
    at_its_end = next(point for point in chart.points if point.end == NOW - 2 * HOUR + 300)
    assert at_its_end.burn_rates[hour] == pytest.approx(10 * 5 / 60, rel=0.02)
    assert chart.points[-1].burn_rates[hour] == 0.0


def test_the_last_point_says_what_the_alerts_say():
    """Failures that a day's window has just forgotten: the chart forgets them too, though what is kept of then is coarse."""
    tracker, clock = made(alert_rules=[AlertRule(DAY, 2 * HOUR, severity="ticket", burn_rate=3)])
    clock.advance(seconds=599)
    now = NOW + 599
    for age in range(0, DAY, 600):
        tracker.record_success(at=now - age)
    for age in range(70, 201, 2):
        tracker.record_failure(at=now - DAY - age)

    snapshot, last = tracker.snapshot(), past(tracker, DAY).points[-1]

    assert snapshot.alerts[0].long.burn_rate == 0.0
    assert last.burn_rates == (0.0,)
    assert last.error_budget_remaining == snapshot.error_budget_remaining


def test_without_rules_the_last_point_says_what_the_burn_windows_say():
    """They are what `/metrics` shows then."""
    tracker, _ = made(alert_rules=[], burn_rate_windows=(DAY, HOUR))
    for age in range(0, 7 * DAY, 600):
        tracker.record(age % 1800 != 0, at=NOW - age)

    shown = {sample.window_seconds: sample.burn_rate for sample in tracker.snapshot().burn_rate_samples}
    chart = past(tracker, DAY)

    assert dict(zip(chart.burn_rate_windows, chart.points[-1].burn_rates, strict=True)) == shown


# January and the third quarter of 2027, from midnight in UTC on.
@pytest.mark.parametrize(
    ("window", "start", "days"), [("month", 1_798_761_600.0, 31), ("quarter", 1_814_400_000.0, 92)]
)
def test_the_whole_window_reaches_back_to_its_first_day(window, start, days):
    """On day 31 of a month, on day 92 of a quarter: what happened on the first day is in the chart."""
    clock = FakeClock(start + days * DAY - HOUR)
    tracker = SLOTracker(SLODefinition("a", 0.9, window=window), clock=clock)
    tracker.record_success(at=start + 60)
    tracker.record_failure(at=start + 2 * DAY)

    points = past(tracker, tracker.definition.window_seconds).points

    assert points[0].end > start
    assert points[0].good == 1
    assert sum(point.good + point.bad for point in points) == tracker.snapshot().total == 2


def between(times, after, before):
    """How many of them there are from one instant to before another."""
    return bisect_left(times, before) - bisect_left(times, after)


def since(tracker, rule):
    return firing_since(
        rule,
        factor=rule.factor(tracker.definition.window_seconds),
        definition=tracker.definition,
        timeline=tracker.internals.timeline(),
        at=tracker.snapshot().at,
        data_since=tracker.snapshot().data_since,
    )


def test_an_alert_fires_since_its_second_failure():
    """Nothing but failures, one every ten seconds, for ten minutes: two were needed."""
    rule = AlertRule(HOUR, 300, severity="page", burn_rate=5)
    tracker, _ = made(alert_rules=[rule])
    tracker.record_success(at=NOW - DAY)
    for age in range(10, 601, 10):
        tracker.record_failure(at=NOW - age)

    assert since(tracker, rule) == FiringSince(NOW - 590 + 1, within_seconds=1)


@pytest.mark.parametrize("age", [45 * 60, 59 * 60, 73 * 60, 3 * HOUR, 27 * HOUR])
@pytest.mark.parametrize("share", [2, 3])
def test_the_begin_of_an_alert_is_as_exact_as_it_says(age, share):
    """
    Second by second the rule first fires within what is stated, however old the incident is.

    A half or a third of the events fails, of which there is one every 7 seconds, and in the hour before a burst each minute.
    """
    rule = AlertRule(HOUR, 300, severity="page", burn_rate=2)
    tracker, clock = made(alert_rules=[rule])
    begin = NOW - age - 17
    times = sorted({*range(int(begin) - 3 * HOUR, int(NOW), 7), *range(int(begin) - HOUR, int(begin), 61)})
    bad = [at for number, at in enumerate(times) if at >= begin and number % share == 0]
    failed_at = set(bad)
    for at in times:
        clock.now = at
        tracker.record(at not in failed_at, at=at)
    clock.now = NOW

    def fires(now):
        return all(
            burn_rate(EventCounts(total - failed, failed), tracker.definition.objective) >= 2
            for total, failed in (
                (between(times, now - window, now), between(bad, now - window, now)) for window in (HOUR, 300)
            )
        )

    first = next(now for now in range(int(begin), int(NOW)) if fires(now))
    firing = since(tracker, rule)

    assert first <= firing.at < first + firing.within_seconds
    assert firing.within_seconds <= (900 if age > DAY else 60)


def test_a_break_starts_it_anew():
    """It fired two hours ago, went quiet, and fires again: what counts is the second time."""
    rule = AlertRule(600, 60, severity="page", burn_rate=5)
    tracker, _ = made(alert_rules=[rule])
    for age in (7200, 7190, 7180, 30, 20, 10):
        tracker.record_failure(at=NOW - age)

    firing = since(tracker, rule)

    assert firing == FiringSince(NOW - 20 + 1, within_seconds=1)


def test_hours_ago_it_is_known_to_the_minute():
    """What is kept of that time are minutes."""
    rule = AlertRule(6 * HOUR, 1800, severity="page", burn_rate=5)
    tracker, _ = made(alert_rules=[rule])
    tracker.record_success(at=NOW - 2 * DAY)
    for age in range(0, 3 * HOUR, 60):
        tracker.record_failure(at=NOW - age - 1)

    firing = since(tracker, rule)

    assert firing.within_seconds == 60
    assert NOW - 3 * HOUR <= firing.at <= NOW - 3 * HOUR + 180


def test_what_does_not_fire_has_no_since():
    """No guess."""
    rule = AlertRule(HOUR, 300, severity="page", burn_rate=5)
    tracker, _ = made(alert_rules=[rule])
    tracker.record_failure(at=NOW - 10)

    assert since(tracker, rule) is None


def test_ranges_end_with_the_whole_window():
    """An hour, and longer ones, up to the window."""
    assert list(ranges_of(SLODefinition("a", 0.9))) == ["1h", "6h", "1d", "3d", "7d", "30d"]
    assert list(ranges_of(SLODefinition("a", 0.9, window_seconds=2 * HOUR, burn_rate_windows=()))) == ["1h", "2h"]


def said_every_hour(**options):
    """An SLO that has counted an event every ten minutes for 40 days, and the burn rates that it showed every three hours."""
    definition = SLODefinition("a", 0.9, **options)
    clock = FakeClock(NOW - 40 * DAY)
    tracker, shown = SLOTracker(definition, clock=clock), {}
    for number in range(40 * 144):
        tracker.record(number // 144 not in (8, 9) or number % 2 == 0)  # two days of trouble, before the range begins
        clock.advance(600)
        if clock() % (3 * HOUR) == 0:
            shown[clock()] = {alert.long.window_seconds: alert.long.burn_rate for alert in tracker.snapshot().alerts}
    return tracker, shown


def test_a_burn_rate_at_the_left_edge_is_what_it_was_or_missing():
    """Three days of burn rate at the start of a chart of 30 days need three days before it: a gap, and never a part of them."""
    tracker, shown = said_every_hour(
        alert_rules=(
            AlertRule("6h", "30m", severity="page", burn_rate=2),
            AlertRule("3d", "6h", severity="ticket", burn_rate=1),
        )
    )

    chart = past(tracker, 30 * DAY)

    gaps = [[point.end for point in chart.points if point.burn_rates[index] is None] for index in (0, 1)]
    assert max(gaps[0]) <= NOW - 30 * DAY + 6 * HOUR
    assert NOW - 28 * DAY < max(gaps[1]) <= NOW - 27 * DAY
    for point in chart.points[:-1]:
        for window, burned in zip(chart.burn_rate_windows, point.burn_rates, strict=True):
            assert burned is None or burned == pytest.approx(shown[point.end][window], abs=0.2)


def test_a_step_that_is_no_longer_kept_whole_is_not_drawn():
    """The first bar of a chart is as high as what happened: 18 events in three hours."""
    tracker, _ = said_every_hour(alert_rules=())
    chart = past(tracker, 30 * DAY)

    assert {point.good + point.bad for point in chart.points[:-1]} == {18}
    assert chart.points[0].end <= NOW - 30 * DAY + 6 * HOUR


def test_a_timeline_of_the_past_says_since_when_it_is_covered():
    """The start of an alert is looked for only as far back as its windows are whole."""
    tracker, _ = said_every_hour(alert_rules=())
    at = NOW - 20 * DAY

    timeline = tracker.internals.timeline(at)

    assert timeline.covered_since == pytest.approx(NOW - 30 * DAY, abs=HOUR)
    assert tracker.internals.timeline().covered_since == NOW - 30 * DAY
    rule = AlertRule("3d", "6h", severity="ticket", burn_rate=0.01)
    since = firing_since(
        rule,
        factor=Fraction(1, 100),
        definition=tracker.definition,
        timeline=timeline,
        at=at,
        data_since=NOW - 40 * DAY,
    )
    assert since is None or since.at >= timeline.covered_since + 3 * DAY
