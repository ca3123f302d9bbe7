"""Attempts to use an SQLite file that another process has locked."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["retry_while_locked"]

T = TypeVar("T")

# The pause before the next attempt grows from the first to the second.
_SHORTEST_PAUSE_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.02


def retry_while_locked(act: Callable[..., T], seconds: float, *arguments: object) -> T:
    """
    The result of a function that may find an SQLite file locked; it is called until it does not, or the time is over.

    SQLite's own waiting is in C, where gevent's other greenlets, each with a request, cannot run.

    Args:
        act: It has done nothing when it finds the file locked.
        seconds: After so long its error is raised.
        arguments: They are passed to it.
    """
    deadline = time.monotonic() + seconds
    pause = _SHORTEST_PAUSE_SECONDS
    while True:
        try:
            return act(*arguments)
        except Exception as exc:
            if not _is_locked(exc) or time.monotonic() > deadline:
                raise
        # Processes that wait for each other must not all come back at the same instant.
        time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _is_locked(exc: BaseException) -> bool:
    """Whether SQLite says so, or Django in its place."""
    names = (getattr(error, "sqlite_errorname", "") for error in (exc, exc.__cause__))
    return any(name.startswith("SQLITE_BUSY") for name in names)
