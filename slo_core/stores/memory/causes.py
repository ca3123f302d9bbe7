"""What the bad events of one SLO were caused by, kept in memory."""

from __future__ import annotations

from collections.abc import Mapping

from slo_core.budgets.cause_shares import CauseBreakdown
from slo_core.budgets.causes import BlockKey, Cause, CauseBlock, CauseIncrement
from slo_core.stores.cause_reading import cause_reading
from slo_core.stores.causes import BLOCK_BUCKETS, FINEST_SECONDS, OPEN, CauseQuery, StoredCauses, add_causes, first_kept
from slo_core.stores.memory.tiers import BucketTiers

__all__ = ["MemoryCauses", "read_causes"]


class MemoryCauses:
    """
    Blocks of causes, as shared stores keep them. Not thread-safe: its ledger holds the lock.

    Args:
        keeps_seconds: The longest that any window of the SLO can ever be.
    """

    __slots__ = ("_blocks", "_keeps_seconds")

    def __init__(self, keeps_seconds: int) -> None:
        self._keeps_seconds = keeps_seconds
        self._blocks: dict[BlockKey, CauseBlock] = {}

    def add(self, second: int, causes: Mapping[Cause, int], *, newest: float) -> None:
        """
        Add the causes of bad events.

        Args:
            second: When they happened.
            causes: How many were caused by what.
            newest: The newest event, these included.
        """
        blocks = self._blocks
        bucket = second // FINEST_SECONDS
        increments = [CauseIncrement(bucket, cause, bad) for cause, bad in causes.items()]
        changed = add_causes(increments, load=blocks.get, reference=newest, keeps_seconds=self._keeps_seconds)
        is_growing = any(key not in blocks for key in changed)
        blocks.update(changed)
        if is_growing:
            self._prune(newest)

    def _prune(self, newest: float) -> None:
        keeps = self._keeps_seconds
        first = {
            width: first_kept(width, newest=newest, keeps_seconds=keeps) // size
            for width, size in BLOCK_BUCKETS.items()
        }
        for key in [key for key in self._blocks if key != OPEN and key.block < first[key.width_seconds]]:
            del self._blocks[key]

    def stored(self, query: CauseQuery) -> StoredCauses:
        """The blocks that answer a query, as they stand now; without the events."""
        width, first = query.width_seconds, query.first // BLOCK_BUCKETS[query.width_seconds]
        blocks = [
            (key.block, each.copy())
            for key, each in self._blocks.items()
            if key.width_seconds == width and key.block >= first
        ]
        newest = self._blocks.get(OPEN)
        return StoredCauses(tuple(blocks), None if newest is None else newest.copy())


def read_causes(
    causes: MemoryCauses | None, tiers: BucketTiers, seconds: int, *, now: float, keeps_seconds: int
) -> CauseBreakdown:
    """
    The causes of the last so many seconds.

    Args:
        causes: Those of the SLO; None where there are none.
        tiers: Its events.
        seconds: How far back.
        now: The clock.
        keeps_seconds: As for `MemoryCauses`.
    """
    reading = cause_reading("", seconds, now=now, keeps_seconds=keeps_seconds)
    stored = StoredCauses() if causes is None else causes.stored(reading.query)
    return reading.breakdown(stored._replace(sums=tiers.sum_all(reading.query.ranges)))
