"""Counts of events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from slo_core.budgets.events import EventCounts

counts_of_any_size = st.builds(
    EventCounts, good=st.integers(min_value=0, max_value=2**60), bad=st.integers(min_value=0, max_value=2**60)
)


@given(st.lists(counts_of_any_size, min_size=1), st.randoms())
def test_counts_merged_in_any_order_are_equal(parts: list[EventCounts], random: object) -> None:
    """Workers may report in any order."""
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random of hypothesis

    assert sum(parts, EventCounts()) == sum(shuffled, EventCounts())
    assert sum(parts, EventCounts()).total == sum(part.total for part in parts)
