"""Closed periods against plain loops, in zones with all kinds of clock changes, over leap years and year ends."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from slo_core import SLODefinition, SLORegistry, SLOTracker
from slo_core.budgets.closed_period import ClosedPeriod
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock

MINUTE, QUARTER_HOUR, DAY = 60, 900, 86_400

# A zone, a window, the first day (UTC) and for how many days events are recorded.
CASES = [
    ("Antarctica/Troll", "quarter", (2025, 12, 28), 110),  # two hours forward in a quarter
    ("Antarctica/Troll", "month", (2026, 9, 28), 40),  # and two back
    ("Europe/Berlin", "month", (2026, 2, 25), 40),
    ("Europe/Berlin", "week", (2026, 10, 15), 25),
    ("America/New_York", "month", (2026, 10, 20), 50),  # and a year's end
    ("Australia/Lord_Howe", "week", (2026, 3, 25), 25),  # half an hour
    ("Asia/Kathmandu", "week", (2026, 12, 20), 20),  # no whole hours from UTC
    ("Pacific/Chatham", "month", (2027, 8, 28), 40),
    ("Africa/Cairo", "month", (2026, 3, 28), 40),  # a day without midnight
    ("America/Havana", "week", (2026, 10, 22), 20),  # a day with two
    ("Asia/Beirut", "week", (2026, 10, 15), 20),
    ("Pacific/Apia", "month", (2011, 11, 28), 40),  # a day that never was
    ("America/Sao_Paulo", "week", (2018, 10, 25), 20),
    ("UTC", "month", (2028, 1, 28), 40),  # the 29th of February
    ("UTC", "quarter", (2027, 9, 28), 100),
    ("Pacific/Kiritimati", None, (2026, 12, 20), 20),
]


def label_of(kind: str, day: dt.date) -> tuple[int, ...]:
    """The name of the period that a day on the wall calendar lies in."""
    if kind == "day":
        return (day.year, day.month, day.day)
    if kind == "week":
        return day.isocalendar()[:2]
    return (day.year, day.month) if kind == "month" else (day.year, (day.month - 1) // 3)


class Plan:
    """
    Events of some minutes; and what each period holds, worked out one quarter of an hour after the other.

    Clocks change, and days begin, at no other time.
    """

    def __init__(self, zone: str, window: str | None, first: tuple[int, int, int], days: int) -> None:
        self.zone = ZoneInfo(zone)
        self.kinds = ("day",) if window is None else ("day", window)
        self.start = int(dt.datetime(*first, tzinfo=dt.UTC).timestamp())
        self.end = self.start + days * DAY
        chance = random.Random(f"{zone} {window}")
        self.events = {
            minute: (chance.randrange(3), chance.randrange(2)) for minute in range(self.start, self.end, 29 * MINUTE)
        }

    def periods(self, *, until: int) -> Iterator[tuple[str, int, int, int, int]]:
        """(kind, start, end, good, bad) of each whole period that holds events and is over by then."""
        events: dict[int, list[tuple[int, int]]] = {}
        for minute, counts in self.events.items():
            events.setdefault(minute // QUARTER_HOUR, []).append(counts)
        quarters: dict[dt.date, list[int]] = {}
        for quarter in range((self.start - DAY) // QUARTER_HOUR, (until + DAY) // QUARTER_HOUR):
            day = dt.datetime.fromtimestamp(quarter * QUARTER_HOUR, self.zone).date()
            quarters.setdefault(day, []).append(quarter)
        for kind in self.kinds:
            held: dict[tuple[int, ...], list[int]] = {}
            for day, of_day in quarters.items():
                held.setdefault(label_of(kind, day), []).extend(of_day)
            for of_period in held.values():
                start, end = min(of_period) * QUARTER_HOUR, (max(of_period) + 1) * QUARTER_HOUR
                if self.start <= start and end + QUARTER_HOUR <= until:
                    of_events = [counts for quarter in of_period for counts in events.get(quarter, ())]
                    if of_events:
                        yield kind, start, end, sum(good for good, _ in of_events), sum(bad for _, bad in of_events)


def rows_of(periods: tuple[ClosedPeriod, ...], plan: Plan) -> list[tuple[str, int, int, int, int]]:
    return sorted((p.kind, p.start, p.end, p.good, p.bad) for p in periods if p.start >= plan.start)


def record_minutes(tracker: SLOTracker, plan: Plan, clock: FakeClock, *, days: int) -> Iterator[None]:
    """Record minute by minute, the clock with it; yields after so many days."""
    for minute, (good, bad) in plan.events.items():
        clock.now = minute + 7.5
        for success in [True] * good + [False] * bad:
            tracker.record(success)
        if (minute - plan.start) // DAY % days == 0 and minute % DAY < 29 * MINUTE:
            yield


@pytest.mark.parametrize(("zone", "window", "first", "days"), CASES)
def test_memory_agrees_with_plain_loops(zone: str, window: str | None, first: tuple[int, int, int], days: int) -> None:
    """Each day and each calendar period has its first and last minute, and the events in between."""
    plan = Plan(zone, window, first, days)
    clock = FakeClock(plan.start)
    definition = SLODefinition("slo", 0.99, window=window, timezone=zone, alert_rules=())  # type: ignore[arg-type]
    tracker = SLOTracker(definition, clock=clock)  # without incidents: of months of failures they take most of the time

    for _ in record_minutes(tracker, plan, clock, days=20):
        tracker.snapshot()

    assert rows_of(tracker.closed_periods(), plan) == sorted(plan.periods(until=int(clock.now)))


@pytest.mark.parametrize(("zone", "window", "first", "days"), CASES[::4])
def test_a_shared_store_agrees_with_plain_loops(
    zone: str, window: str | None, first: tuple[int, int, int], days: int, tmp_path: Path
) -> None:
    """And so it does after pruning, for a process that was started only to ask; asked for each calendar period too."""
    plan = Plan(zone, window, first, days)
    clock = FakeClock(plan.start)
    definition = SLODefinition("slo", 0.99, window=window, timezone=zone, alert_rules=())  # type: ignore[arg-type]
    buckets = SQLiteBucketStore(tmp_path / "slo.db", clock=clock)
    writer = WriteBehindStore(buckets, clock=clock, flush_interval=3600.0)
    tracker = SLOTracker(definition, store=writer, clock=clock)
    for _ in record_minutes(tracker, plan, clock, days=1):
        writer.flush()
    while writer._delivery.periods._due_at < clock.now:
        writer.flush()
    assert rows_of(tracker.closed_periods(), plan) == sorted(plan.periods(until=int(clock.now)))
    writer.close()

    # The service stands still; what has ended meanwhile is closed by the process that comes next.
    clock.advance(days=100)
    buckets.prune()
    expected = sorted(plan.periods(until=int(clock.now)))
    with SLORegistry(WriteBehindStore(buckets, clock=clock, flush_interval=3600.0), clock=clock) as reader:
        asked = reader.define(definition)
        assert rows_of(asked.closed_periods(), plan) == expected
        for kind, _, end, good, bad in expected:
            if kind == window:
                snapshot = asked.snapshot(at=end - 1)
                assert (snapshot.total, snapshot.failures) == (good + bad, bad)
                assert snapshot.is_complete
