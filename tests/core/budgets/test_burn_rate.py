"""How fast the budget burns, decided in integers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_core.budgets.burn_rate import burn_rate, burns_at_least, exact_burn_rate, sample
from slo_core.budgets.events import EventCounts
from slo_core.objectives.target import Target

THREE_NINES = Target(0.999)


@pytest.mark.parametrize(
    ("good", "bad", "rate"),
    [(0, 0, 0.0), (1000, 0, 0.0), (999, 1, 1.0), (9856, 144, 14.4), (90, 10, 100.0), (0, 5, 1000.0)],
)
def test_the_burn_rate_is_the_share_of_bad_events_over_the_allowance(good: int, bad: int, rate: float) -> None:
    """At 99.9 %: 1 of 1,000 burns at 1, ten of a hundred at 100, everything at 1,000."""
    assert burn_rate(EventCounts(good, bad), THREE_NINES) == rate


def test_144_of_10000_is_exactly_14_point_4() -> None:
    """Floats say 14.399999999999956 and stay silent; the rule fires."""
    assert 0.0144 / (1 - 0.999) < 14.4

    assert burns_at_least(EventCounts(9856, 144), THREE_NINES, Fraction("14.4"))
    assert not burns_at_least(EventCounts(9857, 143), THREE_NINES, Fraction("14.4"))


def test_beyond_what_floats_can_count_one_event_still_decides() -> None:
    """A burn rate of exactly 1 with 2**60 bad events; one less is not enough."""
    good = 2**60 * 999

    assert burns_at_least(EventCounts(good, 2**60), THREE_NINES, Fraction(1))
    assert not burns_at_least(EventCounts(good + 1, 2**60 - 1), THREE_NINES, Fraction(1))


def test_without_events_nothing_burns() -> None:
    """Not even at a factor of 0."""
    assert not burns_at_least(EventCounts(), THREE_NINES, Fraction(0))
    assert burn_rate(EventCounts(), THREE_NINES) == 0.0


def test_a_sample_carries_its_integers() -> None:
    """What the ratios were worked out from can be compared by others."""
    rate_sample = sample(3600, EventCounts(9856, 144), THREE_NINES)

    assert (rate_sample.window_seconds, rate_sample.burn_rate, rate_sample.success_ratio) == (3600, 14.4, 0.9856)
    assert (rate_sample.sample_count, rate_sample.failures) == (10_000, 144)
    assert rate_sample.counts == EventCounts(9856, 144)


@given(
    st.integers(min_value=0, max_value=10**6),
    st.integers(min_value=1, max_value=10**6),
    st.sampled_from(["0.5", "0.9", "0.95", "0.99", "0.995", "0.999", "0.9999", "0.99999"]),
)
def test_a_burn_rate_reaches_exactly_itself(good: int, bad: int, target: str) -> None:
    """A rule whose factor is the very burn rate fires; the least bit above it does not."""
    counts = EventCounts(good, bad)
    rate = Fraction(bad, good + bad) / (1 - Fraction(target))

    assert burns_at_least(counts, Target(float(target)), rate)
    assert not burns_at_least(counts, Target(float(target)), rate + Fraction(1, 10**30))
    assert exact_burn_rate(counts, Target(float(target))) == rate
    assert burn_rate(counts, Target(float(target))) == float(rate)
