"""Events that a signal handler, a `__del__` or a callback of the garbage collector records in the middle of everything."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time
from collections.abc import Callable, Container
from pathlib import Path
from types import FrameType

import pytest

from slo_core import InMemoryStore, SLODefinition, SLORegistry, SLOTracker
from slo_core.testing import FakeClock

# What `record` does, and what it may interrupt.
_INTERRUPTED = ("/slo_core/tracking/", "/slo_core/stores/memory/", "/slo_core/stores/shared/", "/slo_core/process/")

Setup = Callable[[FakeClock, Path], SLOTracker]


def memory(clock: FakeClock, folder: Path) -> SLOTracker:
    return SLOTracker(SLODefinition("orders", 0.99), clock=clock)


def single_events(clock: FakeClock, folder: Path) -> SLOTracker:
    return SLOTracker(SLODefinition("orders", 0.99), store=InMemoryStore(86_400 * 40), clock=clock)


def shared(clock: FakeClock, folder: Path) -> SLOTracker:
    registry = SLORegistry(f"sqlite:///{folder}/slo.db", service="shop", clock=clock, flush_interval=3600.0)
    return registry.define(SLODefinition("orders", 0.99))


class Interruptions:
    """
    Calls a function at a number of points in this thread's code of slo-suite, where Python may run a signal's handler.

    Args:
        act: The function.
        points: Their numbers.
    """

    def __init__(self, act: Callable[[], None], points: Container[int]) -> None:
        self._act = act
        self._points = points
        self._is_acting = False
        self._point = 0

    def __enter__(self) -> Interruptions:
        sys.settrace(self._trace)
        sys.setprofile(self._profile)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Callable[..., object] | None:
        if any(part in frame.f_code.co_filename for part in _INTERRUPTED):
            self._interrupt()
            return self._trace
        return None

    def _profile(self, frame: FrameType, event: str, argument: object) -> None:
        if event.startswith("c_") and any(part in frame.f_code.co_filename for part in _INTERRUPTED):
            self._interrupt()

    def _interrupt(self) -> None:
        if self._is_acting:
            return
        self._point += 1
        if self._point in self._points:
            self._is_acting = True
            try:
                self._act()
            finally:
                self._is_acting = False


def work(tracker: SLOTracker, clock: FakeClock) -> int:
    """Everything that an application does with a tracker; returns how many events it has recorded."""
    for _ in range(2):
        tracker.record(True)
    clock.advance(1)
    tracker.record(True)
    tracker.record(True, at=clock() - 5)
    clock.advance(1)
    with tracker.track():
        pass
    if tracker.store is not None:
        tracker.store.flush()
    clock.advance(1)
    tracker.record(True, at=clock() - 7200)
    tracker.snapshot()
    return 6


def in_a_thread(run: Callable[[], None]) -> None:
    """Run it where it can be given up: a deadlock fails the test."""
    errors: list[BaseException] = []

    def catch() -> None:
        try:
            run()
        except BaseException as exc:
            errors.append(exc)

    thread = threading.Thread(target=catch, daemon=True)
    thread.start()
    thread.join(120)
    assert not thread.is_alive(), "deadlock"
    if errors:
        raise errors[0]


@pytest.mark.parametrize("start", [memory, single_events, shared])
@pytest.mark.parametrize("age", [None, 5.0, 7200.0])
def test_an_event_recorded_at_any_instruction_counts_once(start: Setup, age: float | None, tmp_path: Path) -> None:
    """Also the first of a thread, and one with a time of its own; the interrupted call loses nothing either."""

    def run() -> None:
        clock = FakeClock()
        handled = 0
        tracker = start(clock, tmp_path)

        def handle() -> None:
            nonlocal handled
            tracker.record(False, at=None if age is None else clock() - age)
            handled += 1

        recorded = 0
        for start_at in range(0, 1000, 200):
            # Not all at once: what a handler records while events are taken in, is taken in too.
            with Interruptions(handle, range(start_at, start_at + 200)):
                recorded += work(tracker, clock)
        snapshot = tracker.snapshot()
        assert handled > 100
        assert (snapshot.lifetime_good, snapshot.lifetime_bad, snapshot.dropped) == (recorded, handled, 0)
        assert snapshot.total == recorded + handled

    in_a_thread(run)


@pytest.mark.parametrize(("start", "step"), [(memory, 3), (shared, 11)])
def test_one_interruption_at_many_instructions_loses_and_doubles_nothing(
    start: Setup, step: int, tmp_path: Path
) -> None:
    """The same with a single event each: no later one sets right what it has found half done."""

    def run() -> None:
        point, total = 1 - step, 0
        clock = FakeClock()
        tracker = start(clock, tmp_path)
        while True:
            point += step
            handled = 0

            def handle() -> None:
                nonlocal handled
                clock.advance(1)  # into another second than that of the interrupted call
                tracker.record(False)
                handled += 1

            with Interruptions(handle, (point,)):
                total += work(tracker, clock)
            total += handled
            snapshot = tracker.snapshot()
            assert snapshot.lifetime_good + snapshot.lifetime_bad == total, point
            if not handled:
                break
        assert point > 100

    in_a_thread(run)


@pytest.mark.parametrize("start", [memory, shared])
def test_a_callback_of_the_garbage_collector_may_record(start: Setup, tmp_path: Path) -> None:
    """It runs within any instruction that makes an object, in any thread."""
    clock = FakeClock()
    tracker = start(clock, tmp_path)
    recorded = handled = 0

    def run() -> None:
        nonlocal recorded, handled

        def handle(phase: str, details: object) -> None:
            nonlocal handled
            tracker.record(False, at=clock() - 3 if handled % 2 else None)
            handled += 1

        before = gc.get_threshold()
        gc.collect()
        gc.freeze()  # whatever else lives in this process would be gone through each time
        gc.callbacks.append(handle)
        # Not at each object: what is taken in makes some itself, and would never come to an end.
        gc.set_threshold(40, 1000, 1000)
        try:
            for _ in range(400):
                recorded += work(tracker, clock)
        finally:
            gc.callbacks.remove(handle)
            gc.set_threshold(*before)
            gc.unfreeze()

    in_a_thread(run)
    snapshot = tracker.snapshot()
    assert handled > 100
    assert (snapshot.lifetime_good, snapshot.lifetime_bad) == (recorded, handled)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no such signals here")
@pytest.mark.parametrize("start", [memory, shared])
def test_a_signal_handler_may_record(start: Setup, tmp_path: Path) -> None:
    """A timer's, as often as it can be, while the main thread does nothing else than recording and flushing."""
    clock = FakeClock()
    tracker = start(clock, tmp_path)
    recorded = handled = 0
    is_over = False

    def handle(*_: object) -> None:
        nonlocal handled
        tracker.record(False, at=clock() - 3 if handled % 2 else None)
        handled += 1
        if not is_over:
            signal.setitimer(signal.ITIMER_REAL, 1e-4)

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 1e-4)
        deadline = time.monotonic() + 60
        while handled < 300 and time.monotonic() < deadline:
            recorded += work(tracker, clock)
    finally:
        # In this order: to ignore a signal that has come and is not handled yet is an error to the interpreter.
        is_over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    snapshot = tracker.snapshot()
    assert handled >= 300
    assert (snapshot.lifetime_good, snapshot.lifetime_bad) == (recorded, handled)


