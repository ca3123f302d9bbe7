"""Whose turn it is to talk to a store: one at a time, and whoever needs long lets others in between."""

from __future__ import annotations

import threading
import time

__all__ = ["StoreLock"]

# How long whoever gives way leaves the turn to those who wait; whoever of them is awake takes it within a millisecond.
_GIVE_WAY_SECONDS = 0.1


class StoreLock:
    """The right to talk to a store."""

    __slots__ = ("_lock", "_waiting")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[object] = set()

    def take(self, seconds: float) -> bool:
        """
        Take it, if need be after a while; False when it is not to be had.

        Args:
            seconds: How long to wait; 0 for not at all.
        """
        if self._lock.acquire(blocking=False):
            return True
        if seconds <= 0:
            return False
        me = object()
        self._waiting.add(me)
        try:
            return self._lock.acquire(timeout=seconds)
        finally:
            self._waiting.discard(me)

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for it."""
        return bool(self._waiting)

    def give_back(self) -> None:
        """Let the next one have it."""
        self._lock.release()

    def let_pass(self) -> None:
        """Having given it back, stand aside until those who wait now have had it, or are gone."""
        # A lock goes to whoever asks first, which is not who has waited: whoever asks again at once would get it again.
        before = frozenset(self._waiting)
        deadline = time.monotonic() + _GIVE_WAY_SECONDS
        while not before.isdisjoint(tuple(self._waiting)) and time.monotonic() < deadline:
            time.sleep(0.0005)
