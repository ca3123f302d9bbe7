"""The history of one SLO for charts: events, budget and burn rates over time, and since when alerts fire."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from slo_core.budgets.alerts import RuleCheck
from slo_core.budgets.budget import error_budget_remaining
from slo_core.budgets.burn_rate import burn_rate
from slo_core.budgets.events import EventCounts
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.budgets.timeline import Timeline
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.objectives.window import DAY, HOUR

__all__ = ["RANGES", "FiringSince", "History", "Point", "firing_since", "history", "ranges_of"]

RANGES = (HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY)

# The points that a chart of ordinary width can show.
_MOST_POINTS = 250
_STEPS = (60, 300, 900, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY)


@dataclass(frozen=True, slots=True)
class Point:
    """
    One step of a history.

    Attributes:
        end: When it ends, in seconds since the epoch; the last one ends at the instant of the snapshot.
        good: Good events in it.
        bad: Bad events in it.
        error_budget_remaining: Share of the window's present budget that was left at its end. None before measuring or the
            window began, and where older counts are no longer kept.
        even_spend: The share that would be left if the budget were spent evenly over the window; None outside it.
        burn_rates: At its end, one for each of the history's windows. None before measuring began, and for a window that
            reaches back before what is kept.
    """

    end: float
    good: int
    bad: int
    error_budget_remaining: float | None
    even_spend: float | None
    burn_rates: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class History:
    """
    The past of one SLO.

    Attributes:
        range_seconds: How far it reaches back; for the whole of a calendar window, at least to its start. Steps that are
            no longer kept whole are left out.
        step_seconds: The length of each point but the last.
        burn_rate_windows: The windows of `Point.burn_rates`: the long ones of the alert rules, shortest first.
        points: Oldest first.
    """

    range_seconds: int
    step_seconds: int
    burn_rate_windows: tuple[int, ...]
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class FiringSince:
    """
    The time since which an alert rule has fired without a break.

    Attributes:
        at: In seconds since the epoch.
        within_seconds: It began to fire at most so much earlier: 1 where every event is known to the second. A window that
            ends in the last hour, of which seconds are kept, begins before it, in minutes.
        is_earliest_known: Whether no older buckets are kept: the rule may have fired long before.
    """

    at: float
    within_seconds: int
    is_earliest_known: bool = False


def ranges_of(definition: SLODefinition) -> dict[str, int]:
    """The ranges that a history of this SLO may have, by name; the last is its whole window."""
    shorter = [seconds for seconds in RANGES if seconds < definition.window_seconds]
    return {format_duration(seconds): seconds for seconds in (*shorter, definition.window_seconds)}


def history(definition: SLODefinition, snapshot: SLOSnapshot, timeline: Timeline, *, range_seconds: int) -> History:
    """
    Work out the past of an SLO.

    Args:
        definition: The SLO.
        snapshot: Its current snapshot.
        timeline: Its buckets.
        range_seconds: How far back to look.
    """
    at, target = snapshot.at, definition.objective
    samples = [alert.long for alert in snapshot.alerts] or list(snapshot.burn_rate_samples)
    burns_now = dict(sorted((sample.window_seconds, sample.burn_rate) for sample in samples))
    windows = tuple(burns_now)
    own = definition.own_span(at=at, until=at)
    if definition.period is not None and range_seconds == definition.window_seconds:
        # The whole window: a month of 31 days is longer than its nominal 30.
        range_seconds = max(range_seconds, math.ceil(at - own.start))
    ends_at = definition.window_end(at)
    step = next((step for step in _STEPS if range_seconds / step <= _MOST_POINTS), _STEPS[-1])
    first = math.floor((at - range_seconds) / step) * step + step
    edges: list[float] = [*range(first, math.floor(at) + 1, step)]
    if not edges or edges[-1] < at:
        edges.append(at)
    covered_since = _covered_since(timeline, snapshot)
    points = []
    for end in edges:
        is_last = end == at
        # The last point counts all events, also those of hosts whose clocks run a little fast.
        before = math.inf if is_last else end
        start = math.floor((end - 1) / step) * step if is_last else end - step
        if start < covered_since and not is_last:
            continue
        counts = timeline.counts(after=start, before=before)
        is_measured = is_last or end > snapshot.data_since
        left = even = None
        if end > own.start:
            even = max(0.0, (ends_at - end) / (ends_at - own.start))
            if is_measured and own.start >= covered_since:
                spent = timeline.counts(after=own.start, before=before).bad
                left = error_budget_remaining(EventCounts(snapshot.total - spent, spent), target)
        burned = tuple(
            burn_rate(timeline.counts(after=end - window, before=before), target)
            if is_measured and end - window >= covered_since
            else None
            for window in windows
        )
        if is_last:
            # The timeline is coarser at a window's far edge than the snapshot, whose numbers the page shows next to it.
            left, burned = snapshot.error_budget_remaining, tuple(burns_now.values())
        points.append(Point(end, counts.good, counts.bad, left, even, burned))
    return History(range_seconds, step, windows, tuple(points))


def _covered_since(timeline: Timeline, snapshot: SLOSnapshot) -> float:
    """Since when the timeline holds every event; before measuring began there were none."""
    partly = [sample.covered_since for sample in snapshot.window_samples if not sample.is_complete]
    since = max([timeline.covered_since, *partly])
    return since if snapshot.data_since < since else -math.inf


def firing_since(
    rule: AlertRule, *, factor: Fraction, definition: SLODefinition, timeline: Timeline, at: float, data_since: float
) -> FiringSince | None:
    """
    The time since which a rule has fired, by evaluating it at the end of each bucket, back to one where it does not fire.

    It is as exact as the buckets are in which its windows begin and end, and says how exact that is.

    Args:
        rule: The rule.
        factor: The burn rate it compares with.
        definition: The SLO it belongs to.
        timeline: The buckets of the SLO.
        at: Now.
        data_since: Since when the SLO is measured.

    Returns:
        None when it does not fire at the end of the last whole bucket.
    """
    check = RuleCheck(rule, factor=factor, target=definition.objective)
    earliest: int | None = None
    for edge in timeline.edges_back(at):
        if edge > at:
            continue  # not over yet
        if edge - rule.long_window < timeline.covered_since and data_since < timeline.covered_since:
            break  # the windows of that time are no longer whole
        fires = _fires(check, timeline, edge, measured_seconds=edge - data_since)
        if fires is False:
            if earliest is None:
                return None
            return FiringSince(earliest, max(earliest - edge, _rounded_by(rule, timeline, earliest)))
        if fires or earliest is None:
            earliest = edge
    return None if earliest is None else FiringSince(earliest, 0, is_earliest_known=True)


def _fires(check: RuleCheck, timeline: Timeline, edge: int, *, measured_seconds: float) -> bool | None:
    """
    Whether a rule fired at an edge; None where that depends on when the events of a bucket happened.

    A window that ends in seconds may begin in minutes: of the first of these only a part belongs to it.
    """
    rule = check.rule
    windows = [rule.long_window, rule.short_window]
    if measured_seconds < rule.long_window:  # the only time at which the newest events decide
        windows.append(rule.recent_window)
    counts = [_most_and_least(timeline, edge, seconds) for seconds in windows]
    for which, answer in ((1, True), (0, False)):
        long, short, recent = (*(each[which] for each in counts), EventCounts())[:3]
        if check.fires(long=long, short=short, recent=recent, measured_seconds=measured_seconds) is answer:
            return answer
    return None


def _most_and_least(timeline: Timeline, edge: int, seconds: int) -> tuple[EventCounts, EventCounts]:
    """The events of a window with all bad and no good ones of the bucket at its far edge, and the other way round."""
    start = edge - seconds
    whole = timeline.counts(after=start, before=edge)
    width = timeline.width(start)
    if start % width == 0 or seconds % width:
        return whole, whole
    inner = timeline.counts(after=start - start % width + width, before=edge)
    return EventCounts(inner.good, whole.bad), EventCounts(whole.good, inner.bad)


def _rounded_by(rule: AlertRule, timeline: Timeline, edge: int) -> int:
    """How much longer windows are read than they are where no bucket begins with them: 5m of quarters of an hour."""
    widths = ((seconds, timeline.width(edge - seconds)) for seconds in (rule.long_window, rule.short_window))
    return max((width for seconds, width in widths if seconds % width), default=0)