@pytest.mark.parametrize("start", [memory, shared])
def test_a_cause_recorded_at_any_instruction_counts_once(start: Setup, tmp_path: Path) -> None:
    """By a handler in the middle of counting, draining, sending and reading: no cause is doubled, and hardly any is lost."""

    def run() -> None:
        clock = FakeClock()
        handled = worked = 0
        tracker = start(clock, tmp_path)

        def handle() -> None:
            nonlocal handled
            if handled % 3 == 0:
                clock.advance(1)  # the interrupted call's second is over
            tracker.record_failure(cause="handled")
            handled += 1
            if handled % 5 == 0 and tracker.internals.counter is not None:
                tracker.internals.counter.drain()

        for first in range(0, 600, 200):
            with Interruptions(handle, range(first, first + 200)):
                for _ in range(2):
                    tracker.record_failure(cause="worked")
                clock.advance(1)
                tracker.record_failure(cause="worked", at=clock() - 3)
                if tracker.store is not None:
                    tracker.store.flush()
                tracker.record_failure(cause="worked")
                worked += 4
                tracker.causes(60)
        breakdown = tracker.causes(86_400)
        assert breakdown is not None
        bad = {each.where: each.bad for each in breakdown.causes}
        assert handled > 100
        assert sum(bad.values()) == breakdown.events.bad == handled + worked
        assert bad["handled"] <= handled
        assert bad["worked"] <= worked
        # Python may run a handler between an event and its cause only where the cause is a new one.
        assert bad.get(None, 0) <= 5

    in_a_thread(run)
