"""Shares of bad events: together they are all of them, and a count that may be too low says so."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from slo_core.budgets.cause_shares import CauseShare, cause_breakdown
from slo_core.budgets.causes import OTHER, Cause
from slo_core.budgets.events import EventCounts

CHECKOUT, CART = Cause("POST /checkout/{id}", "503"), Cause("GET /cart", "slow")


def test_the_largest_cause_comes_first_and_what_has_none_is_unknown() -> None:
    """108 of 129 were one cause, 12 another, and of 9 none was given."""
    breakdown = cause_breakdown([(CART, 12), (CHECKOUT, 100), (CHECKOUT, 8)], events=EventCounts(871, 129), since=600)

    assert breakdown.causes == (
        CauseShare("POST /checkout/{id}", "503", 108, 108 / 129, False),
        CauseShare("GET /cart", "slow", 12, 12 / 129, False),
        CauseShare(None, "unknown", 9, 9 / 129, False),
    )


def test_a_count_is_a_lower_bound_where_the_rest_may_hold_more_of_it() -> None:
    """The rest has 503s: those may be checkout's. It has no slow request: the cart's count is exact."""
    counts = [(CHECKOUT, 5), (CART, 4), (Cause("", "503"), 3)]
    by_outcome = cause_breakdown(counts, events=EventCounts(0, 12), since=0)
    unnamed = cause_breakdown([*counts, (OTHER, 2)], events=EventCounts(0, 14), since=0)

    assert [(each.where, each.outcome, each.is_lower_bound) for each in by_outcome.causes] == [
        ("POST /checkout/{id}", "503", True), ("GET /cart", "slow", False), (None, "503", False),
    ]  # fmt: skip
    assert [(each.where, each.outcome, each.is_lower_bound) for each in unnamed.causes] == [
        ("POST /checkout/{id}", "503", True), ("GET /cart", "slow", True), (None, "503", True), (None, "other", False),
    ]  # fmt: skip


rows = st.tuples(st.sampled_from([CHECKOUT, CART, OTHER, Cause("", "503"), Cause("", "other")]), st.integers(1, 50))


@given(counts=st.lists(rows, max_size=8), bad=st.integers(0, 200))
def test_all_rows_together_are_the_bad_events(counts: list[tuple[Cause, int]], bad: int) -> None:
    """Also where a clock that is far ahead has left causes without events."""
    breakdown = cause_breakdown(counts, events=EventCounts(7, bad), since=0)

    assert sum(each.bad for each in breakdown.causes) == bad
    assert all(0 < each.share <= 1 for each in breakdown.causes)
    assert len({(each.where, each.outcome) for each in breakdown.causes}) == len(breakdown.causes)
