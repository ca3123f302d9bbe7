"""Recent failures on the page of a service are those in its store."""

from __future__ import annotations

import json

import pytest

from slo_core.budgets.causes import Cause
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.status.failures import failures_json
from slo_core.status.sources.published_failures import failures_of_json

FAILURES = [RecentFailure(5.5, Cause("GET /x", "503"), 0.25, "ab" * 16, "r-1"), RecentFailure(4.0)]


def test_they_are_read_as_they_were() -> None:
    """Every value."""
    assert failures_of_json(json.loads(json.dumps(failures_json(FAILURES)))) == FAILURES


@pytest.mark.parametrize(
    "row", [None, 7, [], {}, {"at": 1}, {**failures_json(FAILURES)["recent_failures"][0], "at": "x"}]
)
def test_a_damaged_row_hides_itself_only(row: object) -> None:
    """A page may hold anything; one of an older version has none."""
    page = failures_json(FAILURES)
    page["recent_failures"].insert(1, row)

    assert failures_of_json(page) == FAILURES
    assert failures_of_json({}) == []
