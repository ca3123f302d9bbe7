"""Helpers that reset locks and counts in a forked child, which starts with those of its parent."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["ForkWatch", "LazyLock", "in_forked_child"]

L = TypeVar("L")


def in_forked_child(reset: Callable[[], None]) -> None:
    """
    Call a bound method in every child forked from now on, for as long as its object lives.

    Args:
        reset: A method of an object that can be weakly referenced.
    """
    if hasattr(os, "register_at_fork"):
        # The hook cannot be taken back, so it must not keep the object alive.
        reference = weakref.WeakMethod(reset)
        os.register_at_fork(after_in_child=lambda: _call(reference))


def _call(reference: weakref.WeakMethod[Callable[[], None]]) -> None:
    reset = reference()
    if reset is not None:
        reset()


class LazyLock(Generic[L]):
    """
    A lock that each process makes at its first use.

    Its owner is often made while a module is imported, and gevent may replace the locks of `threading` after that. And a
    forked child cannot use its parent's lock: a thread that does not exist in the child may hold it.

    Args:
        make: Makes the lock. Not `threading.Lock` itself, which would be the lock from before gevent's patch.
    """

    __slots__ = ("_locks", "_make")

    def __init__(self, make: Callable[[], L]) -> None:
        self._make = make
        self._locks: dict[int, L] = {}

    def get(self) -> L:
        """The lock of this process."""
        pid = os.getpid()
        # setdefault is atomic: all threads get the lock of the first one.
        return self._locks.get(pid) or self._locks.setdefault(pid, self._make())


class ForkWatch:
    """
    Resets an object in every forked child; where the fork calls no hooks (uWSGI), at its next use.

    Args:
        reset: A method of the object that owns the watch; called once in each child.
    """

    __slots__ = ("__weakref__", "_lock", "_pid", "_reset")

    def __init__(self, reset: Callable[[], None]) -> None:
        self._reset = weakref.WeakMethod(reset)
        self._pid = os.getpid()
        self._lock = LazyLock(lambda: threading.RLock())
        in_forked_child(self.notice)

    def notice(self) -> None:
        """Reset the object if this is another process; other threads wait until that is done."""
        pid = os.getpid()
        if pid == self._pid:
            return
        with self._lock.get():
            if pid == self._pid:
                return
            reset = self._reset()
            if reset is not None:
                reset()
            # Last: until now other threads must wait, because the object still holds the parent's state.
            self._pid = pid
