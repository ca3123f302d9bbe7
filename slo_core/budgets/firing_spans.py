"""From when to when alert rules fired, worked out from the events that are kept. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from slo_core.budgets.alerts import RuleCheck
from slo_core.budgets.bucket import BucketRange
from slo_core.budgets.burn_rate import comparison
from slo_core.budgets.events import EventCounts
from slo_core.budgets.timeline import Timeline
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import HOUR, QUARTER_HOUR

__all__ = [
    "FINE_SECONDS",
    "JOINED_SECONDS",
    "MINUTE",
    "SETTLED_SECONDS",
    "FiringSpan",
    "RuleFiring",
    "deciding_buckets",
    "firing_spans",
]

MINUTE = 60

# So far back rules are evaluated at the end of each minute: minutes are kept for a day, and windows of twelve hours need as
# many before it. Further back it is the end of each quarter of an hour.
FINE_SECONDS = 11 * HOUR

# Longer windows begin with a quarter of an hour.
_LONGEST_FINE_WINDOW = 12 * HOUR

# A rule that begins to fire again so soon has not stopped.
JOINED_SECONDS = 300

# A span is kept so long after its end: by then a rule that fires again begins another one, and the events of other processes
# have come.
SETTLED_SECONDS = 420


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

    __slots__ = ("_check", "_comparison", "_data_since", "_rule", "_timeline")

    def __init__(self, rule: AlertRule, *, definition: SLODefinition, timeline: Timeline, data_since: float) -> None:
        self._rule = rule
        factor = rule.factor(definition.window_seconds)
        self._check = RuleCheck(rule, factor=factor, target=definition.objective)
        self._comparison = comparison(definition.objective, factor)
        self._timeline = timeline
        self._data_since = data_since

    def fires(self, edge: int, *, width: int = MINUTE) -> bool:
        """
        Whether it fires; False where not all events of its windows are kept.

        Args:
            edge: The end of a minute, in seconds since the epoch; events before it count.
            width: The width of the buckets at that time.
        """
        if not self._is_kept(edge):
            return False
        rule = self._rule
        long, short, recent = (
            self._timeline.counts(after=_start(edge, seconds, width), before=edge)
            for seconds in (rule.long_window, rule.short_window, rule.recent_window)
        )
        return self._check.fires(long=long, short=short, recent=recent, measured_seconds=edge - self._data_since)

    def each(self, first: int, last: int, totals: Mapping[int, EventCounts]) -> Iterator[tuple[int, bool]]:
        """
        Each end of a minute from one to another, with whether it fires then.

        Args:
            first: The first one.
            last: The last one.
            totals: The events before each minute since one window before `first`.
        """
        rule, reached = self._rule, self._comparison.is_reached
        back = -(-rule.short_window // MINUTE) * MINUTE
        is_fine = rule.short_window <= _LONGEST_FINE_WINDOW
        for edge in range(first, last + MINUTE, MINUTE):
            fires = True
            if is_fine:  # nearly always this is all that has to be looked at
                (good, bad), (good_before, bad_before) = totals[edge], totals[edge - back]
                fires = bad > bad_before and reached(EventCounts(good - good_before, bad - bad_before))
            yield edge, fires and self.fires(edge)

    def _is_kept(self, edge: int) -> bool:
        since = self._timeline.covered_since
        return edge - self._rule.long_window >= since or self._data_since >= since


def _start(edge: int, seconds: int, width: int) -> int:
    if seconds > _LONGEST_FINE_WINDOW:
        width = QUARTER_HOUR
    return (edge - seconds) // width * width


def deciding_buckets(definition: SLODefinition, *, since: int, at: float) -> list[BucketRange]:
    """
    The buckets that decide whether rules fire at the end of any minute, for a `Timeline`.

    Args:
        definition: The SLO.
        since: The first minute.
        at: The last one.
    """
    windows = [seconds for rule in definition.active_alert_rules for seconds in (rule.long_window, rule.short_window)]
    fine = max((seconds for seconds in windows if seconds <= _LONGEST_FINE_WINDOW), default=0)
    coarse = max((seconds for seconds in windows if seconds > _LONGEST_FINE_WINDOW), default=0)
    start = (since - fine) // QUARTER_HOUR
    ranges = [BucketRange(MINUTE, start * QUARTER_HOUR // MINUTE, math.floor(at / MINUTE))]
    first = (since - coarse) // QUARTER_HOUR
    return [BucketRange(QUARTER_HOUR, first, start - 1), *ranges] if coarse and first < start else ranges


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
    last = math.floor(at / MINUTE) * MINUTE
    spans: list[FiringSpan] = []
    rules = definition.active_alert_rules
    back = max([rule.short_window for rule in rules if rule.short_window <= _LONGEST_FINE_WINDOW], default=0)
    totals = timeline.totals_at(range(first - back // MINUTE * MINUTE - MINUTE, last + MINUTE, MINUTE))
    for rule in rules:
        firing = RuleFiring(rule, definition=definition, timeline=timeline, data_since=data_since)
        spans += _joined(_spans_of(rule, firing, firing.each(first, last, totals), first, looks_back=not is_cut))
    return spans


def _spans_of(
    rule: AlertRule, firing: RuleFiring, minutes: Iterable[tuple[int, bool]], first: int, *, looks_back: bool
) -> Iterator[FiringSpan]:
    start: int | None = None
    for edge, fires in minutes:
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
