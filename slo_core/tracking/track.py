"""Counting a block or a function: good when it ends, bad when it raises an error."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, cast

from slo_core.tracking.tracker_internals import TrackerInternals

if TYPE_CHECKING:
    from slo_core.tracking.block_end import ExceptionJudge

__all__ = ["Track"]

P = ParamSpec("P")
R = TypeVar("R")


# The name of a block that was given none.
_UNNAMED = "track"

# A qualified name may be long.
_LONGEST_NAME = 100


class _Recorder(Protocol):
    @property
    def internals(self) -> TrackerInternals: ...

    def record(self, success: bool) -> None: ...


class Track:
    """
    The return value of `SLOTracker.track()`: a context manager and a decorator, each for sync and async code.

    It holds no state of its own: it may be entered any number of times, also concurrently.

    Args:
        tracker: Counts.
        cause: The name of the block in the causes of bad events; None for the function's own, or `track`.
        judge: Says which exceptions are failures; None takes what stands in `block_end`.
    """

    __slots__ = ("_cause", "_judge", "_tracker")

    def __init__(self, tracker: _Recorder, cause: str | None = None, judge: ExceptionJudge | None = None) -> None:
        self._tracker = tracker
        self._cause = cause
        self._judge = judge

    def __enter__(self) -> Track:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exception_type is None:
            self._tracker.record(True)
        else:
            self._count_exception(exception_type, exception)

    async def __aenter__(self) -> Track:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exception_type is None:
            self._tracker.record(True)
        else:
            self._count_exception(exception_type, exception)

    def _count_exception(self, exception_type: type[BaseException], exception: BaseException | None) -> None:
        from slo_core.tracking.block_end import outcome_of  # with the first exception

        good = outcome_of(exception_type, exception, self._judge, self._tracker.internals)
        if good:
            self._tracker.record(True)
        elif good is not None:
            self._tracker.internals.record_exception(self._tracker, self._cause or _UNNAMED, exception_type)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """
        Decorate a function or coroutine function: each call is one event.

        Raises:
            TypeError: A generator function: its body runs while it is iterated, so use `with` inside it.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"track(): expected a function or coroutine function, got the generator function "
                f"{getattr(function, '__qualname__', function)}; use `with tracker.track():` inside it"
            )
        # The class's own, because an object may be awaited like a coroutine function: `async def __call__`.
        call = getattr(type(function), "__call__")  # noqa: B004, B009
        tracked_block = self
        if self._cause is None:
            name = getattr(function, "__qualname__", None)
            # A class may have any attribute of that name.
            if isinstance(name, str) and name.isprintable():
                tracked_block = Track(self._tracker, name[:_LONGEST_NAME], self._judge)
        if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call):
            coroutine_function = cast(Callable[P, Coroutine[Any, Any, Any]], function)
            return cast(Callable[P, R], tracked_block._around_coroutine(coroutine_function))

        @functools.wraps(function)
        def tracked(*args: P.args, **kwargs: P.kwargs) -> R:
            with tracked_block:
                return function(*args, **kwargs)

        return tracked

    def _around_coroutine(self, function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        @functools.wraps(function)
        async def tracked(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return await function(*args, **kwargs)

        return tracked
