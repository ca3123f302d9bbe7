"""Reads the causes of one SLO's bad events from the JSON of `/slo.json?slo=NAME`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slo_core.budgets.cause_shares import CauseBreakdown, CauseShare
from slo_core.budgets.events import EventCounts
from slo_core.status.sources.published_slo import OLDER_PAGE

__all__ = ["causes_of_json"]


def causes_of_json(page: Mapping[str, Any], *, slo: str, span: str) -> CauseBreakdown | str:
    """
    The causes on a page, or why there are none.

    Args:
        page: The parsed JSON.
        slo: The SLO that it was asked about.
        span: One of `slo_core.status.causes.CAUSE_SPANS`.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: The JSON is damaged.
    """
    if "slos" not in page:
        return str(page.get("error") or "the page does not show it")
    if slo not in [entry["name"] for entry in page["slos"]]:
        return "the page does not show it"
    if "causes" not in page:
        return f"{OLDER_PAGE} what failed; upgrade the service"
    note = page["causes_note"]
    if span not in page["causes"]:
        return str(note)
    rows = tuple(
        CauseShare(
            None if row["where"] is None else str(row["where"]),
            str(row["outcome"]),
            int(row["bad"]),
            float(row["share"]),
            bool(row["is_lower_bound"]),
        )
        for row in page["causes"][span]
    )
    about = page["cause_spans"][span]
    events = EventCounts(int(about["good"]), int(about["bad"]))
    return CauseBreakdown(int(about["since"]), events, rows, None if note is None else str(note))
