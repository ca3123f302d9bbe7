"""Reads the causes of bad events from a shared store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from slo_core.budgets.cause_shares import CauseBreakdown
from slo_core.errors import StoreError
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.buckets import BucketStore, Stored
from slo_core.stores.cause_reading import cause_reading
from slo_core.stores.causes import CauseStore
from slo_core.stores.shared.damage import damage_in_sums, damaged

__all__ = ["read_causes"]


def read_causes(
    buckets: BucketStore, asked: Sequence[tuple[SLODefinition, int]], *, now: float
) -> list[CauseBreakdown | StoreError] | None:
    """
    What caused the bad events of several SLOs, in one round trip.

    Args:
        buckets: The store; its exceptions are passed on.
        asked: The SLOs, and how many seconds to look back. One may come several times.
        now: The clock.

    Returns:
        None when the store keeps no causes; an error in the place of an SLO that is damaged.
    """
    # Not `isinstance`, which does not see through a store of a user's that passes everything on to another.
    if not hasattr(buckets, "read_causes"):
        return None
    store = cast(CauseStore, buckets)
    readings = [cause_reading(each.name, seconds, now=now, keeps_seconds=each.kept_seconds) for each, seconds in asked]
    answers: list[CauseBreakdown | StoreError] = []
    for reading, stored in zip(readings, store.read_causes([each.query for each in readings]), strict=True):
        trouble = damage_in_sums(Stored(None, (stored.sums,)), 1)
        answers.append(reading.breakdown(stored) if trouble is None else damaged(reading.query.slo, trouble))
    return answers
