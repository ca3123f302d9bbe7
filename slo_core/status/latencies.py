"""How long the events of a latency SLO took, for the spans that pages, JSON and commands show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slo_core.budgets.latencies import Latencies, LatencyRange
from slo_core.budgets.notation import number
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.budgets.wording import percent
from slo_core.errors import described
from slo_core.status.causes import CAUSE_SPANS, seconds_of_spans
from slo_core.tracking.tracker import SLOTracker

__all__ = ["SLOLatencies", "latency_json", "latency_lines", "range_text", "read_latencies", "time_text"]


@dataclass(frozen=True, slots=True)
class SLOLatencies:
    """
    How long the events of one SLO took.

    Attributes:
        spans: By the names of `CAUSE_SPANS`, all read at one moment; empty where there is nothing to show.
        problem: Why there is nothing to show; None else.
    """

    spans: Mapping[str, Latencies] = field(default_factory=dict)
    problem: str | None = None


def read_latencies(tracker: SLOTracker, snapshot: SLOSnapshot) -> SLOLatencies | None:
    """
    How long the events of every span took, in one read of the store; None for an SLO without a threshold.

    Where it cannot be read alone, the reason stands in its place.

    Args:
        tracker: The SLO.
        snapshot: Its numbers.
    """
    rule = tracker.definition.http
    if rule is None or rule.latency_seconds is None:
        return None
    try:
        latencies = tracker.internals.latencies(seconds_of_spans(tracker.definition, snapshot))
    except Exception as exc:  # whatever a store raises
        reason = described(exc)
        if tracker.internals.errors is not None:
            tracker.internals.errors.report(f"the latencies of SLO {tracker.name!r} are not shown", detail=reason)
        return SLOLatencies(problem=f"they cannot be read: {reason}")
    if latencies is None:
        return SLOLatencies(problem="its store keeps no latencies")
    return SLOLatencies(dict(zip(CAUSE_SPANS, latencies, strict=True)))


def latency_json(latencies: SLOLatencies | None) -> dict[str, Any]:
    """
    How long events took, ready for `json.dumps`.

    Returns:
        `latency`: None for an SLO without a threshold, else by span what is documented in the README. `latency_note`: None, or
        why there is nothing to show, or why a part is unknown.
    """
    if latencies is None:
        return {"latency": None, "latency_note": None}
    troubles = (each.trouble for each in latencies.spans.values() if each.trouble is not None)
    return {
        "latency": {span: _span_json(each) for span, each in latencies.spans.items()},
        "latency_note": latencies.problem or next(troubles, None),
    }


def _span_json(latencies: Latencies) -> dict[str, Any]:
    p50, p95, p99 = (latencies.percentiles.get(share) for share in (0.5, 0.95, 0.99))
    return {
        "since": latencies.since,
        "threshold_seconds": latencies.threshold_seconds,
        "edges_seconds": list(latencies.edges_seconds),
        "counts": list(latencies.counts),
        "unknown": latencies.unknown,
        "p50": _range_json(p50),
        "p95": _range_json(p95),
        "p99": _range_json(p99),
        "at_target": _range_json(latencies.at_target),
        "within_threshold": latencies.within_threshold,
        "is_approximate": latencies.is_approximate,
        "counted_against_seconds": list(latencies.counted_against),
    }


def _range_json(between: LatencyRange | None) -> list[float | None] | None:
    return None if between is None else [between.low, between.high]


def time_text(seconds: float) -> str:
    """A time with three digits: "283 ms", "1.7 s"."""
    milliseconds = 1000 * seconds
    if milliseconds < 999.5:
        return f"{number(float(f'{milliseconds:.3g}'), 'g')} ms"
    return f"{number(float(f'{seconds:.3g}'), ',g')} s"


def range_text(between: LatencyRange) -> str:
    """Two edges in words: "between 212 ms and 300 ms", "at most 26.5 ms", "longer than 3.39 s"."""
    if between.low is None:
        # Of no event at all nothing is said.
        return f"at most {time_text(between.high or 0.0)}"
    if between.high is None:
        return f"longer than {time_text(between.low)}"
    return f"between {time_text(between.low)} and {time_text(between.high)}"


def latency_lines(latencies: Latencies, target: float) -> list[str]:
    """
    What the histogram says, in sentences.

    Args:
        latencies: Of a span.
        target: Of the SLO, a ratio.
    """
    if not latencies.percentiles or latencies.at_target is None:
        return ["Of no event it is known how long it took."]
    p50, p95, p99 = (latencies.percentiles[share] for share in (0.5, 0.95, 0.99))
    lines = [f"The median lies {_place(p50)}, 95% {_place(p95)}, 99% {_place(p99)}."]
    share = percent(target, _digits(target))
    at_target = latencies.at_target
    if at_target.high is None:
        lines.append(f"{share} would have met no threshold up to {time_text(latencies.edges_seconds[-1])}.")
    else:
        lines.append(f"{share} would have met a threshold of {time_text(at_target.high)}.")
    if latencies.is_approximate:
        against = " and ".join(time_text(edge) for edge in latencies.counted_against)
        lines.append(
            f"The threshold was another one before: {number(latencies.within_threshold)} of {number(latencies.known)} events "
            f"were within {time_text(latencies.threshold_seconds)}, counted against {against}, the nearest that was kept."
        )
    if latencies.unknown:
        lines.append(f"Of {number(latencies.unknown)} more events it is not known how long they took.")
    return lines


def _place(between: LatencyRange) -> str:
    if between.low is None:
        return f"at {time_text(between.high or 0.0)} or below"
    if between.high is None:
        return f"above {time_text(between.low)}"
    return range_text(between)


def _digits(target: float) -> int:
    """As many decimals as the target has in percent."""
    text = f"{100 * target:.6f}".rstrip("0")
    return len(text.partition(".")[2])
