"""Reads of a shared store for scrapes and pages: one read serves all readers that wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Generic, TypeVar

from slo_core.errors import DamagedError, StoreError
from slo_core.process.forks import ForkWatch, LazyLock

__all__ = ["TIMEOUT_SECONDS", "SharedRead", "StoreReads"]

T = TypeVar("T")

# How long a reader waits. A store gives up earlier: it waits at most 2 s for its lock, and 2 s for the flush.
TIMEOUT_SECONDS = 5.0

# Any number of scrapers and open pages cost at most ten reads a second.
_GAP_SECONDS = 0.1

# How long a failure is given to new readers, so that they do not all read a store that has just failed.
_FAILURE_SECONDS = 1.0

# Each read that does not return keeps a thread and perhaps a connection.
_MOST_HUNG_READS = 2

_THREAD_NAME = "slo-reader"


class _Failure:
    """The failure of a read, for every reader that waited for it."""

    __slots__ = ("_error", "_traceback", "at")

    def __init__(self, error: Exception, at: float) -> None:
        self._error = error
        self._traceback: TracebackType | None = error.__traceback__
        self.at = at

    @property
    def is_of_store(self) -> bool:
        """Whether the store is away, and not one of its SLOs damaged."""
        return isinstance(self._error, StoreError) and not isinstance(self._error, DamagedError)

    def as_new(self) -> Exception:
        """An exception to raise: raised as it is, it would collect the frames of every reader."""
        if isinstance(self._error, StoreError):
            kind = DamagedError if isinstance(self._error, DamagedError) else StoreError
            error = kind(str(self._error))
            error.__cause__ = self._error
            return error
        return self._error.with_traceback(self._traceback)


class _Result(Generic[T]):
    """The result that readers wait for: `values` holds one value after success, `failure` is set after a failure."""

    __slots__ = ("failure", "values")

    def __init__(self) -> None:
        self.values: tuple[T, ...] = ()
        self.failure: _Failure | None = None

    @property
    def is_there(self) -> bool:
        return bool(self.values) or self.failure is not None


class _ReaderThread:
    """The thread that reads, or is about to: at work since `since`, and taken for hung after `patience` seconds."""

    __slots__ = ("_patience", "since")

    def __init__(self, since: float, patience: float) -> None:
        self.since = since
        self._patience = patience

    @property
    def hangs_at(self) -> float:
        """When it counts as hung, unless it has returned."""
        return self.since + self._patience


class StoreReads:
    """
    What several shared reads of one store have in common: its failure, and who tries it after that.

    Pages of different SLOs are different reads; but where one has found the store away, the others need not wait for it.

    Attributes:
        change: Held while any of them changes. It is reentrant: a signal handler may scrape.
        failure: Of the last read that has found the store away; None after one that has not.
        threads: Those at work, of every read.
    """

    __slots__ = ("change", "failure", "threads")

    def __init__(self) -> None:
        self.change = LazyLock(lambda: threading.Condition())
        self.start_empty()

    def start_empty(self) -> None:
        """In a forked child: no read is under way, and none has failed."""
        self.failure: _Failure | None = None
        self.threads: set[_ReaderThread] = set()

    def failure_at(self, now: float, own: _Failure | None) -> _Failure | None:
        """The failure that a reader gets who comes now; None where it is to read."""
        is_tried = any(now < thread.hangs_at for thread in self.threads)
        for failure in (own, self.failure):
            if failure is not None and (is_tried or now < failure.at + _FAILURE_SECONDS):
                return failure
        return None


class SharedRead(Generic[T]):
    """
    Reads data that other processes change, once for all readers that call at about the same time.

    A reader waits for the next read that begins after its call, and all waiting readers share that read. So a reader
    never gets a number older than one that another process has shown before. A reader that is alone is not delayed.

    - Reads begin at least 0.1 s apart, one after the other, each in a thread that is started for it. Where no thread
      can be started, one of the readers reads.
    - A reader waits until its time-out. A failure is given to all waiting readers and to all that call within 1 s, that of
      a store that is away to the readers of its other reads, too. After that one reader tries; while it does, the others
      get the failure: of a server's threads one at most waits for a store that is away. A reader whose time is over counts
      as a failure, too.
    - A read that has not returned after twice the time-out counts as hung, and another one may begin. While two reads
      hang, readers are refused.

    No lock is held while reading. Locks and threads are made when they are first needed, after gevent has patched them.
    A forked child starts without readers, reads and failures.

    Args:
        read: Reads; called without arguments.
        what: The name of the thing that is read, for messages: `"the store sqlite"`.
        timeout_seconds: How long a reader waits.
        monotonic: Seconds of a clock that is never set back.
        store: What it has in common with other reads of the same store; None where there is no other.
    """

    __slots__ = (
        "__weakref__", "_change", "_failure", "_forks", "_hung", "_last_began", "_monotonic", "_next", "_read", "_store",
        "_thread", "_timeout", "_what",
    )  # fmt: skip

    def __init__(
        self,
        read: Callable[[], T],
        *,
        what: str,
        timeout_seconds: float = TIMEOUT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
        store: StoreReads | None = None,
    ) -> None:
        self._read = read
        self._what = what
        self._timeout = timeout_seconds
        self._monotonic = monotonic
        self._store = StoreReads() if store is None else store
        self._change = self._store.change
        self._start_empty()
        self._forks = ForkWatch(self._forked)

    def _forked(self) -> None:
        self._store.start_empty()
        self._start_empty()

    def _start_empty(self) -> None:
        self._next: _Result[T] | None = None  # of the read that has not begun
        self._thread: _ReaderThread | None = None
        self._last_began = float("-inf")  # when the last read began
        self._failure: _Failure | None = None  # of the last read
        self._hung = 0  # reads that have not returned in time

    def __call__(self) -> T:
        """
        The value of a read that begins after this call.

        Raises:
            StoreError: It took too long, or reads hang; or as the read raises.
            Exception: Any other exception of the read.
        """
        return self.begin()()

    def begin(self) -> Callable[[], T]:
        """
        Have a read begin after this call, without waiting for it.

        Returns:
            A function that waits: it returns and raises as a call does.

        Raises:
            StoreError: The store was away a moment ago, or reads hang.
        """
        self._forks.notice()
        with (change := self._change.get()):
            now = self._monotonic()
            deadline = now + self._timeout
            failure = self._store.failure_at(now, self._failure)
            if failure is not None:
                raise failure.as_new()
            if self._next is None:
                self._next = _Result()
            result = self._next
            self._ensure_thread(change, now)
        return partial(self._value_of, result, deadline)

    def _value_of(self, result: _Result[T], deadline: float) -> T:
        with (change := self._change.get()):
            while not result.is_there:
                now = self._monotonic()
                if now >= deadline:
                    error = StoreError(
                        f"{self._what}: expected an answer within {self._timeout:g} s, got none; "
                        "check that the store is in reach and not overloaded"
                    )
                    self._note(_Failure(error, now))
                    raise error
                self._ensure_thread(change, now)
                if not result.is_there:
                    change.wait(self._until(deadline) - now)
        if result.failure is not None:
            raise result.failure.as_new()
        return result.values[0]

    def _until(self, deadline: float) -> float:
        return deadline if self._thread is None else min(deadline, self._thread.hangs_at)

    def _note(self, failure: _Failure | None) -> None:
        """Note how the last read has ended."""
        self._failure = failure
        if failure is None or failure.is_of_store:
            self._store.failure = failure

    def _ensure_thread(self, change: threading.Condition, now: float) -> None:
        """Start a thread that reads, unless one is at work; read in this one where none can be started."""
        if self._thread is not None and now >= self._thread.hangs_at:
            self._store.threads.discard(self._thread)
            self._thread = None
            self._hung += 1
        if self._thread is not None:
            return
        if self._hung >= _MOST_HUNG_READS:
            raise StoreError(
                f"{self._what}: expected reads to return within {2 * self._timeout:g} s, and {self._hung} have not; "
                "check the store; no other read begins until one of them returns"
            )
        thread = self._thread = _ReaderThread(now, 2 * self._timeout)
        self._store.threads.add(thread)
        try:
            threading.Thread(target=self._serve, args=(thread, change), name=_THREAD_NAME, daemon=True).start()
        except RuntimeError:  # the system, or an interpreter that is shutting down, allows no more threads
            change.release()
            try:
                self._serve(thread, change)
            finally:
                change.acquire()

    def _serve(self, thread: _ReaderThread, change: threading.Condition) -> None:
        """Read once, as soon as the next read may begin, for all readers that wait by then."""
        result: _Result[T] | None = None
        values: tuple[T, ...] = ()
        error: BaseException | None = None
        try:
            with change:
                while self._thread is thread and (left := self._last_began + _GAP_SECONDS - self._monotonic()) > 0:
                    change.wait(left)
                if self._thread is thread and self._next is not None:
                    result, self._next = self._next, None
                    self._last_began = thread.since = self._monotonic()
            if result is not None:
                values = (self._read(),)
        except BaseException as exc:  # any exception of a store: readers wait for a result
            error = exc
        finally:
            with change:
                self._end(thread, result, values, error)
                change.notify_all()
        if error is not None and not isinstance(error, Exception):
            raise error

    def _end(
        self, thread: _ReaderThread, result: _Result[T] | None, values: tuple[T, ...], error: BaseException | None
    ) -> None:
        if self._thread is not thread:
            # A read that hung has returned; its readers are gone.
            self._hung -= 1
            return
        self._thread = None
        self._store.threads.discard(thread)
        if result is None:
            return  # interrupted before it began: another reader starts a thread
        result.values = values
        if error is None:
            self._note(None)
        elif isinstance(error, Exception):
            result.failure = _Failure(error, self._monotonic())
            self._note(result.failure)
            if self._next is not None:
                self._next.failure, self._next = result.failure, None
        else:
            # Meant for this thread alone: a time-out of gevent, the end of the process.
            interrupted = StoreError(f"{self._what}: expected a read to end, got {type(error).__name__}; try again")
            result.failure = _Failure(interrupted, self._monotonic())
