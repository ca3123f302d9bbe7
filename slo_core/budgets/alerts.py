"""Multi-window, multi-burn-rate alerts: the state of a rule, and whether it fires."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from slo_core.budgets.burn_rate import BurnRateSample, comparison
from slo_core.budgets.events import EventCounts
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.target import Target

__all__ = ["AlertState", "RuleCheck"]


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
    """

    severity: str
    threshold: float
    long: BurnRateSample
    short: BurnRateSample
    is_firing: bool

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
            long.bad >= self.rule.min_failures
            and measured_seconds >= self.rule.short_window
            and self._comparison.is_reached(long)
            and self._comparison.is_reached(short)
            and (measured_seconds >= self.rule.long_window or self._comparison.is_reached(recent))
        )

    def state(
        self, *, long: BurnRateSample, short: BurnRateSample, recent: EventCounts, measured_seconds: float
    ) -> AlertState:
        """Both windows and the decision; arguments as for `fires`, with the burn rates of both windows."""
        is_firing = self.fires(long=long.counts, short=short.counts, recent=recent, measured_seconds=measured_seconds)
        return AlertState(self.rule.severity, self._threshold, long, short, is_firing)
