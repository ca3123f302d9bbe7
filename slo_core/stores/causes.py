"""
How stores keep the causes of bad events: in buckets of three widths, a bounded table for each block of neighbours.

They keep how long events took in the same way, in blocks of their own; see `LATENCIES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol, runtime_checkable

from slo_core.budgets.bucket import BucketRange
from slo_core.budgets.causes import MOST_CAUSES, BlockKey, Cause, CauseBlock, CauseIncrement
from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import DAY, HOUR, LATEST_TIME, QUARTER_HOUR
from slo_core.stores.layout import kept_from
from slo_core.stores.open_causes import open_text, parse_open

__all__ = [
    "BLOCK_BUCKETS",
    "CAUSES",
    "CAUSE_WIDTHS",
    "FINEST_SECONDS",
    "KINDS",
    "LATENCIES",
    "OPEN",
    "BlockKey",
    "BlockKind",
    "CauseQuery",
    "CauseStore",
    "LatencyStore",
    "StoredCauses",
    "add_causes",
    "block_text",
    "blocks_to_load",
    "cause_times",
    "first_kept",
    "parse_block",
    "total_causes",
    "width_for",
]

FINEST_SECONDS = 300
CAUSE_WIDTHS = (FINEST_SECONDS, HOUR, DAY)

# The newest bucket of the finest width, which is in no other block yet. Its place is its number: every flush reads and
# writes it, and nothing else.
OPEN = BlockKey(0, 0)

# How many neighbouring buckets lie in one block, by their width.
BLOCK_BUCKETS = {FINEST_SECONDS: DAY // HOUR, HOUR: DAY // HOUR, DAY: 32}

# How far back buckets of a width answer; those of a day answer for the SLO's longest window. They are kept a little longer:
# a read begins with a whole bucket, and clocks differ.
SPANS = {FINEST_SECONDS: DAY, HOUR: 8 * DAY}


class BlockKind(NamedTuple):
    """
    What is kept in blocks.

    A store tells the blocks of one kind from those of another by the width in their keys: a version that does not know a kind
    neither reads nor changes its blocks.

    Attributes:
        name: In messages.
        more: The width in the key of a stored block is by so much larger than that of its buckets.
        most_rows: So many names have a row of their own in a block.
    """

    name: str
    more: int
    most_rows: int

    def stored(self, key: BlockKey) -> BlockKey:
        """The key by which a store holds a block."""
        return BlockKey(key.width_seconds + self.more, key.block)

    @property
    def open(self) -> BlockKey:
        """The key by which a store holds the `OPEN` block."""
        return self.stored(OPEN)


CAUSES = BlockKind("causes of bad events", 0, MOST_CAUSES)

# The cells of `slo_core.budgets.latencies`, of all events. In the same block there may be those of eight thresholds.
LATENCIES = BlockKind("latencies", 1, 128)

KINDS = (CAUSES, LATENCIES)


class CauseQuery(NamedTuple):
    """
    The causes to read of one SLO.

    Attributes:
        slo: Its name.
        width_seconds: Of the buckets to read, one of `CAUSE_WIDTHS`.
        first: The first of them; all after it are read, too.
        ranges: Buckets of events in the same stretch of time, to be added up at the same moment.
        kind: `CAUSES`; or `LATENCIES`, which only a `LatencyStore` is asked for.
    """

    slo: str
    width_seconds: int
    first: int
    ranges: tuple[BucketRange, ...] = ()
    kind: BlockKind = CAUSES


class StoredCauses(NamedTuple):
    """
    What a store keeps for a `CauseQuery`, read at one moment.

    Attributes:
        blocks: Of the width that was asked for, from the one that holds the first bucket on, by their numbers.
        newest: The `OPEN` block; None where there is none.
        sums: The events of the query's ranges together.
        trouble: Why one of the blocks cannot be read, where it is damaged, fit for a log; None else. Only that block is
            left out then.
    """

    blocks: tuple[tuple[int, CauseBlock], ...] = ()
    newest: CauseBlock | None = None
    sums: EventCounts = EventCounts()
    trouble: str | None = None


@runtime_checkable
class CauseStore(Protocol):
    """What a `BucketStore` may offer as well: it keeps `Batch.causes`, and these can be read."""

    def read_causes(self, queries: Sequence[CauseQuery]) -> list[StoredCauses]:
        """The causes of several SLOs, in their order, in one round trip."""


@runtime_checkable
class LatencyStore(CauseStore, Protocol):
    """
    What a `CauseStore` may offer as well: it keeps `Batch.latencies`, and answers queries of the kind `LATENCIES`.

    Attributes:
        keeps_latencies: True.
    """

    keeps_latencies: bool


def first_kept(width_seconds: int, *, newest: float, keeps_seconds: int) -> int:
    """
    The first bucket of causes of a width that is kept.

    Args:
        width_seconds: One of `CAUSE_WIDTHS`.
        newest: The newest event of the SLO, or the store's clock where that is far behind the event.
        keeps_seconds: The longest that any window of the SLO can ever be.
    """
    span = SPANS.get(width_seconds, max(keeps_seconds, DAY))
    return int(newest - span - HOUR) // width_seconds


def width_for(seconds: float) -> int:
    """The finest width that reaches back so far."""
    return next((width for width, span in SPANS.items() if seconds <= span), DAY)


def parse_block(key: BlockKey, text: str, kind: BlockKind = CAUSES) -> CauseBlock:
    """
    A block as a store holds it.

    Args:
        key: Its key, as for causes.
        text: Its text.
        kind: What it holds.

    Raises:
        ValueError: The text is none of that block.
    """
    block = parse_open(text, kind.most_rows) if key == OPEN else CauseBlock.parse(text, kind.most_rows)
    most = LATEST_TIME // FINEST_SECONDS if key == OPEN else BLOCK_BUCKETS[key.width_seconds] - 1
    if (block.newest or 0) > most:
        raise ValueError(f"expected places up to {most} in a block of causes, got {block.newest}")
    return block


def block_text(key: BlockKey, block: CauseBlock) -> str:
    """A block as a store holds it."""
    return open_text(block) if key == OPEN else block.text()


def blocks_to_load(
    causes: Sequence[CauseIncrement], copied: Iterable[tuple[BlockKey, object]] = (), *, newest: CauseBlock | None
) -> set[BlockKey]:
    """
    The blocks that `add_causes` may ask for, but for `OPEN`.

    Args:
        causes: As for `add_causes`.
        copied: As there.
        newest: The `OPEN` block; None before the first.
    """
    keys = {key for key, _ in copied}
    buckets = {increment.bucket for increment in causes}
    latest = None if newest is None else newest.newest
    if buckets - {latest}:
        if latest is not None:
            buckets.add(latest)
        keys |= {_place(width, bucket * FINEST_SECONDS)[0] for bucket in buckets for width in CAUSE_WIDTHS}
    return keys


def add_causes(
    causes: Sequence[CauseIncrement],
    copied: Iterable[tuple[BlockKey, str]] = (),
    *,
    load: Callable[[BlockKey], CauseBlock | None],
    reference: float,
    keeps_seconds: int,
    kind: BlockKind = CAUSES,
) -> dict[BlockKey, CauseBlock]:
    """
    The blocks of one SLO that change when the causes of a batch are added.

    The causes of the newest bucket are in the `OPEN` block alone. When a newer bucket begins, they are added to buckets of
    every width; an event that comes later than that is added to all of them at once. So a flush writes one small block of
    an SLO, and in five minutes three more.

    Args:
        causes: In ascending order of their buckets. Those that are older than everything kept are left out.
        copied: Blocks of another store, as text, whose buckets are added to those of the same width.
        load: Returns a block as it is stored; None for one that is not.
        reference: As `newest` of `first_kept`, this batch included.
        keeps_seconds: As there.
        kind: What the blocks hold.

    Returns:
        The blocks to be written.
    """
    first = {width: first_kept(width, newest=reference, keeps_seconds=keeps_seconds) for width in CAUSE_WIDTHS}
    changed: dict[BlockKey, CauseBlock] = {}

    def block(key: BlockKey) -> CauseBlock:
        if key not in changed:
            changed[key] = load(key) or CauseBlock(kind.most_rows)
        return changed[key]

    def add(width: int, start: int, counts: Iterable[tuple[Cause, int]]) -> None:
        if start // width >= first[width]:
            key, place = _place(width, start)
            block(key).add_all(place, counts)

    for key, text in copied:
        if key.block >= first[key.width_seconds] // BLOCK_BUCKETS[key.width_seconds]:
            block(key).merge(parse_block(key, text, kind))
    newest = (load(OPEN) if causes else None) or CauseBlock(kind.most_rows)
    latest = newest.newest
    # As `slo_core.stores.layout.admit` has it.
    oldest = kept_from(QUARTER_HOUR, newest=reference, keeps_seconds=keeps_seconds) * QUARTER_HOUR
    for bucket, increments in groupby(causes, key=lambda each: each.bucket):
        start = bucket * FINEST_SECONDS
        if start < oldest:
            continue
        counts = [(increment.cause, increment.bad) for increment in increments]
        is_ahead = start > reference  # of a clock that runs far ahead: such a bucket is never the open one
        if latest is not None and not is_ahead and (bucket > latest or latest * FINEST_SECONDS > reference):
            finished = list(newest.counts())
            for width in CAUSE_WIDTHS:
                add(width, latest * FINEST_SECONDS, finished)
            newest, latest = CauseBlock(kind.most_rows), None
        if is_ahead or (latest is not None and bucket < latest):
            for width in CAUSE_WIDTHS:
                add(width, start, counts)
            continue
        newest.add_all(bucket, counts)
        latest = bucket
        changed[OPEN] = newest
    return changed


def _place(width_seconds: int, start: int) -> tuple[BlockKey, int]:
    """Of the bucket that begins at `start` or before: its block, and its place there."""
    block, place = divmod(start // width_seconds, BLOCK_BUCKETS[width_seconds])
    return BlockKey(width_seconds, block), place


def cause_times(stored: StoredCauses, query: CauseQuery, takes: Callable[[Cause], bool]) -> dict[int, int]:
    """
    The bad events of some causes by the first second of their buckets, from the query's first bucket on.

    Args:
        stored: The store's answer.
        query: What it was asked.
        takes: Whether a cause is wanted.
    """
    width, times = query.width_seconds, dict[int, int]()
    blocks = [(block * BLOCK_BUCKETS[width], width, content) for block, content in stored.blocks]
    if stored.newest is not None:
        blocks.append((0, FINEST_SECONDS, stored.newest))
    for first, of_width, content in blocks:
        for cause, row in content.rows():
            if takes(cause):
                for place, bad in row.items():
                    start = (first + place) * of_width // width * width
                    if start >= query.first * width:
                        times[start] = times.get(start, 0) + bad
    return times


def total_causes(stored: StoredCauses, query: CauseQuery, *, last: int | None = None) -> Iterator[tuple[Cause, int]]:
    """
    Every cause with its bad events from the query's first bucket on; a cause may come several times.

    Args:
        stored: The store's answer.
        query: What it was asked.
        last: The last bucket of the query's width that counts; None for all that come after the first.
    """
    size = BLOCK_BUCKETS[query.width_seconds]
    for block, content in stored.blocks:
        yield from content.counts(query.first - block * size, None if last is None else last - block * size)
    if stored.newest is not None:
        bucket = stored.newest.newest
        if bucket is not None:
            place = bucket * FINEST_SECONDS // query.width_seconds
            if query.first <= place and (last is None or place <= last):
                yield from stored.newest.counts()
