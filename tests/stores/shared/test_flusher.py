"""The flusher's thread: starts late, ends when idle, and is replaced where there can be none."""

from __future__ import annotations

import _thread
import os
import threading
import time
from pathlib import Path

import pytest

from faulty_store import FaultyStore
from slo_core import SLODefinition, SLOTracker
from slo_core.stores.buckets import Query
from slo_core.stores.shared import flusher as flusher_module
from slo_core.stores.shared.flusher import THREAD_NAME, Flusher
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_servers import PATIENCE_SECONDS, soon, wait_until

SLO = SLODefinition("availability", 0.999)


def refuse(*_: object) -> None:
    raise RuntimeError("can't start new thread")


class Work:
    """What a flusher is made for: counts its rounds, and says whether there was anything to do."""

    def __init__(self) -> None:
        self.rounds = 0
        self.parked = 0
        self.left = 0
        self.flusher = Flusher(self.round, pause=lambda: 0.001, rearm=self.rearm)

    def round(self) -> bool:
        self.rounds += 1
        self.left -= 1
        return self.left >= 0

    def rearm(self) -> None:
        self.parked += 1

    @property
    def thread(self) -> threading.Thread | None:
        return self.flusher._thread


def test_it_starts_with_the_first_event() -> None:
    """Not before."""
    work = Work()
    assert work.thread is None

    assert work.flusher.wake()

    assert work.thread is not None
    assert work.thread.daemon
    wait_until(lambda: work.rounds > 2)
    work.flusher.stop()


def test_it_ends_for_want_of_work_and_starts_again() -> None:
    """After asking that the next event wake it; one more round sees what was counted in that moment."""
    work = Work()
    work.left = 5
    work.flusher.wake()
    first = work.thread

    wait_until(lambda: work.thread is None)
    assert first is not None
    first.join(PATIENCE_SECONDS)
    assert work.parked == 1
    # One round for the wake, five with work (the first of them that one), thirty idle, and the last look.
    assert work.rounds in (36, 37)

    work.flusher.wake()
    wait_until(lambda: work.rounds > 40)
    work.flusher.stop()


def test_stopping_ends_the_thread() -> None:
    """At once, not after its pause."""
    work = Work()
    work.flusher = Flusher(work.round, pause=lambda: 3600.0, rearm=work.rearm)
    work.flusher.wake()
    thread = work.thread
    assert thread is not None
    wait_until(thread.is_alive)

    work.flusher.stop()

    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def test_it_starts_while_the_thread_that_wakes_it_holds_a_lock_that_threads_need_to_start() -> None:
    """A signal handler or a finalizer may have interrupted it in `threading`; the call does not wait."""
    work = Work()
    called: list[bool] = []

    def wake() -> None:
        with threading._active_limbo_lock:  # type: ignore[attr-defined]  # as within `threading.enumerate()`
            called.append(work.flusher.wake())

    caller = threading.Thread(target=wake, daemon=True)
    caller.start()
    caller.join(PATIENCE_SECONDS)
    assert called == [True]
    wait_until(lambda: work.rounds > 2)
    work.flusher.stop()


def test_where_no_thread_can_start_the_caller_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is tried again after a minute."""

    work = Work()
    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    assert not work.flusher.wake()
    monkeypatch.undo()
    assert not work.flusher.wake()
    assert work.thread is None

    work.flusher._retry_at = 0.0
    assert work.flusher.wake()
    work.flusher.stop()


def test_a_thread_that_does_not_run_is_told_from_one_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may start threads and never let them run."""
    work = Work()
    monkeypatch.setattr(_thread, "start_new_thread", lambda *_: None)
    assert work.flusher.wake()

    monkeypatch.setattr(flusher_module.time, "monotonic", lambda: time.monotonic_ns() / 1e9 + 60)

    assert not work.flusher.wake()


def test_without_threads_events_are_handed_over_in_passing(tmp_path, clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every two intervals, by the thread that records; not while the store is failing."""
    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    store = WriteBehindStore(SQLiteBucketStore(tmp_path / "slo.db"), clock=clock, monotonic=clock, flush_interval=1.0)
    tracker = SLOTracker(SLODefinition("availability", 0.999), store=store, clock=clock)
    reader = SQLiteBucketStore(tmp_path / "slo.db")
    for _ in range(10):
        tracker.record(True)
        clock.advance(1)

    from slo_core.stores.buckets import Query

    (stored,) = reader.read([Query("availability")])
    assert stored.record is not None
    assert stored.record.good >= 7


def test_an_event_that_finds_the_store_failing_writes_no_log(
    tmp_path, clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without threads: it may be a signal handler's, where a logging handler may deadlock. The next flush writes it."""
    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    buckets = FaultyStore(SQLiteBucketStore(tmp_path / "slo.db"))
    buckets.fails = "before"
    store = WriteBehindStore(buckets, clock=clock, monotonic=clock, flush_interval=1.0)
    tracker = SLOTracker(SLO, store=store, clock=clock)
    for _ in range(5):
        tracker.record(True)
        clock.advance(1)
    assert not store.health().is_up
    assert not caplog.records

    store.flush()
    assert "cannot be reached" in caplog.text
    buckets.fails = None


def test_the_thread_hands_over_by_itself(tmp_path: Path) -> None:
    """Events of any thread, within an interval or so; it is called `slo-flusher`, and is one."""
    store = WriteBehindStore(SQLiteBucketStore(tmp_path / "slo.db"), flush_interval=0.02)
    tracker = SLOTracker(SLO, store=store)
    before = set(threading.enumerate())
    for _ in range(3):
        thread = threading.Thread(target=lambda: [tracker.record(True) for _ in range(1000)])
        thread.start()
        thread.join()

    reader = SLOTracker(SLO, store=WriteBehindStore(SQLiteBucketStore(tmp_path / "slo.db")))
    assert soon(lambda: reader.snapshot().lifetime_good, 3000) == 3000
    assert [thread.name for thread in threading.enumerate() if thread not in before] == [THREAD_NAME]
    store.close()


def test_a_child_of_a_parent_that_flushes_has_a_flusher_of_its_own(tmp_path: Path) -> None:
    """The parent's thread is not there: the child's first event starts another, and nothing counts twice."""
    store = WriteBehindStore(SQLiteBucketStore(tmp_path / "slo.db"), flush_interval=0.02)
    tracker = SLOTracker(SLO, store=store)
    raw = SQLiteBucketStore(tmp_path / "slo.db")

    def counted() -> tuple[int, int]:
        (stored,) = raw.read([Query("availability")])
        return (0, 0) if stored.record is None else (stored.record.good, stored.record.bad)

    for _ in range(10):
        tracker.record(True)
    assert soon(counted, (10, 0)) == (10, 0)
    for _ in range(5):
        tracker.record(True)  # the parent's to hand over
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(writing)
            for _ in range(100):
                tracker.record(False)
            os.read(reading, 1)  # until the parent has seen them; nothing is read or closed here
        finally:
            os._exit(0)
    os.close(reading)
    try:
        assert soon(counted, (15, 100)) == (15, 100)
    finally:
        os.close(writing)
        os.waitpid(pid, 0)

    tracker.record(True)
    store.close()
    assert counted() == (16, 100)
    raw.close()
