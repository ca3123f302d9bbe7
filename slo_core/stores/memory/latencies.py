"""How long the events of one SLO took, kept in memory."""

from __future__ import annotations

from collections.abc import Mapping

from slo_core.budgets.causes import BlockKey, Cause, CauseIncrement
from slo_core.budgets.latencies import Latencies
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.causes import BLOCK_BUCKETS, FINEST_SECONDS, LATENCIES, StoredCauses, first_kept
from slo_core.stores.latency_reading import latency_reading
from slo_core.stores.memory.tiers import BucketTiers
from slo_core.stores.shared.cause_texts import BlockTexts, stored_causes

__all__ = ["MemoryLatencies", "read_latencies"]


class MemoryLatencies:
    """
    Blocks of latencies as texts, which take a tenth of the memory. Not thread-safe: its ledger holds the lock.

    Args:
        keeps_seconds: The longest that any window of the SLO can ever be.
    """

    __slots__ = ("_blocks", "_keeps_seconds", "_texts")

    def __init__(self, keeps_seconds: int) -> None:
        self._keeps_seconds = keeps_seconds
        self._blocks: dict[BlockKey, str] = {}
        self._texts = BlockTexts(LATENCIES, self._blocks.get)

    def add(self, second: int, latencies: Mapping[Cause, int], *, newest: float) -> None:
        """
        Add events.

        Args:
            second: When they happened.
            latencies: The cells in which they are.
            newest: The newest event, these included.
        """
        bucket, blocks = second // FINEST_SECONDS, self._blocks
        increments = [CauseIncrement(bucket, cell, count) for cell, count in latencies.items()]
        changed = self._texts.changed(increments, reference=newest, keeps_seconds=self._keeps_seconds)
        is_growing = any(key not in blocks for key, _ in changed)
        blocks.update(changed)
        if is_growing:
            self._prune(newest)

    def _prune(self, newest: float) -> None:
        first = {
            LATENCIES.stored(BlockKey(width, 0)).width_seconds: first_kept(
                width, newest=newest, keeps_seconds=self._keeps_seconds
            )
            // size
            for width, size in BLOCK_BUCKETS.items()
        }
        for key in [key for key in self._blocks if key != LATENCIES.open and key.block < first[key.width_seconds]]:
            del self._blocks[key]

    def blocks_of(self, width_seconds: int) -> list[tuple[BlockKey, str]]:
        """The blocks whose buckets have a width, and the newest bucket's."""
        wanted = {LATENCIES.open.width_seconds, LATENCIES.stored(BlockKey(width_seconds, 0)).width_seconds}
        return [(key, text) for key, text in self._blocks.items() if key.width_seconds in wanted]


def read_latencies(
    kept: MemoryLatencies | None, tiers: BucketTiers, definition: SLODefinition, seconds: int, *, now: float
) -> Latencies | None:
    """
    How long the events of the last so many seconds took.

    Args:
        kept: What is kept of the SLO; None where nothing is.
        tiers: Its events.
        definition: The SLO.
        seconds: How far back.
        now: The clock.

    Returns:
        None for an SLO without a threshold.
    """
    reading = latency_reading(definition, seconds, now=now)
    if reading is None:
        return None
    sums = tiers.sum_all(reading.query.ranges)
    if kept is None:
        return reading.latencies(StoredCauses(sums=sums))
    return reading.latencies(stored_causes(kept.blocks_of(reading.query.width_seconds), [sums], LATENCIES))
