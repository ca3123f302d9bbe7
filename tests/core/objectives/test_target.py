"""The target, and the share of events that it allows to fail."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest

from slo_core.objectives.target import Target


@pytest.mark.parametrize(
    ("ratio", "allowance"),
    [
        (0.999, Fraction(1, 1000)),
        (0.9999, Fraction(1, 10_000)),
        (0.99999, Fraction(1, 100_000)),
        (0.9, Fraction(1, 10)),
        (0.95, Fraction(1, 20)),
        (1e-30, 1 - Fraction(1, 10**30)),
    ],
)
def test_the_allowance_is_what_the_digits_say(ratio: float, allowance: Fraction) -> None:
    """1 - 0.999 is 1/1000, where floats give 0.0010000000000000009."""
    assert Target(ratio).allowance == allowance


def test_the_hosts_decimal_context_changes_nothing() -> None:
    """An application that computes with four digits still has its budget to the last event."""
    with localcontext() as context:
        context.prec = 4

        assert Target(0.123456).allowance == Fraction(876_544, 1_000_000)


@pytest.mark.parametrize(
    "ratio", [0, 1, 0.0, 1.0, -0.1, 1.5, math.nan, math.inf, True, False, None, "0.99", Decimal("0.9"), 10**400]
)
def test_a_target_is_a_ratio_between_0_and_1(ratio: object) -> None:
    """NaN, 0 and 1 have no budget to speak of; text and True are mistakes."""
    with pytest.raises(ValueError, match="expected a ratio between 0 and 1, got"):
        Target(ratio)  # type: ignore[arg-type]  # that is the mistake


def test_a_percentage_given_as_a_number_is_recognised() -> None:
    """Who writes 99.9 is told what they meant, without rounding noise."""
    with pytest.raises(ValueError, match=r"got 99\.9; did you mean 0\.999\?"):
        Target(99.9)


def test_a_float_subclass_counts_by_its_digits() -> None:
    """numpy's floats are floats whose repr says their type."""

    class Float64(float):
        def __repr__(self) -> str:
            return f"np.float64({float(self)})"

    assert Target(Float64(0.999)).allowance == Fraction(1, 1000)
