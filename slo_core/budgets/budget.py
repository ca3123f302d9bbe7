"""
The error budget: how many events may fail, and how many of these are left.

Every decision (breached, exhausted) compares integers. Floats are worked out last, from those integers, and only for
showing.
"""

from __future__ import annotations

from fractions import Fraction

from slo_core.budgets.events import EventCounts
from slo_core.objectives.target import Target

__all__ = [
    "error_budget_remaining",
    "exact_budget_remaining",
    "is_breached",
    "is_budget_exhausted",
    "spent_and_allowed",
    "success_ratio",
]


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
    How many events were bad, and how many may be: the basis of budgets and burn rates.

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


def is_breached(counts: EventCounts, target: Target) -> bool:
    """True when fewer events were good than the target asks; False without events."""
    spent, allowed = spent_and_allowed(counts, target)
    return spent > allowed


def is_budget_exhausted(counts: EventCounts, target: Target) -> bool:
    """True when the budget is spent, to the last event or beyond; False without events."""
    spent, allowed = spent_and_allowed(counts, target)
    return counts.has_data and spent >= allowed
