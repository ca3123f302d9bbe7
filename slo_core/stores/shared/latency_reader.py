"""Reads from a shared store how long events took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from slo_core.budgets.latencies import Latencies
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.buckets import BucketStore, Stored
from slo_core.stores.causes import LatencyStore
from slo_core.stores.latency_reading import latency_reading
from slo_core.stores.shared.damage import damage_in_sums, damaged

__all__ = ["keeps_latencies", "read_latencies"]


def keeps_latencies(buckets: BucketStore) -> bool:
    """Whether a store is a `LatencyStore`."""
    # Not `isinstance`, which does not see through a store of a user's that passes everything on to another.
    return getattr(buckets, "keeps_latencies", False) is True and hasattr(buckets, "read_causes")


def read_latencies(
    buckets: BucketStore, definition: SLODefinition, spans: Sequence[int], *, now: float
) -> list[Latencies] | None:
    """
    How long the events of one SLO took, in one round trip.

    Args:
        buckets: The store; its exceptions are passed on.
        definition: The SLO.
        spans: How many seconds to look back.
        now: The clock.

    Returns:
        None where the store does not keep it, or the SLO has no threshold.

    Raises:
        DamagedError: The SLO is damaged in the store.
    """
    readings = [reading for seconds in spans if (reading := latency_reading(definition, seconds, now=now)) is not None]
    if not readings or not keeps_latencies(buckets):
        return None
    stored = cast(LatencyStore, buckets).read_causes([each.query for each in readings])
    for each in stored:
        trouble = damage_in_sums(Stored(None, (each.sums,)), 1)
        if trouble is not None:
            raise damaged(definition.name, trouble)
    return [reading.latencies(each) for reading, each in zip(readings, stored, strict=True)]
