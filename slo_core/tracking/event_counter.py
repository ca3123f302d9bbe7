"""Counting without locks: each thread has counts of its own, and hands them to the ledger once a second."""

from __future__ import annotations

import math
import threading
from _thread import get_ident
from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from slo_core.process.forks import ForkWatch
from slo_core.stores.base import CauseLedger, LatencyLedger, Ledger
from slo_core.stores.failure_buffer import FailureBuffer

if TYPE_CHECKING:
    from slo_core.budgets.causes import Cause

__all__ = ["ALWAYS_BAD", "EventCounter", "ThreadCounts", "ThreadRow", "failure_buffer"]

# No event is as fast.
ALWAYS_BAD = -math.inf

# So many causes of a thread's second are counted by name; then so many outcomes. Those beyond both have no cause.
_MOST_CAUSES = 256
_MOST_CAUSES_AND_OUTCOMES = 320


class _SecondCauses:
    """
    What the bad events of one thread and second were caused by.

    As in `ThreadCounts`, only the thread itself writes `counts`, which only grow; `seen` is the reader's side.
    """

    __slots__ = ("counts", "seen")

    def __init__(self) -> None:
        self.counts: dict[Cause, int] = {}
        self.seen: dict[Cause, int] = {}

    def take(self, most: int) -> dict[Cause, int]:
        """The fresh ones, of so many events at most: of one that is counted at this moment the cause is there first."""
        taken: dict[Cause, int] = {}
        seen = self.seen
        for cause, count in self.counts.copy().items():
            seen.setdefault(cause, 0)
            # In one step, because a signal handler may drain between two of them.
            before = seen[cause]
            seen[cause] = count if count > before else before  # noqa: FURB136
            fresh = count - before
            if fresh > most:
                seen[cause] -= fresh - most
                fresh = most
            if fresh > 0:
                taken[cause] = fresh
                most -= fresh
        return taken

    def give_back(self, taken: dict[Cause, int]) -> None:
        """The ledger has not taken them."""
        seen = self.seen
        for cause, count in taken.items():
            seen[cause] -= count


# A second that is over: its start, good, bad, causes, cells.
_Ended = tuple[float, int, int, _SecondCauses | None, tuple[int, ...] | None]


class ThreadRow:
    """
    The counts of one thread for several SLOs, valid from `start` to `end`: each of them is in that second.

    Attributes:
        good: Those in which an event is good.
        bad: Those in which it is bad; None where there are none.
        timed: Those for which its time decides, with the threshold in seconds, whether that applies to the last byte, and their
            `cells` and the edges between these; None where there are none. Where something else has decided that the event
            is bad, the threshold is `ALWAYS_BAD`.
            Plain tuples: they are unpacked for each event, and named ones take 30 ns longer.
    """

    __slots__ = ("bad", "end", "good", "start", "timed")

    def __init__(self) -> None:
        self.good: tuple[ThreadCounts, ...] = ()
        self.bad: tuple[ThreadCounts, ...] | None = None
        self.timed: tuple[tuple[ThreadCounts, float, bool, list[int] | None, Sequence[float]], ...] | None = None
        self.start, self.end = math.inf, -math.inf


