"""When the failures of a window are enough to judge its budget by."""

from __future__ import annotations

import calendar

import pytest

from slo_core import AlertRule, SLODefinition
from slo_core.budgets.events import EventCounts
from slo_core.budgets.warm_up import is_warming_up

DAY = 86_400
NOW = float(calendar.timegm((2026, 4, 10, 0, 0, 0)))


def warms_up(definition: SLODefinition, *, good: int = 900, bad: int, days: float, expected: int | None = None) -> bool:
    counts = EventCounts(good, bad)
    return is_warming_up(definition, counts, at=NOW, data_since=NOW - days * DAY, expected_events=expected)


def test_a_tenth_of_the_window_must_be_measured() -> None:
    """Three of 30 days, to the second, however many events failed."""
    slo = SLODefinition("a", 0.999)

    assert warms_up(slo, bad=100, days=3 - 1 / DAY)
    assert not warms_up(slo, bad=100, days=3)


@pytest.mark.parametrize(("window", "days_of_it"), [("month", 3.1), ("week", 0.7), ("quarter", 9.1)])
def test_a_calendar_window_warms_up_each_time_it_begins(window: str, days_of_it: float) -> None:
    """A tenth of March's 31 days, of a week, of the second quarter's 91; measured for years before."""
    slo = SLODefinition("a", 0.999, window=window)  # type: ignore[arg-type]  # one of the three
    start = slo.span(slo.window_seconds, at=NOW, until=NOW).start
    length = slo.window_length(start)
    tenth = start + length / 10

    def at(instant: float) -> bool:
        return is_warming_up(slo, EventCounts(900, 100), at=instant, data_since=0.0, expected_events=None)

    assert length / 10 == pytest.approx(days_of_it * DAY, rel=0.04)
    assert at(tenth - 1)
    assert not at(tenth)


def test_one_failure_is_too_few_however_long_was_measured() -> None:
    """Two by default; otherwise as few as the most sensitive of the SLO's alert rules asks for."""
    rules = tuple(AlertRule(60 * n, 30, severity="page", burn_rate=2, min_failures=n) for n in (5, 3))

    assert warms_up(SLODefinition("a", 0.999), bad=1, days=30)
    assert not warms_up(SLODefinition("a", 0.999), bad=2, days=30)
    assert not warms_up(SLODefinition("a", 0.999, alert_rules=()), bad=2, days=30)
    assert warms_up(SLODefinition("a", 0.999, alert_rules=rules), bad=2, days=30)
    assert not warms_up(SLODefinition("a", 0.999, alert_rules=rules), bad=3, days=30)


def test_more_failures_than_the_last_period_allowed_are_judged_immediately() -> None:
    """100,000 events in the last period allow 100 bad ones: the 101st of the first hour breaks any such period."""
    slo = SLODefinition("a", 0.999)

    assert warms_up(slo, bad=100, days=0.01, expected=100_000)
    assert not warms_up(slo, bad=101, days=0.01, expected=100_000)
    assert warms_up(slo, bad=1, days=0.01, expected=10)  # one is too few in any case


def test_without_failures_nothing_waits_to_be_judged() -> None:
    """A new SLO without a failure has its budget."""
    assert not warms_up(SLODefinition("a", 0.999), bad=0, days=0)
