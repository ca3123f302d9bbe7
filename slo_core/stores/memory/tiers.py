"""Counts in memory, in tiers of buckets: a constant size whatever the traffic."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import inf

from slo_core.budgets.bucket import BucketRange, Increment, WindowBuckets
from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import DAY, Span, Tier, tiers_reaching

__all__ = ["BucketTiers"]


class _Ring:
    """
    The newest buckets of one width: slot `bucket % size` holds the counts of that bucket.

    Unsigned 64-bit counters, two to a bucket.
    """

    __slots__ = ("bad", "good", "newest", "size")

    def __init__(self, tier: Tier) -> None:
        self.size = size = tier.bucket_count
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
        self.newest = bucket
        slot = (newest + 1) % self.size
        if bucket == newest + 1:  # nearly always
            self.good[slot] = self.bad[slot] = 0
            return
        skipped = min(bucket - newest, self.size)
        to_end = min(skipped, self.size - slot)
        for first, count in ((slot, to_end), (0, skipped - to_end)):
            zeros = array("Q", bytes(8 * count))
            self.good[first : first + count] = zeros
            self.bad[first : first + count] = zeros

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
    """The events of one SLO, each once in every width its windows need. Not thread-safe: its ledger holds the lock."""

    __slots__ = ("_buckets", "_rings")

    def __init__(self, longest_seconds: int) -> None:
        self._buckets = WindowBuckets(tiers_reaching(longest_seconds))
        self._rings = {tier.width_seconds: _Ring(tier) for tier in self._buckets.all_tiers}

    def add(self, second: int, good: int, bad: int) -> bool:
        """Count events of one second; False when it is older than everything kept."""
        kept = False
        for width, ring in self._rings.items():
            # A day may be kept longer than the quarters of an hour in it: alone it answers no window.
            if kept or width != DAY:
                kept = ring.add(second // width, good, bad) or kept
        return kept

    def count(self, spans: Sequence[Span]) -> tuple[EventCounts, ...]:
        """Good and bad events of stretches of time; see `WindowBuckets`."""
        rings = self._rings
        # Windows that end at the same instant share the buckets before it.
        sums: dict[BucketRange, tuple[int, int]] = {}
        counts = []
        for ranges in self._buckets.ranges(spans, newest=rings[1].newest, kept_since=self.kept_since):
            good = bad = 0
            for buckets in ranges:
                part = sums.get(buckets)
                if part is None:
                    part = sums[buckets] = rings[buckets[0]].sum(buckets[1], buckets[2])
                good += part[0]
                bad += part[1]
            counts.append(EventCounts(good, bad))
        return tuple(counts)

    def sum(self, buckets: BucketRange) -> tuple[int, int]:
        """Good and bad events of a range of one of the widths; nothing of buckets that are not kept."""
        return self._rings[buckets.width_seconds].sum(buckets.first, buckets.last)

    def sum_all(self, ranges: Sequence[BucketRange]) -> EventCounts:
        """Good and bad events of several ranges; nothing of widths that are not kept."""
        sums = [self.sum(buckets) for buckets in ranges if buckets.width_seconds in self._rings]
        return EventCounts(sum(good for good, _ in sums), sum(bad for _, bad in sums))

    @property
    def newest(self) -> float:
        """The second of the newest event; minus infinity without one."""
        newest = self._rings[1].newest
        return -inf if newest is None else newest

    @property
    def kept_since(self) -> float:
        """The first second of which counts are kept; minus infinity without events."""
        newest = self._rings[1].newest
        return -inf if newest is None else self._buckets.kept_since(newest)

    def series(self, buckets: BucketRange) -> list[Increment]:
        """The buckets of a range that hold events, oldest first; empty for a width that is not kept."""
        ring = self._rings.get(buckets.width_seconds)
        if ring is None or ring.newest is None:
            return []
        first, last = max(buckets.first, ring.newest - ring.size + 1), min(buckets.last, ring.newest)
        return [
            Increment(buckets.width_seconds, bucket, good, bad)
            for bucket in range(first, last + 1)
            if (good := ring.good[bucket % ring.size]) | (bad := ring.bad[bucket % ring.size])
        ]
