"""Recent failures in words and in JSON."""

from __future__ import annotations

import json

from slo_core import SLORegistry
from slo_core.budgets.causes import Cause
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.status.failures import failure_duration_text, failure_lines, failures_json, trace_link
from slo_core.status.table import status_table
from slo_core.testing import FakeClock

TRACE = "ab" * 16
WHOLE = RecentFailure(1_700_000_000.5, Cause("GET /x/{id}", "503"), 0.0123, TRACE, "r-1")


def test_json_has_every_key() -> None:
    """Without a cause its outcome is "unknown", as in the list of causes."""
    assert json.loads(json.dumps(failures_json([WHOLE, RecentFailure(5.0)]))) == {
        "recent_failures": [
            {
                "at": 1_700_000_000.5,
                "where": "GET /x/{id}",
                "outcome": "503",
                "duration_seconds": 0.0123,
                "trace_id": TRACE,
                "request_id": "r-1",
            },
            {
                "at": 5.0,
                "where": None,
                "outcome": "unknown",
                "duration_seconds": None,
                "trace_id": None,
                "request_id": None,
            },
        ]
    }


def test_the_last_few_are_lines() -> None:
    """With what is known of each; whatever a name holds, it reaches no terminal as it is."""
    assert failure_lines([]) == []
    assert failure_lines([WHOLE]) == [
        "  the last one:",
        f"    2023-11-14 22:13:20 UTC  GET /x/{{id}} 503  12 ms  trace {TRACE}  request r-1",
    ]
    lines = failure_lines([RecentFailure(2.0**40, Cause("a\x1b", "b"))] * 9)
    assert lines == ["  the last of them:", *[r"    1099511627776 s since 1970  a\x1b b"] * 5]
    assert failure_lines([RecentFailure(0.0)])[1] == "    1970-01-01 00:00:00 UTC  cause not known"


def test_durations_are_short() -> None:
    """Milliseconds below a second."""
    assert [failure_duration_text(seconds) for seconds in (0.0004, 0.25, 1, 75.128)] == [
        "0 ms",
        "250 ms",
        "1.00 s",
        "75.13 s",
    ]


def test_a_link_needs_an_address_and_a_trace() -> None:
    """None without one of them."""
    assert trace_link("https://t/{trace_id}?{trace_id}", TRACE) == f"https://t/{TRACE}?{TRACE}"
    assert trace_link(None, TRACE) is trace_link("https://t/{trace_id}", None) is None


def test_the_table_shows_them_for_an_slo_by_name(clock: FakeClock) -> None:
    """Not for all that burn."""
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock)
    registry["a"].record_failure(cause="charge_card")

    assert "the last one:\n    2023-11-14 22:13:20 UTC  charge_card failed" in status_table(registry, why="a")
    assert "the last one" not in status_table(registry, why="")
