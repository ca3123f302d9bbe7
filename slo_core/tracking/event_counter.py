"""Counting at full speed: one shard a thread, handed to the ledger once a second."""

from __future__ import annotations

import math
import threading
from _thread import get_ident

from slo_core.process.forks import ForkWatch
from slo_core.stores.base import Ledger

__all__ = ["EventCounter", "ThreadCounts"]


class ThreadCounts:
    """
    What one thread counted, in the second from `start` to `end` not settled yet.

    `good` and `bad` only ever grow, and only their own thread writes them, so counting needs no lock and a reader
    loses nothing: `seen_good` and `seen_bad`, the reader's side, remember how much the ledger already has.
    """

    __slots__ = ("bad", "end", "good", "seen_bad", "seen_good", "start")

    def __init__(self, second: int) -> None:
        self.turn_to(second)
        self.good = self.bad = 0
        self.seen_good = self.seen_bad = 0

    def turn_to(self, second: int) -> None:
        """Go on with another second; whatever was counted before must be settled."""
        # Floats, because every record compares them with a clock's float: with ints a record takes a third longer.
        self.start, self.end = float(second), second + 1.0


class EventCounter:
    """
    The shards of one SLO and the ledger they are settled into.

    `shards` is keyed by thread identifier. An identifier is free again only when its thread has ended, so a later
    thread may go on with the shard: there is always one writer, and there are never more shards than there were
    threads at the same time.
    """

    __slots__ = ("__weakref__", "_fork", "_ledger", "_lock", "shards")

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.shards: dict[int, ThreadCounts] = {}
        self._lock = threading.Lock()
        self._fork = ForkWatch(self.reset)
        ledger.attach_counter(self.drain, self.rearm)

    def reset(self) -> None:
        """Start empty in a forked child, with a lock of its own: a thread of the parent may hold the old one."""
        self._lock = threading.Lock()
        self.shards.clear()
        self._ledger.reset()

    def turn(self, now: float) -> ThreadCounts:
        """
        The calling thread's shard for the second of `now`, what it counted before handed to the ledger.

        Called once a second and thread, when time has left the shard's second in either direction.
        """
        self._fork.notice()
        self._ledger.wake()  # before the lock is taken: it may start a thread
        second = math.floor(now)
        with self._lock:
            shard = self.shards.get(get_ident())
            if shard is None:
                shard = self.shards[get_ident()] = ThreadCounts(second)
            else:
                self._drain(shard)
                shard.turn_to(second)
            return shard

    def drain(self) -> None:
        """Hand everything counted so far to the ledger: a read after this sees every event before it."""
        self._fork.notice()
        with self._lock:
            for shard in tuple(self.shards.values()):
                self._drain(shard)

    def rearm(self) -> None:
        """Make every thread's next event call `turn`, as if its second were over."""
        with self._lock:
            for shard in tuple(self.shards.values()):
                shard.end = -math.inf

    def _drain(self, shard: ThreadCounts) -> None:
        # Its thread may be counting at this moment; whatever comes after these two reads is settled next time,
        # into the same second: to leave the second the thread needs the lock held here.
        good, bad = shard.good, shard.bad
        fresh_good, fresh_bad = good - shard.seen_good, bad - shard.seen_bad
        if fresh_good or fresh_bad:
            self._ledger.add(int(shard.start), fresh_good, fresh_bad, live=True)
            shard.seen_good, shard.seen_bad = good, bad
