"""How long a database is waited for."""

from __future__ import annotations

import _thread
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from django.db import Error

__all__ = ["given_up_after", "patiently"]

T = TypeVar("T")

# The pause before a locked file is tried again grows from the first to the second.
_SHORTEST_PAUSE_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.02


@contextmanager
def given_up_after(seconds: float | None, descriptor: Callable[[], int]) -> Iterator[None]:
    """
    Cut the connection to a server that says nothing any more: the time-outs it was asked for are its own to keep.

    Args:
        seconds: How long the `with` block may take; None for as long as it likes.
        descriptor: Of the connection's socket.
    """
    if seconds is None:
        yield
        return
    # A duplicate, so that who is late cuts nobody else who was given the same number.
    duplicate = socket.socket(fileno=os.dup(descriptor()))
    answered, cutting = threading.Lock(), threading.Lock()
    answered.acquire()

    def cut_unless_answered() -> None:
        if not answered.acquire(timeout=seconds):
            with cutting, suppress(OSError):
                duplicate.shutdown(socket.SHUT_RDWR)

    # Not a `threading.Timer`, whose start waits until it runs, which takes as long as a query on a busy host. When the
    # interpreter ends no thread can be started any more: then the server's time-outs have to do.
    with suppress(RuntimeError):
        _thread.start_new_thread(cut_unless_answered, ())
    try:
        yield
    finally:
        answered.release()
        with cutting:
            duplicate.close()


def patiently(act: Callable[..., T], seconds: float) -> Callable[..., T]:
    """
    A function that does what another process may stand in the way of, again and again for so long.

    SQLite's own waiting is in C, where gevent's other greenlets, each with a request, cannot run.

    Args:
        act: Has done nothing when it finds the file locked.
        seconds: Until its error is raised.
    """

    def act_patiently(*arguments: object) -> T:
        deadline = time.monotonic() + seconds
        pause = _SHORTEST_PAUSE_SECONDS
        while True:
            try:
                return act(*arguments)
            except Error as exc:
                name = getattr(exc.__cause__, "sqlite_errorname", "")
                if not name.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                    raise
            # Not all at the same instants: those who wait for each other would meet again.
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    return act_patiently
