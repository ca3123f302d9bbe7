"""What arrives from threads, signal handlers and finalizers for state that is under a lock: none of them waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Arrivals"]

T = TypeVar("T")


class Arrivals(Generic[T]):
    """
    A lock on state in memory, and a queue in front of it.

    `add` may be called by a signal handler, a `__del__` or a callback of the garbage collector that interrupts the very
    thread that holds the lock. So it never waits: what arrives then is taken in by the next that holds the lock. It is
    held with `with`, and the state is up to date in there.

    Args:
        take: Takes one arrival in; called with the lock held. It must be memory work, and must not raise.
    """

    __slots__ = ("_holds", "_items", "_lock", "_take")

    def __init__(self, take: Callable[[T], None]) -> None:
        self._take = take
        self._items: deque[T] = deque()
        # One that its own thread may acquire again: a signal handler may read, too.
        self._lock = threading.RLock()
        self._holds = 0  # by the thread that has the lock, within each other

    def __bool__(self) -> bool:
        """Whether anything has arrived that was not taken in yet."""
        return bool(self._items)

    @property
    def is_nested(self) -> bool:
        """Whether the thread that holds the lock has interrupted itself, at work on the state."""
        return self._holds > 1

    def add(self, item: T) -> None:
        """Take in an arrival, now or later."""
        self._items.append(item)
        if self._lock.acquire(blocking=False):
            try:
                self._hold()
            finally:
                self._holds -= 1
                self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            self._hold()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        self._holds -= 1
        self._lock.release()

    def _hold(self) -> None:
        self._holds += 1
        if self._holds > 1:
            return  # what this call has interrupted is at work on the state: it goes on with what has arrived
        items = self._items
        while items:
            self._take(items.popleft())
