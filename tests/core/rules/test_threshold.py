"""Comparisons in floats that decide as integers do."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from shop_rules import rules
from slo_core import SLODefinition
from slo_core.budgets.burn_rate import burns_at_least
from slo_core.budgets.events import EventCounts
from slo_core.objectives.target import Target
from slo_core.rules.threshold import Threshold

TARGETS = st.integers(min_value=1, max_value=99_999).map(lambda share: Target(share / 100_000))
FACTORS = st.fractions(min_value=Fraction(1, 10), max_value=1000, max_denominator=1000)


@given(TARGETS, FACTORS, st.integers(min_value=0, max_value=10**9), st.integers(-2, 2))
def test_a_comparison_in_floats_decides_as_integers_do(
    target: Target, factor: Fraction, total: int, beside: int
) -> None:
    """As long as it is said to be exact, at the factor and next to it."""
    threshold = Threshold.of(target, factor)
    assume(total <= threshold.exact_events)
    bad = min(total, max(0, int(target.allowance * factor * total) + beside))

    in_floats = float(bad) * float(threshold.bad_factor) >= float(threshold.total_factor) * float(total)

    assert (in_floats and total > 0) == burns_at_least(EventCounts(total - bad, bad), target, factor)


def test_numbers_are_written_as_people_think_of_them_while_they_fit() -> None:
    """72/5 of 1/1000; of 1/10**8 the fraction is reduced, so that more events fit."""
    assert Threshold.of(Target(0.999), Fraction(72, 5)) == Threshold("5000", "72", 2**53 // 5000)
    assert Threshold.of(Target(0.99999999), Fraction(72, 5)) == Threshold("62500000", "9", 2**53 // 62_500_000)


def test_numbers_that_are_too_long_are_rounded_and_told() -> None:
    """Sixteen nines: one in 10**16 is no integer of a float."""
    threshold = Threshold.of(Target(0.9999999999999999))

    assert threshold == Threshold("1", "1e-16", 0)
    (warning, *_) = [text for text in rules(SLODefinition("a", 0.9999999999999999)).warnings if "digits" in text]
    assert "more digits than Prometheus' floats" in warning
