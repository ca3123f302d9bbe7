"""Threads of our own for blocking work in asynchronous code."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from slo_core.process.forks import ForkWatch, LazyLock

__all__ = ["OwnThreads"]

R = TypeVar("R")

_THREAD_NAME = "slo-view"


class OwnThreads:
    """
    Runs blocking functions for coroutines, in threads that are not the application's.

    asyncio's own pool has a few threads for everything: `to_thread`, `getaddrinfo`, sync views. Pages that wait there for
    a store that hangs would keep them all.

    Threads are started when they are needed, and end when nothing is left to do. They are daemons: a function that does
    not return keeps no process from ending.

    Args:
        most: How many functions run at the same time; others wait their turn, and no thread waits with them.
    """

    __slots__ = ("__weakref__", "_count", "_forks", "_jobs", "_lock", "_most")

    def __init__(self, *, most: int) -> None:
        self._most = most
        # Made when it is first needed, after gevent has patched it.
        self._lock = LazyLock(lambda: threading.Lock())
        self._start_empty()
        self._forks = ForkWatch(self._start_empty)

    def _start_empty(self) -> None:
        self._jobs: deque[Callable[[], None]] = deque()
        self._count = 0  # of threads

    async def run(self, function: Callable[[], R]) -> R:
        """
        The result of a function; its exception is raised.

        Where no thread can be started, or the loop is not asyncio's (trio), the function blocks the loop: its time must be
        bounded.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return function()
        future: Future[R] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return  # the client is gone
            try:
                result = function()
            except BaseException as exc:  # raised by the coroutine
                future.set_exception(exc)
            else:
                future.set_result(result)

        return await asyncio.wrap_future(future) if self._will_run(job) else function()

    def _will_run(self, job: Callable[[], None]) -> bool:
        """Have a thread run a job; False where there is no thread for it."""
        self._forks.notice()
        with self._lock.get():
            self._jobs.append(job)
            if self._count >= self._most:
                return True
            self._count += 1
        try:
            threading.Thread(target=self._work, name=_THREAD_NAME, daemon=True).start()
        except RuntimeError:  # the system, or an interpreter that is shutting down, allows no more threads
            with self._lock.get():
                self._count -= 1
                if self._count or job not in self._jobs:  # another thread will run it, or has
                    return True
                self._jobs.remove(job)
                return False
        return True

    def _work(self) -> None:
        while True:
            with self._lock.get():
                if not self._jobs:
                    self._count -= 1
                    return
                job = self._jobs.popleft()
            job()
