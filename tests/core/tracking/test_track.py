"""Counting a block or a function."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections.abc import Iterator

import pytest

from slo_core import SLODefinition, SLOTracker
from slo_core.testing import FakeClock


@pytest.fixture
def tracker(clock: FakeClock) -> SLOTracker:
    return SLOTracker(SLODefinition("orders", 0.99), clock=clock)


def counted(tracker: SLOTracker) -> tuple[int, int]:
    """Good and bad."""
    return tracker.snapshot().good, tracker.snapshot().failures


def test_a_block_that_ends_is_good_and_one_that_raises_is_bad(tracker: SLOTracker) -> None:
    """The exception goes on."""
    with tracker.track():
        pass
    with pytest.raises(LookupError), tracker.track():
        raise LookupError

    assert counted(tracker) == (1, 1)


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        (KeyboardInterrupt(), (0, 1)),
        (SystemExit(1), (0, 1)),
        (SystemExit("no orders"), (0, 1)),
        (SystemExit(0), (1, 0)),
        (SystemExit(), (1, 0)),
        (GeneratorExit(), (0, 0)),
        (asyncio.CancelledError(), (0, 0)),
    ],
    ids=repr,
)
def test_control_flow_is_no_failure(tracker: SLOTracker, exception: BaseException, expected: tuple[int, int]) -> None:
    """A process that ends with 0 has done its work; of cancelled work nothing is known."""
    with pytest.raises(type(exception)), tracker.track():
        raise exception

    assert counted(tracker) == expected


def test_a_greenlet_that_is_killed_is_left_out(tracker: SLOTracker) -> None:
    """As a task that is cancelled."""
    greenlet = pytest.importorskip("greenlet", reason="gevent is not installed")
    with pytest.raises(greenlet.GreenletExit), tracker.track():
        raise greenlet.GreenletExit

    assert counted(tracker) == (0, 0)


def test_a_generator_that_is_closed_early_is_left_out(tracker: SLOTracker) -> None:
    """Its reader had enough."""

    def numbers() -> Iterator[int]:
        with tracker.track():
            yield 1
            yield 2

    generator = numbers()
    next(generator)
    generator.close()
    assert list(numbers()) == [1, 2]

    assert counted(tracker) == (1, 0)


def test_an_async_block(tracker: SLOTracker) -> None:
    """Good and bad as above."""

    async def work() -> None:
        async with tracker.track():
            await asyncio.sleep(0)
        with pytest.raises(LookupError):
            async with tracker.track():
                raise LookupError

    asyncio.run(work())

    assert counted(tracker) == (1, 1)


def test_a_decorated_function_keeps_its_face(tracker: SLOTracker) -> None:
    """Arguments, result, name and documentation are its own; each call is one event."""

    @tracker.track()
    def divide(a: int, *, by: int) -> float:
        """Divide."""
        return a / by

    assert divide(6, by=3) == 2.0
    with pytest.raises(ZeroDivisionError):
        divide(1, by=0)

    assert (divide.__name__, divide.__doc__) == ("divide", "Divide.")
    assert list(inspect.signature(divide).parameters) == ["a", "by"]
    assert counted(tracker) == (1, 1)


def test_a_decorated_coroutine_function_is_counted_when_it_is_done(tracker: SLOTracker) -> None:
    """Not when it is called; and it is still a coroutine function."""

    @tracker.track()
    async def work(result: int) -> int:
        await asyncio.sleep(0)
        return 1 // result

    assert inspect.iscoroutinefunction(work)
    waiting = work(1)
    assert counted(tracker) == (0, 0)
    assert asyncio.run(waiting) == 1
    with pytest.raises(ZeroDivisionError):
        asyncio.run(work(0))

    assert counted(tracker) == (1, 1)


def test_a_cancelled_coroutine_is_left_out(tracker: SLOTracker) -> None:
    """Those who cancelled it know why."""

    @tracker.track()
    async def work() -> None:
        await asyncio.sleep(3600)

    async def cancel() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    assert counted(tracker) == (0, 0)


def test_partials_and_objects_are_taken_for_what_they_are(tracker: SLOTracker) -> None:
    """A partial of a coroutine function and an object with an async `__call__` count when they are done."""

    async def work(result: int) -> int:
        return 1 // result

    class Work:
        async def __call__(self, result: int) -> int:
            return 1 // result

    for callable_ in (functools.partial(work), Work()):
        tracked = tracker.track()(callable_)
        assert asyncio.run(tracked(1)) == 1
        with pytest.raises(ZeroDivisionError):
            asyncio.run(tracked(0))

    assert counted(tracker) == (2, 2)


def test_generator_functions_are_refused() -> None:
    """Calling one does nothing yet: it would count as good before it began."""
    tracker = SLOTracker(SLODefinition("a", 0.9))

    def generate() -> object:
        yield

    async def generate_async() -> object:
        yield

    for function in (generate, generate_async, functools.partial(generate)):
        with pytest.raises(TypeError, match=r"use `with tracker\.track\(\):` inside it"):
            tracker.track()(function)


def test_one_track_may_be_entered_by_many_at_once(tracker: SLOTracker) -> None:
    """It holds no state: nested, from threads, again and again."""
    track = tracker.track()

    def work() -> None:
        for _ in range(100):
            with track, track:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted(tracker) == (800, 0)


def test_a_block_that_raises_is_named_in_the_causes(tracker: SLOTracker) -> None:
    """By what `track` was given; else by the function's qualified name, and a `with` block as `track`."""

    class Orders:
        @tracker.track()
        def ship(self) -> None:
            raise LookupError("secret")

        @tracker.track()
        async def bill(self) -> None:
            raise OSError("secret")

    @tracker.track(cause="charge_card")
    def charge() -> None:
        raise TimeoutError("secret")

    for call in (Orders().ship, charge, charge, lambda: asyncio.run(Orders().bill())):
        with pytest.raises((LookupError, OSError)):
            call()
    with pytest.raises(KeyboardInterrupt), tracker.track():
        raise KeyboardInterrupt

    breakdown = tracker.causes(3600)
    assert breakdown is not None
    name = "test_a_block_that_raises_is_named_in_the_causes.<locals>.Orders"
    assert [(each.where, each.outcome, each.bad) for each in breakdown.causes] == [
        ("charge_card", "TimeoutError", 2), (f"{name}.bill", "OSError", 1), (f"{name}.ship", "LookupError", 1),
        ("track", "KeyboardInterrupt", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("cause", ["", "  ", "a\nb", "x" * 101, b"charge", 5])
def test_a_cause_is_a_short_constant_text(tracker: SLOTracker, cause: object) -> None:
    """Said where the block is written, not when it fails."""
    with pytest.raises(ValueError, match=r"track\(cause=\): expected a constant text of 1 to 100 printable characters"):
        tracker.track(cause=cause)  # type: ignore[arg-type]
