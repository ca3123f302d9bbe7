"""Burn rate: how fast the error budget is being spent, and the single-window alert on it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from slo_core.budgets.budget import spent_and_allowed, success_ratio
from slo_core.budgets.events import EventCounts
from slo_core.objectives.target import Target

__all__ = [
    "BurnRateAlert",
    "BurnRateSample",
    "Comparison",
    "burn_rate",
    "burns_at_least",
    "comparison",
    "exact_burn_rate",
    "sample",
]


@dataclass(frozen=True, slots=True)
class BurnRateSample:
    """
    The burn rate of one window.

    Attributes:
        window_seconds: Length of the window.
        burn_rate: 1.0 spends exactly one budget a window; 0.0 without events.
        success_ratio: Share of good events; 1.0 without events.
        sample_count: Events in the window.
        failures: Bad ones among them.
        covered_since: Since when the window is counted, in seconds since the epoch: its start, or a later time where older
            counts are no longer kept. A window that lies before that time is not counted at all.
        is_complete: Whether all of the window is counted. False for a window of the past that reaches back before what is
            kept. It says nothing about when measuring began (`SLOSnapshot.data_since`).
        period: `"month"`, `"week"` or `"quarter"` for the SLO's own calendar window; None for a rolling one.
    """

    window_seconds: int
    burn_rate: float
    success_ratio: float
    sample_count: int
    failures: int = 0
    covered_since: float = 0.0
    is_complete: bool = True
    period: str | None = None

    @property
    def counts(self) -> EventCounts:
        """The integers behind the ratios."""
        return EventCounts(self.sample_count - self.failures, self.failures)


@dataclass(frozen=True, slots=True)
class BurnRateAlert:
    """
    One burn window at or over the definition's threshold.

    Attributes:
        slo_name: The SLO that burns.
        window_seconds: The window.
        burn_rate: The burn rate in it.
        threshold: The threshold of the definition.
        success_ratio: Share of good events in the window.
        sample_count: Events in the window, at least one.
    """

    slo_name: str
    window_seconds: int
    burn_rate: float
    threshold: float
    success_ratio: float
    sample_count: int


def burn_rate(counts: EventCounts, target: Target) -> float:
    """
    How fast the error budget is being spent.

    1.0 spends exactly one budget per window; 14.4 spends a 30-day budget in about two days.

    Args:
        counts: Good and bad events seen in the window.
        target: The objective.

    Returns:
        A ratio, 0 or more; 0.0 without events (see `EventCounts.has_data`).

    Source: Site Reliability Workbook, chapter 5, "Alerting on SLOs".
    """
    spent, allowed = spent_and_allowed(counts, target)
    return spent / allowed if allowed else 0.0


def exact_burn_rate(counts: EventCounts, target: Target) -> Fraction:
    """The same as `burn_rate`, for decisions."""
    spent, allowed = spent_and_allowed(counts, target)
    return Fraction(spent, allowed) if allowed else Fraction(0)


def burns_at_least(counts: EventCounts, target: Target, factor: Fraction) -> bool:
    """
    Whether a window burns at `factor` or faster, decided in integers.

    144 bad events of 10,000 at 99.9 % are exactly 14.4; in floats they are 14.399999999999956.

    Args:
        counts: Good and bad events of the window.
        target: The objective.
        factor: The burn rate to compare with.

    Returns:
        False without events, whatever the factor.
    """
    return comparison(target, factor).is_reached(counts)


class Comparison(NamedTuple):
    """
    A burn rate that windows are compared with in integers.

    Attributes:
        bad_factor: A window burns at the rate or faster where `bad * bad_factor >= total_factor * total`.
        total_factor: See `bad_factor`.
    """

    bad_factor: int
    total_factor: int

    def is_reached(self, counts: EventCounts) -> bool:
        """Whether a window burns at the rate or faster; False without events."""
        total = counts.total
        return total > 0 and counts.bad * self.bad_factor >= self.total_factor * total


def comparison(target: Target, factor: Fraction = Fraction(1)) -> Comparison:
    """How to compare a window with a burn rate in integers."""
    allowance = target.allowance
    return Comparison(factor.denominator * allowance.denominator, factor.numerator * allowance.numerator)


def sample(
    window_seconds: int,
    counts: EventCounts,
    target: Target,
    *,
    covered_since: float = 0.0,
    is_complete: bool = True,
    period: str | None = None,
) -> BurnRateSample:
    """The burn rate of one window with the counts behind it; the other arguments as in `BurnRateSample`."""
    return BurnRateSample(
        int(window_seconds),
        burn_rate(counts, target),
        success_ratio(counts),
        counts.total,
        counts.bad,
        covered_since,
        is_complete,
        period,
    )
