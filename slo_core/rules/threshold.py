"""Comparisons of event counts that are exact in PromQL, whose only numbers are floats."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from slo_core.budgets.burn_rate import comparison
from slo_core.objectives.target import Target

__all__ = ["Threshold"]

# Floats hold every integer up to here.
_EXACT_INTEGERS = 2**53

# Windows of alerts hold fewer events than this: 3,800 a second for three days.
_PLENTY_OF_EVENTS = 10**9


@dataclass(frozen=True, slots=True)
class Threshold:
    """
    `bad * bad_factor >= total_factor * total`: a window in which the budget burns at a factor or faster.

    Attributes:
        bad_factor: A PromQL number.
        total_factor: A PromQL number.
        exact_events: Both products are exact up to so many events in the window; 0 when the factors are not.
    """

    bad_factor: str
    total_factor: str
    exact_events: int

    @classmethod
    def of(cls, target: Target, factor: Fraction = Fraction(1)) -> Threshold:
        """
        The comparison with a burn rate.

        14.4 at 99.9 % is `bad * 5000 >= 72 * total`: 14.4 is 72/5, the allowance 1/1000.
        """
        bad_factor, total_factor = comparison(target, factor)
        threshold = _integers(total_factor, bad_factor)
        if threshold.exact_events >= _PLENTY_OF_EVENTS:
            return threshold
        ratio = Fraction(total_factor, bad_factor)
        threshold = _integers(ratio.numerator, ratio.denominator)
        return threshold if threshold.exact_events else cls("1", repr(float(ratio)), 0)

    @property
    def doubt(self) -> str:
        """Why the comparison may be inexact; empty when it is exact."""
        if self.exact_events >= _PLENTY_OF_EVENTS:
            return ""
        if self.exact_events:
            return f"Prometheus compares exactly up to {self.exact_events} events in a window, and rounds beyond"
        return "its numbers have more digits than Prometheus' floats: exactly at the factor it may decide differently"


def _integers(total_factor: int, bad_factor: int) -> Threshold:
    return Threshold(str(bad_factor), str(total_factor), _EXACT_INTEGERS // max(total_factor, bad_factor))
