"""Reads the recent failures of one SLO from the JSON of `/slo.json?slo=NAME`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from slo_core.budgets.recent_failures import RecentFailure, failure_in

__all__ = ["failures_of_json"]


def failures_of_json(page: Mapping[str, Any]) -> list[RecentFailure]:
    """The failures on a page, the newest first; those that are damaged, and all of an older version, are left out."""
    failures = (_failure(row) for row in page.get("recent_failures", ()))
    return [failure for failure in failures if failure is not None]


def _failure(row: Any) -> RecentFailure | None:
    try:
        where, outcome = row["where"], row["outcome"]
        values = [row["at"], where, None if where is None else outcome, row["duration_seconds"], row["trace_id"]]
        return failure_in(json.dumps([*values, row["request_id"]]))
    except (LookupError, TypeError, ValueError):
        return None
