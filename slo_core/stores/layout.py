"""How shared stores lay out time: which buckets there are, how long they are kept, and which of them answer a window."""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

from slo_core.budgets.bucket import WindowBuckets
from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import DAY, FUTURE_TOLERANCE_SECONDS, HOUR, MINUTES, QUARTER_HOUR, SECONDS, Span, Tier
from slo_core.stores.buckets import Batch, BucketRange, Declaration, Increment, Note

__all__ = [
    "AWAKE_SECONDS",
    "LEAST_KEPT_SECONDS",
    "MOST_COUNTED",
    "NOTES_KEPT_SECONDS",
    "SWEPT_AT_LAST_SECONDS",
    "SWEPT_AT_ONCE",
    "SWEPT_SECONDS",
    "WIDTHS",
    "Admitted",
    "ReadPlan",
    "admit",
    "cut_to_fit",
    "is_after_a_replay",
    "is_outdated",
    "kept_after_growing",
    "kept_from",
    "kept_seconds",
    "spread",
]

# However short an SLO's windows are, so much is kept: its window may grow.
LEAST_KEPT_SECONDS = DAY

# The number of a writer's last batch is kept for so long after it, so that the batch counts once if it comes again.
NOTES_KEPT_SECONDS = DAY

# Then the note may go. Longer than promised: clocks differ.
SWEPT_SECONDS = NOTES_KEPT_SECONDS + HOUR

# But only while the SLO has a note that is older than this and younger than that, which shows that time has gone by as it
# should: after a sleep of all machines or of the store, and under a clock that has leapt, the first writers to wake must not
# sweep the notes of the others. Without one notes are kept till the last.
AWAKE_SECONDS = HOUR
SWEPT_AT_LAST_SECONDS = 31 * DAY

# So many notes of an SLO go at a time: it happens in passing, while other writers wait.
SWEPT_AT_ONCE = 20

# With more notes than this a database does not count them when a writer begins, only when a writer misses its note.
MOST_COUNTED = 1000

_BUCKETS = WindowBuckets((SECONDS, MINUTES, Tier(QUARTER_HOUR, LEAST_KEPT_SECONDS)))

# Every event is in one bucket of each width. Days are never a window's edge; they only make long sums short.
WIDTHS = tuple(tier.width_seconds for tier in _BUCKETS.all_tiers)


def _tier(width_seconds: int, keeps_seconds: int) -> Tier:
    if width_seconds == SECONDS.width_seconds:
        return SECONDS
    if width_seconds == MINUTES.width_seconds:
        return MINUTES
    return Tier(width_seconds, max(keeps_seconds, LEAST_KEPT_SECONDS))


def kept_seconds(width_seconds: int, keeps_seconds: int) -> int:
    """How far back buckets of a width are kept at least, for an SLO whose longest window is `keeps_seconds`."""
    return _tier(width_seconds, keeps_seconds).bucket_count * width_seconds


def kept_from(width_seconds: int, *, newest: float, keeps_seconds: int) -> int:
    """
    The first bucket of a width that is kept.

    Args:
        width_seconds: One of `WIDTHS`.
        newest: The newest event, in seconds since the epoch.
        keeps_seconds: The longest that any window of the SLO can ever be.
    """
    tier = _tier(width_seconds, keeps_seconds)
    return tier.bucket(newest) - tier.bucket_count + 1


def kept_after_growing(
    before: int | None,
    declaration: Declaration,
    *,
    last_event_at: float | None,
    keeps_seconds: int,
    now: float,
) -> int | None:
    """
    Since when the coarser buckets of an SLO are kept that is declared again: not for longer than before, until now.

    Args:
        before: As in the record.
        declaration: The declaration.
        last_event_at: As in the record; later where buckets expire by the store's clock.
        keeps_seconds: As in the record, before this declaration.
        now: The store's clock.
    """
    since = [each for each in (before, declaration.kept_since) if each is not None]
    if last_event_at is not None and declaration.keeps_seconds > max(keeps_seconds, LEAST_KEPT_SECONDS):
        newest = min(last_event_at, math.floor(now) + FUTURE_TOLERANCE_SECONDS)
        since.append(kept_from(QUARTER_HOUR, newest=newest, keeps_seconds=keeps_seconds) * QUARTER_HOUR)
    return max(since, default=None)


