"""From when to when alert rules fired, worked out from the events that are kept. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from slo_core.budgets.alerts import RuleCheck
from slo_core.budgets.events import EventCounts
from slo_core.budgets.timeline import Timeline
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import HOUR, QUARTER_HOUR

__all__ = ["FINE_SECONDS", "JOINED_SECONDS", "MINUTE", "FiringSpan", "RuleFiring", "firing_spans"]

MINUTE = 60

# So far back rules are evaluated at the end of each minute: minutes are kept for a day, and windows of twelve hours need as
# many before it. Further back it is the end of each quarter of an hour.
FINE_SECONDS = 11 * HOUR

# Longer windows begin with a quarter of an hour.
_LONGEST_FINE_WINDOW = 12 * HOUR

# A rule that begins to fire again so soon has not stopped.
JOINED_SECONDS = 300


class FiringSpan(NamedTuple):
    """
    The time during which one rule fired.

    Attributes:
        rule: The rule.
        start: The end of the first minute (or quarter of an hour) at whose end it fired, in seconds since the epoch.
        end: The end of the first at whose end it did not fire any more; None while it fires.
    """

    rule: AlertRule
    start: int
    end: int | None


class RuleFiring:
    """
    Whether a rule fires at the end of a minute.

    A window of up to twelve hours begins with a minute, a longer one with a quarter of an hour: every process that reads the
    same events, at whatever time, gets the same answer.

    Args:
        rule: The rule.
        definition: The SLO it belongs to.
        timeline: The events of the SLO.
        data_since: Since when the SLO is measured.
    """

    __slots__ = ("_check", "_data_since", "_rule", "_timeline")

    def __init__(self, rule: AlertRule, *, definition: SLODefinition, timeline: Timeline, data_since: float) -> None:
        self._rule = rule
        self._check = RuleCheck(rule, factor=rule.factor(definition.window_seconds), target=definition.objective)
        self._timeline = timeline
        self._data_since = data_since

    def fires(self, edge: int, *, width: int = MINUTE) -> bool | None:
        """
        Whether it fires.

        Args:
            edge: The end of a minute, in seconds since the epoch; events before it count.
            width: The width of the buckets at that time.

        Returns:
            None where not all events of its windows are kept.
        """
        rule = self._rule
        since = self._timeline.covered_since
        if edge - rule.long_window < since and self._data_since < since:
            return None
        short = self._counts(rule.short_window, edge, width)
        if not short.bad:
            return False
        return self._check.fires(
            long=self._counts(rule.long_window, edge, width),
            short=short,
            recent=self._counts(rule.recent_window, edge, width),
            measured_seconds=edge - self._data_since,
        )

    def _counts(self, seconds: int, edge: int, width: int) -> EventCounts:
        if seconds > _LONGEST_FINE_WINDOW:
            width = QUARTER_HOUR
        return self._timeline.counts(after=(edge - seconds) // width * width, before=edge)


def firing_spans(
    definition: SLODefinition, timeline: Timeline, *, at: float, data_since: float, since: float = -math.inf
) -> list[FiringSpan]:
    """
    When the rules of an SLO fired in the last eleven hours; of what fired then, the beginning too, however long ago it was.

    Args:
        definition: The SLO.
        timeline: Its events.
        at: Now.
        data_since: Since when the SLO is measured.
        since: Only the time since then is of interest; a rule that fires at its first minute began earlier, perhaps.

    Returns:
        Rule by rule, in order of time. They are exact to the minute; a beginning before that to the quarter of an hour.
    """
    first = math.floor((at - FINE_SECONDS) / QUARTER_HOUR) * QUARTER_HOUR
    is_cut = since > first
    if is_cut:
        first = math.floor(since / MINUTE) * MINUTE
    spans: list[FiringSpan] = []
    for rule in definition.active_alert_rules:
        firing = RuleFiring(rule, definition=definition, timeline=timeline, data_since=data_since)
        spans += _joined(_spans_of(rule, firing, first, math.floor(at / MINUTE) * MINUTE, looks_back=not is_cut))
    return spans


def _spans_of(rule: AlertRule, firing: RuleFiring, first: int, last: int, *, looks_back: bool) -> Iterator[FiringSpan]:
    start: int | None = None
    for edge in range(first, last + MINUTE, MINUTE):
        fires = firing.fires(edge)
        if fires and start is None:
            start = _began(firing, edge) if edge == first and looks_back else edge
        elif not fires and start is not None:
            yield FiringSpan(rule, start, edge)
            start = None
    if start is not None:
        yield FiringSpan(rule, start, None)


def _began(firing: RuleFiring, edge: int) -> int:
    """Since which quarter of an hour it has fired without a break."""
    while firing.fires(edge - QUARTER_HOUR, width=QUARTER_HOUR):
        edge -= QUARTER_HOUR
    return edge


def _joined(spans: Iterator[FiringSpan]) -> list[FiringSpan]:
    joined: list[FiringSpan] = []
    for span in spans:
        before = joined[-1].end if joined else None
        if before is not None and span.start - before < JOINED_SECONDS:
            joined[-1] = joined[-1]._replace(end=span.end)
        else:
            joined.append(span)
    return joined
