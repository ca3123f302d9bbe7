"""What the bad events of an SLO were caused by, for the spans that pages, JSON and commands show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slo_core.budgets.cause_shares import CauseBreakdown, CauseShare
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.budgets.wording import percent
from slo_core.errors import described
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import DAY, HOUR
from slo_core.tracking.tracker import SLOTracker

__all__ = [
    "CAUSE_SPANS",
    "NOT_KEPT",
    "UNKNOWN_BECAUSE",
    "SLOCauses",
    "cause_text",
    "causes_json",
    "is_named",
    "read_causes",
    "seconds_of_spans",
    "share_text",
    "top_cause",
]

# "window" is the SLO's own; each of the others is so many seconds.
CAUSE_SPANS: Mapping[str, int | None] = {"1h": HOUR, "6h": 6 * HOUR, "1d": DAY, "window": None}

NOT_KEPT = "its store keeps no causes"
UNKNOWN_BECAUSE = "recorded without a cause, counted by an older version, or lost with their process"

_OTHER, _UNKNOWN = "other", "unknown"


@dataclass(frozen=True, slots=True)
class SLOCauses:
    """
    The causes of one SLO's bad events.

    Attributes:
        spans: By the names of `CAUSE_SPANS`, all read at one moment; empty where there are none to show.
        problem: Why there are none; None else.
    """

    spans: Mapping[str, CauseBreakdown] = field(default_factory=dict)
    problem: str | None = None


def read_causes(tracker: SLOTracker, snapshot: SLOSnapshot) -> SLOCauses:
    """
    The causes of every span, in one read of the store.

    They explain numbers that were read already: where they cannot be read alone, the reason stands in their place.

    Args:
        tracker: The SLO.
        snapshot: Its numbers.
    """
    try:
        breakdowns = tracker.internals.causes(seconds_of_spans(tracker.definition, snapshot))
    except Exception as exc:  # whatever a store raises
        reason = described(exc)
        if tracker.internals.errors is not None:
            tracker.internals.errors.report(f"the causes of SLO {tracker.name!r} are not shown", detail=reason)
        return SLOCauses(problem=f"they cannot be read: {reason}")
    if breakdowns is None:
        return SLOCauses(problem=NOT_KEPT)
    return SLOCauses(dict(zip(CAUSE_SPANS, breakdowns, strict=True)))


def seconds_of_spans(definition: SLODefinition, snapshot: SLOSnapshot) -> list[int]:
    """How far back each of the `CAUSE_SPANS` reaches."""
    start = definition.own_span(at=snapshot.at, until=snapshot.at).start
    window_seconds = max(1, math.ceil(snapshot.at - start))
    return [each or window_seconds for each in CAUSE_SPANS.values()]


def causes_json(causes: SLOCauses) -> dict[str, Any]:
    """
    The causes, ready for `json.dumps`.

    Returns:
        `causes`: by span the rows, the largest first; together they are the bad events of the span. `cause_spans`: of each span
        its first second (`since`: it begins with a whole bucket), and its `good` and `bad` events. `causes_note`: None, or
        why there are no causes, or why a part of them is unknown.
    """
    troubles = (breakdown.trouble for breakdown in causes.spans.values() if breakdown.trouble is not None)
    return {
        "causes": {
            span: [
                {
                    "where": each.where,
                    "outcome": each.outcome,
                    "bad": each.bad,
                    "share": each.share,
                    "is_lower_bound": each.is_lower_bound,
                }
                for each in breakdown.causes
            ]
            for span, breakdown in causes.spans.items()
        },
        "cause_spans": {
            span: {"since": breakdown.since, "good": breakdown.events.good, "bad": breakdown.events.bad}
            for span, breakdown in causes.spans.items()
        },
        "causes_note": causes.problem or next(troubles, None),
    }


def is_named(cause: CauseShare) -> bool:
    """Whether a row says anything of what failed."""
    return cause.where is not None or cause.outcome not in (_OTHER, _UNKNOWN)


def top_cause(breakdown: CauseBreakdown | None) -> CauseShare | None:
    """
    What says most of what failed, in one line; None where nothing does.

    The largest cause, if half of all bad events are its own or more; else the outcome that half of them or more have in common
    (without a `where`: a database that is down fails in two hundred places); else the largest cause all the same.
    """
    named = [] if breakdown is None else [cause for cause in breakdown.causes if is_named(cause)]
    if breakdown is None or not named or 2 * named[0].bad >= breakdown.events.bad:
        return next(iter(named), None)
    totals: dict[str, int] = {}
    for cause in named:
        totals[cause.outcome] = totals.get(cause.outcome, 0) + cause.bad
    outcome = max(totals, key=lambda each: totals[each])
    bad = totals[outcome]
    if 2 * bad < breakdown.events.bad:
        return named[0]
    is_bounded = any(cause.where is None and cause.outcome == _OTHER for cause in breakdown.causes)
    return CauseShare(None, outcome, bad, bad / breakdown.events.bad, is_bounded)


def cause_text(cause: CauseShare) -> str:
    """A row in words: "POST /checkout/{id} 503", "other causes", "cause not known"."""
    if cause.where is not None:
        return f"{cause.where} {cause.outcome}"
    if is_named(cause):
        return f"{cause.outcome} in other places"
    return "cause not known" if cause.outcome == _UNKNOWN else "other causes"


def share_text(cause: CauseShare) -> str:
    """Its share, rounded down: "84%", "at least 84%"."""
    return f"{'at least ' if cause.is_lower_bound else ''}{percent(cause.share, 0)}"