class Admitted(NamedTuple):
    """
    The part of a batch that is to be added.

    Attributes:
        increments: Those in buckets that are kept.
        good: Good events that are kept, in the coarser buckets at least.
        bad: Bad ones.
        dropped: Events older than everything kept, and what the batch itself reports as dropped.
        last_event_at: When the newest event of the SLO happened, this batch included; None before the first.
        data_since: Since when the SLO is measured, this batch included; infinity when neither record nor batch says so.
    """

    increments: Sequence[Increment]
    good: int
    bad: int
    dropped: int
    last_event_at: int | None
    data_since: float


def is_after_a_replay(
    last_event_at: int | None, batch: Batch, *, keeps_seconds: int, applied_at: Callable[[], float | None]
) -> bool:
    """
    Whether a batch is of another age than all that came before, and what came before was old when it came.

    What came before was the replay of an old stream, or an event with a wrong time. Nothing of it is kept, and it says
    nothing about whether today's windows were measured. An SLO that was only without events goes on.

    Args:
        last_event_at: As in the record.
        batch: The batch.
        keeps_seconds: As in the record.
        applied_at: Returns when the last batch was applied, by the store's clock; None where that is not known.
    """
    if last_event_at is None or batch.newest is None:
        return False
    end = last_event_at + max(keeps_seconds, LEAST_KEPT_SECONDS) + DAY
    return end < batch.newest and end < (applied_at() or 0.0)


def admit(batch: Batch, *, last_event_at: int | None, keeps_seconds: int, data_since: float, now: float) -> Admitted:
    """
    The part of a batch that is new enough to be kept.

    How far back is kept is seen from the newest event of the SLO, not from the clock, so that old streams can be
    replayed; but an event from a clock that runs far ahead must not push out all others.

    Args:
        batch: The batch.
        last_event_at: As in the record; None when the store holds no event of this SLO.
        keeps_seconds: As in the record, this batch's declaration included.
        data_since: As in the record; infinity without one.
        now: The store's clock.
    """
    if batch.declaration is not None:
        data_since = min(data_since, batch.declaration.since)
    if batch.newest is None or batch.earliest is None:
        return Admitted((), 0, 0, batch.dropped, last_event_at, data_since)
    newest = batch.newest if last_event_at is None else max(last_event_at, batch.newest)
    reference = min(newest, math.floor(now) + FUTURE_TOLERANCE_SECONDS)
    if batch.earliest >= reference - SECONDS.span_seconds:  # nearly always: seconds are kept longer than an hour
        # Earlier than the second in which measuring began: an event of that second does not move it.
        if batch.earliest + 1 <= data_since:
            data_since = batch.earliest
        return Admitted(batch.increments, batch.good, batch.bad, batch.dropped, newest, data_since)
    first = {width: kept_from(width, newest=reference, keeps_seconds=keeps_seconds) for width in WIDTHS}
    kept = tuple(increment for increment in batch.increments if increment.bucket >= first[increment.width_seconds])
    lost_good = lost_bad = 0
    for width, bucket, good, bad in batch.increments:
        if width == QUARTER_HOUR and bucket < first[width] and not batch.is_live:
            lost_good += good
            lost_bad += bad
    earliest = _earliest_kept(batch.earliest, batch.increments, kept_since=first[QUARTER_HOUR] * QUARTER_HOUR)
    if earliest is not None and earliest + 1 <= data_since:
        data_since = earliest
    return Admitted(
        increments=kept,
        good=batch.good - lost_good,
        bad=batch.bad - lost_bad,
        dropped=batch.dropped + lost_good + lost_bad,
        last_event_at=newest,
        data_since=data_since,
    )


def is_forgotten(note: Note, *, noted_at: float, now: float) -> bool:
    """
    Whether a note that is missing went because its writer was silent for so long (it slept): nothing is lost by that.

    One as young as this must be among those that went: the store was not set back before.

    Args:
        note: What the store answers without it.
        noted_at: When the writer's last batch was added, by the store's clock.
        now: The store's clock.
    """
    at = noted_at - 1  # some stores note whole seconds
    return now - at > SWEPT_SECONDS and note.swept_at >= at


def is_outdated(batch: Batch, *, generation: str, swept: int, swept_at: float) -> bool:
    """
    Whether a writer's first batch may have been added before, although its note is missing.

    The note may have been removed since the batch was frozen; or the record is another one than it was frozen for, and the
    writer knows that by now.

    Args:
        batch: Of a writer without a note.
        generation: As in the record.
        swept: As in the record.
        swept_at: As in the record.
    """
    after = batch.after
    if batch.number != 1 or after is None:
        return False
    return after.generation != generation or (swept > after.swept and swept_at >= after.swept_at)


