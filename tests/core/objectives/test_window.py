"""Buckets, spans and the calendar."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_core.objectives.window import (
    CALENDAR_PERIODS,
    DAY,
    HOUR,
    Span,
    Tier,
    calendar_end,
    calendar_start,
    load_timezone,
    tiers_reaching,
)

# The last two move by two hours, and by three.
ZONES = [
    "UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "Antarctica/Troll", "Antarctica/Casey"
]  # fmt: skip
# Since 2001: before, zones moved by a quarter of an hour at a new year's midnight (Nepal in 1986).
instants = st.floats(min_value=1_000_000_000, max_value=4_000_000_000)


@pytest.mark.parametrize("width", [1, 60, 900, DAY])
@given(at=st.floats(min_value=0, max_value=4e9))
def test_bucket_edges_partition_time(width: int, at: float) -> None:
    """Every instant lies in exactly one bucket: at its start or after it, before the next one's."""
    bucket = Tier(width, DAY).bucket(at)

    assert bucket * width <= at < (bucket + 1) * width


@pytest.mark.parametrize(
    ("longest", "tiers"),
    [
        (1, [(1, HOUR)]),
        (HOUR, [(1, HOUR)]),
        (HOUR + 1, [(1, HOUR), (60, DAY)]),
        (DAY, [(1, HOUR), (60, DAY)]),
        (30 * DAY, [(1, HOUR), (60, DAY), (900, 30 * DAY)]),
        (93 * DAY, [(1, HOUR), (60, DAY), (900, 93 * DAY)]),
    ],
)
def test_the_tiers_that_a_window_needs(longest: int, tiers: list[tuple[int, int]]) -> None:
    """Seconds for an hour, minutes for a day, quarters of an hour beyond."""
    assert [(tier.width_seconds, tier.span_seconds) for tier in tiers_reaching(longest)] == tiers


def test_a_tier_keeps_its_span_the_cut_bucket_and_the_tolerance() -> None:
    """An hour of seconds, 120 s more, the bucket at each end."""
    assert Tier(1, HOUR).bucket_count == 3600 + 120 + 2
    assert Tier(60, DAY).bucket_count == 1440 + 2 + 2
    assert Tier(900, 30 * DAY).bucket_count == 2880 + 1 + 2


def test_a_rolling_span_excludes_its_start_and_a_calendar_span_holds_it() -> None:
    """(at - W, at], and [midnight, now]."""
    rolling = Span(start=100.0, at=200.0, until=200.0, reach_seconds=100)
    calendar = Span(start=100.0, at=200.0, until=200.0, reach_seconds=100, includes_start=True)

    assert [rolling.holds(at) for at in (99.9, 100.0, 100.1, 200.0, 200.1)] == [False, False, True, True, False]
    assert calendar.holds(100.0)


def start_of(period: str, text: str, zone: str) -> str:
    """The start of the period that holds a local time, as a local time."""
    tz = load_timezone(zone)
    at = datetime.fromisoformat(text).replace(tzinfo=tz).timestamp()
    return datetime.fromtimestamp(calendar_start(CALENDAR_PERIODS[period], at, tz), tz).isoformat()


@pytest.mark.parametrize(
    ("period", "text", "zone", "start"),
    [
        # Summer time began on 31 March 2024, 02:00: the month's start is still at +01:00.
        ("month", "2024-03-31T12:00", "Europe/Berlin", "2024-03-01T00:00:00+01:00"),
        ("week", "2024-03-31T12:00", "Europe/Berlin", "2024-03-25T00:00:00+01:00"),
        ("quarter", "2024-05-05T12:00", "Europe/Berlin", "2024-04-01T00:00:00+02:00"),
        ("quarter", "2024-12-31T23:59", "Europe/Berlin", "2024-10-01T00:00:00+02:00"),
        ("month", "2024-11-10T12:00", "America/St_Johns", "2024-11-01T00:00:00-02:30"),
        ("month", "2024-12-10T12:00", "America/St_Johns", "2024-12-01T00:00:00-03:30"),
        ("month", "2024-02-29T00:00", "Asia/Kathmandu", "2024-02-01T00:00:00+05:45"),
        # Samoa left out Friday, 30 December 2011: the week that began on Monday had six days.
        ("week", "2011-12-31T12:00", "Pacific/Apia", "2011-12-26T00:00:00-10:00"),
        ("month", "2011-12-31T12:00", "Pacific/Apia", "2011-12-01T00:00:00-10:00"),
        # ISO weeks run over the end of the year.
        ("week", "2025-01-01T00:00", "UTC", "2024-12-30T00:00:00+00:00"),
        ("week", "2024-12-30T00:00", "UTC", "2024-12-30T00:00:00+00:00"),
        # Lebanon starts summer time at midnight: that day begins at 01:00.
        ("month", "2024-03-31T12:00", "Asia/Beirut", "2024-03-01T00:00:00+02:00"),
    ],
)
def test_calendar_periods_begin_at_local_midnight(period: str, text: str, zone: str, start: str) -> None:
    """Whatever the clocks do in between."""
    assert start_of(period, text, zone) == start


