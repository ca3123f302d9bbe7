"""Buckets of time: increments, ranges, and the buckets that make up a window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from slo_core.objectives.window import DAY, LATEST_TIME, QUARTER_HOUR, Span, Tier

__all__ = ["BucketRange", "Increment", "WindowBuckets"]


class Increment(NamedTuple):
    """
    Events to be added to one bucket.

    Attributes:
        width_seconds: Width of the bucket: 1, 60, 900 or 86,400 (see `slo_core.stores.layout.WIDTHS`).
        bucket: Its number; it begins at the second `bucket * width_seconds`.
        good: Good events.
        bad: Bad events.
    """

    width_seconds: int
    bucket: int
    good: int
    bad: int


class BucketRange(NamedTuple):
    """
    Neighbouring buckets of one width.

    Attributes:
        width_seconds: Their width.
        first: Number of the first; it begins at `first * width_seconds`.
        last: Number of the last, inclusive; never below `first`.
    """

    width_seconds: int
    first: int
    last: int


class WindowBuckets:
    """
    The buckets whose events make up a window.

    Every event counts in one bucket of each width. The bucket at a window's far edge counts whole, in the finest tier
    that covers the window; the near edge uses the finest buckets that are still kept. In between lie the coarsest
    buckets that fit.

    Args:
        tiers: The widths at which a window may begin or end, finest first.

    Attributes:
        all_tiers: The tiers with days added where quarters of an hour are kept. Days are never a window's edge; they make
            long sums short.
    """

    __slots__ = ("_edges", "all_tiers")

    def __init__(self, tiers: Sequence[Tier]) -> None:
        self._edges = [(tier.width_seconds, tier.span_seconds, tier.bucket_count) for tier in tiers]
        coarsest = tiers[-1]
        has_days = coarsest.width_seconds == QUARTER_HOUR
        self.all_tiers = (*tiers, Tier(DAY, coarsest.span_seconds)) if has_days else tuple(tiers)

    def kept_since(self, newest: float) -> int:
        """
        The first second of which counts are kept, in the coarsest buckets that may be a window's edge.

        Args:
            newest: The instant from which kept buckets are counted back.
        """
        width, _, count = self._edges[-1]
        return (math.floor(newest / width) - count + 1) * width

    def ranges(
        self, spans: Sequence[Span], *, newest: float | None, kept_since: float = -math.inf
    ) -> list[list[BucketRange]]:
        """
        The buckets of each window.

        Args:
            spans: The windows.
            newest: The instant from which kept buckets are counted back; None where all requested buckets are kept.
            kept_since: The first second of which counts are kept in any width; it begins a bucket of the coarsest edges.
        """
        oldest = -LATEST_TIME if kept_since == -math.inf else int(kept_since)
        # Of each tier its width, the longest window that is read from it, and the first second that it keeps.
        kept = [
            (width, longest, -math.inf if newest is None else (math.floor(newest / width) - count + 1) * width)
            for width, longest, count in self._edges
        ]
        # Usually one near edge: all windows of a snapshot end at the same instant.
        near_edges: dict[int, list[_Step]] = {}
        ranges = []
        for span in spans:
            last_second = math.floor(span.until)
            steps = near_edges.get(last_second)
            if steps is None:
                steps = near_edges[last_second] = self._near_edge(last_second, kept)
            first_second, reach_seconds = math.floor(span.start), span.reach_seconds
            for width, longest, since in kept:
                start = first_second - first_second % width
                # A read far in the past: the finer buckets of that time are gone.
                if longest >= reach_seconds and start >= since:
                    break
            # Days may be kept for longer: a part of a window begins where every event is kept.
            start = max(start, oldest)
            ranges.append(_back_to(start, steps))
        return ranges

    def _near_edge(self, last_second: int, kept: Sequence[tuple[int, int, float]]) -> list[_Step]:
        """The steps before the end of a window, from the finest buckets that are still kept to the coarsest."""
        widths = [tier.width_seconds for tier in self.all_tiers]
        finest = 0
        # The whole coarser bucket around the edge must still be kept.
        while finest + 1 < len(kept) and last_second - last_second % widths[finest + 1] < kept[finest][2]:
            finest += 1
        end = last_second - last_second % widths[finest] + widths[finest]
        steps = []
        for width, coarser in pairwise(widths[finest:]):
            coarser_end = end - end % coarser
            rest = BucketRange(width, coarser_end // width, end // width - 1) if coarser_end < end else None
            steps.append(_Step(width, coarser, end, coarser_end, rest))
            end = coarser_end
        steps.append(_Step(widths[-1], widths[-1], end, -math.inf, None))
        return steps


class _Step(NamedTuple):
    """
    Buckets of one width before the end of a window.

    Attributes:
        width_seconds: Their width.
        coarser_seconds: The next coarser width.
        end: The second in which the first bucket of this width begins that is not taken.
        coarser_end: The same for the next coarser width; before everything where there is none.
        rest: The buckets between the two; None where there are none.
    """

    width_seconds: int
    coarser_seconds: int
    end: int
    coarser_end: float
    rest: BucketRange | None


def _back_to(start: int, steps: Sequence[_Step]) -> list[BucketRange]:
    """The buckets from the second `start` on, whole coarser buckets taken in place of finer ones."""
    ranges: list[BucketRange] = []
    for width, coarser, end, coarser_end, rest in steps:
        coarser_start = start + -start % coarser
        if coarser_start >= coarser_end:
            if start < end:
                ranges.append(BucketRange(width, start // width, end // width - 1))
            break
        if start < coarser_start:
            ranges.append(BucketRange(width, start // width, coarser_start // width - 1))
        if rest is not None:
            ranges.append(rest)
        start = coarser_start
    return ranges
