"""A batch as the script that applies it takes it."""

from __future__ import annotations

import struct

from slo_core.stores.buckets import Batch
from slo_core.stores.redis.blocks import BLOCK_BUCKETS, GROWING_WIDTHS, Keys, blocks_within

__all__ = ["batch_call"]


def batch_call(keys: Keys, batch: Batch) -> tuple[list[bytes], list[object]]:
    """
    Keys and arguments of `apply.lua`.

    Args:
        keys: Of the service.
        batch: The batch.
    """
    # Bytes: without hiredis, redis-py takes 2.5 µs a batch to encode keys that are text.
    tag = keys.tag(batch.slo).encode()
    names = [b"%b:record" % tag, b"%b:note:%b" % (tag, batch.writer.encode())]
    numbers = [
        batch.number, batch.good, batch.bad, batch.dropped, batch.errors, batch.earliest or 0, batch.newest or 0,
    ]  # fmt: skip
    for width, bucket, good, bad in batch.increments:
        name = b"%b:%d:%d" % (tag, width, bucket // BLOCK_BUCKETS[width])
        if name != names[-1]:  # sorted, they come block after block
            names.append(name)
        numbers += (len(names), width, bucket, good, bad)
    arguments: list[object] = [struct.pack(f">{len(numbers)}q", *numbers)]
    declaration = batch.declaration
    if declaration is not None:
        # The longest window may have grown: then the blocks that exist already live longer, too.
        now = declaration.since if batch.newest is None else max(declaration.since, batch.newest)
        quarters, days = (blocks_within(width, declaration.keeps_seconds, now=now) for width in GROWING_WIDTHS)
        arguments += [declaration.definition, declaration.fingerprint, repr(float(declaration.since))]
        arguments += [declaration.keeps_seconds, len(names), len(names) + len(quarters)]
        names += (b"%b:%d:%d" % (tag, GROWING_WIDTHS[0], block) for block in quarters)
        names += (b"%b:%d:%d" % (tag, GROWING_WIDTHS[1], block) for block in days)
    return names, arguments
