"""State that a forked child must not share with its parent."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable

import pytest

from slo_core import SLODefinition, SLOTracker
from slo_core.process.forks import LazyLock, in_forked_child
from slo_core.testing import FakeClock

Hook = Callable[[], None]


class Counted:
    def __init__(self, calls: list[str]) -> None:
        self.calls = calls
        in_forked_child(self.reset)

    def reset(self) -> None:
        self.calls.append("reset")


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> list[Hook]:
    """What a fork would call in the child."""
    registered: list[Hook] = []
    monkeypatch.setattr(os, "register_at_fork", lambda *, after_in_child: registered.append(after_in_child))
    return registered


def test_the_method_is_called_for_as_long_as_its_object_lives(hooks: list[Hook]) -> None:
    """A hook cannot be taken back, but it keeps nothing alive."""
    calls: list[str] = []
    counted = Counted(calls)
    (hook,) = hooks

    hook()
    assert calls == ["reset"]

    del counted
    gc.collect()
    hook()
    assert calls == ["reset"]


def test_where_there_is_no_fork_nothing_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows."""
    monkeypatch.delattr(os, "register_at_fork")

    assert Counted([]).calls == []


def test_a_tracker_starts_empty_in_the_child(
    hooks: list[Hook], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was settled and what was not; and it goes on counting."""
    tracker = SLOTracker(SLODefinition("a", 0.9), clock=clock)
    tracker.record(True)
    tracker.snapshot()
    tracker.record(False)

    monkeypatch.setattr(os, "getpid", lambda: -1)
    for hook in hooks:
        hook()

    assert tracker.snapshot().lifetime_good == tracker.snapshot().lifetime_bad == 0
    tracker.record(False)
    assert tracker.snapshot().failures == 1


def test_a_process_id_that_changed_without_a_hook_is_noticed(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    """uWSGI forks without calling any: with the next read it starts empty."""
    tracker = SLOTracker(SLODefinition("a", 0.9), clock=clock)
    tracker.record(True)
    monkeypatch.setattr(os, "getpid", lambda: -1)

    assert tracker.snapshot().lifetime_good == 0


def test_a_lazy_lock_is_made_when_it_is_first_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """gevent may have replaced the locks of `threading` since its owner was made."""
    lazy = LazyLock(lambda: threading.Lock())
    replacement = threading.Lock()
    monkeypatch.setattr(threading, "Lock", lambda: replacement)

    assert lazy.get() is replacement


def test_threads_that_need_a_lazy_lock_for_the_first_time_get_the_same() -> None:
    """Two may make one each: the second thread comes here while the first one is making its own."""
    makers: list[object] = []
    seen: list[object] = []

    def make() -> object:
        makers.append(object())
        if len(makers) == 1:
            seen.append(lazy.get())
        return object()

    lazy = LazyLock(make)
    seen.append(lazy.get())

    assert len(makers) == 2
    assert seen[0] is seen[1] is lazy.get()


def test_a_child_does_not_wait_for_a_lock_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that holds it is not in the child."""
    lazy = LazyLock(lambda: threading.Lock())
    assert lazy.get().acquire(blocking=False)

    monkeypatch.setattr(os, "getpid", lambda: -1)

    assert lazy.get().acquire(blocking=False)
