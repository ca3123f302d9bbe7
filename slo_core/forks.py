"""What a forked child must start anew: locks that a thread of the parent may hold, counts that are the parent's."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable

__all__ = ["ForkWatch", "in_forked_child"]


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


class ForkWatch:
    """
    Starts an object anew in every forked child, also where the fork calls no hooks (uWSGI): then when it is next used.

    Args:
        reset: A method of the object that owns the watch; called once in each child.
    """

    __slots__ = ("__weakref__", "_locks", "_pid", "_reset")

    def __init__(self, reset: Callable[[], None]) -> None:
        self._reset = weakref.WeakMethod(reset)
        self._pid = os.getpid()
        self._locks: dict[int, threading.RLock] = {}
        in_forked_child(self.notice)

    def notice(self) -> None:
        """If the process is another one: start anew. Whoever comes meanwhile waits until that is done."""
        pid = os.getpid()
        if pid == self._pid:
            return
        # A lock of this process's own: one of the parent's may be held by a thread that is not here.
        with self._locks.setdefault(pid, threading.RLock()):
            if pid == self._pid:
                return
            reset = self._reset()
            if reset is not None:
                reset()
            # Last: until now nobody may take for its own what is the parent's.
            self._pid = pid
