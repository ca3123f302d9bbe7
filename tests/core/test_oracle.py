"""
Windows of the past, charts and simulated incidents, compared with an oracle.

The oracle is written from the definitions alone (README, "The maths" and "The past"), as loops over a list of events; it
uses nothing of the product. In 14 time zones, over changes of clocks, a leap day and the ends of years.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from slo_core import AlertRule, SLODefinition, SLORegistry, SLOTracker
from slo_core.budgets.events import EventCounts
from slo_core.budgets.history import history
from slo_core.errors import NotKeptError
from slo_core.simulation.incident import Incident
from slo_core.simulation.minute_counts import MinuteCounts
from slo_core.simulation.run import simulate
from slo_core.testing import FakeClock

MINUTE, QUARTER_HOUR, HOUR, DAY = 60, 900, 3600, 86_400

Period = Literal["week", "month", "quarter"]

# The last day of each: clocks change in it or before it, a year ends, or February has 29 days.
CASES: list[tuple[str, Period, str]] = [
    ("UTC", "month", "2024-03-02"),
    ("Europe/Berlin", "month", "2026-03-30"),
    ("America/New_York", "week", "2026-11-02"),
    ("America/St_Johns", "quarter", "2026-03-31"),
    ("Asia/Kolkata", "quarter", "2024-03-31"),
    ("Asia/Kathmandu", "week", "2027-01-03"),
    ("Australia/Lord_Howe", "month", "2026-04-30"),
    ("Australia/Adelaide", "quarter", "2026-12-31"),
    ("Pacific/Chatham", "week", "2026-04-06"),
    ("Pacific/Apia", "month", "2012-01-05"),  # had no 30 December 2011
    ("Antarctica/Troll", "quarter", "2026-12-31"),
    ("America/Sao_Paulo", "month", "2018-11-30"),  # no midnight on 4 November
    ("Asia/Beirut", "week", "2026-03-30"),
    ("Africa/Casablanca", "month", "2028-02-29"),
]


class Event(NamedTuple):
    """One event, good or bad, in a second."""

    second: int
    is_good: bool


class Counts(NamedTuple):
    total: int
    bad: int


def counted(events: list[Event], first: float, last: float) -> Counts:
    """Events from one second to another, both included."""
    total = bad = 0
    for second, is_good in reversed(events):  # the latest first
        if second < first:
            break
        if second <= last:
            total += 1
            bad += not is_good
    return Counts(total, bad)


def period_key(at: int, period: Period, zone: ZoneInfo) -> tuple[int, ...]:
    """The week (ISO), month or quarter that a second is in, by its local date."""
    local = dt.datetime.fromtimestamp(at, zone)
    if period == "week":
        year, week, _ = local.isocalendar()
        return year, week
    return local.year, local.month if period == "month" else (local.month - 1) // 3


@lru_cache
def period_start(at: int, period: Period, zone: ZoneInfo) -> int:
    """The first second of the period, walking back a quarter of an hour at a time: clocks change at none other."""
    start, key = at // QUARTER_HOUR * QUARTER_HOUR, period_key(at, period, zone)
    while period_key(start - QUARTER_HOUR, period, zone) == key:
        start -= QUARTER_HOUR
    return start


def events_before(end: int, seconds: int, *, every: int) -> list[Event]:
    """A stream with some hours of trouble, the same for the same arguments."""
    chance = random.Random(f"{end} {seconds}")
    events, at = [], end - seconds
    while at < end - 3:
        trouble = 0.5 if at // (5 * HOUR) % 7 == 0 else 0.02
        events.append(Event(at, chance.random() > trouble))
        at += chance.randrange(1, 2 * every)
    return events


def last_second(day: str, zone: str) -> int:
    """One before the end of that local day."""
    midnight = dt.datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)) + dt.timedelta(days=1)
    return int(midnight.timestamp()) - 1


LONGEST = {"week": 7 * DAY, "month": 31 * DAY, "quarter": 92 * DAY}
RULES = (AlertRule("1d", "2h", severity="ticket", burn_rate=2), AlertRule("7d", "6h", severity="ticket", burn_rate=1))


class Watched(NamedTuple):
    """An SLO that has counted a stream of events, up to the last second of a day."""

    tracker: SLOTracker
    registry: SLORegistry
    events: list[Event]
    end: int


@lru_cache
def watched(zone: str, period: Period, day: str) -> Watched:
    end = last_second(day, zone)
    events = events_before(end, LONGEST[period] + 45 * DAY, every=4 * HOUR)
    clock = FakeClock(float(events[0].second))
    registry = SLORegistry(clock=clock)
    burn_windows = (HOUR, 7 * DAY)
    tracker = registry.define(
        SLODefinition("a", 0.9, window=period, timezone=zone, burn_rate_windows=burn_windows, alert_rules=RULES)
    )
    for second, is_good in events:
        clock.now = float(second)
        tracker.record(is_good)
    clock.now = float(end)
    return Watched(tracker, registry, events, end)


def instants_before(end: int, longest: int) -> Iterator[int]:
    """Last seconds of quarters of an hour, at which the bucket of the near edge counts whole and holds nothing later."""
    for back in (0, 2 * HOUR, 26 * HOUR, 5 * DAY, longest // 2, longest + 6 * DAY, longest + 30 * DAY):
        yield end - back


@pytest.mark.parametrize(("zone", "period", "day"), CASES, ids=[f"{zone}-{period}" for zone, period, _ in CASES])
def test_a_window_of_the_past_is_right_or_says_that_it_is_not_whole(zone: str, period: Period, day: str) -> None:
    """Each counted window at each instant: what the list of events holds, to the bucket at the far edge."""
    tracker, registry, events, end = watched(zone, period, day)
    longest = LONGEST[period]
    are_whole = set()
    for at in instants_before(end, longest):
        try:
            snapshot = tracker.snapshot(at=float(at))
        except NotKeptError:
            assert at < end - longest, "a time of which counts are kept"
            (gone,) = registry.snapshot_all(at=float(at))
            assert (gone.total, gone.is_complete, gone.covered_since > at) == (0, False, True)
            continue
        assert registry.snapshot_all(at=float(at)) == [snapshot]
        start = period_start(at, period, ZoneInfo(zone))
        assert snapshot.covered_since >= start
        if snapshot.is_complete:
            assert (snapshot.total, snapshot.failures) == counted(events, start, at)
        own, *rolling = snapshot.window_samples
        assert (own.period, own.is_complete, own.sample_count) == (period, snapshot.is_complete, snapshot.total)
        for sample in rolling:
            begins = at - sample.window_seconds
            are_whole.add(sample.is_complete)
            if begins >= end - longest:
                assert sample.is_complete, "it lies within what is kept"
            if begins < end - longest - (7 + 3) * DAY:  # a week longer, until its last period is final
                assert not sample.is_complete, "it reaches back before what is kept"
            if sample.is_complete:
                least, most = counted(events, begins + 1, at), counted(events, begins + 1 - QUARTER_HOUR, at)
                assert least.total <= sample.sample_count <= most.total
                assert least.bad <= sample.failures <= most.bad
                assert sample.sample_count - sample.failures <= most.total - most.bad
        is_answered = all(sample.is_complete for sample in snapshot.burn_rate_samples)
        if is_answered:
            burning = [
                sample.window_seconds
                for sample in snapshot.burn_rate_samples
                if sample.sample_count
                and Fraction(sample.failures, sample.sample_count) / Fraction(1, 10) >= Fraction("14.4")
            ]
            assert [alert.window_seconds for alert in tracker.check_burn_rate(at=float(at))] == burning
        else:
            with pytest.raises(NotKeptError):
                tracker.check_burn_rate(at=float(at))
    assert are_whole == {True, False}


@pytest.mark.parametrize(("zone", "period", "day"), CASES, ids=[f"{zone}-{period}" for zone, period, _ in CASES])
def test_a_chart_shows_what_was_or_a_gap(zone: str, period: Period, day: str) -> None:
    """Bars, the budget line and burn rates of every range; a burn rate is missing only where its window is not kept."""
    tracker, _, events, end = watched(zone, period, day)
    definition, longest = tracker.definition, LONGEST[period]
    start = period_start(end, period, ZoneInfo(zone))
    snapshot, timeline = tracker.snapshot(), tracker.internals.timeline()
    gaps = 0
    for seconds in (DAY, 7 * DAY, definition.window_seconds):
        past = history(definition, snapshot, timeline, range_seconds=seconds)
        assert past.points[0].end <= end - seconds + 2 * past.step_seconds
        for point in past.points[:-1][:: 1 + len(past.points) // 20]:
            until = int(point.end) - 1
            assert (point.good + point.bad, point.bad) == counted(events, point.end - past.step_seconds, until)
            spent = counted(events, start, until).bad
            left = None if point.end <= start else float(1 - Fraction(spent) / (Fraction(1, 10) * snapshot.total))
            assert point.error_budget_remaining == (None if left is None else pytest.approx(left, abs=1e-12))
            for window, burned in zip(past.burn_rate_windows, point.burn_rates, strict=True):
                begins = int(point.end) - window
                if burned is None:
                    gaps += 1
                    assert begins < end - longest, "its window is kept"
                    continue
                rates = [
                    Fraction(bad, total) / Fraction(1, 10) if total else Fraction(0)
                    for width in (1, MINUTE, QUARTER_HOUR)
                    for total, bad in [counted(events, begins // width * width, until)]
                ]
                assert burned in [float(rate) for rate in rates]
    assert gaps, "the longest range shows less than what its alert windows need"


@pytest.mark.parametrize(("zone", "period", "day"), CASES, ids=[f"{zone}-{period}" for zone, period, _ in CASES])
def test_a_simulated_incident_fires_when_minutes_of_it_say_so(zone: str, period: Period, day: str) -> None:
    """Two hours around the end of a local day, minute by minute: each rule, and the budget that is left at the end."""
    begins = last_second(day, zone) + 1 - HOUR
    chance = random.Random(begins)
    per_minute = [
        EventCounts(50 - bad, bad)
        for minute in range(120)
        for bad in [chance.randrange(10, 45) if 20 <= minute < 50 or minute > 100 else chance.randrange(3)]
    ]
    minutes = [
        MinuteCounts(begins // MINUTE + number, counts, is_dated=True) for number, counts in enumerate(per_minute)
    ]
    rules = (
        AlertRule("1h", "5m", severity="page", burn_rate=2, min_failures=2),
        AlertRule("30m", "10m", severity="page", burn_rate=3, min_failures=300),
    )
    definition = SLODefinition("a", 0.9, window=period, timezone=zone, burn_rate_windows=(), alert_rules=rules)
    before = 100 * DAY if period == "quarter" else 40 * DAY
    incident = Incident.recorded(
        minutes, rate=Fraction(50, MINUTE), after_seconds=0, before_seconds=min(before, 93 * DAY)
    )

    (outcome,) = simulate([definition], incident)

    def last_minutes(until: int, number: int) -> Counts:
        """The minutes before the minute `until` of the incident; before it began, 50 good events each."""
        total = bad = 0
        for minute in range(until - number, until):
            total += 50
            bad += per_minute[minute].bad if minute >= 0 else 0
        return Counts(total, bad)

    for rule, result in zip(rules, outcome.rules, strict=True):
        for minute in range(121):
            long, short = (last_minutes(minute, seconds // MINUTE) for seconds in (rule.long_window, rule.short_window))
            burns = all(Fraction(each.bad, each.total) / Fraction(1, 10) >= rule.burn_rate for each in (long, short))
            at = minute * MINUTE
            fires = any(
                firing.fired_at <= at and (firing.cleared_at is None or at < firing.cleared_at)
                for firing in result.firings
            )
            assert fires == (burns and long.bad >= rule.min_failures), (minute, long, short)
        assert result.firings, "nothing fires: the test shows nothing"
    ends = begins + 120 * MINUTE
    number = (ends - period_start(ends, period, ZoneInfo(zone))) // MINUTE
    total, bad = last_minutes(120, number)
    assert outcome.budget.after == pytest.approx(float(1 - Fraction(bad, total) / Fraction(1, 10)), abs=1e-12)
    assert (outcome.budget.failures, outcome.budget.events) == (sum(each.bad for each in per_minute), 120 * 50)


ZONES = ("UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia", "Europe/Berlin")


@pytest.mark.parametrize("seed", range(4))
def test_each_event_is_in_one_closed_day_whatever_changes(seed: int, tmp_path: Path) -> None:
    """Time zones change, the service stands still for days, events come late: a day holds what happened in its part of time."""
    chance = random.Random(seed)
    start = last_second("2026-03-09", "UTC") + 1
    clock, events = FakeClock(float(start)), list[Event]()
    for _ in range(5):
        registry = SLORegistry(f"sqlite:///{tmp_path}/slo.db", clock=clock, flush_interval=3600.0)
        tracker = registry.define(SLODefinition("a", 0.9, timezone=chance.choice(ZONES)))
        for _ in range(chance.randrange(1, 30)):
            clock.advance(chance.randrange(HOUR, 8 * HOUR))
            comes_late = events and chance.random() < 0.25
            second = chance.choice(events[-30:]).second if comes_late else int(clock())
            event = Event(second, chance.random() > 0.3)
            tracker.record(event.is_good, at=float(event.second))
            events.append(event)
            registry.flush()
        days = tracker.closed_periods()
        registry.close()
        clock.advance(chance.choice((60, HOUR, 3 * DAY)))

    events.sort()
    for earlier, day in pairwise(days):
        assert earlier.end <= day.measured_since
    for day in days:
        assert day.end - day.start in (23 * HOUR, DAY, 25 * HOUR)
        assert (day.total, day.bad) == counted(events, day.measured_since, day.end - 1)
    assert sum(day.total for day in days) == counted(events, start, days[-1].end - 1).total
