"""How much of an error budget an incident spends, in each window that it touches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from slo_core.budgets.budget import exact_budget_remaining
from slo_core.budgets.events import EventCounts
from slo_core.objectives.definition import SLODefinition
from slo_core.simulation.outcome import SpentShare
from slo_core.simulation.traffic import Traffic

__all__ = ["period_starts", "spent_shares"]


def period_starts(definition: SLODefinition, *, start: int, until: int) -> list[int]:
    """
    When the calendar windows of an SLO begin from the one that holds the start of an incident on; none for a rolling window.

    Args:
        definition: The SLO.
        start: When the incident begins, in seconds since the epoch.
        until: The last second that matters, from the start of the incident.

    Returns:
        Seconds from the start of the incident, in order of time; the first is 0 or earlier.
    """
    if definition.period is None:
        return []
    starts = [_period_start(definition, start + until) - start]
    while starts[-1] > 0:
        starts.append(_period_start(definition, start + starts[-1] - 1) - start)
    return starts[::-1]


def spent_shares(
    definition: SLODefinition,
    traffic: Traffic,
    *,
    start: int,
    seconds: int,
    stops: Iterable[int],
    far_edge: Callable[[int], int],
) -> tuple[SpentShare, ...]:
    """
    The share of the budget that the incident's bad events spend at its worst: one of a rolling window, or of each period.

    Args:
        definition: The SLO.
        traffic: All traffic.
        start: When the incident begins, in seconds since the epoch.
        seconds: How long it lasts.
        stops: The times at which a share may be at its worst, from the start of the incident.
        far_edge: Where a rolling window begins that ends at a time.
    """
    inside = sorted({stop for stop in stops if 0 < stop < seconds} | {seconds})
    starts = period_starts(definition, start=start, until=seconds - 1)
    if not starts:
        return (_worst(definition, traffic, [(far_edge(at), at) for at in inside], begins_at=None),)
    shares = []
    for begins, ends in pairwise([*starts, seconds]):
        ats: Sequence[int] = sorted({at for at in inside if begins < at < ends} | {ends})
        shares.append(_worst(definition, traffic, [(begins, at) for at in ats], begins_at=start + begins))
    return tuple(shares)


def _worst(
    definition: SLODefinition, traffic: Traffic, windows: Iterable[tuple[int, int]], *, begins_at: int | None
) -> SpentShare:
    shares = []
    for begins, ends in windows:
        bad, total = traffic.between(max(0, begins), ends).bad, traffic.between(begins, ends).total
        shares.append(float(1 - exact_budget_remaining(EventCounts(total - bad, bad), definition.objective)))
    return SpentShare(begins_at=begins_at, worst=max(shares), at_its_end=shares[-1])


def _period_start(definition: SLODefinition, at: int) -> int:
    return int(definition.own_span(at=float(at), until=float(at)).start)