class ThreadCounts:
    """
    The counts of one thread; those since the last drain belong to the second from `start` to `end`.

    `good` and `bad` only ever grow, and only their own thread writes them, so counting needs no lock and a reader
    loses nothing: `seen_good` and `seen_bad`, the reader's side, say how much of them the ledger has. `ended` holds, for
    each second that is over and not drained yet, its start, the counts at its end, the causes of its bad events, and its cells.
    `causes` are those of the second that has begun; a bad event may have none. `rows` are those that hold these counts, and
    are valid no longer than they are. `failures` are the SLO's recent ones, of all threads; None where none are kept. `cells`
    count how long events took, of an SLO with a threshold: as `good` and `bad` they only grow, and `seen_cells` is the reader's
    side. An event may be in none.

    Args:
        second: Of its first event.
        failures: The recent ones.
        cells: How many cells there are; 0 for an SLO without a threshold.
    """

    __slots__ = (
        "bad", "causes", "cells", "end", "ended", "failures", "good", "rows", "seen_bad", "seen_cells", "seen_good", "start",
    )  # fmt: skip

    def __init__(self, second: int, failures: FailureBuffer | None = None, cells: int = 0) -> None:
        self.failures = failures
        self.good = self.bad = 0
        self.seen_good = self.seen_bad = 0
        self.causes = _SecondCauses()
        self.cells = [0] * cells if cells else None
        self.seen_cells = [0] * cells
        self.ended: list[_Ended] = []
        self.rows: list[ThreadRow] = []
        self.start = self.end = 0.0
        self.start_second(second)

    def start_second(self, second: int) -> None:
        """Go on with another second; called by the thread itself."""
        # Floats, because every record compares them with a clock's float: with ints a record takes a third longer.
        start, end = float(second), second + 1.0
        if self.good != self.seen_good or self.bad != self.seen_bad:
            # Before the new second starts: `EventCounter._drain` relies on it.
            causes, cells = self.causes if self.causes.counts else None, self.cells
            self.ended.append((self.start, self.good, self.bad, causes, None if cells is None else tuple(cells)))
        if self.causes.counts:
            self.causes = _SecondCauses()
        self.start, self.end = start, end
        self._end_rows()

    def count_cell(self, edges: Sequence[float], seconds: float) -> None:
        """Count how long an event took; called by the thread itself, before the event is counted."""
        if self.cells is not None:
            self.cells[bisect_left(edges, seconds)] += 1

    def take_cells(self, cells: Sequence[int], most: int) -> list[int] | None:
        """
        The fresh ones of what the cells had grown to, of so many events at most; None where there are none.

        Of an event that is counted at this moment the cell is there first.
        """
        seen, taken = self.seen_cells, [0] * len(cells)
        for place, count in enumerate(cells):
            if count == seen[place]:
                continue
            # In one step, because a signal handler may drain between two of them.
            before, seen[place] = seen[place], count if count > seen[place] else seen[place]  # noqa: FURB136
            fresh = max(0, count - before)
            if fresh > most:
                seen[place] -= fresh - most
                fresh = most
            taken[place] = fresh
            most -= fresh
        return taken if any(taken) else None

    def give_back_cells(self, taken: Sequence[int]) -> None:
        """The ledger has not taken them."""
        for place, count in enumerate(taken):
            self.seen_cells[place] -= count

    def count_bad(self, cause: Cause) -> None:
        """Count a bad event; called by the thread itself."""
        # The cause first: a reader that sees the event must find it. To add 1 is one step, in which no signal handler
        # interrupts the thread: as for `bad`.
        causes = self.causes.counts
        try:
            causes[cause] += 1
        except KeyError:
            self._count_first(causes, cause)
        self.bad += 1

    @staticmethod
    def _count_first(causes: dict[Cause, int], cause: Cause) -> None:
        """Count the first event of its cause in this second. Memory is bounded, however many causes there are."""
        if len(causes) >= _MOST_CAUSES:
            cause = cause.rest()
        if cause in causes or len(causes) < _MOST_CAUSES_AND_OUTCOMES:
            causes.setdefault(cause, 0)  # a signal handler may have counted one a moment ago
            causes[cause] += 1

    def end_second(self) -> None:
        """Make the thread's next event look for its second; any thread may call it."""
        self.end = -math.inf
        self._end_rows()

    def _end_rows(self) -> None:
        rows, self.rows = self.rows, []
        for row in rows:
            row.end = -math.inf


def failure_buffer(ledger: Ledger) -> FailureBuffer | None:
    """Where recent failures of a ledger's SLO are noted; None for a ledger of a user's own store, which knows of none."""
    failures = getattr(ledger, "failures", None)
    return failures if isinstance(failures, FailureBuffer) else None


