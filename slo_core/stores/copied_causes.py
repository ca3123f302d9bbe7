"""The causes and latencies of an SLO as they are copied to another store."""

from __future__ import annotations

from typing import NamedTuple

from slo_core.budgets.causes import BlockKey, CauseIncrement
from slo_core.errors import StoreError
from slo_core.stores.buckets import BucketStore
from slo_core.stores.causes import (
    CAUSE_WIDTHS,
    CAUSES,
    LATENCIES,
    BlockKind,
    CauseQuery,
    CauseStore,
    LatencyStore,
)
from slo_core.stores.shared.damage import damaged

__all__ = ["CopiedCauses", "causes_to_copy"]


_Blocks = tuple[tuple[BlockKey, str], ...]


class CopiedCauses(NamedTuple):
    """
    All causes and latencies that a store holds of an SLO; the fields of a `Batch`.

    Attributes:
        causes: Of the newest bucket.
        cause_blocks: All others.
        latencies: Of the newest bucket.
        latency_blocks: All others.
    """

    causes: tuple[CauseIncrement, ...] = ()
    cause_blocks: tuple[tuple[BlockKey, str], ...] = ()
    latencies: tuple[CauseIncrement, ...] = ()
    latency_blocks: tuple[tuple[BlockKey, str], ...] = ()


def causes_to_copy(source: BucketStore, slo: str) -> CopiedCauses:
    """
    The causes and latencies of an SLO; none where the store keeps none.

    Raises:
        StoreError: They are damaged: a copy without them would look complete.
    """
    if not isinstance(source, CauseStore):
        return CopiedCauses()
    latencies = _copied(source, slo, LATENCIES) if isinstance(source, LatencyStore) else ((), ())
    return CopiedCauses(*_copied(source, slo, CAUSES), *latencies)


def _copied(source: CauseStore, slo: str, kind: BlockKind) -> tuple[tuple[CauseIncrement, ...], _Blocks]:
    """Of one kind the newest bucket, and all blocks of others."""
    answers = source.read_causes([CauseQuery(slo, width, 0, kind=kind) for width in CAUSE_WIDTHS])
    for stored in answers:
        if stored.trouble is not None:
            backend = getattr(source, "backend", "")
            raise StoreError(f"store {backend}, {damaged(slo, stored.trouble)}; nothing was copied of it")
    newest = answers[0].newest
    bucket = None if newest is None else newest.newest
    causes = [] if newest is None or bucket is None else [CauseIncrement(bucket, *each) for each in newest.counts()]
    return (
        tuple(causes),
        tuple(
            (BlockKey(width, number), block.text())
            for width, stored in zip(CAUSE_WIDTHS, answers, strict=True)
            for number, block in stored.blocks
        ),
    )
