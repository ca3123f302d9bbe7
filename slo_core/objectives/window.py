"""
Rolling and calendar windows, and the tiers of buckets they are read from.

No function reads a clock: each takes the instant as an argument.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date, tzinfo

__all__ = [
    "CALENDAR_PERIODS",
    "DAY",
    "EDGE_BUCKETS",
    "FUTURE_TOLERANCE_SECONDS",
    "HOUR",
    "LATEST_TIME",
    "LONGEST_CLOCK_CHANGE_SECONDS",
    "LONGEST_PERIOD_SECONDS",
    "LONGEST_WINDOW_SECONDS",
    "MINUTES",
    "QUARTER_HOUR",
    "SECONDS",
    "SLACK_SECONDS",
    "CalendarPeriod",
    "PeriodWindow",
    "Span",
    "Tier",
    "calendar_end",
    "calendar_start",
    "first_day",
    "load_timezone",
    "midnight",
    "rolling_span",
    "tiers_reaching",
]

QUARTER_HOUR, HOUR, DAY = 900, 3600, 86_400

# No event is later, in seconds since the epoch (the year 36812): every store holds it. Milliseconds are beyond it.
LATEST_TIME = 2**40

# An event from a host whose clock runs a little fast is still seen by a live read.
FUTURE_TOLERANCE_SECONDS = 60

# A quarter has at most 92 days; longer windows would hide a bad month behind three good ones.
LONGEST_WINDOW_SECONDS = 92 * DAY

# Clocks go back by an hour in most zones, by two at Antarctica/Troll, by seven at Vostok in 1994, and by a whole day where
# a zone crosses the date line (Alaska in 1867): no calendar period is longer than its days and one more.
LONGEST_CLOCK_CHANGE_SECONDS = DAY

# The longest calendar period, which is longer than the longest rolling window.
LONGEST_PERIOD_SECONDS = LONGEST_WINDOW_SECONDS + LONGEST_CLOCK_CHANGE_SECONDS

# How much longer than its span a tier is kept: twice the clock difference that is tolerated.
SLACK_SECONDS = 2 * FUTURE_TOLERANCE_SECONDS

# How many extra buckets a tier keeps: the one at its far edge, and the one that is being filled.
EDGE_BUCKETS = 2


class Tier(NamedTuple):
    """
    One resolution of counting: buckets of `width_seconds`, read by windows up to `span_seconds` long.

    A window counts the bucket at its far edge whole, so its error there is at most one width:
    a second of an hour, a minute of a day, a quarter of an hour of 30 days.
    """

    width_seconds: int
    span_seconds: int

    @property
    def bucket_count(self) -> int:
        """How many buckets are kept: for the span, its edges, and the tolerated clock difference."""
        return math.ceil((self.span_seconds + SLACK_SECONDS) / self.width_seconds) + EDGE_BUCKETS

    def bucket(self, at: float) -> int:
        """The number of the bucket `at` falls into."""
        return math.floor(at / self.width_seconds)


SECONDS = Tier(1, HOUR)
MINUTES = Tier(60, DAY)


def tiers_reaching(longest_seconds: int) -> tuple[Tier, ...]:
    """
    The tiers that windows up to `longest_seconds` are read from, finest first.

    Memory depends on this length alone, never on traffic.
    """
    tiers = [SECONDS]
    if longest_seconds > SECONDS.span_seconds:
        tiers.append(MINUTES)
    if longest_seconds > MINUTES.span_seconds:
        tiers.append(Tier(QUARTER_HOUR, longest_seconds))
    return tuple(tiers)


# A tuple: a snapshot makes one for each window, and a frozen dataclass takes twice as long to make.
class Span(NamedTuple):
    """
    A span of time to be counted.

    Attributes:
        start: Its far edge, in seconds since the epoch.
        at: The instant it is read at.
        until: Its near edge, inclusive.
        reach_seconds: The longest length of this window; decides which tier it is read from.
        includes_start: A calendar window holds the instant it starts at, a rolling one does not.
    """

    start: float
    at: float
    until: float
    reach_seconds: int
    includes_start: bool = False

    def holds(self, timestamp: float) -> bool:
        """Whether an event of that instant lies in the span, exactly, without buckets."""
        after = timestamp >= self.start if self.includes_start else timestamp > self.start
        return after and timestamp <= self.until


def rolling_span(window_seconds: int, *, at: float, until: float) -> Span:
    """The `window_seconds` before `at`, seen up to `until`."""
    return Span(at - window_seconds, at, until, window_seconds)


class CalendarPeriod(NamedTuple):
    """
    A calendar window: from the start of the current month, week or quarter until now.

    Attributes:
        name: What the user types.
        nominal_seconds: The length that burn-rate factors are worked out from.
        longest_seconds: The longest it can be, also where clocks go back in it.
    """

    name: str
    nominal_seconds: int
    longest_seconds: int


CALENDAR_PERIODS = {
    period.name: period
    for period in (
        CalendarPeriod("week", 7 * DAY, 7 * DAY + LONGEST_CLOCK_CHANGE_SECONDS),
        CalendarPeriod("month", 30 * DAY, 31 * DAY + LONGEST_CLOCK_CHANGE_SECONDS),
        CalendarPeriod("quarter", 90 * DAY, LONGEST_PERIOD_SECONDS),
    )
}


class PeriodWindow(int):
    """
    The key of an SLO's calendar window where a rolling window of the same nominal length is counted, too.

    A number of seconds that equals no other number: this week and the last seven days are two windows.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PeriodWindow) and int(self) == int(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(("period", int(self)))


def load_timezone(name: str) -> tzinfo:
    """
    The time zone of that IANA name.

    Raises:
        ValueError: Unknown, or the machine has no time zone data.
    """
    from datetime import UTC  # here and below: it takes 1 ms to import, and most services have no calendar window

    if name == "UTC":
        return UTC  # needs no time zone data, which slim images lack
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # only calendar windows need it

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as exc:
        raise ValueError(
            f'expected an IANA time zone such as "Europe/Berlin", got {name!r}; '
            "where the machine has no time zone data: pip install tzdata"
        ) from exc


def calendar_start(period: CalendarPeriod, at: float, zone: tzinfo) -> float:
    """
    When the calendar period that holds `at` began, in seconds since the epoch.

    Weeks start on Monday (ISO 8601), quarters in January, April, July and October, all at local midnight.

    Raises:
        ValueError: The instant lies outside the years 1 to 9999.
    """
    return midnight(first_day(period, _day(at, zone)), zone)


def calendar_end(period: CalendarPeriod, at: float, zone: tzinfo) -> float:
    """
    When the calendar period that holds `at` ends and the next one begins, in seconds since the epoch.

    Raises:
        ValueError: The instant, or the end, lies outside the years 1 to 9999.
    """
    from datetime import timedelta

    first = first_day(period, _day(at, zone))
    try:
        # The first day plus the longest length of such a period lies in the next period.
        later = first + timedelta(days=period.longest_seconds // DAY)
    except OverflowError as exc:
        raise ValueError(f"expected an instant that the calendar knows, got {at!r}") from exc
    return midnight(first_day(period, later), zone)


def _day(at: float, zone: tzinfo) -> date:
    from datetime import datetime

    try:
        return datetime.fromtimestamp(at, zone).date()
    except (OverflowError, OSError) as exc:  # what lies beyond the years 1 to 9999 depends on the platform
        raise ValueError(f"expected an instant that the calendar knows, got {at!r}") from exc


def first_day(period: CalendarPeriod, day: date) -> date:
    """The first day of the calendar period that holds a day."""
    if period.name == "week":
        from datetime import timedelta

        return day - timedelta(days=day.weekday())
    if period.name == "month":
        return day.replace(day=1)
    return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)


def midnight(day: date, zone: tzinfo) -> float:
    """When a day begins, in seconds since the epoch."""
    from datetime import datetime

    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
