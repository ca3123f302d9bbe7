"""What a store holds, as tests compare it."""

from __future__ import annotations

from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import rolling_span
from slo_core.stores.buckets import BucketRange, BucketStore, Increment, Query, SLORecord
from slo_core.stores.layout import ReadPlan

__all__ = ["now_of", "record_of", "series_of", "totals_of", "window_of"]


def now_of(store: BucketStore) -> int:
    """The store's clock, in whole seconds, a minute ago: no event lies in the future."""
    return int(store.apply([]).now) - 60


def record_of(store: BucketStore, slo: str = "availability") -> SLORecord:
    """The record of an SLO, which must be there."""
    (stored,) = store.read([Query(slo)])
    assert stored.record is not None
    return stored.record


def totals_of(store: BucketStore, slo: str = "availability") -> EventCounts:
    """All events of an SLO that were ever counted."""
    record = record_of(store, slo)
    return EventCounts(record.good, record.bad)


def series_of(store: BucketStore, slo: str, buckets: BucketRange) -> list[Increment]:
    """The buckets of one range that hold events."""
    ((increments,),) = store.series([Query(slo, (buckets,))])
    return increments


def window_of(store: BucketStore, at: int, seconds: int, slo: str = "availability") -> EventCounts:
    """The events of a rolling window of an SLO, as it was at an instant."""
    plan = ReadPlan([rolling_span(seconds, at=float(at), until=float(at))])
    (stored,) = store.read([Query(slo, plan.ranges)])
    return plan.counts(stored.sums)[0]
