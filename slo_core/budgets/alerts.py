"""Multi-window, multi-burn-rate alerts: the state of a rule, and whether it fires."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from slo_core.budgets.burn_rate import BurnRateSample, burns_at_least
from slo_core.budgets.events import EventCounts
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.target import Target

__all__ = ["AlertState", "evaluate", "fires"]


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


def evaluate(
    rule: AlertRule,
    *,
    factor: Fraction,
    target: Target,
    long: BurnRateSample,
    short: BurnRateSample,
    measured_seconds: float,
) -> AlertState:
    """
    Whether a rule fires.

    Args:
        rule: The rule.
        factor: The burn rate it compares with: `rule.factor(window_seconds)`.
        target: The SLO's objective.
        long: The burn rate of the rule's long window.
        short: The burn rate of its short window.
        measured_seconds: For how long the SLO has been measured.

    Returns:
        Both windows and the decision, which compares the integers behind them.
    """
    return AlertState(
        severity=rule.severity,
        threshold=float(factor),
        long=long,
        short=short,
        is_firing=fires(
            rule, factor=factor, target=target, long=long.counts, short=short.counts, measured_seconds=measured_seconds
        ),
    )


def fires(
    rule: AlertRule,
    *,
    factor: Fraction,
    target: Target,
    long: EventCounts,
    short: EventCounts,
    measured_seconds: float,
) -> bool:
    """Whether a rule fires, decided in integers; arguments as for `evaluate`, with the counts of both windows."""
    return (
        long.bad >= rule.min_failures
        and measured_seconds >= rule.short_window
        and burns_at_least(long, target, factor)
        and burns_at_least(short, target, factor)
    )
