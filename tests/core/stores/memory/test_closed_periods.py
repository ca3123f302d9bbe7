"""Closed periods in memory: for as long as the process lives."""

from __future__ import annotations

import datetime as dt

import pytest

from slo_core import InMemoryStore, SLODefinition, SLOTracker
from slo_core.testing import FakeClock

DAY, HOUR = 86_400, 3600


def instant(*parts: int) -> float:
    return dt.datetime(*parts, tzinfo=dt.UTC).timestamp()  # type: ignore[misc, arg-type]


MARCH, APRIL = instant(2026, 3, 1), instant(2026, 4, 1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(instant(2026, 2, 20))


@pytest.fixture
def tracker(clock: FakeClock) -> SLOTracker:
    return SLOTracker(SLODefinition("monthly", 0.99, window="month"), clock=clock)


def counted(tracker: SLOTracker, kind: str, start: float) -> tuple[int, int, bool] | None:
    rows = {(row.kind, row.start): row for row in tracker.closed_periods()}
    row = rows.get((kind, int(start)))
    return None if row is None else (row.good, row.bad, row.is_final)


def test_a_month_is_closed_a_quarter_of_an_hour_after_its_end(tracker: SLOTracker, clock: FakeClock) -> None:
    """Whether or not anything is counted then."""
    clock.now = APRIL - 1
    tracker.record(False)
    clock.now = APRIL + 899
    assert counted(tracker, "month", MARCH) is None

    clock.now = APRIL + 900

    assert counted(tracker, "month", MARCH) == counted(tracker, "day", APRIL - DAY) == (0, 1, False)


def test_late_events_change_a_month_until_it_is_final(tracker: SLOTracker, clock: FakeClock) -> None:
    """For a week after its end; in January its last second still answers for the whole of it."""
    clock.now = MARCH + 1
    tracker.record(True)
    clock.now = APRIL + DAY
    tracker.record(True)
    assert counted(tracker, "month", MARCH) == (1, 0, False)

    tracker.record(False, at=MARCH + 5)
    assert counted(tracker, "month", MARCH) == (1, 1, False)
    for _ in range(9):
        clock.advance(days=1)
        tracker.record(True)
    tracker.record(False, at=APRIL - 5)
    assert counted(tracker, "month", MARCH) == (1, 1, True)

    clock.now = instant(2027, 1, 20)
    tracker.record(True)
    snapshot = tracker.snapshot(at=APRIL - 1)
    assert (snapshot.total, snapshot.failures, snapshot.is_complete, snapshot.covered_since) == (2, 1, True, MARCH)


def test_late_events_count_however_the_clock_went(tracker: SLOTracker, clock: FakeClock) -> None:
    """A host half a minute ahead of the clock, and a clock that was a day ahead, close no period too early for good."""
    for ahead in (0, 30, DAY):
        start = clock.now // DAY * DAY + DAY
        clock.now = start + 5
        tracker.record(True)
        clock.now = start + DAY + 899 + (ahead if ahead == DAY else 0)
        tracker.record(True, at=clock.now + ahead % DAY)
        tracker.record(False, at=start + DAY - 1)
        tracker.closed_periods()
        clock.now = start + DAY + 899
        tracker.record(False, at=start + DAY - 2)
        tracker.closed_periods()
        clock.now = start + DAY + 901

        assert counted(tracker, "day", start) == (1, 2, False)
        assert counted(tracker, "day", start + DAY) is None


def test_quiet_days_stay_when_late_events_come(tracker: SLOTracker, clock: FakeClock) -> None:
    """Eight days that were closed, one after the other, are eight rows before and after two late events."""
    tracker.record(True)
    first = clock.now // DAY * DAY
    for _ in range(9):
        clock.advance(days=1)
        tracker.closed_periods()

    tracker.record(True, at=first + 2 * DAY)
    tracker.record(True, at=first + 3 * DAY)

    assert [row.total for row in tracker.closed_periods() if row.kind == "day"] == [1, 0, 1, 1, 0, 0, 0, 0]


def test_a_service_that_slept_closes_its_month_before_new_events_push_it_out(
    tracker: SLOTracker, clock: FakeClock
) -> None:
    """The first event after two months of silence."""
    clock.now = MARCH + HOUR
    tracker.record(False)
    clock.advance(days=60)

    tracker.record(True)

    assert counted(tracker, "month", MARCH) == (0, 1, True)
    assert tracker.snapshot(at=APRIL - 1).failures == 1


def test_an_observation_store_keeps_no_periods(clock: FakeClock) -> None:
    """How long its events are kept is its owner's affair."""
    tracker = SLOTracker(SLODefinition("mine", 0.9), store=InMemoryStore(max_age_seconds=30 * DAY), clock=clock)
    tracker.record(True)
    clock.advance(days=2)

    assert tracker.closed_periods() == ()


def test_a_clock_beyond_all_calendars_closes_nothing(clock: FakeClock) -> None:
    """The year 36811: events are counted all the same."""
    clock.now = 2.0**40 - 100 * DAY
    tracker = SLOTracker(SLODefinition("far", 0.9), clock=clock)
    tracker.record(True)
    clock.advance(days=2)
    tracker.record(True)

    assert (tracker.snapshot().total, tracker.closed_periods()) == (2, ())
