"""Single bad events: their ids are looked at, and what a store holds of them is not trusted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_core.budgets.causes import Cause
from slo_core.budgets.recent_failures import (
    RecentFailure,
    failure_in,
    failures_problem,
    request_id_of,
    stored_failure,
    trace_id_of_number,
    trace_id_of_traceparent,
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


@pytest.mark.parametrize("header", [f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00", f"cc-{TRACE}-{SPAN}-01-more"])
def test_a_valid_traceparent_names_its_trace(header: str) -> None:
    """Also one of a later version, which may have more fields."""
    assert trace_id_of_traceparent(header) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        "", TRACE,
        f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE.upper()}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01\n", f"00-{TRACE[:-1]}-{SPAN}-01", f"00-{TRACE}-{SPAN}-0g",
        f" 00-{TRACE}-{SPAN}-01", f"00-{TRACE[:-1]}\u0661-{SPAN}-01",
    ],
)  # fmt: skip
def test_another_traceparent_names_none(header: str) -> None:
    """All zeros, another length, capitals, line breaks, digits of other scripts."""
    assert trace_id_of_traceparent(header) is None


def test_a_trace_id_is_a_number_of_128_bits() -> None:
    """0 is none in OpenTelemetry."""
    assert trace_id_of_number(int(TRACE, 16)) == TRACE
    assert trace_id_of_number(1) == f"{1:032x}"
    assert [trace_id_of_number(number) for number in (0, -1, 2**128, None, "1", 1.0)] == [None] * 6


def test_a_request_id_is_short_and_plain() -> None:
    """128 characters of letters, digits and seven signs; anything else is left out as a whole."""
    assert request_id_of("req-1.A_b:c/d+e=f@g") == "req-1.A_b:c/d+e=f@g"
    assert request_id_of("a" * 128) == "a" * 128
    bad = ["", "a" * 129, "a b", "a\n", "a\r\nb", "\x00", "é", "<b>", '"', "a;b", "%41", "{a}"]
    assert [request_id_of(each) for each in bad] == [None] * len(bad)


def test_a_failure_is_stored_and_read_again() -> None:
    """Every value, and a failure that has a time only."""
    whole = RecentFailure(1_700_000_000.25, Cause("GET /x/{id}", "503"), 0.125, TRACE, "r-1")

    assert failure_in(stored_failure(whole)) == whole
    assert failure_in(stored_failure(RecentFailure(5.0))) == RecentFailure(5.0)


@pytest.mark.parametrize(
    "row",
    [
        [], {}, 7, None, "text", [1, "a", "b", 1, None], [-1, "a", "b", 1, None, None], [True, "a", "b", 1, None, None],
        [1e300, "a", "b", 1, None, None], [float("nan"), "a", "b", 1, None, None], [1, "a\n", "b", 1, None, None],
        [1, "a", None, 1, None, None], [1, None, "b", 1, None, None], [1, 2, "b", 1, None, None],
        [1, "a", "b", -1, None, None], [1, "a", "b", "1", None, None], [1, "a", "b", float("inf"), None, None],
        [1, "a", "b", 1, "../../etc", None], [1, "a", "b", 1, "0" * 31, None], [1, "a", "b", 1, None, "<script>"],
        [1, "a", "b", 1, None, "a" * 129], [1, "\ud800", "b", 1, None, None],
    ],
)  # fmt: skip
def test_a_damaged_row_is_none(row: object) -> None:
    """Whatever another program has written there."""
    assert failure_in(json.dumps(row)) is None


@given(st.text() | st.binary() | st.none() | st.integers())
def test_any_text_in_a_store_is_read_without_an_error(text: object) -> None:
    """A row that is no row, or is too long, too deep or no text."""
    assert failure_in(text) is None
    assert failure_in("[" * 5_000) is failure_in('["' + "a" * 3_000) is failure_in("[" * 1_500) is None


def test_a_long_cause_is_cut() -> None:
    """As in the list of causes."""
    failure = failure_in(stored_failure(RecentFailure(1.0, Cause("w" * 300, "o" * 300))))

    assert failure is not None
    assert failure.cause == Cause("w" * 300, "o" * 300).cut()


@pytest.mark.parametrize("most", [0, 1, 50, 500])
def test_a_number_from_0_to_500_is_right(most: int) -> None:
    """0 keeps none."""
    assert failures_problem(most) is None


@pytest.mark.parametrize("most", [-1, 501, 10**9, True, None, "50", 1.0])
def test_another_number_is_a_problem(most: object) -> None:
    """It says what was expected and what came."""
    problem = failures_problem(most)

    assert problem is not None
    assert problem.startswith("expected a whole number from 0 to 500, got ")
