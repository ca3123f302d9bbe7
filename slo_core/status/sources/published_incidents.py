"""Reads the incidents of one SLO from the JSON of `/slo.json?slo=NAME`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slo_core.budgets.cause_shares import CauseShare
from slo_core.budgets.episodes import Episode
from slo_core.budgets.marks import Mark
from slo_core.errors import SLOError
from slo_core.objectives.window import LATEST_TIME
from slo_core.status.sources.published_slo import OLDER_PAGE

__all__ = ["incidents_of_json"]


def incidents_of_json(page: Mapping[str, Any], *, slo: str) -> list[Episode]:
    """
    The incidents on a page, the newest first.

    Args:
        page: The parsed JSON.
        slo: The SLO that it was asked about.

    Raises:
        SLOError: The page is of an older version, or says why there are none.
        ValueError, KeyError, TypeError, AttributeError: The JSON is damaged.
    """
    if "slos" not in page:
        raise SLOError(str(page.get("error") or f"the page does not show SLO {slo!r}"))
    if "incidents" not in page:
        raise SLOError(f"{OLDER_PAGE} when alerts fired; upgrade the service")
    note = page.get("incidents_note")
    if note is not None:
        raise SLOError(f"SLO {slo!r}, incidents: {note}")
    return [_episode(slo, entry) for entry in page["incidents"]]


def _episode(slo: str, entry: Mapping[str, Any]) -> Episode:
    start, end = _instant(entry["start"]), entry["end"]
    return Episode(
        slo,
        str(entry["severity"]),
        int(entry["long_window_seconds"]),
        int(entry["short_window_seconds"]),
        start,
        None if end is None else _instant(end),
        int(entry["good"]),
        int(entry["bad"]),
        float(entry["budget_share"]),
        tuple(
            CauseShare(
                None if row["where"] is None else str(row["where"]),
                str(row["outcome"]),
                int(row["bad"]),
                float(row["share"]),
                bool(row["is_lower_bound"]),
            )
            for row in entry["causes"]
        ),
        tuple(Mark(row["at"], row["kind"], row["text"]) for row in entry["marks"]),
    )


def _instant(at: Any) -> int:
    if type(at) is not int or not 0 <= at <= LATEST_TIME:
        raise ValueError(f"expected seconds since the epoch, got {at!r}")
    return at
