"""Events of one SLO that wait to be put into a batch, second by second."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from slo_core.budgets.causes import Cause, CauseIncrement
from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS, HOUR, LATEST_TIME, SECONDS
from slo_core.process.arrivals import Arrivals
from slo_core.stores.layout import WIDTHS, cut_to_fit, kept_from
from slo_core.stores.shared.pending_causes import PendingCauses, PendingLatencies

__all__ = ["KnownCauses", "PendingEvents", "TakenEvents"]

KnownCauses = Mapping[Cause, int] | None

# So many distinct seconds more than the store keeps, or than were left by the last merge, wait one by one; then old ones
# are merged that share all buckets still kept of them.
_SECONDS_BETWEEN_MERGES = 800
_FIRST_MERGE = SECONDS.bucket_count + _SECONDS_BETWEEN_MERGES


class TakenEvents(NamedTuple):
    """
    Events for one batch.

    Attributes:
        counted: (second, good, bad) for each second that holds events, ascending.
        first: By width, the first bucket of use; see `spread`.
        earliest: When the earliest event happened; None without events.
        newest: When the newest event happened, of those too that were left for the next batch: how far back the store
            keeps events is seen from the newest.
        since: When the oldest of the events was added, by the monotonic clock.
        has_rest: Whether some did not fit; events that were added later do not count.
        impossible: Events of a time that no store can hold.
        is_live: Each of them was counted when it happened.
        causes: What the bad ones were caused by; see `Batch`.
        latencies: How long they took; see `Batch`.
    """

    counted: Sequence[tuple[int, int, int]]
    first: Mapping[int, int]
    earliest: int | None
    newest: int | None
    since: float | None
    has_rest: bool
    impossible: int
    is_live: bool = True
    causes: tuple[CauseIncrement, ...] = ()
    latencies: tuple[CauseIncrement, ...] = ()


class _Arrival(NamedTuple):
    """Arguments of `PendingEvents.add`."""

    second: int
    good: int
    bad: int
    now: float
    live: bool
    causes: KnownCauses
    latencies: KnownCauses


class PendingEvents:
    """
    Events that wait; they may be added by any thread or signal handler, and taken by another thread.

    A store that is out of reach for a day makes an SLO with an event a second wait in some 150 KiB: three numbers for each
    second of the last hour, then for each minute; causes and latencies in addition, see `PendingCauses`.

    Args:
        keeps_seconds: The longest that any window of the SLO can ever be.
    """

    __slots__ = ("_arrivals", "_bad", "_causes", "_earliest", "_good", "_impossible", "_is_live", "_keeps_seconds",
                 "_latencies", "_merge_at", "_newest", "_seconds", "_since")  # fmt: skip

    def __init__(self, keeps_seconds: int) -> None:
        self._keeps_seconds = keeps_seconds
        self._arrivals = Arrivals(self._take_in)
        self._impossible = 0
        self._start_empty()

    def _start_empty(self) -> None:
        # Distinct and ascending, and the events of each.
        self._seconds, self._good, self._bad = array("q"), array("q"), array("q")
        self._causes = PendingCauses()
        self._latencies: PendingLatencies | None = None  # until the first: most SLOs have none
        self._merge_at = _FIRST_MERGE
        self._earliest: int | None = None
        self._newest: int | None = None
        self._since: float | None = None
        self._is_live = True

    @property
    def since(self) -> float | None:
        """When the oldest was added, by the monotonic clock; None when none waits. Asking never waits for a lock."""
        return self._since

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._arrivals) or bool(self._seconds) or self._impossible > 0

    def __len__(self) -> int:
        """How many distinct seconds hold events."""
        with self._arrivals:
            return len(self._seconds)

    @property
    def count(self) -> int:
        """How many events wait."""
        with self._arrivals:
            return sum(self._good) + sum(self._bad)

    def add(
        self,
        second: int,
        good: int,
        bad: int,
        *,
        now: float,
        live: bool = True,
        causes: KnownCauses = None,
        latencies: KnownCauses = None,
    ) -> None:
        """
        Add events of one second.

        Args:
            second: When they happened, whole seconds since the epoch.
            good: Good events.
            bad: Bad events.
            now: The monotonic clock.
            live: They were counted when they happened.
            causes: The known causes of the bad events.
            latencies: The cells of those of which it is known how long they took.
        """
        self._arrivals.add(_Arrival(second, good, bad, now, live, causes, latencies))

    def _take_in(self, arrival: _Arrival) -> None:
        second, good, bad, now, live, causes, latencies = arrival
        if not 0 <= second <= LATEST_TIME:  # `record(at=)` refuses it, but a clock may say anything
            self._impossible += good + bad
            return
        self._is_live = self._is_live and live
        seconds = self._seconds
        index = len(seconds) - 1 if seconds and seconds[-1] == second else bisect_left(seconds, second)
        if index < len(seconds) and seconds[index] == second:
            self._good[index] += good
            self._bad[index] += bad
        else:
            seconds.insert(index, second)
            self._good.insert(index, good)
            self._bad.insert(index, bad)
        if self._earliest is None or second < self._earliest:
            self._earliest = second
        if self._newest is None or second > self._newest:
            self._newest = second
        if self._since is None:
            self._since = now
        if causes:
            self._causes.add(second, causes)
        if latencies:
            self._latencies = self._latencies or PendingLatencies()
            self._latencies.add(second, latencies)
        if len(seconds) > self._merge_at:
            self._merge()

    def take(self, increments: int, *, now: float) -> TakenEvents:
        """
        Take the oldest seconds, as many as fit into a batch; the others stay.

        Args:
            increments: The most that the batch may hold.
            now: Seconds since the epoch.
        """
        with self._arrivals:
            if self._arrivals.is_nested:  # a signal handler flushes, and has interrupted `add`
                return TakenEvents((), {}, None, None, self._since, has_rest=False, impossible=0)
            earliest, newest, since = self._earliest, self._newest, self._since
            impossible, self._impossible = self._impossible, 0
            first = self._first_kept(now)
            is_live, columns = self._is_live, (self._seconds, self._good, self._bad)
            count = len(self._seconds)
            if count * len(WIDTHS) > increments:
                count = cut_to_fit(self._seconds, first=first, increments=increments)
            counted = list(islice(zip(*columns, strict=True), count))
            has_rest = count < len(self._seconds)
            causes: tuple[CauseIncrement, ...] = ()
            latencies: tuple[CauseIncrement, ...] = ()
            until = self._seconds[count] if has_rest else None
            if self._causes:
                causes = self._causes.take(((second, bad) for second, _, bad in counted), until=until)
            if self._latencies is not None:
                latencies = self._latencies.take(((second, good + bad) for second, good, bad in counted), until=until)
            if has_rest:
                for numbers in columns:
                    del numbers[:count]
                self._earliest = max(earliest or 0, self._seconds[0])
            else:
                self._start_empty()
            return TakenEvents(
                counted, first, earliest, newest, since, has_rest, impossible, is_live, causes, latencies
            )

    def _merge(self) -> None:
        """Merge old seconds, which the store merges too: memory is bounded, however long an outage lasts."""
        assert self._newest is not None
        keeps = self._keeps_seconds
        first = [kept_from(width, newest=self._newest, keeps_seconds=keeps) * width for width in WIDTHS[:3]]
        seconds, all_good, all_bad = self._seconds, self._good, self._bad
        old = bisect_left(seconds, first[0])
        merged = 0  # how many seconds there are by now; in place, because a copy would need as much memory again
        for index in range(old):
            second, good, bad = seconds[index], all_good[index], all_bad[index]
            width = WIDTHS[1] if second >= first[1] else WIDTHS[2]
            # Beyond everything kept, one bucket is as good as another: the store drops and counts it.
            start = second // width * width if second >= first[2] else (first[2] - 1) // WIDTHS[2] * WIDTHS[2]
            if merged and seconds[merged - 1] == start:
                all_good[merged - 1] += good
                all_bad[merged - 1] += bad
            else:
                seconds[merged], all_good[merged], all_bad[merged] = start, good, bad
                merged += 1
        for numbers in (seconds, all_good, all_bad):
            del numbers[merged:old]
        self._merge_at = len(seconds) + _SECONDS_BETWEEN_MERGES

    def _first_kept(self, now: float) -> dict[int, int]:
        """From where on the finer buckets are of use: after an outage most of them are too old to be kept."""
        earliest, newest = self._earliest, self._newest
        if earliest is None or newest is None or newest - earliest <= HOUR:
            return {}
        # An event from a clock that was ahead for a while does not make all others old.
        reference = min(newest, math.floor(now) + FUTURE_TOLERANCE_SECONDS)
        return {width: kept_from(width, newest=reference, keeps_seconds=self._keeps_seconds) for width in WIDTHS[:2]}