def _earliest_kept(earliest: int, increments: Iterable[Increment], *, kept_since: int) -> int | None:
    """
    When the earliest event happened that is not older than everything kept; None without one.

    To the second; but to the minute or quarter of an hour where the batch leaves out what is finer.
    """
    if earliest >= kept_since:
        return earliest
    earliest_start: int | None = None
    for width, bucket, _, _ in increments:  # the finest first
        start = bucket * width
        # A bucket that ends before all earlier ones in this list holds events whose finer buckets were left out.
        if start >= kept_since and (earliest_start is None or start + width <= earliest_start):
            earliest_start = start
    return earliest_start


def spread(seconds: Iterable[tuple[int, int, int]], *, first: Mapping[int, int] | None = None) -> tuple[Increment, ...]:
    """
    Every event once in each width, sorted.

    Args:
        seconds: (second, good, bad) for each second that holds events.
        first: By width, the first bucket that is wanted; None for all of every width.
    """
    listed = list(seconds)
    if len(listed) == 1 and not first:  # nearly always: a batch is sent once a second
        ((second, good, bad),) = listed
        # As `Increment(...)`, which takes twice as long.
        new = tuple.__new__
        return tuple([new(Increment, (width, second // width, good, bad)) for width in WIDTHS])
    increments: list[Increment] = []
    for width in WIDTHS:
        start = width * (first or {}).get(width, -sys.maxsize)
        added: dict[int, list[int]] = {}
        for second, good, bad in listed:
            if second >= start:
                counts = added.setdefault(second // width, [0, 0])
                counts[0] += good
                counts[1] += bad
        increments += [Increment(width, bucket, good, bad) for bucket, (good, bad) in sorted(added.items())]
    return tuple(increments)


def cut_to_fit(seconds: Sequence[int], *, first: Mapping[int, int], increments: int) -> int:
    """
    How many of the seconds can be spread over no more than so many increments; one at least.

    Args:
        seconds: Ascending.
        first: As for `spread`.
        increments: The most there may be.
    """
    starts = [(width, width * first.get(width, -sys.maxsize)) for width in WIDTHS]
    last = dict.fromkeys(WIDTHS, -sys.maxsize)
    made = 0
    for index, second in enumerate(seconds):
        for width, start in starts:
            bucket = second // width
            if second >= start and bucket != last[width]:
                last[width] = bucket
                made += 1
        if made > increments and index:
            return index
    return len(seconds)


class ReadPlan:
    """
    The buckets to read for the events of some windows; see `WindowBuckets`.

    No bucket is in two ranges, however many windows share it.

    Args:
        spans: The windows.
        newest: The instant from which kept buckets are counted back; None for a live read, which finds all it needs.
        kept_since: The first second of which counts are kept.

    Attributes:
        ranges: What to read.
    """

    __slots__ = ("_parts", "ranges")

    def __init__(self, spans: Sequence[Span], *, newest: float | None = None, kept_since: float = -math.inf) -> None:
        wanted = _BUCKETS.ranges(spans, newest=newest, kept_since=kept_since)
        edges: dict[int, set[int]] = {width: set() for width in WIDTHS}
        for width, first, last in chain.from_iterable(wanted):
            edges[width] |= {first, last + 1}
        cuts = {width: sorted(of_width) for width, of_width in edges.items()}
        index_of: dict[BucketRange, int] = {}
        self._parts = [
            [
                index_of.setdefault(piece, len(index_of))
                for whole in ranges
                for piece in _cut(whole, cuts[whole.width_seconds])
            ]
            for ranges in wanted
        ]
        self.ranges = tuple(index_of)

    def counts(self, sums: Sequence[EventCounts]) -> tuple[EventCounts, ...]:
        """The events of each span, from the sums of `ranges`."""
        all_counts = []
        for part in self._parts:
            good = bad = 0
            for index in part:
                more_good, more_bad = sums[index]
                good += more_good
                bad += more_bad
            all_counts.append(EventCounts(good, bad))
        return tuple(all_counts)


def _cut(whole: BucketRange, edges: Sequence[int]) -> Iterator[BucketRange]:
    """The pieces of a range between neighbouring edges; its own are among them."""
    inside = edges[bisect_left(edges, whole.first) : bisect_left(edges, whole.last + 1) + 1]
    for first, after in pairwise(inside):
        yield BucketRange(whole.width_seconds, first, after - 1)
