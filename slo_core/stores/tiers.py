"""Counts in memory, in tiers of buckets: a constant size whatever the traffic."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

from slo_core.bucket import BucketRange, Increment
from slo_core.sli import EventCounts
from slo_core.window import DAY, Span, Tier, tiers_reaching

__all__ = ["BucketTiers"]

# Roll-ups of a day are never a window's edge; they only make long sums short.
_ROLL_UP_SECONDS = DAY


class _Ring:
    """
    The newest `size` buckets of one width: slot `bucket % size` holds the counts of that bucket.

    Unsigned 64-bit counters, two to a bucket.
    """

    __slots__ = ("bad", "good", "newest", "size", "width")

    def __init__(self, width: int, size: int) -> None:
        self.width = width
        self.size = size
        self.newest: int | None = None
        self.good = array("Q", bytes(8 * size))
        self.bad = array("Q", bytes(8 * size))

    def add(self, bucket: int, good: int, bad: int) -> bool:
        """Count into a bucket; False when it is older than everything kept."""
        newest = self.newest
        if newest is None:
            self.newest = bucket
        elif bucket > newest:
            self._advance(newest, bucket)
        elif bucket <= newest - self.size:
            return False
        slot = bucket % self.size
        self.good[slot] += good
        self.bad[slot] += bad
        return True

    def _advance(self, newest: int, bucket: int) -> None:
        for skipped in range(max(newest, bucket - self.size) + 1, bucket + 1):
            slot = skipped % self.size
            self.good[slot] = self.bad[slot] = 0
        self.newest = bucket

    def keeps(self, bucket: int) -> bool:
        """Whether a bucket is still told apart from its neighbours."""
        return self.newest is not None and bucket > self.newest - self.size

    def sum(self, first: int, last: int) -> tuple[int, int]:
        """Good and bad events of the buckets from first to last, both inclusive."""
        newest, size = self.newest, self.size
        if newest is None:
            return 0, 0
        if first <= newest - size:
            first = newest - size + 1
        if last > newest:
            last = newest
        if first > last:
            return 0, 0
        start, end = first % size, last % size + 1
        good, bad = self.good, self.bad
        if start < end:
            return sum(good[start:end]), sum(bad[start:end])
        return sum(good[start:]) + sum(good[:end]), sum(bad[start:]) + sum(bad[:end])


class BucketTiers:
    """
    The events of one SLO in every tier its windows need. Not thread-safe: its ledger holds the lock.

    Each tier counts every event, so a stretch of time may be added up from the coarsest buckets that lie
    wholly inside it and finer ones at its ends.
    """

    __slots__ = ("_rings", "_tiers")

    def __init__(self, longest_seconds: int) -> None:
        self._tiers: tuple[Tier, ...] = tiers_reaching(longest_seconds)
        self._rings = [_Ring(tier.width_seconds, tier.bucket_count) for tier in self._tiers]
        if longest_seconds > _ROLL_UP_SECONDS:
            self._rings.append(_Ring(_ROLL_UP_SECONDS, longest_seconds // _ROLL_UP_SECONDS + 3))

    def add(self, second: int, good: int, bad: int) -> bool:
        """Count events of one second; False when it is older than everything kept."""
        kept = False
        for ring, _ in zip(self._rings, self._tiers, strict=False):
            kept = ring.add(second // ring.width, good, bad) or kept
        if kept and len(self._rings) > len(self._tiers):
            roll_up = self._rings[-1]
            roll_up.add(second // roll_up.width, good, bad)
        return kept

    def count(self, spans: Sequence[Span]) -> tuple[EventCounts, ...]:
        """
        Good and bad events of stretches of time.

        The bucket cut by a far edge counts whole, in the finest tier that covers the span; the near edge is as fine
        as what is still kept.
        """
        # Nearly always one near edge: all windows of a snapshot end at the same instant.
        finest = {until: self._near_resolution(until) for until in {math.floor(span.until) for span in spans}}
        counts = []
        for span in spans:
            last_second = math.floor(span.until)
            index = finest[last_second]
            width = self._rings[index].width
            counts.append(EventCounts(*self._sum(index, self._far_edge(span) // width, last_second // width)))
        return tuple(counts)

    def series(self, buckets: BucketRange) -> list[Increment]:
        """The buckets of a range that hold events, oldest first; empty for a width that is not kept."""
        ring = next((ring for ring in self._rings if ring.width == buckets.width_seconds), None)
        if ring is None or ring.newest is None:
            return []
        first, last = max(buckets.first, ring.newest - ring.size + 1), min(buckets.last, ring.newest)
        return [
            Increment(ring.width, bucket, good, bad)
            for bucket in range(first, last + 1)
            if (good := ring.good[bucket % ring.size]) | (bad := ring.bad[bucket % ring.size])
        ]

    def _far_edge(self, span: Span) -> int:
        """The first second of the bucket that the far edge cuts."""
        for ring, tier in zip(self._rings, self._tiers, strict=False):
            # A read far in the past: the finer buckets of that time are gone.
            if tier.span_seconds >= span.reach_seconds and ring.keeps(math.floor(span.start / ring.width)):
                break
        else:
            ring = self._rings[len(self._tiers) - 1]
        return math.floor(span.start / ring.width) * ring.width

    def _near_resolution(self, last_second: int) -> int:
        """The finest ring that still keeps the whole coarser bucket around the near edge."""
        for index in range(len(self._tiers) - 1):
            coarser = self._rings[index + 1].width
            if self._rings[index].keeps(last_second // coarser * coarser // self._rings[index].width):
                return index
        return len(self._tiers) - 1

    def _sum(self, index: int, first: int, last: int) -> tuple[int, int]:
        """Events of the buckets first..last of one ring, whole coarser buckets taken from the next ring."""
        ring = self._rings[index]
        if index + 1 == len(self._rings):
            return ring.sum(first, last)
        ratio = self._rings[index + 1].width // ring.width
        coarse_first = -(-first // ratio)
        coarse_last = (last + 1) // ratio - 1
        if coarse_first > coarse_last:
            return ring.sum(first, last)
        good_before, bad_before = ring.sum(first, coarse_first * ratio - 1)
        good_inside, bad_inside = self._sum(index + 1, coarse_first, coarse_last)
        good_after, bad_after = ring.sum((coarse_last + 1) * ratio, last)
        return good_before + good_inside + good_after, bad_before + bad_inside + bad_after