class EventCounter:
    """
    The counts of each thread for one SLO, and the ledger that they are drained into.

    `failures` are its recent ones; None where none are kept.

    `thread_counts` is keyed by thread identifier. An identifier is free again only when its thread has ended, so a later
    thread may go on with the same counts: there is always one writer, and there are never more counts than there were
    threads at the same time.

    Counting never waits for a lock. A signal handler, a `__del__` or a callback of the garbage collector may count while
    the thread that it interrupts counts, or drains.

    Args:
        ledger: The ledger.
        threshold: Of the SLO, in seconds; None where speed does not matter.

    Attributes:
        edges: Those between the cells of the threshold; empty where it is not counted how long events take.
    """

    __slots__ = (
        "__weakref__", "_cause_ledger", "_cell_names", "_fork", "_latency_ledger", "_ledger", "_lock", "edges", "failures",
        "thread_counts",
    )  # fmt: skip

    def __init__(self, ledger: Ledger, threshold: float | None = None) -> None:
        self.failures = failure_buffer(ledger)
        self._ledger = ledger
        self.edges: tuple[float, ...] = ()
        self._cell_names: tuple[Cause, ...] = ()
        self._latency_ledger: LatencyLedger | None = None
        if threshold is not None and getattr(ledger, "keeps_latencies", False):
            from slo_core.budgets.latencies import cells_of, edges_of  # most SLOs have no threshold

            self.edges, self._cell_names = edges_of(threshold), cells_of(threshold)
            self._latency_ledger = cast(LatencyLedger, ledger)
        # None for a ledger of a user's own store that does not know of causes.
        self._cause_ledger = cast(CauseLedger, ledger) if getattr(ledger, "keeps_causes", False) else None
        self.thread_counts: dict[int, ThreadCounts] = {}
        # Held while counts are drained. One that its own thread may acquire again: a signal handler may read, too.
        self._lock = threading.RLock()
        self._fork = ForkWatch(self.reset)
        ledger.attach_counter(self.drain, self.rearm)

    def reset(self) -> None:
        """Start empty in a forked child, with a lock of its own: a thread of the parent may hold the old one."""
        self._lock = threading.RLock()
        for counts in self.thread_counts.values():
            counts.end_second()  # for the rows that hold it
        self.thread_counts.clear()
        self._ledger.reset()

    def rotate(self, now: float) -> ThreadCounts:
        """
        The calling thread's counts for the second of `now`; those of the second before go to the ledger.

        Called once a second and thread, when time has left the second of the counts in either direction.
        """
        self._fork.notice()
        self._ledger.wake()  # before the lock is acquired: it may start a thread
        second = math.floor(now)
        counts = self.thread_counts.get(get_ident())
        if counts is None:
            # Not simply set: a signal handler may have counted this thread's first event a moment ago.
            counts = self.thread_counts.setdefault(get_ident(), self.new_counts(second))
        counts.start_second(second)
        if self._lock.acquire(blocking=False):  # whoever holds it drains, or is interrupted while it does
            try:
                self._drain(counts)
            finally:
                self._lock.release()
        return counts

    def new_counts(self, second: int) -> ThreadCounts:
        """Counts of a thread, which are not among those of this counter yet."""
        return ThreadCounts(second, self.failures, len(self._cell_names))

    def drain(self) -> None:
        """Hand everything counted so far to the ledger: a read after this sees every event before it."""
        self._fork.notice()
        with self._lock:
            self._drain_all()

    def drain_in_passing(self) -> None:
        """The same, if no other thread is at it at this moment: it never waits."""
        self._fork.notice()
        if self._lock.acquire(blocking=False):
            try:
                self._drain_all()
            finally:
                self._lock.release()

    def rearm(self) -> None:
        """Make every thread's next event call `rotate`, as if its second were over."""
        for counts in list(self.thread_counts.values()):
            counts.end_second()

    def _drain_all(self) -> None:
        # A list, not a tuple, for which the garbage collector may run meanwhile, and with it code that counts.
        for counts in list(self.thread_counts.values()):
            self._drain(counts)

    def _drain(self, counts: ThreadCounts) -> None:
        ended = counts.ended
        while True:
            while first := ended[:1]:
                self._hand_over(counts, *first[0])
                if ended[:1] == first:  # else a signal handler has drained meanwhile
                    del ended[:1]
            # The thread may count, and start another second, at this moment. These counts are all of this second if the
            # second is not over after they were read; events after that are drained next time.
            good, bad, start, causes = counts.good, counts.bad, counts.start, counts.causes
            cells = None if counts.cells is None else tuple(counts.cells)
            if not ended:
                self._hand_over(counts, start, good, bad, causes, cells)
                return

    def _hand_over(
        self,
        counts: ThreadCounts,
        start: float,
        good: int,
        bad: int,
        causes: _SecondCauses | None,
        cells: tuple[int, ...] | None,
    ) -> None:
        """Add to the ledger what the counts had grown to, unless it has that."""
        # Seen before it is handed over, and each in one step: a signal handler may drain between two of them. It may have
        # handed over more, too.
        seen_good, counts.seen_good = counts.seen_good, good if good > counts.seen_good else counts.seen_good  # noqa: FURB136
        seen_bad, counts.seen_bad = counts.seen_bad, bad if bad > counts.seen_bad else counts.seen_bad  # noqa: FURB136
        fresh_good, fresh_bad = max(0, good - seen_good), max(0, bad - seen_bad)
        if not (fresh_good or fresh_bad):
            return
        taken = causes.take(fresh_bad) if fresh_bad and causes is not None and causes.counts else None
        taken_cells = None if cells is None else counts.take_cells(cells, fresh_good + fresh_bad)
        try:
            if taken_cells and self._latency_ledger is not None:
                named = {name: count for name, count in zip(self._cell_names, taken_cells, strict=True) if count}
                second = math.floor(start)
                self._latency_ledger.add(second, fresh_good, fresh_bad, live=True, causes=taken, latencies=named)
            elif taken and self._cause_ledger is not None:
                self._cause_ledger.add(math.floor(start), fresh_good, fresh_bad, live=True, causes=taken)
            else:
                self._ledger.add(math.floor(start), fresh_good, fresh_bad, live=True)
        except BaseException:  # a user's own store
            counts.seen_good -= fresh_good
            counts.seen_bad -= fresh_bad
            if taken and causes is not None:
                causes.give_back(taken)
            if taken_cells:
                counts.give_back_cells(taken_cells)
            raise
