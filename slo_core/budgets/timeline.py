"""The past events of one SLO in the finest buckets that are kept; each event is in one of them."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from slo_core.budgets.bucket import BucketRange, Increment
from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import Tier

__all__ = ["Timeline", "kept_ranges"]


def kept_ranges(tiers: Sequence[Tier], *, at: float, until: int) -> list[BucketRange]:
    """
    The buckets of the past: seconds for the last hour, minutes for the day before, and so on.

    Args:
        tiers: The SLO's tiers, finest first.
        at: The instant to look back from, in seconds since the epoch.
        until: The last second.

    Returns:
        The oldest range first; they meet without a gap and without overlap.
    """
    ranges: list[BucketRange] = []
    end = until + 1
    for tier, coarser in zip(tiers, [*tiers[1:], None], strict=True):
        start = math.floor((at - tier.span_seconds) / tier.width_seconds) * tier.width_seconds
        if coarser is not None:
            # At the end of a coarse bucket; one bucket later where finer buckets are not kept for so long.
            start = start // coarser.width_seconds * coarser.width_seconds
            if at - start > (tier.bucket_count - 1) * tier.width_seconds:
                start += coarser.width_seconds
        start = min(start, end)
        if start < end:
            width = tier.width_seconds
            ranges.append(BucketRange(width, start // width, -(-end // width) - 1))
        end = start
    return ranges[::-1]


class Timeline:
    """
    The events of one SLO in order of time.

    Args:
        parts: Neighbouring ranges, oldest first, each with its buckets that hold events.
        kept_since: The first second of which counts are kept, where that is known; the ranges may begin earlier.

    Attributes:
        ranges: The ranges.
        covered_since: Since when every event is in it, in seconds since the epoch.
    """

    __slots__ = ("_bad", "_ends", "_good", "_starts", "_widths", "covered_since", "ranges")

    def __init__(
        self, parts: Iterable[tuple[BucketRange, Sequence[Increment]]], *, kept_since: float = -math.inf
    ) -> None:
        ranges, starts, ends, good, bad = [], [], [], [0], [0]
        for kept, buckets in parts:
            ranges.append(kept)
            for width, bucket, of_good, of_bad in buckets:
                starts.append(bucket * width)
                ends.append((bucket + 1) * width)
                good.append(of_good)
                bad.append(of_bad)
        self.ranges = tuple(ranges)
        self._widths = [(kept.first * kept.width_seconds, kept.width_seconds) for kept in reversed(ranges)]
        self._starts, self._ends = starts, ends
        self._good, self._bad = list(accumulate(good)), list(accumulate(bad))
        self.covered_since = max(self.ranges[0].first * self.ranges[0].width_seconds, kept_since)

    def counts(self, *, after: float, before: float) -> EventCounts:
        """
        Events of a span of time; buckets at its edges count whole.

        Args:
            after: Its far edge, in seconds since the epoch.
            before: Its near edge, exclusive.
        """
        first, last = bisect_right(self._ends, after), bisect_left(self._starts, before)
        if last <= first:
            return EventCounts()
        return EventCounts(self._good[last] - self._good[first], self._bad[last] - self._bad[first])

    def totals_at(self, instants: Iterable[int]) -> dict[int, EventCounts]:
        """By instant, all events of the buckets that begin before it."""
        good, bad, starts = self._good, self._bad, self._starts
        places = ((at, bisect_left(starts, at)) for at in instants)
        return {at: EventCounts(good[place], bad[place]) for at, place in places}

    def width(self, at: float) -> int:
        """The width of the bucket that an instant falls into, in seconds; 1 before all that is kept."""
        for start, width in self._widths:  # asked for thousands of instants
            if start <= at:
                return width
        return 1

    def edges_back(self, at: float) -> Iterator[int]:
        """The ends of all buckets, latest first, from the bucket that holds `at`."""
        for width, first, last in reversed(self.ranges):
            for bucket in range(min(last, math.floor(at / width)), first - 1, -1):
                yield (bucket + 1) * width
