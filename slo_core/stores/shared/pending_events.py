"""Events of one SLO that wait to be put into a batch, second by second."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import NamedTuple

from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS, HOUR
from slo_core.stores.layout import WIDTHS, cut_to_fit, kept_from

__all__ = ["PendingEvents", "TakenEvents"]

# So many distinct seconds wait one by one; with more, old ones are merged that share all buckets still kept of them.
_SECONDS_BEFORE_MERGE = 8_000


class TakenEvents(NamedTuple):
    """
    Events for one batch.

    Attributes:
        seconds: Good and bad events of each second.
        first: By width, the first bucket of use; see `spread`.
        earliest: When the earliest event happened; None without events.
        newest: When the newest event happened, of those too that were left for the next batch: how far back the store
            keeps events is seen from the newest.
        since: When the oldest of the events was added, by the monotonic clock.
        has_rest: Whether some did not fit; events that were added later do not count.
    """

    seconds: Mapping[int, list[int]]
    first: Mapping[int, int]
    earliest: int | None
    newest: int | None
    since: float | None
    has_rest: bool


class PendingEvents:
    """
    Events that wait; they may be added and taken by different threads.

    Args:
        keeps_seconds: The longest that any window of the SLO can ever be.

    Attributes:
        since: When the oldest was added, by the monotonic clock; None when none waits.
    """

    __slots__ = ("_earliest", "_keeps_seconds", "_lock", "_newest", "_seconds", "since")

    def __init__(self, keeps_seconds: int) -> None:
        self._keeps_seconds = keeps_seconds
        self._lock = threading.Lock()  # held for memory work only
        self._seconds: dict[int, list[int]] = {}
        self._earliest: int | None = None
        self._newest: int | None = None
        self.since: float | None = None

    def __len__(self) -> int:
        """How many distinct seconds hold events."""
        return len(self._seconds)

    @property
    def count(self) -> int:
        """How many events wait."""
        with self._lock:
            return sum(good + bad for good, bad in self._seconds.values())

    def add(self, second: int, good: int, bad: int, *, now: float) -> None:
        """
        Add events of one second.

        Args:
            second: When they happened, whole seconds since the epoch.
            good: Good events.
            bad: Bad events.
            now: The monotonic clock.
        """
        with self._lock:
            counts = self._seconds.setdefault(second, [0, 0])
            counts[0] += good
            counts[1] += bad
            if self._earliest is None or second < self._earliest:
                self._earliest = second
            if self._newest is None or second > self._newest:
                self._newest = second
            if self.since is None:
                self.since = now
            if len(self._seconds) > _SECONDS_BEFORE_MERGE:
                self._merge()

    def take(self, increments: int, *, now: float) -> TakenEvents:
        """
        Take the oldest seconds, as many as fit into a batch; the others stay.

        Args:
            increments: The most that the batch may hold.
            now: Seconds since the epoch.
        """
        with self._lock:
            earliest, newest, since = self._earliest, self._newest, self.since
            first = self._first_kept(now)
            taken = self._cut(first, increments)
            if not self._seconds:
                self._earliest = self._newest = self.since = None
            elif earliest is not None:
                self._earliest = max(earliest, min(self._seconds))
            return TakenEvents(taken, first, earliest, newest, since, has_rest=bool(self._seconds))

    def _merge(self) -> None:
        """Merge old seconds, which the store merges too: memory is bounded, however long an outage lasts."""
        assert self._newest is not None
        keeps = self._keeps_seconds
        first = [kept_from(width, newest=self._newest, keeps_seconds=keeps) * width for width in WIDTHS[:3]]
        merged: dict[int, list[int]] = {}
        for second, (good, bad) in self._seconds.items():
            width = WIDTHS[0] if second >= first[0] else WIDTHS[1] if second >= first[1] else WIDTHS[2]
            # Beyond everything kept, one bucket is as good as another: the store drops and counts it.
            start = second // width * width if second >= first[2] else (first[2] - 1) // WIDTHS[2] * WIDTHS[2]
            counts = merged.setdefault(start, [0, 0])
            counts[0] += good
            counts[1] += bad
        self._seconds = merged

    def _first_kept(self, now: float) -> dict[int, int]:
        """From where on the finer buckets are of use: after an outage most of them are too old to be kept."""
        earliest, newest = self._earliest, self._newest
        if earliest is None or newest is None or newest - earliest <= HOUR:
            return {}
        # An event from a clock that was ahead for a while does not make all others old.
        reference = min(newest, math.floor(now) + FUTURE_TOLERANCE_SECONDS)
        return {width: kept_from(width, newest=reference, keeps_seconds=self._keeps_seconds) for width in WIDTHS[:2]}

    def _cut(self, first: Mapping[int, int], increments: int) -> dict[int, list[int]]:
        seconds = self._seconds
        if len(seconds) * len(WIDTHS) <= increments:
            self._seconds = {}
            return seconds
        ascending = sorted(seconds)
        taken = ascending[: cut_to_fit(ascending, first=first, increments=increments)]
        return {second: seconds.pop(second) for second in taken}
