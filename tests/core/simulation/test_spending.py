"""What an incident spends, in each window that it touches: counted second by second from the definition of a budget."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from slo_core import SLODefinition
from slo_core.budgets.events import EventCounts
from slo_core.simulation.incident import Incident
from slo_core.simulation.minute_counts import MinuteCounts
from slo_core.simulation.outcome import outcome_json
from slo_core.simulation.run import simulate

HOUR, DAY = 3600, 86_400


def first_day(zone: str, year: int, month: int, day: int = 1) -> int:
    return int(datetime(year, month, day, tzinfo=ZoneInfo(zone)).timestamp())


def share_spent(*, bad: int, total: int) -> float:
    """Of a budget of one event in a hundred."""
    return float(Fraction(bad * 100, total))


@pytest.mark.parametrize(("zone", "after"), [("UTC", 0), ("Asia/Kathmandu", 2), ("Pacific/Apia", HOUR)])
def test_an_incident_over_the_end_of_a_week_spends_of_both(zone: str, after: int) -> None:
    """One event a second, every second one bad for two hours before midnight; a week that it does not touch is left out."""
    midnight, begins = first_day(zone, 2026, 3, 2), first_day(zone, 2026, 2, 23)
    incident = Incident.steady(error_ratio=Fraction(1, 2), seconds=2 * HOUR + after, rate=Fraction(1), after_seconds=9)
    slo = SLODefinition("a", 0.99, window="week", timezone=zone, alert_rules=(), burn_rate_windows=())

    (outcome,) = simulate([slo], incident, start=midnight - 2 * HOUR)

    budget = outcome.budget
    worst = share_spent(bad=HOUR, total=7 * DAY)
    expected = [(begins, worst)]
    if after:
        expected.append((midnight, share_spent(bad=after // 2, total=after)))
    assert [(share.begins_at, share.worst) for share in budget.windows] == expected
    assert budget.spent == max(share for _, share in expected)
    assert budget.after_begins_at == midnight
    assert budget.lowest <= 1 - worst + 0.001
    assert outcome_json(outcome)["budget"]["spent"] == budget.spent


def test_an_incident_that_ends_before_midnight_spends_of_one_month() -> None:
    """However much is left of the next one when the simulation ends."""
    start = first_day("UTC", 2026, 2, 28)
    incident = Incident.steady(error_ratio=Fraction(1), seconds=DAY - 1, rate=Fraction(1), after_seconds=9)

    (outcome,) = simulate(
        [SLODefinition("a", 0.99, window="month", alert_rules=(), burn_rate_windows=())], incident, start=start
    )

    (share,) = outcome.budget.windows
    assert share.worst == share.at_its_end == share_spent(bad=DAY - 1, total=28 * DAY - 1)
    assert (outcome.budget.after_begins_at, outcome.budget.at_the_end) == (None, 1.0)


@pytest.mark.parametrize(
    ("options", "before"), [({"window_seconds": HOUR}, HOUR - 600), ({"window": "month"}, 9 * DAY)]
)
def test_a_burst_that_is_over_was_spent_nevertheless(options: dict[str, Any], before: int) -> None:
    """Ten bad minutes, then two hours of good ones: the burst has left an hour, and weighs less in a month."""
    bad = [MinuteCounts(minute, EventCounts(0, 60)) for minute in range(10)]
    good = [MinuteCounts(minute, EventCounts(60, 0)) for minute in range(10, 130)]
    incident = Incident.recorded([*bad, *good], rate=Fraction(1))
    slo = SLODefinition("a", 0.99, alert_rules=(), burn_rate_windows=(), **options)

    (outcome,) = simulate([slo], incident, start=first_day("UTC", 2026, 2, 10))

    (share,) = outcome.budget.windows
    assert share.worst == share_spent(bad=600, total=before + 600)
    assert share.at_its_end == (share_spent(bad=600, total=before + 130 * 60) if "window" in options else 0.0)
