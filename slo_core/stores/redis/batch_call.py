"""A batch as the script that applies it takes it."""

from __future__ import annotations

import struct

from slo_core.stores.buckets import Batch, Note
from slo_core.stores.layout import kept_seconds
from slo_core.stores.redis.blocks import (
    BLOCK_BUCKETS,
    BUCKET_BYTES,
    GROWING_WIDTHS,
    SHORT_WIDTHS,
    Keys,
    block_tag,
    blocks_within,
)
from slo_core.stores.redis.causes import causes_argument, causes_key

__all__ = ["batch_call", "has_damage", "note_of", "other_generation"]


# What `apply.lua` unpacks.
_HEAD = struct.Struct(">7q")
_INCREMENT = struct.Struct(">HI3q")
_BYTES = [
    b"%d\0%d\0" % (at, at + BUCKET_BYTES - 1)
    for at in range(0, max(BLOCK_BUCKETS.values()) * BUCKET_BYTES, BUCKET_BYTES)
]

# The names of answers: that of a note, and that of a call whose blocks are of another generation.
_NOTE = struct.Struct(">4q")
_OTHER_NAMES = b"names"
_DAMAGED = b" damaged"


def batch_call(keys: Keys, batch: Batch, generation: str) -> tuple[list[bytes], list[object]]:
    """
    Keys and arguments of `apply.lua`.

    Args:
        keys: Of the service.
        batch: The batch.
        generation: In the names of the SLO's blocks.
    """
    # Bytes: without hiredis, redis-py takes 2.5 µs a batch to encode keys that are text.
    tag = keys.tag(batch.slo).encode()
    names = [b"%b:record" % tag]
    tag = block_tag(tag, generation)
    after = batch.after
    has_blocks = batch.causes or batch.cause_blocks or batch.latencies or batch.latency_blocks
    mark = "1" if batch.leaves else "live" if batch.is_live else ""
    swept = ("", "", "") if after is None else (after.generation, str(after.swept), repr(float(after.swept_at)))
    packed = [
        _HEAD.pack(
            batch.number, batch.good, batch.bad, batch.dropped, batch.errors, batch.earliest or 0, batch.newest or 0
        ),
        "\0".join((batch.writer, batch.nonce, mark, generation, *swept, "")).encode(),
    ]
    if has_blocks:
        names.append(causes_key(tag))
    for width, bucket, good, bad in batch.increments:
        block, place = divmod(bucket, BLOCK_BUCKETS[width])
        name = b"%b:%d:%d" % (tag, width, block)
        if name != names[-1]:  # sorted, they come block after block
            names.append(name)
        packed += (_INCREMENT.pack(len(names), width, bucket, good, bad), _BYTES[place])
    arguments: list[object] = [b"".join(packed)]
    declaration = batch.declaration
    if declaration is not None:
        # The longest window may have grown: then the blocks that exist already live longer, too.
        now = declaration.since if batch.newest is None else max(declaration.since, batch.newest)
        quarters, days = (blocks_within(width, declaration.keeps_seconds, now=now) for width in GROWING_WIDTHS)
        arguments += [declaration.definition, declaration.fingerprint, repr(float(declaration.since))]
        arguments += [declaration.keeps_seconds, len(names), len(names) + len(quarters)]
        arguments += [len(names) + len(quarters) + len(days), declaration.kept_since or ""]
        names += (b"%b:%d:%d" % (tag, GROWING_WIDTHS[0], block) for block in quarters)
        names += (b"%b:%d:%d" % (tag, GROWING_WIDTHS[1], block) for block in days)
        if not generation:
            for width in SHORT_WIDTHS:
                blocks = blocks_within(width, kept_seconds(width, declaration.keeps_seconds), now=now)
                names += (b"%b:%d:%d" % (tag, width, block) for block in blocks)
            names.append(causes_key(tag))
    if has_blocks:
        arguments.append(causes_argument(batch))
    return names, arguments


def note_of(answer: bytes) -> Note:
    """What the script has answered."""
    number, applied, swept, swept_at = _NOTE.unpack_from(answer)
    generation, nonce, *_ = answer[_NOTE.size :].decode().split(" ")
    return Note(number, nonce, applied, swept, float(swept_at), "" if generation == "-" else generation)


def has_damage(answer: bytes) -> bool:
    """Whether the script has said that causes were damaged, and begin again."""
    return answer.endswith(_DAMAGED)


def other_generation(answer: object) -> str | None:
    """The generation that should have stood in the names of blocks, where a script has said so."""
    if isinstance(answer, bytes) and answer.startswith(_OTHER_NAMES):
        return answer.removeprefix(_OTHER_NAMES).decode()
    return None
