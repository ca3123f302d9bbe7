"""How an SLO lies in Redis: its keys, and buckets packed into strings."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import quote

from slo_core.budgets.causes import MOST_CAUSES, MOST_OUTCOMES
from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import (
    DAY,
    EDGE_BUCKETS,
    FUTURE_TOLERANCE_SECONDS,
    HOUR,
    LATEST_TIME,
    MINUTES,
    QUARTER_HOUR,
    SECONDS,
    SLACK_SECONDS,
)
from slo_core.stores.buckets import BucketRange, Increment, Series, SLORecord, Stored
from slo_core.stores.cause_totals import MOST_TOTALS
from slo_core.stores.causes import BLOCK_BUCKETS as CAUSE_BLOCKS
from slo_core.stores.causes import FINEST_SECONDS, LATENCIES
from slo_core.stores.causes import SPANS as CAUSE_SPANS
from slo_core.stores.layout import (
    AWAKE_SECONDS,
    LEAST_KEPT_SECONDS,
    SWEPT_AT_LAST_SECONDS,
    SWEPT_AT_ONCE,
    SWEPT_SECONDS,
    WIDTHS,
)

__all__ = [
    "BLOCK_BUCKETS",
    "BUCKET_BYTES",
    "GROWING_WIDTHS",
    "SCRIPT_CONSTANTS",
    "SERVICES_KEY",
    "SHORT_WIDTHS",
    "STORE_KEY",
    "BlockCover",
    "BlockPlan",
    "Keys",
    "block_tag",
    "blocks_within",
    "counters_of",
    "text_of",
]

_PREFIX = "slo:"
STORE_KEY = f"{_PREFIX}store"
SERVICES_KEY = f"{_PREFIX}services"

# Neighbouring buckets lie in one string, 16 bytes each: two big-endian 64-bit counters. Long enough that a window reads
# few of them, short enough that little is kept beyond its time.
BLOCK_BUCKETS = dict(zip(WIDTHS, (300, 240, 192, 32), strict=True))
BUCKET_BYTES = 16

# The place of the totals by cause in the answer of the script that reads.
_TOTALS_FIELD = 14

# How long these are kept depends on the longest window.
GROWING_WIDTHS = (QUARTER_HOUR, DAY)
SHORT_WIDTHS = tuple(width for width in WIDTHS if width not in GROWING_WIDTHS)

# The constants of the script that adds batches; `slo_core.stores.layout.admit` does the same in Python.
SCRIPT_CONSTANTS: Mapping[str, int | Mapping[int, int]] = {
    "QUARTER_HOUR": QUARTER_HOUR,
    "DAY": DAY,
    "BLOCK_BUCKETS": BLOCK_BUCKETS,
    "BUCKET_BYTES": BUCKET_BYTES,
    "BUCKETS_KEPT": {tier.width_seconds: tier.bucket_count for tier in (SECONDS, MINUTES)},
    "SECONDS_SPAN": SECONDS.span_seconds,
    "LEAST_KEPT_SECONDS": LEAST_KEPT_SECONDS,
    "SLACK_SECONDS": SLACK_SECONDS,
    "EDGE_BUCKETS": EDGE_BUCKETS,
    "FUTURE_TOLERANCE_SECONDS": FUTURE_TOLERANCE_SECONDS,
    "SWEPT_SECONDS": SWEPT_SECONDS,
    "SWEPT_AT_LAST_SECONDS": SWEPT_AT_LAST_SECONDS,
    "AWAKE_SECONDS": AWAKE_SECONDS,
    "SWEPT_AT_ONCE": SWEPT_AT_ONCE,
    # A record outlives the longest window: its totals are of all time.
    "RECORD_MORE_SECONDS": 7 * DAY,
    # How often that is put off.
    "RECORD_SET_SECONDS": HOUR,
    "HOUR": HOUR,
    "LATEST_TIME": LATEST_TIME,
    "FINEST_CAUSES": FINEST_SECONDS,
    "CAUSE_BLOCKS": CAUSE_BLOCKS,
    "CAUSE_SPANS": CAUSE_SPANS,
    "MOST_CAUSES": MOST_CAUSES,
    "MOST_LATENCIES": LATENCIES.most_rows,
    "MOST_OUTCOMES": MOST_OUTCOMES,
    "MOST_TOTALS": MOST_TOTALS,
}


class Keys:
    """
    The keys of one service.

    Everything of one SLO is in one hash slot, so that a script may touch it all in a cluster too.

    Args:
        service: Its name.

    Attributes:
        service: Its name.
        names: The key of the names of its SLOs, a set.
        marks: The key of its marks, a hash.
    """

    __slots__ = ("_service", "_tags", "marks", "names", "service")

    def __init__(self, service: str) -> None:
        self.service = service
        self._service = quote(service, safe="")
        self._tags: dict[str, str] = {}
        self.names = f"{_PREFIX}names:{service}"
        self.marks = f"{_PREFIX}marks:{service}"

    def tag(self, slo: str) -> str:
        """The beginning of all keys of an SLO; braces and slashes in names are escaped."""
        tag = self._tags.get(slo)
        if tag is None:
            tag = self._tags[slo] = f"{_PREFIX}{{{self._service}/{quote(slo, safe='')}}}"
        return tag

    def record(self, slo: str) -> str:
        """The key of the record, a hash."""
        return f"{self.tag(slo)}:record"

    def periods(self, slo: str) -> str:
        """The key of the closed periods, a hash."""
        return f"{self.tag(slo)}:periods"

    def episodes(self, slo: str) -> str:
        """The key of the episodes of its alert rules, a hash."""
        return f"{self.tag(slo)}:episodes"

    def failures(self, slo: str) -> str:
        """The key of the recent failures, a hash."""
        return f"{self.tag(slo)}:failures"

    def block(self, slo: str, width_seconds: int, block: int, *, generation: str) -> str:
        """The key of a block, a string of neighbouring buckets."""
        return f"{block_tag(self.tag(slo).encode(), generation).decode()}:{width_seconds}:{block}"


def block_tag(tag: bytes, generation: str) -> bytes:
    """
    The beginning of the keys of an SLO's blocks.

    Args:
        tag: That of all its keys.
        generation: Of its record: blocks of a record that was lost are not those of the next. Empty in a store that was
            made by a version before it.
    """
    return b"%b:%b" % (tag, generation.encode()) if generation else tag


class BlockPart(NamedTuple):
    """
    The part of a range that lies in one block.

    Attributes:
        width_seconds: Of its buckets.
        first: The number of its first bucket.
        place: Of the block's part in the answer.
        good: Where the good events stand among the counters of that part.
        bad: Where the bad ones stand.
    """

    width_seconds: int
    first: int
    place: int
    good: slice
    bad: slice


class BlockCover:
    """
    The parts of blocks that hold some ranges of buckets: the same for every SLO of which these are wanted.

    Args:
        ranges: The ranges.

    Attributes:
        blocks: The ends of the blocks' keys.
        offsets: First and last byte of each block's part.
        parts: Of each range.
    """

    __slots__ = ("blocks", "offsets", "parts")

    def __init__(self, ranges: Sequence[BucketRange]) -> None:
        in_blocks = [list(_in_blocks(*each)) for each in ranges]
        # Of each block the one stretch that covers everything wanted of it.
        spans: dict[tuple[int, int], tuple[int, int]] = {}
        for block, start, end in chain.from_iterable(in_blocks):
            low, high = spans.get(block, (start, end))
            spans[block] = (min(low, start), max(high, end))
        self.blocks = [b":%d:%d" % block for block in spans]
        self.offsets = [
            b"%d" % offset
            for low, high in spans.values()
            for offset in (low * BUCKET_BYTES, (high + 1) * BUCKET_BYTES - 1)
        ]
        places = {block: (place, low) for place, (block, (low, _)) in enumerate(spans.items())}
        self.parts = [[_part(block, start, end, *places[block]) for block, start, end in parts] for parts in in_blocks]


class BlockPlan:
    """
    Which blocks of an SLO answer a query, and how the answer is added up.

    Args:
        keys: Of the service.
        slo: Its name.
        cover: Of the ranges that are wanted.
        generation: In the names of the SLO's blocks.
        cause_totals: They are wanted, too.

    Attributes:
        slo: Its name.
        keys: Of the script that reads: the record's, then those of blocks.
        offsets: Its arguments: the generation, then first and last byte of each block's part.
    """

    __slots__ = ("_cause_totals", "_parts", "keys", "offsets", "slo")

    def __init__(self, keys: Keys, slo: str, cover: BlockCover, *, generation: str, cause_totals: bool = False) -> None:
        self.slo = slo
        self._cause_totals = cause_totals
        self._parts = cover.parts
        tag = block_tag(keys.tag(slo).encode(), generation)
        self.keys = [keys.record(slo).encode(), *[tag + block for block in cover.blocks]]
        self.offsets = [generation.encode(), *cover.offsets]

    def stored(self, answer: Sequence[Any]) -> Stored:
        """The record and the sums, from the answer of the script."""
        (now, _), fields, gone, *packed = answer
        record = _record(self.slo, fields, float(now), gone=gone)
        counters = [counters_of(part) for part in packed]
        if record is None:  # it has expired before its blocks
            return Stored(None, (EventCounts(),) * len(self._parts))
        sums = []
        for parts in self._parts:
            good = bad = 0
            for part in parts:
                good += sum(counters[part.place][part.good])
                bad += sum(counters[part.place][part.bad])
            sums.append(EventCounts(good, bad))
        totals = text_of(fields[_TOTALS_FIELD] or b"") if self._cause_totals else None
        return Stored(record, tuple(sums), cause_totals=totals)

    def series(self, answer: Sequence[Any]) -> Series:
        """For each range its buckets that hold events, from the answer of the script."""
        _, fields, _, *packed = answer
        if fields[6] is None:  # the record has expired before its blocks, or was lost
            packed = [b""] * len(packed)
        counters = [counters_of(part) for part in packed]
        return tuple(
            [
                Increment(part.width_seconds, bucket, good, bad)
                for part in parts
                for bucket, (good, bad) in enumerate(
                    zip(counters[part.place][part.good], counters[part.place][part.bad], strict=True), part.first
                )
                if good or bad
            ]
            for parts in self._parts
        )


def _in_blocks(width: int, first: int, last: int) -> Iterator[tuple[tuple[int, int], int, int]]:
    """A range of buckets as (block, first place, last place)."""
    size = BLOCK_BUCKETS[width]
    for block in range(first // size, last // size + 1):
        start = max(first - block * size, 0)
        yield (width, block), start, min(last - block * size, size - 1)


def _part(block: tuple[int, int], start: int, end: int, place: int, low: int) -> BlockPart:
    width, number = block
    good, after = 2 * (start - low), 2 * (end - low + 1)
    first = number * BLOCK_BUCKETS[width] + start
    return BlockPart(width, first, place, slice(good, after, 2), slice(good + 1, after, 2))


def blocks_within(width_seconds: int, seconds: int, *, now: float) -> range:
    """The blocks of a width that hold the buckets of so many seconds before now, and of a day more at either end."""
    span = BLOCK_BUCKETS[width_seconds] * width_seconds
    return range(math.floor((now - seconds - DAY) / span), math.floor((now + DAY) / span) + 1)


def counters_of(packed: bytes) -> array[int]:
    """Good, bad, good, bad... of neighbouring buckets."""
    counters = array("q", packed)
    if sys.byteorder == "little":
        counters.byteswap()
    return counters


def _record(slo: str, fields: Sequence[bytes | None], now: float, *, gone: int) -> SLORecord | None:
    good, bad, dropped, errors, since, newest, keeps, definition, fingerprint, changed_at, flushed, *others = fields
    lost, declared, kept, _ = others
    if keeps is None or definition is None or fingerprint is None or since is None:
        return None
    return SLORecord(
        slo=slo,
        good=int(good or 0),
        bad=int(bad or 0),
        dropped=int(dropped or 0),
        errors=int(errors or 0),
        data_since=float(since),
        last_event_at=None if newest is None else int(newest),
        keeps_seconds=int(keeps),
        definition=text_of(definition),
        fingerprint=text_of(fingerprint),
        definition_changed_at=None if changed_at is None else float(changed_at),
        idle_seconds=max(0.0, now - float(flushed or now)),
        lost_blocks=int(lost or 0) + gone,
        seen_at=max((float(at) for at in (flushed, declared) if at is not None), default=None),
        kept_since=None if kept is None else int(kept),
    )


def text_of(value: bytes | str) -> str:
    """A value as text, whether or not the client decodes; bytes that are none as escapes."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
