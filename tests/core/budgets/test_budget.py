"""The error budget, exact to the last event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_core.budgets.budget import (
    error_budget_remaining,
    exact_budget_remaining,
    failures_left,
    is_breached,
    is_budget_exhausted,
    success_ratio,
)
from slo_core.budgets.burn_rate import exact_burn_rate
from slo_core.budgets.events import EventCounts
from slo_core.objectives.target import Target

counts_of_any_size = st.builds(
    EventCounts, good=st.integers(min_value=0, max_value=2**60), bad=st.integers(min_value=0, max_value=2**60)
)
targets = st.floats(min_value=0.001, max_value=0.99999).map(Target)


@pytest.mark.parametrize(
    ("good", "bad", "remaining"),
    [(0, 0, 1.0), (1000, 0, 1.0), (9995, 5, 0.5), (999, 1, 0.0), (998, 2, -1.0), (0, 10, -999.0)],
)
def test_the_budget_that_remains(good: int, bad: int, remaining: float) -> None:
    """At 99.9 %, one event of a thousand may fail: the second overspends by a whole budget."""
    assert error_budget_remaining(EventCounts(good, bad), Target(0.999)) == remaining


@pytest.mark.parametrize("nines", range(1, 9))
@pytest.mark.parametrize("budgets", [1, 3, 7, 1_000_003])
def test_a_budget_spent_to_the_last_event_is_zero(nines: int, budgets: int) -> None:
    """Exactly 0.0 and exhausted, not 8.9e-16 and fine; and not breached: the target is just met."""
    target = Target(float(f"0.{'9' * nines}"))
    spent = EventCounts(good=budgets * 10**nines - budgets, bad=budgets)

    assert error_budget_remaining(spent, target) == 0.0
    assert is_budget_exhausted(spent, target)
    assert not is_breached(spent, target)


def test_beyond_what_floats_can_count_one_event_still_decides() -> None:
    """2**53 * 1000 events at 99.9 %: 2**53 may fail, and 2**53 + 1 is not the same number."""
    target, total = Target(0.999), 2**53 * 1000

    assert is_breached(EventCounts(total - 2**53 - 1, 2**53 + 1), target)
    assert not is_breached(EventCounts(total - 2**53, 2**53), target)
    assert not is_budget_exhausted(EventCounts(total - 2**53 + 1, 2**53 - 1), target)


def test_without_events_nothing_is_wrong() -> None:
    """No data: ratio 1, budget whole, neither breached nor exhausted; `has_data` tells it from perfection."""
    nothing = EventCounts()

    assert success_ratio(nothing) == 1.0
    assert not nothing.has_data
    assert not is_breached(nothing, Target(0.999))
    assert not is_budget_exhausted(nothing, Target(0.999))


@given(counts_of_any_size, targets)
def test_a_bad_event_never_raises_the_remaining_budget(counts: EventCounts, target: Target) -> None:
    """However many there were."""
    worse = EventCounts(counts.good, counts.bad + 1)

    assert error_budget_remaining(worse, target) <= error_budget_remaining(counts, target)


@given(counts_of_any_size, targets)
def test_a_good_event_never_lowers_the_remaining_budget(counts: EventCounts, target: Target) -> None:
    """Traffic makes the allowance grow."""
    better = EventCounts(counts.good + 1, counts.bad)

    assert error_budget_remaining(better, target) >= error_budget_remaining(counts, target)


@given(counts_of_any_size, targets)
def test_the_sign_of_the_budget_and_the_decisions_agree(counts: EventCounts, target: Target) -> None:
    """Below 0 is breached; 0 or below is exhausted, as soon as there are events."""
    remaining = error_budget_remaining(counts, target)

    assert is_breached(counts, target) == (remaining < 0)
    assert is_budget_exhausted(counts, target) == (counts.has_data and remaining <= 0)


@given(counts_of_any_size, targets)
def test_every_way_to_say_what_is_left_says_the_same(counts: EventCounts, target: Target) -> None:
    """As a float, as a fraction, in events, and as the burn rate of the whole window."""
    left = exact_budget_remaining(counts, target)

    assert error_budget_remaining(counts, target) == float(left)
    assert left == 1 - exact_burn_rate(counts, target)
    assert failures_left(counts, target) == left * target.allowance * counts.total
    assert is_breached(counts, target) == (left < 0)
