"""The end of a process: of its interpreter, or of a child of `multiprocessing`, which ends without that."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from collections.abc import Callable

__all__ = ["ProcessEnd"]


class ProcessEnd:
    """
    Calls a method when the process ends in order, if its object still exists.

    A child that `multiprocessing` has forked ends by `os._exit`, and servers that are made of such children (granian) do the
    same: functions registered with `atexit` do not run there before Python 3.13, those of `multiprocessing` do.

    Args:
        method: A bound method, which may be called more than once.
    """

    __slots__ = ("_call", "_pid")

    def __init__(self, method: Callable[[], object]) -> None:
        reference = weakref.WeakMethod(method)

        def call() -> None:
            living = reference()
            if living is not None:
                living()

        self._call = call
        self._pid = 0
        atexit.register(call)
        weakref.finalize(method.__self__, atexit.unregister, call).atexit = False  # type: ignore[attr-defined]  # bound

    def notice_child(self) -> None:
        """To be called while the process works: a child of `multiprocessing` forgets what was registered before its start."""
        pid = os.getpid()
        if pid == self._pid:
            return
        self._pid = pid
        process = sys.modules.get("multiprocessing.process")  # imported in every such child
        if process is not None and process.parent_process() is not None:
            from multiprocessing.util import Finalize

            Finalize(None, self._call, exitpriority=0)
