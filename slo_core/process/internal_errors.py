"""Errors inside the library: always counted, and logged at most once a minute."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from slo_core.conventions import LOGGER_NAME
from slo_core.errors import StoreError
from slo_core.process.forks import in_forked_child

__all__ = ["InternalErrors", "user_code_errors"]

_LOG_INTERVAL_SECONDS = 60.0

_ERROR = 40  # `logging.ERROR`


def user_code_errors() -> tuple[type[BaseException], ...]:
    """
    The exceptions that are an error of a user's function that we call: for `except user_code_errors()`.

    A `CancelledError` is one of them, because asyncio cancels coroutines, never a function: the function got it from a
    task or future that was cancelled. `KeyboardInterrupt`, `SystemExit` and gevent's time-outs belong to the process.
    """
    asyncio = sys.modules.get("asyncio")  # not imported here: most of its 20 ms would be for nothing
    return (Exception,) if asyncio is None else (Exception, asyncio.CancelledError)


class InternalErrors:
    """
    Errors that were swallowed so that the host's response goes out untouched.

    Args:
        clock: Returns monotonic seconds; decides when the same error is logged again.
    """

    __slots__ = ("__weakref__", "_clock", "_counts", "_last_logged", "_lock", "_logger", "_outages")

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        import logging  # with the first registry: it takes 3 ms to import

        self._clock = clock
        self._logger = logging.getLogger(LOGGER_NAME)
        self._start_empty()
        in_forked_child(self._start_empty)

    def _start_empty(self) -> None:
        # The lock as well: in a forked child a thread of the parent may hold the old one.
        self._counts: dict[str, int] = {}
        self._outages = 0
        self._last_logged: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        """How many there were. A store that cannot be reached is no error of this library: `StoreHealth.errors` counts it."""
        with self._lock:
            return sum(self._counts.values()) - self._outages

    def report(
        self,
        message: str,
        exception: BaseException | None = None,
        *,
        detail: str = "",
        level: int = _ERROR,
    ) -> None:
        """
        Count an error, and log it.

        Args:
            message: A fixed text: the same message is logged at most once a minute.
            exception: The cause, logged with its traceback; of a `StoreError` its text says it all.
            detail: More about it, which may differ from time to time.
            level: Of the log record.
        """
        is_outage = isinstance(exception, StoreError)
        if is_outage:
            detail, exception = detail or str(exception), None
        now = self._clock()
        with self._lock:
            self._outages += is_outage
            count = self._counts[message] = self._counts.get(message, 0) + 1
            last = self._last_logged.get(message)
            due = last is None or now - last >= _LOG_INTERVAL_SECONDS
            if due:
                self._last_logged[message] = now
        if due:  # outside the lock: a logging handler is foreign code, and may raise
            with suppress(Exception):
                text = f"{message}: {detail}" if detail else message
                self._logger.log(level, "%s (%d so far)", text, count, exc_info=exception)
