"""The causes of an SLO as they are copied to another store."""

from __future__ import annotations

from typing import NamedTuple

from slo_core.budgets.causes import BlockKey, CauseIncrement
from slo_core.errors import StoreError
from slo_core.stores.buckets import BucketStore
from slo_core.stores.causes import CAUSE_WIDTHS, CauseQuery, CauseStore
from slo_core.stores.shared.damage import damaged

__all__ = ["CopiedCauses", "causes_to_copy"]


class CopiedCauses(NamedTuple):
    """
    All causes that a store holds of an SLO; the fields of a `Batch`.

    Attributes:
        causes: Of the newest bucket.
        cause_blocks: All others.
    """

    causes: tuple[CauseIncrement, ...] = ()
    cause_blocks: tuple[tuple[BlockKey, str], ...] = ()


def causes_to_copy(source: BucketStore, slo: str) -> CopiedCauses:
    """
    The causes of an SLO; none where the store keeps none.

    Raises:
        StoreError: They are damaged: a copy without them would look complete.
    """
    if not isinstance(source, CauseStore):
        return CopiedCauses()
    answers = source.read_causes([CauseQuery(slo, width, 0) for width in CAUSE_WIDTHS])
    for stored in answers:
        if stored.trouble is not None:
            raise StoreError(f"store {source.backend}, {damaged(slo, stored.trouble)}; nothing was copied of it")
    newest = answers[0].newest
    bucket = None if newest is None else newest.newest
    causes = [] if newest is None or bucket is None else [CauseIncrement(bucket, *each) for each in newest.counts()]
    return CopiedCauses(
        tuple(causes),
        tuple(
            (BlockKey(width, number), block.text())
            for width, stored in zip(CAUSE_WIDTHS, answers, strict=True)
            for number, block in stored.blocks
        ),
    )
