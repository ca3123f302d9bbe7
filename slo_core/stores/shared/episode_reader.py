"""Reads from a shared store what episodes are worked out from, and those that it keeps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from slo_core.budgets.causes import Cause
from slo_core.budgets.episodes import Episode
from slo_core.budgets.firing_spans import deciding_buckets
from slo_core.budgets.timeline import Timeline, kept_ranges
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS, tiers_reaching
from slo_core.stores.buckets import BucketRange, BucketStore, Query
from slo_core.stores.cause_reading import past_causes
from slo_core.stores.causes import CauseStore
from slo_core.stores.episodes import EpisodeStore
from slo_core.stores.shared.damage import damage_in_record, whole_series

__all__ = ["EventHistory", "read_event_history", "read_kept_episodes", "read_past_causes", "read_recent_minutes"]


class EventHistory(NamedTuple):
    """
    The past of one SLO.

    Attributes:
        timeline: Its events.
        data_since: Since when it is measured, in seconds since the epoch.
    """

    timeline: Timeline
    data_since: float


def read_kept_episodes(buckets: BucketStore, slos: Sequence[str], since: float) -> list[tuple[Episode, ...]]:
    """For each SLO the episodes that a store keeps and that began at or after an instant; none in one that keeps none."""
    if not isinstance(buckets, EpisodeStore):
        return [()] * len(slos)
    return buckets.read_episodes(slos, since)


def read_past_causes(
    buckets: BucketStore, slo: str, spans: Sequence[tuple[float, float]], *, now: float
) -> list[list[tuple[Cause, int]]]:
    """
    What bad events were caused by in several stretches of time, in one round trip.

    Args:
        buckets: The store; nothing is known in one that keeps no causes.
        slo: The name of the SLO.
        spans: The first and the last instant of each.
        now: The clock.
    """
    if not isinstance(buckets, CauseStore) or not spans:
        return [[]] * len(spans)
    asked = [past_causes(slo, start, end, now=now) for start, end in spans]
    answers = buckets.read_causes([each.query for each in asked])
    return [each.counts(stored) for each, stored in zip(asked, answers, strict=True)]


def read_event_history(buckets: BucketStore, definition: SLODefinition, *, now: float) -> EventHistory | None:
    """
    All events that are kept of an SLO; None for one that the store does not know, or that is damaged there.

    Args:
        buckets: The store.
        definition: The SLO.
        now: The clock.

    Raises:
        StoreError: Its buckets are damaged.
    """
    ranges = kept_ranges(
        tiers_reaching(definition.kept_seconds), at=now, until=math.floor(now) + FUTURE_TOLERANCE_SECONDS
    )
    return _history(buckets, definition, ranges)


def read_recent_minutes(
    buckets: BucketStore, definition: SLODefinition, *, since: int, now: float
) -> EventHistory | None:
    """
    The events that decide whether rules fire at any minute since an instant; None as for `read_event_history`.

    Args:
        buckets: The store.
        definition: The SLO.
        since: The first minute.
        now: The clock.

    Raises:
        StoreError: Its buckets are damaged.
    """
    return _history(buckets, definition, deciding_buckets(definition, since=since, at=now))


def _history(buckets: BucketStore, definition: SLODefinition, ranges: Sequence[BucketRange]) -> EventHistory | None:
    (stored,) = buckets.read([Query(definition.name)])
    record = stored.record
    if record is None or stored.trouble is not None or damage_in_record(record) is not None:
        return None
    (series,) = buckets.series([Query(definition.name, tuple(ranges))])
    whole_series(definition.name, series)
    return EventHistory(Timeline(zip(ranges, series, strict=True)), record.data_since)
