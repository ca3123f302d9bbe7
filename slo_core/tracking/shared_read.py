"""Reads of a shared store for scrapes and pages: one read serves all readers that wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

from slo_core.errors import StoreError
from slo_core.process.forks import ForkWatch

__all__ = ["TIMEOUT_SECONDS", "SharedRead"]

T = TypeVar("T")

# How long a reader waits. A store gives up earlier: its turn is waited for at most 2 s, and so is the handing over.
TIMEOUT_SECONDS = 5.0

# Any number of scrapers and open pages cost at most ten reads a second.
_GAP_SECONDS = 0.1

# A store that has just failed is not asked again by everyone who comes.
_FAILURE_SECONDS = 1.0

# Each read that does not return keeps a thread and perhaps a connection.
_MOST_HUNG_READS = 2

_THREAD_NAME = "slo-reader"


class _Failure:
    """Why a read failed, for every reader that waited for it."""

    __slots__ = ("_error", "_traceback", "at")

    def __init__(self, error: Exception, at: float) -> None:
        self._error = error
        self._traceback: TracebackType | None = error.__traceback__
        self.at = at

    def as_new(self) -> Exception:
        """An exception to raise: raised as it is, it would collect the frames of every reader."""
        if isinstance(self._error, StoreError):
            error = StoreError(str(self._error))
            error.__cause__ = self._error
            return error
        return self._error.with_traceback(self._traceback)


class _Read(Generic[T]):
    """One read: `values` holds one value once it has succeeded, `failure` is set once it has failed."""

    __slots__ = ("failure", "values")

    def __init__(self) -> None:
        self.values: tuple[T, ...] = ()
        self.failure: _Failure | None = None

    @property
    def is_over(self) -> bool:
        return bool(self.values) or self.failure is not None


class _Reading:
    """A thread's right to read, from `since` on."""

    __slots__ = ("since",)

    def __init__(self, since: float) -> None:
        self.since = since


class SharedRead(Generic[T]):
    """
    Reads what other processes change, once for all readers that ask at about the same time.

    A reader waits for the next read that begins after its own arrival, and all who wait share that read. So nobody gets
    a number that is older than one that was shown before, by any process. A reader that is alone is not delayed.

    - Reads begin at least 0.1 s apart, one after the other, each in a thread that is started for it. Where no thread
      can be started, one of the readers reads.
    - A reader waits until its time-out. A failure is given to all who wait and to all who come within 1 s.
    - A read that has not returned after twice the time-out is left to its thread, and another one may begin. After two
      of those readers are refused until one has returned.

    No lock is held while reading. Locks and threads are made when they are first needed, so that gevent has patched them
    by then. A forked child starts without readers, reads and failures.

    Args:
        read: Reads; called without arguments.
        what: Names what is read, for messages: `"the store sqlite"`.
        timeout_seconds: How long a reader waits.
        monotonic: Measures how long something takes or lies back.
    """

    __slots__ = (
        "__weakref__",
        "_began",
        "_changes",
        "_failure",
        "_forks",
        "_hung",
        "_monotonic",
        "_next",
        "_read",
        "_reading",
        "_timeout",
        "_what",
    )

    def __init__(
        self,
        read: Callable[[], T],
        *,
        what: str,
        timeout_seconds: float = TIMEOUT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._what = what
        self._timeout = timeout_seconds
        self._monotonic = monotonic
        self._start_empty()
        self._forks = ForkWatch(self._start_empty)

    def _start_empty(self) -> None:
        self._changes: dict[str, threading.Condition] = {}
        self._next: _Read[T] | None = None  # the one that has not begun
        self._reading: _Reading | None = None  # of the thread that reads, or is about to
        self._began = float("-inf")  # the last read
        self._failure: _Failure | None = None  # of the last read
        self._hung = 0  # reads that were left to their threads

    def __call__(self) -> T:
        """
        What is read after this moment.

        Raises:
            StoreError: It took too long, or reads do not return; or as the read raises.
            Exception: What else the read raises.
        """
        self._forks.notice()
        # setdefault is atomic: the first caller makes it for all. Its lock is reentrant: a signal handler may scrape.
        change = self._changes.get("") or self._changes.setdefault("", threading.Condition())
        with change:
            now = self._monotonic()
            deadline = now + self._timeout
            if self._failure is not None and now < self._failure.at + _FAILURE_SECONDS:
                raise self._failure.as_new()
            if self._next is None:
                self._next = _Read()
            read = self._next
            while not read.is_over:
                now = self._monotonic()
                if now >= deadline:
                    raise StoreError(
                        f"{self._what}: expected an answer within {self._timeout:g} s, got none; "
                        "check that the store is in reach and not overloaded"
                    )
                self._see_to_a_reader(change, now)
                if not read.is_over:
                    change.wait(self._until(deadline) - now)
        if read.failure is not None:
            raise read.failure.as_new()
        return read.values[0]

    def _until(self, deadline: float) -> float:
        return deadline if self._reading is None else min(deadline, self._hangs_at(self._reading))

    def _hangs_at(self, reading: _Reading) -> float:
        return reading.since + 2 * self._timeout

    def _see_to_a_reader(self, change: threading.Condition, now: float) -> None:
        """If nobody reads or is about to, have a thread do it, or this one."""
        if self._reading is not None and now >= self._hangs_at(self._reading):
            self._reading = None
            self._hung += 1
        if self._reading is not None:
            return
        if self._hung >= _MOST_HUNG_READS:
            raise StoreError(
                f"{self._what}: expected reads to return within {2 * self._timeout:g} s, and {self._hung} have not; "
                "check the store; no other read begins until one of them returns"
            )
        reading = self._reading = _Reading(now)
        try:
            threading.Thread(target=self._serve, args=(reading, change), name=_THREAD_NAME, daemon=True).start()
        except RuntimeError:  # the system, or an interpreter that is shutting down, allows no more threads
            change.release()
            try:
                self._serve(reading, change)
            finally:
                change.acquire()

    def _serve(self, reading: _Reading, change: threading.Condition) -> None:
        """One read, when it may begin, for all who wait by then."""
        read: _Read[T] | None = None
        values: tuple[T, ...] = ()
        error: BaseException | None = None
        try:
            with change:
                while self._reading is reading and (left := self._began + _GAP_SECONDS - self._monotonic()) > 0:
                    change.wait(left)
                if self._reading is reading and self._next is not None:
                    read, self._next = self._next, None
                    self._began = reading.since = self._monotonic()
            if read is not None:
                values = (self._read(),)
        except BaseException as exc:  # whatever a store raises: readers wait for an outcome
            error = exc
        finally:
            with change:
                self._end(reading, read, values, error)
                change.notify_all()
        if error is not None and not isinstance(error, Exception):
            raise error

    def _end(
        self, reading: _Reading, read: _Read[T] | None, values: tuple[T, ...], error: BaseException | None
    ) -> None:
        if self._reading is not reading:
            # It has come back after all; its readers are gone.
            self._hung -= 1
            return
        self._reading = None
        if read is None:
            return  # interrupted before it began: another reader takes over
        read.values = values
        if error is None:
            self._failure = None
        elif isinstance(error, Exception):
            read.failure = self._failure = _Failure(error, self._monotonic())
            if self._next is not None:
                self._next.failure, self._next = read.failure, None
        else:
            # Meant for this thread alone: a time-out of gevent, the end of the process.
            interrupted = StoreError(f"{self._what}: expected a read to end, got {type(error).__name__}; try again")
            read.failure = _Failure(interrupted, self._monotonic())
