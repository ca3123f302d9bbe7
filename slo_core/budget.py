"""
The error budget: how many events may fail, and how much of that is left.

Everything that decides (breached, exhausted) compares integers; floats are worked out last, from those
integers, and only for showing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from slo_core.sli import EventCounts

__all__ = [
    "Target",
    "error_budget_remaining",
    "exact_budget_remaining",
    "failures_left",
    "is_breached",
    "is_budget_exhausted",
    "spent_and_allowed",
    "success_ratio",
]


@dataclass(frozen=True, slots=True)
class Target:
    """
    The objective: the smallest share of events that must be good.

    Attributes:
        ratio: Above 0 and below 1; 0.999 is "three nines".
        allowance: `1 - ratio`, exactly as the digits of `ratio` say it: 1/1000 for 0.999, where
            `1 - 0.999` in floats is 0.0010000000000000009.

    Raises:
        ValueError: The ratio is not a number above 0 and below 1.
    """

    ratio: float
    allowance: Fraction = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        ratio = self.ratio
        if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0 < ratio < 1:
            raise ValueError(f"expected a ratio between 0 and 1, got {ratio!r}{_percent_hint(ratio)}")
        # float() also turns a float subclass (numpy's) into one whose repr is its digits.
        object.__setattr__(self, "ratio", float(ratio))
        object.__setattr__(self, "allowance", _allowance(self.ratio))


# Snapshots ask for it whenever they are asked how they stand, and a service has few targets.
@lru_cache(maxsize=1024)
def _allowance(ratio: float) -> Fraction:
    # Fractions, because a Decimal difference is rounded to the digits of the host's decimal context.
    return 1 - Fraction(repr(ratio))


def _percent_hint(ratio: object) -> str:
    if isinstance(ratio, (int, float)) and not isinstance(ratio, bool) and 1 < ratio < 100:
        return f"; did you mean {float(Fraction(repr(ratio)) / 100)!r}?"
    return ""


def success_ratio(counts: EventCounts) -> float:
    """
    The share of events that were good.

    Returns:
        A ratio from 0 to 1; 1.0 without events (see `EventCounts.has_data`).
    """
    total = counts.good + counts.bad
    return counts.good / total if total else 1.0


def spent_and_allowed(counts: EventCounts, target: Target) -> tuple[int, int]:
    """
    How many events were bad, and how many may be: all that budgets and burn rates are worked out from.

    Returns:
        Both times the denominator of the target's allowance, which makes them integers; 0 and 0 without events.
    """
    allowance = target.allowance
    return counts.bad * allowance.denominator, allowance.numerator * counts.total


def error_budget_remaining(counts: EventCounts, target: Target) -> float:
    """
    The share of the error budget that is left.

    The budget of a window is `(1 - target) * total` events, so it grows with the traffic.

    Args:
        counts: Good and bad events of the SLO's window.
        target: The objective.

    Returns:
        1.0 untouched (also without events), 0.0 spent to the last event, below 0 overspent, without a lower bound.

    Source: Site Reliability Workbook, chapter 2, "Error budgets".
    """
    spent, allowed = spent_and_allowed(counts, target)
    return (allowed - spent) / allowed if allowed else 1.0


def exact_budget_remaining(counts: EventCounts, target: Target) -> Fraction:
    """The same as `error_budget_remaining`, for decisions."""
    spent, allowed = spent_and_allowed(counts, target)
    return Fraction(allowed - spent, allowed) if allowed else Fraction(1)


def failures_left(counts: EventCounts, target: Target) -> Fraction:
    """How many more of the events may be bad until the budget is spent; below 0 when it is overspent."""
    spent, allowed = spent_and_allowed(counts, target)
    return Fraction(allowed - spent, target.allowance.denominator)


def is_breached(counts: EventCounts, target: Target) -> bool:
    """True when fewer events were good than the target asks; False without events."""
    spent, allowed = spent_and_allowed(counts, target)
    return spent > allowed


def is_budget_exhausted(counts: EventCounts, target: Target) -> bool:
    """True when the budget is spent, to the last event or beyond; False without events."""
    spent, allowed = spent_and_allowed(counts, target)
    return counts.has_data and spent >= allowed