def test_a_period_that_begins_in_a_gap_begins_when_the_day_does() -> None:
    """Paraguay's clocks went from 00:00 to 01:00 on 1 October 2023: by noon the month was eleven hours old."""
    zone = load_timezone("America/Asuncion")
    noon = datetime(2023, 10, 1, 12, tzinfo=zone).timestamp()

    start = calendar_start(CALENDAR_PERIODS["month"], noon, zone)

    assert noon - start == 11 * HOUR


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("period", list(CALENDAR_PERIODS))
@given(at=instants)
def test_a_period_holds_its_instant_and_is_never_longer_than_what_is_kept(zone: str, period: str, at: float) -> None:
    """From its start to the last instant of it there are at most `longest_seconds`."""
    tz, calendar = load_timezone(zone), CALENDAR_PERIODS[period]

    start, end = calendar_start(calendar, at, tz), calendar_end(calendar, at, tz)

    assert start <= at < end <= start + calendar.longest_seconds
    assert calendar_start(calendar, end, tz) == end
    assert calendar_start(calendar, end - 0.001, tz) == start
    assert calendar_start(calendar, start, tz) == start
    local = datetime.fromtimestamp(start, tz)
    assert (local.hour, local.minute, local.second) == (0, 0, 0)
    expected = {
        "week": local.weekday() == 0,
        "month": local.day == 1,
        "quarter": local.day == 1 and local.month % 3 == 1,
    }
    assert expected[period]


def clock_changes(zone: tzinfo) -> list[tuple[float, float, timedelta]]:
    """Since 1970: an instant, one a week later, and how far the zone's clocks moved between them."""
    weeks = [week * 7.0 * DAY for week in range(52 * 70)]
    offsets = [datetime.fromtimestamp(at, zone).utcoffset() or timedelta() for at in weeks]
    pairs = zip(pairwise(weeks), pairwise(offsets), strict=True)
    return [(before, after, new - old) for (before, after), (old, new) in pairs if new != old]


def test_no_period_of_any_zone_is_longer_than_what_is_kept() -> None:
    """In every zone whose clocks have moved by anything but an hour, around every change of them."""
    checked = set()
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        changes = clock_changes(zone)
        if all(abs(shift) == timedelta(hours=1) for _, _, shift in changes):
            continue
        checked.add(name)
        for at in (instant for before, after, _ in changes for instant in (before, after)):
            for period in CALENDAR_PERIODS.values():
                start, end = calendar_start(period, at, zone), calendar_end(period, at, zone)
                assert start <= at < end <= start + period.longest_seconds, (name, period.name, at)

    assert {"Antarctica/Troll", "Antarctica/Vostok", "Australia/Lord_Howe", "Pacific/Kwajalein"} <= checked


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("period", list(CALENDAR_PERIODS))
@given(day=st.integers(min_value=12_000, max_value=40_000))
def test_periods_partition_time(zone: str, period: str, day: int) -> None:
    """Going on, the start stays where it is or moves to where the last period ended."""
    tz, calendar = load_timezone(zone), CALENDAR_PERIODS[period]
    at = day * float(DAY)
    here, later = calendar_start(calendar, at, tz), calendar_start(calendar, at + DAY, tz)

    assert here == later or at < later <= at + DAY


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"])
def test_calendar_starts_are_bucket_edges(zone: str) -> None:
    """Midnights of all zones in use lie on quarters of an hour: calendar windows have no cut bucket."""
    tz = ZoneInfo(zone)
    for month in range(1, 13):
        assert datetime(2024, month, 1, tzinfo=tz).timestamp() % 900 == 0


@pytest.mark.parametrize("at", [1e15, 1e300, -1e300])
def test_instants_beyond_the_calendar_are_refused(at: float) -> None:
    """A ValueError on every platform, not an OverflowError."""
    with pytest.raises(ValueError, match="out of range|the calendar knows"):
        calendar_start(CALENDAR_PERIODS["month"], at, UTC)
    with pytest.raises(ValueError, match="out of range|the calendar knows"):
        calendar_end(CALENDAR_PERIODS["month"], at, UTC)


def test_the_last_period_of_the_calendar_has_no_end() -> None:
    """A ValueError, not an OverflowError."""
    last = datetime(9999, 12, 31, tzinfo=UTC).timestamp()

    with pytest.raises(ValueError, match="the calendar knows"):
        calendar_end(CALENDAR_PERIODS["month"], last, UTC)


@pytest.mark.parametrize(
    ("period", "text", "zone", "end"),
    [
        ("week", "2026-08-05T12:00", "UTC", "2026-08-10T00:00:00+00:00"),
        ("month", "2026-01-31T23:59", "UTC", "2026-02-01T00:00:00+00:00"),
        ("month", "2024-02-01T00:00", "UTC", "2024-03-01T00:00:00+00:00"),
        ("month", "2026-03-15T00:00", "Europe/Berlin", "2026-04-01T00:00:00+02:00"),
        ("quarter", "2026-12-31T12:00", "UTC", "2027-01-01T00:00:00+00:00"),
        ("quarter", "2026-01-01T00:00", "Europe/Berlin", "2026-04-01T00:00:00+02:00"),
    ],
)
def test_a_period_ends_where_the_next_one_begins(period: str, text: str, zone: str, end: str) -> None:
    """After as many days as it has, at local midnight."""
    tz = load_timezone(zone)
    at = datetime.fromisoformat(text).replace(tzinfo=tz).timestamp()

    assert datetime.fromtimestamp(calendar_end(CALENDAR_PERIODS[period], at, tz), tz).isoformat() == end


def test_utc_needs_no_time_zone_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slim images have none."""
    monkeypatch.setitem(__import__("sys").modules, "zoneinfo", None)

    assert load_timezone("UTC").utcoffset(None) == timedelta(0)
    assert not math.isnan(calendar_start(CALENDAR_PERIODS["week"], 0.0, load_timezone("UTC")))
