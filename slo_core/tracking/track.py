"""Counting a block or a function: good when it ends, bad when it raises."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, ParamSpec, Protocol, TypeVar, cast

__all__ = ["Track"]

P = ParamSpec("P")
R = TypeVar("R")


class _Recorder(Protocol):
    def record(self, success: bool) -> None: ...


class Track:
    """
    The return value of `SLOTracker.track()`: a context manager and a decorator, each for sync and async code.

    It holds no state of its own: it may be entered any number of times, also concurrently.
    """

    __slots__ = ("_tracker",)

    def __init__(self, tracker: _Recorder) -> None:
        self._tracker = tracker

    def __enter__(self) -> Track:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._tracker.record(exception_type is None)

    async def __aenter__(self) -> Track:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._tracker.record(exception_type is None)

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
        if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call):
            coroutine_function = cast(Callable[P, Coroutine[Any, Any, Any]], function)
            return cast(Callable[P, R], self._around_coroutine(coroutine_function))

        @functools.wraps(function)
        def tracked(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return function(*args, **kwargs)

        return tracked

    def _around_coroutine(self, function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        @functools.wraps(function)
        async def tracked(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return await function(*args, **kwargs)

        return tracked
