"""Reads how long the events of one SLO took from the JSON of `/slo.json?slo=NAME`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slo_core.budgets.events import EventCounts
from slo_core.budgets.latencies import Latencies, LatencyRange

__all__ = ["latencies_of_json"]


def latencies_of_json(page: Mapping[str, Any], *, span: str) -> Latencies | None:
    """
    How long events took; None where the page does not show it.

    Args:
        page: The parsed JSON.
        span: One of `slo_core.status.causes.CAUSE_SPANS`.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: The JSON is damaged.
    """
    shown = page.get("latency")
    if not shown or span not in shown:
        return None
    entry, about = shown[span], page["cause_spans"].get(span, {})
    percentiles = {share: _range(entry[key]) for share, key in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))}
    return Latencies(
        since=int(entry["since"]),
        threshold_seconds=float(entry["threshold_seconds"]),
        edges_seconds=tuple(float(edge) for edge in entry["edges_seconds"]),
        counts=tuple(int(count) for count in entry["counts"]),
        unknown=int(entry["unknown"]),
        events=EventCounts(int(about.get("good", 0)), int(about.get("bad", 0))),
        counted_against=tuple(float(edge) for edge in entry["counted_against_seconds"]),
        is_approximate=bool(entry["is_approximate"]),
        percentiles={share: between for share, between in percentiles.items() if between is not None},
        at_target=_range(entry["at_target"]),
    )


def _range(edges: Any) -> LatencyRange | None:
    if edges is None:
        return None
    low, high = (None if edge is None else float(edge) for edge in edges)
    return LatencyRange(low, high)
