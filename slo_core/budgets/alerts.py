"""Multi-window, multi-burn-rate alerts: the state of a rule, and whether it fires."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from slo_core.budgets.burn_rate import BurnRateSample, comparison
from slo_core.budgets.events import EventCounts
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.target import Target

__all__ = ["AlertState", "RuleCheck", "Waiting"]


class Waiting(NamedTuple):
    """
    What a rule still asks for while both of its windows burn at its factor.

    Attributes:
        reason: `"measured"`: the SLO has not been measured for as long as the short window. `"failures"`: too few events
            of the long window are bad. `"recent"`: the SLO has not been measured for as long as the long window, and the
            newest events burn slower: what burned is over.
        has: The seconds that were measured, or the bad events of the long window.
        needs: How many of them the rule asks for; for `"recent"` the length of the window of the newest events, in seconds.
    """

    reason: Literal["measured", "failures", "recent"]
    has: float
    needs: int


@dataclass(frozen=True, slots=True)
class AlertState:
    """
    The state of one alert rule.

    Attributes:
        severity: `"page"` or `"ticket"` by convention.
        threshold: The factor both windows are compared with.
        long: The burn rate of the long window.
        short: The burn rate of the short window.
        is_firing: Whether both windows are at or over the factor, and the rule's other conditions hold.
        waiting: Which other condition does not hold yet, while both windows are at or over the factor; None otherwise.
    """

    severity: str
    threshold: float
    long: BurnRateSample
    short: BurnRateSample
    is_firing: bool
    waiting: Waiting | None = None

    @property
    def is_complete(self) -> bool:
        """Whether both windows are counted whole; if not, `is_firing` is about the part of them that is kept."""
        return self.long.is_complete and self.short.is_complete


class RuleCheck:
    """
    Decides whether a rule fires; prepares once what depends on the definition only.

    Args:
        rule: The rule.
        factor: The burn rate it compares with: `rule.factor(window_seconds)`.
        target: The SLO's objective.

    Attributes:
        rule: The rule.
    """

    __slots__ = ("_comparison", "_threshold", "rule")

    def __init__(self, rule: AlertRule, *, factor: Fraction, target: Target) -> None:
        self.rule = rule
        self._threshold = float(factor)
        self._comparison = comparison(target, factor)

    def fires(self, *, long: EventCounts, short: EventCounts, recent: EventCounts, measured_seconds: float) -> bool:
        """
        Whether the rule fires, decided in integers.

        Args:
            long: The events of the rule's long window.
            short: The events of its short window.
            recent: The events of its recent window, which decides only while the long one is not measured in full.
            measured_seconds: For how long the SLO has been measured.
        """
        return (
            self._comparison.is_reached(long)
            and self._comparison.is_reached(short)
            and self._waiting(long=long, recent=recent, measured_seconds=measured_seconds) is None
        )

    def state(
        self, *, long: BurnRateSample, short: BurnRateSample, recent: EventCounts, measured_seconds: float
    ) -> AlertState:
        """Both windows and the decision; arguments as for `fires`, with the burn rates of both windows."""
        burns = self._comparison.is_reached(long.counts) and self._comparison.is_reached(short.counts)
        waiting = self._waiting(long=long.counts, recent=recent, measured_seconds=measured_seconds) if burns else None
        return AlertState(self.rule.severity, self._threshold, long, short, burns and waiting is None, waiting)

    def _waiting(self, *, long: EventCounts, recent: EventCounts, measured_seconds: float) -> Waiting | None:
        rule = self.rule
        if measured_seconds < rule.short_window:
            return Waiting("measured", measured_seconds, rule.short_window)
        if long.bad < rule.min_failures:
            return Waiting("failures", long.bad, rule.min_failures)
        if measured_seconds < rule.long_window and not self._comparison.is_reached(recent):
            return Waiting("recent", measured_seconds, rule.recent_window)
        return None
