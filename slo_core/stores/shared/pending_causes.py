"""Causes of bad events, and latencies, that wait to be put into a batch, bucket by bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from slo_core.budgets.causes import OTHER, Cause, CauseIncrement
from slo_core.objectives.window import QUARTER_HOUR
from slo_core.stores.causes import FINEST_SECONDS

__all__ = ["PendingCauses", "PendingLatencies"]

# So many distinct causes of a bucket wait; with one more the smaller ones become a part of the rest.
_MOST_IN_BUCKET = 256
_KEPT_IN_BUCKET = 64

# So many numbers wait in all: five causes in each bucket of a day without the store fit. With one more, older buckets keep
# fewer and fewer of their causes, and the oldest have none at last.
_MOST = 2048
_KEPT_IN_OLD_BUCKETS = (32, 16, 4, 0)

# Sixteen cells in each bucket of ten hours without the store.
_MOST_LATENCIES = 2048


class PendingCauses:
    """
    The causes of the events that wait in `PendingEvents`, which holds the lock: in no quarter of an hour more than bad events.

    At most some 250 KiB, however many causes there are, and however long the store is out of reach.
    """

    __slots__ = ("_buckets", "_size")

    def __init__(self) -> None:
        self._buckets: dict[int, dict[Cause, int]] = {}
        self._size = 0  # how many numbers

    def __bool__(self) -> bool:
        return bool(self._buckets)

    def add(self, second: int, causes: Mapping[Cause, int]) -> None:
        """Add those of bad events of one second."""
        self._add(second // FINEST_SECONDS, causes)
        if self._size > _MOST:
            self._fold_old()

    def _add(self, bucket: int, causes: Mapping[Cause, int]) -> None:
        counts = self._buckets.setdefault(bucket, {})
        self._size -= len(counts)
        for cause, bad in causes.items():
            counts[cause] = counts.get(cause, 0) + bad
        if len(counts) > _MOST_IN_BUCKET:
            counts = self._buckets[bucket] = _folded(counts, _KEPT_IN_BUCKET)
        self._size += len(counts)

    def _fold_old(self) -> None:
        newest = max(self._buckets)
        for most in _KEPT_IN_OLD_BUCKETS:
            for bucket, counts in self._buckets.items():
                if bucket != newest:
                    self._buckets[bucket] = _folded(counts, most)
            self._size = sum(map(len, self._buckets.values()))
            if self._size <= _MOST // 2:
                return
        for bucket in sorted(self._buckets)[: -_MOST // 4]:
            self._size -= len(self._buckets.pop(bucket))

    def take(self, bad_by_second: Iterator[tuple[int, int]], *, until: int | None) -> tuple[CauseIncrement, ...]:
        """
        Take the causes of the events that a batch takes.

        Args:
            bad_by_second: The second and the bad events of each second that the batch holds; of latencies all events.
            until: The first second that it leaves; None where it leaves none.
        """
        if not self._buckets:
            return ()
        if until is None:  # nearly always
            buckets, self._buckets, self._size = self._buckets, {}, 0
            return tuple(
                CauseIncrement(bucket, *each) for bucket in sorted(buckets) for each in buckets[bucket].items()
            )
        taken: list[CauseIncrement] = []
        # Of a bucket that is cut not more causes than events. By quarters, into which old seconds are merged.
        cut = until // QUARTER_HOUR
        bad_in_cut: dict[int, int] = {}
        for second, bad in bad_by_second:
            if second // QUARTER_HOUR == cut:
                bucket = second // FINEST_SECONDS
                bad_in_cut[bucket] = bad_in_cut.get(bucket, 0) + bad
        for bucket in sorted(self._buckets):
            quarter = bucket * FINEST_SECONDS // QUARTER_HOUR
            if quarter > cut:
                break
            counts = self._buckets.pop(bucket)
            self._size -= len(counts)
            left = bad_in_cut.get(bucket, 0) if quarter == cut else sum(counts.values())
            rest: dict[Cause, int] = {}
            for cause, bad in counts.items():
                now = min(bad, left)
                left -= now
                if now:
                    taken.append(CauseIncrement(bucket, cause, now))
                if bad > now:
                    rest[cause] = bad - now
            if rest:
                self._add(bucket, rest)
        return tuple(taken)


class PendingLatencies(PendingCauses):
    """
    The cells of the events that wait, in the shape of causes. When they are too many, the older half is not known any more.

    At most some 200 KiB.
    """

    __slots__ = ()

    def _fold_old(self) -> None:
        # Some cells alone would say that all events were as fast, or as slow, as these.
        for bucket in sorted(self._buckets)[: len(self._buckets) // 2]:
            self._size -= len(self._buckets.pop(bucket))


def _folded(counts: Mapping[Cause, int], most: int) -> dict[Cause, int]:
    """The largest, and the others as a part of the rest."""
    if len(counts) <= most:
        return dict(counts)
    order = sorted(counts, key=lambda each: (not each.where, -counts[each], each))
    folded: dict[Cause, int] = {}
    for place, cause in enumerate(order):
        row = cause if place < most and cause.where else cause.rest()
        if row not in folded and len(folded) > 2 * most:
            row = OTHER
        folded[row] = folded.get(row, 0) + counts[cause]
    return folded
