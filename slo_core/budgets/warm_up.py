"""Whether the failures of an SLO's window are enough to judge its error budget by."""

from __future__ import annotations

from slo_core.budgets.events import EventCounts
from slo_core.objectives.definition import SLODefinition

__all__ = ["LEAST_MEASURED_PARTS", "is_warming_up", "measured_seconds"]

# One tenth of the window must have been measured: a few days say little about the others.
LEAST_MEASURED_PARTS = 10


def measured_seconds(definition: SLODefinition, *, at: float, data_since: float) -> float:
    """
    How many seconds of the SLO's window have been measured.

    On the second day of a month that is one day, even if the SLO has been measured for longer.

    Args:
        definition: The SLO.
        at: The instant, in seconds since the epoch.
        data_since: Since when the SLO is measured.
    """
    if definition.period is None:
        return min(float(definition.window_seconds), max(0.0, at - data_since))
    own = definition.own_span(at=at, until=at)
    return max(0.0, at - max(own.start, data_since))


def is_warming_up(
    definition: SLODefinition, counts: EventCounts, *, at: float, data_since: float, expected_events: int | None
) -> bool:
    """
    Whether there are failures, but too few of them or too short a time to judge the error budget by.

    The first failure among 999 requests of a month spends the whole budget of those requests, and says nothing about the
    month. A budget is judged from `min_failures` bad events on (the fewest that one of the SLO's alert rules asks for),
    once a tenth of the window has been measured, or more events are bad than may be of as many events as the window held
    before.

    Args:
        definition: The SLO.
        counts: The events of its window.
        at: The instant, in seconds since the epoch.
        data_since: Since when the SLO is measured.
        expected_events: How many events the window holds, by what it held before; None where that is not known.

    Returns:
        False without failures: then there is nothing to judge.
    """
    if counts.bad == 0:
        return False
    if counts.bad < definition.min_failures:
        return True
    if expected_events is not None and counts.bad > definition.objective.allowance * expected_events:
        return False
    measured = measured_seconds(definition, at=at, data_since=data_since)
    return measured * LEAST_MEASURED_PARTS < definition.window_length(at)
