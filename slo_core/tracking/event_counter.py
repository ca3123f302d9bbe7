"""Counting without locks: each thread has counts of its own, and hands them to the ledger once a second."""

from __future__ import annotations

import math
import threading
from _thread import get_ident

from slo_core.process.forks import ForkWatch
from slo_core.stores.base import Ledger

__all__ = ["EventCounter", "ThreadCounts", "ThreadRow"]


class ThreadRow:
    """
    The counts of one thread for several SLOs, valid from `start` to `end`: each of them is in that second.

    Attributes:
        counts: One for each SLO.
    """

    __slots__ = ("counts", "end", "start")

    def __init__(self) -> None:
        self.counts: tuple[ThreadCounts, ...] = ()
        self.start, self.end = math.inf, -math.inf


class ThreadCounts:
    """
    The counts of one thread; those since the last drain belong to the second from `start` to `end`.

    `good` and `bad` only ever grow, and only their own thread writes them, so counting needs no lock and a reader
    loses nothing: `seen_good` and `seen_bad`, the reader's side, say how much of them the ledger has.

    Attributes:
        rows: The rows that hold these counts and are valid no longer than they are.
    """

    __slots__ = ("bad", "end", "good", "rows", "seen_bad", "seen_good", "start")

    def __init__(self, second: int) -> None:
        self.rows: list[ThreadRow] = []
        self.start_second(second)
        self.good = self.bad = 0
        self.seen_good = self.seen_bad = 0

    def start_second(self, second: int) -> None:
        """Go on with another second; everything counted before must be drained."""
        # Floats, because every record compares them with a clock's float: with ints a record takes a third longer.
        self.start, self.end = float(second), second + 1.0
        self._end_rows()

    def end_second(self) -> None:
        """Make the next event look for its second."""
        self.end = -math.inf
        self._end_rows()

    def _end_rows(self) -> None:
        rows, self.rows = self.rows, []
        for row in rows:
            row.end = -math.inf


class EventCounter:
    """
    The counts of each thread for one SLO, and the ledger that they are drained into.

    `thread_counts` is keyed by thread identifier. An identifier is free again only when its thread has ended, so a later
    thread may go on with the same counts: there is always one writer, and there are never more counts than there were
    threads at the same time.
    """

    __slots__ = ("__weakref__", "_fork", "_ledger", "_lock", "thread_counts")

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.thread_counts: dict[int, ThreadCounts] = {}
        self._lock = threading.Lock()
        self._fork = ForkWatch(self.reset)
        ledger.attach_counter(self.drain, self.rearm)

    def reset(self) -> None:
        """Start empty in a forked child, with a lock of its own: a thread of the parent may hold the old one."""
        self._lock = threading.Lock()
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
        self._ledger.wake()  # before the lock is taken: it may start a thread
        second = math.floor(now)
        with self._lock:
            counts = self.thread_counts.get(get_ident())
            if counts is None:
                counts = self.thread_counts[get_ident()] = ThreadCounts(second)
            else:
                self._drain(counts)
                counts.start_second(second)
            return counts

    def drain(self) -> None:
        """Hand everything counted so far to the ledger: a read after this sees every event before it."""
        self._fork.notice()
        with self._lock:
            for counts in tuple(self.thread_counts.values()):
                self._drain(counts)

    def rearm(self) -> None:
        """Make every thread's next event call `rotate`, as if its second were over."""
        with self._lock:
            for counts in tuple(self.thread_counts.values()):
                counts.end_second()

    def _drain(self, counts: ThreadCounts) -> None:
        # The thread may count at this moment. Events after these two reads are drained next time, into the same second:
        # to start another second the thread needs the lock that is held here.
        good, bad = counts.good, counts.bad
        fresh_good, fresh_bad = good - counts.seen_good, bad - counts.seen_bad
        if fresh_good or fresh_bad:
            self._ledger.add(int(counts.start), fresh_good, fresh_bad, live=True)
            counts.seen_good, counts.seen_bad = good, bad
