"""Since when the counts of an SLO are kept in a shared store."""

from __future__ import annotations

from math import floor, inf

from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS, QUARTER_HOUR
from slo_core.stores.buckets import SLORecord
from slo_core.stores.layout import kept_from

__all__ = ["horizon", "kept_since"]


def horizon(record: SLORecord, *, now: float) -> float | None:
    """The instant from which the SLO's kept buckets are counted back; None before its first event."""
    newest = record.last_event_at
    if newest is None:
        return None
    # As stores prune: an event from a clock that runs far ahead pushes nothing out.
    return min(newest + record.idle_seconds, floor(now) + FUTURE_TOLERANCE_SECONDS)


def kept_since(record: SLORecord, *, now: float) -> float:
    """The first second of which the SLO's counts are kept, in the coarsest buckets that may be a window's edge."""
    newest = horizon(record, now=now)
    if newest is None:
        return -inf
    since = kept_from(QUARTER_HOUR, newest=newest, keeps_seconds=record.keeps_seconds) * QUARTER_HOUR
    return since if record.kept_since is None else max(since, record.kept_since)
