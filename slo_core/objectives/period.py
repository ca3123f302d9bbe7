"""The periods of an SLO that are kept when they are over: its days, and its calendar periods."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import NamedTuple

from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import DAY, CalendarPeriod, Span, calendar_end, first_day, load_timezone, midnight

__all__ = ["DAY_KIND", "KINDS", "Period", "ended_periods", "next_midnight", "period_of_span"]

# The kind of a closed day; the others are those of calendar windows.
DAY_KIND = "day"
KINDS = (DAY_KIND, "week", "month", "quarter")

_A_DAY = timedelta(days=1)


class Period(NamedTuple):
    """
    A stretch of time that is counted for itself.

    Attributes:
        kind: One of `KINDS`.
        start: Its first second, since the epoch.
        end: The second after its last one.
    """

    kind: str
    start: int
    end: int


def ended_periods(definition: SLODefinition, *, since: float, until: float) -> list[Period]:
    """
    The days and calendar periods that begin at `since` or later and end at `until` or earlier, in the order of their ends.

    Args:
        definition: The SLO: its time zone decides when days begin, its window which calendar periods there are.
        since: In seconds since the epoch.
        until: In seconds since the epoch.

    Raises:
        ValueError: An instant lies outside the years 1 to 9999.
    """
    if not since < until:
        return []
    zone = load_timezone(definition.timezone)
    first, last = _day(since, zone) - _A_DAY, _day(until, zone) + _A_DAY
    edges = [(DAY_KIND, list(_days(first, last)))]
    if definition.period is not None:
        edges.append((definition.period.name, list(_first_days(definition.period, first, last))))
    periods = []
    for kind, days in edges:
        starts = [int(midnight(day, zone)) for day in days]
        # A day that a zone skips, as Samoa did in 2011, begins when the next one does.
        periods += [Period(kind, start, end) for start, end in pairwise(starts) if since <= start < end <= until]
    return sorted(periods, key=lambda period: (period.end, KINDS.index(period.kind)))


def next_midnight(definition: SLODefinition, at: float) -> int:
    """
    When the next day begins after an instant; so does every calendar period that begins next.

    Raises:
        ValueError: As for `ended_periods`.
    """
    zone = load_timezone(definition.timezone)
    day = _day(at, zone)
    while (start := int(midnight(day, zone))) <= at:
        day += _A_DAY
    return start


def period_of_span(definition: SLODefinition, span: Span) -> Period | None:
    """
    The calendar period that a window of the SLO is, if it is read in the last second of it; None for any other window.

    Args:
        definition: The SLO.
        span: One of the windows of a snapshot.
    """
    if definition.period is None or not span.includes_start or span.until > span.at:
        return None
    end = calendar_end(definition.period, span.at, load_timezone(definition.timezone))
    return Period(definition.period.name, int(span.start), int(end)) if end - 1 <= span.until < end else None


def _days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += _A_DAY


def _first_days(period: CalendarPeriod, first: date, last: date) -> Iterator[date]:
    """The first day of each calendar period from that around `first` to the one after that around `last`."""
    day = first_day(period, first)
    while day <= last:
        yield day
        day = first_day(period, day + timedelta(days=period.longest_seconds // DAY))
    yield day


def _day(at: float, zone: tzinfo) -> date:
    try:
        day = datetime.fromtimestamp(at, zone).date()
    except (OverflowError, OSError) as exc:
        raise ValueError(f"expected an instant that the calendar knows, got {at!r}") from exc
    if not MINYEAR < day.year < MAXYEAR:  # the periods around it are needed, too
        raise ValueError(f"expected an instant that the calendar knows, got {at!r}")
    return day
