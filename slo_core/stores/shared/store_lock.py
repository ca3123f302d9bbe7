"""The lock that a thread holds while it talks to a store; a thread that needs it for long lets the others in between."""

from __future__ import annotations

import threading
import time

__all__ = ["StoreLock"]

# How long a thread stands aside for those that wait; a waiting thread that is awake acquires the lock within a millisecond.
_YIELD_SECONDS = 0.1


class StoreLock:
    """A lock that knows whether other threads wait for it."""

    __slots__ = ("_lock", "_waiting")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[object] = set()

    def acquire(self, seconds: float) -> bool:
        """
        Acquire the lock, if need be after a while; False when it stayed locked.

        Args:
            seconds: How long to wait; 0 for not at all.
        """
        if self._lock.acquire(blocking=False):
            return True
        if seconds <= 0:
            return False
        waiter = object()
        self._waiting.add(waiter)
        try:
            return self._lock.acquire(timeout=seconds)
        finally:
            self._waiting.discard(waiter)

    @property
    def is_wanted(self) -> bool:
        """Whether another thread waits for it."""
        return bool(self._waiting)

    def release(self) -> None:
        """Let the next thread acquire it."""
        self._lock.release()

    def yield_to_waiters(self) -> None:
        """After a release: stand aside until the threads that wait now have held the lock, or have given up."""
        # A lock does not go to the thread that waits longest but to the one that asks first: asked for again right after
        # its release, it would go to the same thread again.
        before = frozenset(self._waiting)
        deadline = time.monotonic() + _YIELD_SECONDS
        while not before.isdisjoint(tuple(self._waiting)) and time.monotonic() < deadline:
            time.sleep(0.0005)
