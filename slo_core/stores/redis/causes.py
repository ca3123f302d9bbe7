"""The causes of bad events, and how long events took, in Redis: a hash of each SLO, with a field for each block."""

from __future__ import annotations

import json
from collections.abc import Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

from slo_core.budgets.causes import BlockKey, CauseIncrement
from slo_core.stores.buckets import Batch
from slo_core.stores.causes import BLOCK_BUCKETS, CauseQuery, StoredCauses
from slo_core.stores.redis.answers import explained
from slo_core.stores.redis.blocks import BlockCover, BlockPlan, Keys, block_tag, text_of
from slo_core.stores.shared.cause_texts import stored_causes

__all__ = ["CausePlan", "causes_argument", "causes_key"]


def causes_key(tag: bytes) -> bytes:
    """
    The key of an SLO's causes.

    Args:
        tag: The beginning of the keys of its blocks; see `block_tag`.
    """
    return b"%b:causes" % tag


def causes_argument(batch: Batch) -> str:
    """The causes and latencies of a batch as `apply.lua` takes them."""
    parts = [_part(batch.causes, batch.cause_blocks)]
    if batch.latencies or batch.latency_blocks or batch.totals_causes:
        parts.append(_part(batch.latencies, batch.latency_blocks))
    if batch.totals_causes:
        parts.append("true")
    return f"[{','.join(parts)}]"


def _part(increments: Sequence[CauseIncrement], blocks: Sequence[tuple[BlockKey, str]]) -> str:
    buckets: list[list[str]] = []
    last: int | None = None
    for bucket, (where, outcome), bad in increments:
        if bucket != last:
            buckets.append([str(bucket)])
            last = bucket
        buckets[-1].append(f"{encode_basestring_ascii(where)},{encode_basestring_ascii(outcome)},{bad:d}")
    listed = ",".join([f"[{','.join(values)}]" for values in buckets])
    return f"[{listed}],{json.dumps(blocks) if blocks else '[]'}"


class CausePlan:
    """
    Which keys of an SLO answer a query for causes or latencies.

    Args:
        keys: Of the service.
        query: What is wanted.
        generation: In the names of the SLO's blocks.

    Attributes:
        keys: Of the script that reads: the record's, those of blocks of events, that of the causes.
        offsets: Its arguments.
    """

    __slots__ = ("_events", "_kind", "keys", "offsets")

    def __init__(self, keys: Keys, query: CauseQuery, *, generation: str) -> None:
        self._events = BlockPlan(keys, query.slo, BlockCover(query.ranges), generation=generation)
        kind = self._kind = query.kind
        key = kind.stored(BlockKey(query.width_seconds, query.first // BLOCK_BUCKETS[query.width_seconds]))
        tag = block_tag(keys.tag(query.slo).encode(), generation)
        self.keys = [*self._events.keys, causes_key(tag)]
        self.offsets = [*self._events.offsets, b"%d:%d:%d" % (*key, kind.open.width_seconds)]

    def stored(self, answer: Any) -> StoredCauses:
        """The causes in the answer of the script; or the trouble with it."""
        try:
            if isinstance(answer, Exception):
                raise answer
            *events, texts = answer
            events = self._events.stored(events)
            blocks = [(_key(field), text_of(text)) for field, text in zip(texts[::2], texts[1::2], strict=True)]
        except Exception as exc:  # from any bytes in a store
            return StoredCauses(trouble=explained(exc))
        if events.record is None:
            return StoredCauses()
        return stored_causes(dict(blocks).items(), events.sums, self._kind)


def _key(field: bytes | str) -> BlockKey:
    width, block = text_of(field).split(":")
    return BlockKey(int(width), int(block))
