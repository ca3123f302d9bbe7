"""How stores keep the causes of bad events: in buckets of three widths, a bounded table for each block of neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol, runtime_checkable

from slo_core.budgets.bucket import BucketRange
from slo_core.budgets.causes import Cause, CauseBlock, CauseIncrement
from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import DAY, HOUR

__all__ = [
    "BLOCK_BUCKETS",
    "CAUSE_WIDTHS",
    "FINEST_SECONDS",
    "BlockKey",
    "CauseQuery",
    "CauseStore",
    "StoredCauses",
    "add_causes",
    "first_kept",
    "total_causes",
    "width_for",
]

FINEST_SECONDS = 300
CAUSE_WIDTHS = (FINEST_SECONDS, HOUR, DAY)

# How many neighbouring buckets lie in one block, by their width.
BLOCK_BUCKETS = {FINEST_SECONDS: 24, HOUR: 24, DAY: 32}

# How far back buckets of a width answer; those of a day answer for the SLO's longest window. They are kept a little longer:
# a read begins with a whole bucket, and clocks differ.
_SPANS = {FINEST_SECONDS: DAY, HOUR: 8 * DAY}


class BlockKey(NamedTuple):
    """
    Which block it is.

    Attributes:
        width_seconds: Width of its buckets.
        block: Its number; it begins with the bucket `block * BLOCK_BUCKETS[width_seconds]`.
    """

    width_seconds: int
    block: int


class CauseQuery(NamedTuple):
    """
    The causes to read of one SLO.

    Attributes:
        slo: Its name.
        width_seconds: Of the buckets to read, one of `CAUSE_WIDTHS`.
        first: The first of them; all after it are read, too.
        ranges: Buckets of events in the same stretch of time, to be added up at the same moment.
    """

    slo: str
    width_seconds: int
    first: int
    ranges: tuple[BucketRange, ...] = ()


class StoredCauses(NamedTuple):
    """
    What a store keeps for a `CauseQuery`, read at one moment.

    Attributes:
        blocks: Of the width that was asked for, from the one that holds the first bucket on, by their numbers.
        newest: The newest block of the finest buckets, with its number: its newest bucket is not in coarser ones yet. None
            where the finest were asked for, or there is none.
        sums: The events of the query's ranges together.
    """

    blocks: tuple[tuple[int, CauseBlock], ...]
    newest: tuple[int, CauseBlock] | None
    sums: EventCounts


@runtime_checkable
class CauseStore(Protocol):
    """What a `BucketStore` may offer as well: it keeps `Batch.causes`, and these can be read."""

    def read_causes(self, queries: Sequence[CauseQuery]) -> list[StoredCauses]:
        """The causes of several SLOs, in their order, in one round trip."""


def first_kept(width_seconds: int, *, newest: float, keeps_seconds: int) -> int:
    """
    The first bucket of causes of a width that is kept.

    Args:
        width_seconds: One of `CAUSE_WIDTHS`.
        newest: The newest event of the SLO, or the store's clock where that is far behind the event.
        keeps_seconds: The longest that any window of the SLO can ever be.
    """
    span = _SPANS.get(width_seconds, max(keeps_seconds, DAY))
    return int(newest - span - HOUR) // width_seconds


def width_for(seconds: float) -> int:
    """The finest width that reaches back so far."""
    return next((width for width, span in _SPANS.items() if seconds <= span), DAY)


def add_causes(
    causes: Sequence[CauseIncrement],
    *,
    newest: tuple[int, CauseBlock] | None,
    load: Callable[[BlockKey], CauseBlock | None],
    reference: float,
    keeps_seconds: int,
) -> dict[BlockKey, CauseBlock]:
    """
    The blocks of one SLO that change when the causes of a batch are added.

    Every event is in the finest buckets at first. When a newer bucket begins, the one before it is added to the coarser
    ones; an event that comes later than that is added to all. So a flush writes one block of an SLO, and in five minutes
    two more.

    Args:
        causes: In ascending order of their buckets.
        newest: The newest block of the finest buckets, with its number; None before the first.
        load: Returns a block as it is stored; None for one that is not.
        reference: As `newest` of `first_kept`, this batch included.
        keeps_seconds: As there.

    Returns:
        The blocks to be written.
    """
    first = {width: first_kept(width, newest=reference, keeps_seconds=keeps_seconds) for width in CAUSE_WIDTHS}
    blocks: dict[BlockKey, CauseBlock] = {}
    changed: dict[BlockKey, CauseBlock] = {}

    def add(width: int, start: int, counts: Sequence[tuple[Cause, int]]) -> None:
        bucket = start // width
        if bucket >= first[width]:
            block, place = divmod(bucket, BLOCK_BUCKETS[width])
            key = BlockKey(width, block)
            if key not in blocks:
                blocks[key] = load(key) or CauseBlock()
            blocks[key].add_all(place, counts)
            changed[key] = blocks[key]

    latest: int | None = None
    if newest is not None:
        block, content = newest
        blocks[BlockKey(FINEST_SECONDS, block)] = content
        latest = block * BLOCK_BUCKETS[FINEST_SECONDS] + (content.newest or 0)
    for bucket, increments in groupby(causes, key=lambda each: each.bucket):
        counts = [(increment.cause, increment.bad) for increment in increments]
        if bucket < first[FINEST_SECONDS] or (latest is not None and bucket < latest):
            for width in CAUSE_WIDTHS:
                add(width, bucket * FINEST_SECONDS, counts)
            continue
        if latest is not None and bucket > latest:
            block, place = divmod(latest, BLOCK_BUCKETS[FINEST_SECONDS])
            finished = list(blocks[BlockKey(FINEST_SECONDS, block)].counts(place, place))
            for width in CAUSE_WIDTHS[1:]:
                add(width, latest * FINEST_SECONDS, finished)
        add(FINEST_SECONDS, bucket * FINEST_SECONDS, counts)
        latest = bucket
    return changed


def total_causes(stored: StoredCauses, query: CauseQuery) -> Iterator[tuple[Cause, int]]:
    """
    Every cause with its bad events from the query's first bucket on; a cause may come several times.

    Args:
        stored: The store's answer.
        query: What it was asked.
    """
    size = BLOCK_BUCKETS[query.width_seconds]
    for block, content in stored.blocks:
        yield from content.counts(query.first - block * size)
    if stored.newest is not None:
        block, content = stored.newest
        place = content.newest
        if place is not None:
            bucket = block * BLOCK_BUCKETS[FINEST_SECONDS] + place
            if bucket * FINEST_SECONDS >= query.first * query.width_seconds:
                yield from content.counts(place, place)
