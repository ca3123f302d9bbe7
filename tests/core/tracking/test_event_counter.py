"""Counting from many threads and in forked children: nothing lost, nothing counted twice."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import tracemalloc
from collections.abc import Callable, Mapping

import pytest

from slo_core import HTTPRule, SLODefinition, SLOTracker
from slo_core.budgets.causes import Cause
from slo_core.budgets.events import EventCounts
from slo_core.stores.memory.store import MemoryLedger
from slo_core.testing import FakeClock
from slo_core.tracking.event_counter import EventCounter

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def test_four_threads_lose_no_event_while_snapshots_are_taken() -> None:
    """4 x 50,000 records under the wall clock; totals seen meanwhile never go down, and the last is exact."""
    tracker = SLOTracker(SLODefinition("a", 0.9))
    start, done = threading.Barrier(5), threading.Event()

    def work(number: int) -> None:
        start.wait()
        for index in range(50_000):
            tracker.record(index % 5 != number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    seen = []

    def watch() -> None:
        start.wait()
        while not done.is_set():
            snapshot = tracker.snapshot()
            seen.append((snapshot.lifetime_good, snapshot.lifetime_bad))

    watcher = threading.Thread(target=watch)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in (*threads, watcher):
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
        done.set()
        watcher.join()

    snapshot = tracker.snapshot()
    assert (snapshot.lifetime_good, snapshot.lifetime_bad) == (160_000, 40_000)
    assert (snapshot.total, snapshot.failures) == (200_000, 40_000)
    assert all(a <= b and c <= d for (a, c), (b, d) in zip(seen, seen[1:], strict=False))
    assert len(seen) > 2


def test_a_thousand_short_threads_leave_no_trace_but_their_events() -> None:
    """Later threads take over the counts of ended ones: there are as many as there were threads at the same time."""
    clock = FakeClock()
    counter = EventCounter(MemoryLedger(3600, clock=clock))

    def work() -> None:
        counter.rotate(clock()).good += 1

    for index in range(1000):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if index % 10 == 0:
            clock.advance(1)

    counter.drain()
    assert len(counter.thread_counts) <= 20  # other threads of this process come and go, too
    assert sum(counts.good for counts in counter.thread_counts.values()) == 1000


def test_threads_that_come_and_go_lose_no_event() -> None:
    """1,000 threads in groups of twenty, 50 events each, under a clock that goes on meanwhile."""
    clock = FakeClock()
    tracker = SLOTracker(SLODefinition("a", 0.9), clock=clock)

    def work() -> None:
        for index in range(50):
            tracker.record(index % 2 == 0)

    for _ in range(50):
        group = [threading.Thread(target=work) for _ in range(20)]
        for thread in group:
            thread.start()
        clock.advance(1)
        for thread in group:
            thread.join()

    snapshot = tracker.snapshot()
    assert (snapshot.total, snapshot.failures) == (50_000, 25_000)


def test_an_event_counted_while_its_shard_is_settled_is_settled_next_time(clock: FakeClock) -> None:
    """The other thread does not wait: what it counts between two of the reader's steps is not taken for settled."""

    class BusyLedger(MemoryLedger):
        def add(
            self, second: int, good: int, bad: int, *, live: bool, causes: Mapping[Cause, int] | None = None
        ) -> None:
            super().add(second, good, bad, live=live, causes=causes)
            if busy:
                counts.good += busy.pop()  # just then
                counts.bad += 1

    ledger = BusyLedger(3600, clock=clock)
    counter = EventCounter(ledger)
    counts = counter.rotate(clock())
    counts.good, busy = 5, [2]

    counter.drain()
    assert ledger.read([]).lifetime == EventCounts(5, 0)

    counter.drain()
    assert ledger.read([]).lifetime == EventCounts(7, 1)


def test_an_idle_threads_last_events_are_seen_in_their_own_second(clock: FakeClock) -> None:
    """Recorded two hours ago and read now: they are two hours old."""
    tracker = SLOTracker(SLODefinition("a", 0.999), clock=clock)
    recorded, finish = threading.Event(), threading.Event()

    def work() -> None:
        tracker.record(False)
        recorded.set()
        finish.wait()

    thread = threading.Thread(target=work)
    thread.start()
    recorded.wait()
    clock.advance(hours=2)
    tracker.record(True)

    snapshot = tracker.snapshot()
    finish.set()
    thread.join()

    assert {sample.window_seconds: sample.failures for sample in snapshot.window_samples} == {
        2_592_000: 1, 3600: 0, 21_600: 1, 300: 0, 1800: 0, 86_400: 1, 7200: 1, 259_200: 1,
    }  # fmt: skip


def test_an_idle_thread_does_not_wipe_out_what_the_others_counted(clock: FakeClock) -> None:
    """Its last event is older than everything kept, because there was no read for so long: no step of the clock."""
    tracker = SLOTracker(SLODefinition("a", 0.9, 3600, (3600,)), clock=clock)
    recorded, finish = threading.Event(), threading.Event()

    def work() -> None:
        tracker.record(False)
        recorded.set()
        finish.wait()

    thread = threading.Thread(target=work)
    thread.start()
    recorded.wait()
    clock.advance(hours=2)
    for _ in range(100):
        tracker.record(True)
    clock.advance(1)
    tracker.record(True)

    snapshot = tracker.snapshot()
    finish.set()
    thread.join()

    assert (snapshot.total, snapshot.failures) == (101, 0)
    assert (snapshot.lifetime_good, snapshot.lifetime_bad) == (101, 1)


def test_a_step_back_with_other_threads_idle_keeps_the_totals(clock: FakeClock) -> None:
    """Their last events lie in a future that never came; nothing of the totals is lost or dropped."""
    tracker = SLOTracker(SLODefinition("a", 0.9), clock=clock)
    recorded, finish = threading.Event(), threading.Event()
    clock.advance(days=400)

    def work() -> None:
        tracker.record(False)
        recorded.set()
        finish.wait()

    thread = threading.Thread(target=work)
    thread.start()
    recorded.wait()
    tracker.record(True)
    clock.advance(days=-400)
    for _ in range(5):
        tracker.record(True)
        clock.advance(1)
        snapshot = tracker.snapshot()
    finish.set()
    thread.join()

    assert (snapshot.lifetime_good, snapshot.lifetime_bad, snapshot.dropped) == (6, 1, 0)
    assert snapshot.total >= 3


def test_four_threads_lose_no_cause_while_others_read() -> None:
    """4 x 20,000 bad events of three causes under the wall clock: what is read meanwhile adds up, and the end is exact."""
    tracker = SLOTracker(SLODefinition("a", 0.9))
    causes = [Cause("POST /pay", "503"), Cause("POST /pay", "slow"), Cause("GET /cart", "OSError")]
    start, done = threading.Barrier(5), threading.Event()

    def work() -> None:
        start.wait()
        for index in range(20_000):
            tracker.internals.record_cause(tracker, causes[index % 3])

    seen = []

    def watch() -> None:
        start.wait()
        while not done.is_set():
            seen.append(tracker.causes(60))

    threads = [threading.Thread(target=work) for _ in range(4)]
    watcher = threading.Thread(target=watch)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in (*threads, watcher):
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
        done.set()
        watcher.join()

    for breakdown in (*seen, tracker.causes(60)):
        assert breakdown is not None
        assert sum(each.bad for each in breakdown.causes) == breakdown.events.bad
        assert [each for each in breakdown.causes if each.where is None] == []
    assert len(seen) > 2
    assert sorted((each.bad, each.where, each.outcome) for each in breakdown.causes) == [
        (26_664, "GET /cart", "OSError"), (26_668, "POST /pay", "503"), (26_668, "POST /pay", "slow"),
    ]  # fmt: skip


def test_a_cause_is_handed_over_with_its_event_and_not_before(clock: FakeClock) -> None:
    """A thread that is drained between the two has said what it will count: that is seen with the next drain."""
    ledger = MemoryLedger(90_000, clock=clock)
    counter = EventCounter(ledger)
    counts = counter.rotate(clock())
    pay, ship = Cause("pay", "failed"), Cause("ship", "failed")
    counts.count_bad(pay)
    counts.causes.counts[pay] += 1
    counts.causes.counts[ship] = 3
    drained = []
    for more in (0, 1, 2, 1):
        counts.bad += more
        counter.drain()
        (breakdown,) = ledger.causes((60,))
        drained.append([(each.where, each.bad) for each in breakdown.causes])

    assert drained == [
        [("pay", 1)], [("pay", 2)], [("pay", 2), ("ship", 2)], [("ship", 3), ("pay", 2)],
    ]  # fmt: skip


def test_beyond_256_causes_of_a_second_the_outcome_is_kept(clock: FakeClock) -> None:
    """Three hundred routes fail with 503: no event is without a cause."""
    counts = EventCounter(MemoryLedger(3600, clock=clock)).rotate(clock())
    for number in range(300):
        counts.count_bad(Cause(f"GET /{number}", "503"))

    taken = counts.causes.take(300)
    assert (len(taken), taken[Cause("", "503")]) == (257, 44)


def test_a_million_bad_events_of_a_second_wait_in_the_memory_of_their_causes(clock: FakeClock) -> None:
    """Also of a hundred thousand causes, in a thread that no reader comes to."""
    counts = EventCounter(MemoryLedger(3600, clock=clock)).rotate(clock())
    counts.count_bad(Cause("GET /a", "500"))
    tracemalloc.start()
    try:
        for _ in range(10_000):
            counts.count_bad(Cause("GET /a", "500"))
        assert tracemalloc.get_traced_memory()[0] < 10_000
        for number in range(10_000):
            counts.count_bad(Cause(f"GET /{number}", f"Error{number}"))
        assert tracemalloc.get_traced_memory()[0] < 200_000
    finally:
        tracemalloc.stop()

    assert counts.bad == 20_001
    assert sum(counts.causes.take(30_000).values()) <= 20_001


def test_causes_that_a_ledger_refuses_are_handed_over_next_time(clock: FakeClock) -> None:
    """A user's own store may raise."""

    class FailingLedger(MemoryLedger):
        fails = True

        def add(
            self, second: int, good: int, bad: int, *, live: bool, causes: Mapping[Cause, int] | None = None
        ) -> None:
            if self.fails:
                raise OSError
            super().add(second, good, bad, live=live, causes=causes)

    ledger = FailingLedger(90_000, clock=clock)
    counter = EventCounter(ledger)
    counter.rotate(clock()).count_bad(Cause("GET /a", "500"))
    with pytest.raises(OSError):
        counter.drain()
    ledger.fails = False
    counter.drain()

    (breakdown,) = ledger.causes((60,))
    assert [(each.where, each.bad) for each in breakdown.causes] == [("GET /a", 1)]


def test_a_ledger_that_knows_of_no_causes_gets_the_events_all_the_same(clock: FakeClock) -> None:
    """One of a user's own store, written before there were any."""

    class OldLedger:
        def __init__(self) -> None:
            self.added: list[tuple[int, int, int]] = []

        def add(self, second: int, good: int, bad: int, *, live: bool) -> None:
            self.added.append((second, good, bad))

        def attach_counter(self, drain: Callable[[], None], rearm: Callable[[], None]) -> None: ...

        def wake(self) -> None: ...

        def reset(self) -> None: ...

    ledger = OldLedger()
    counter = EventCounter(ledger)  # type: ignore[arg-type]
    counter.rotate(clock()).count_bad(Cause("GET /a", "500"))
    counter.drain()

    assert ledger.added == [(int(clock()), 0, 1)]


def run_script(script: str) -> str:
    """Fork in a process of its own: pytest's has threads and output to lose."""
    finished = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(script)],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@needs_fork
def test_a_forked_child_starts_empty_and_the_parent_keeps_its_counts() -> None:
    """What the parent counted is the parent's to report; the child records and reads from the first moment on."""
    output = run_script(
        """
        import os
        from slo_core import SLODefinition, SLOTracker
        from slo_core.testing import FakeClock
        clock = FakeClock()
        tracker = SLOTracker(SLODefinition("a", 0.9), clock=clock)
        for _ in range(10):
            tracker.record(True)
            clock.advance(0.3)
        tracker.record_failure(cause="parent")
        child = os.fork()
        if child == 0:
            clock.advance(100)
            before = tracker.snapshot()
            tracker.record_failure(cause="child"); tracker.record(False)
            clock.advance(5)
            tracker.record(True)
            after = tracker.snapshot()
            print("child", before.lifetime_good, after.lifetime_good, after.failures, after.data_since == clock() - 5
                  or after.data_since, flush=True)
            print([(each.where, each.bad) for each in tracker.causes(3600).causes], flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        tracker.record(True)
        print("parent", tracker.snapshot().total, tracker.snapshot().failures, tracker.causes(3600).causes[0].where)
        """
    )

    child, causes, parent = output.splitlines()
    assert child.split()[:4] == ["child", "0", "1", "2"]
    assert causes == "[('child', 1), (None, 1)]"
    assert parent == "parent 12 1 parent"


@needs_fork
def test_a_child_forked_without_the_hooks_starts_empty_too() -> None:
    """uWSGI forks without calling them: the process id tells, at the latest with the next second or read."""
    output = run_script(
        """
        import os
        os.register_at_fork = lambda **hooks: None
        from slo_core import SLODefinition, SLOTracker
        from slo_core.testing import FakeClock
        clock = FakeClock()
        tracker = SLOTracker(SLODefinition("a", 0.9), clock=clock)
        tracker.record(True); tracker.snapshot(); tracker.record(True)
        child = os.fork()
        if child == 0:
            clock.advance(1)
            tracker.record(False)
            snapshot = tracker.snapshot()
            print("child", snapshot.lifetime_good, snapshot.lifetime_bad, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print("parent", tracker.snapshot().lifetime_good)
        """
    )

    assert output.splitlines() == ["child 0 1", "parent 2"]


@needs_fork
def test_a_fork_while_another_thread_holds_every_lock_does_not_block_the_child() -> None:
    """Those of counter, ledger, exact store and internal errors: the thread that holds them is not in the child."""
    output = run_script(
        """
        import os, threading
        from slo_core import InMemoryStore, SLODefinition, SLORegistry, SLOTracker
        registry = SLORegistry()
        trackers = [
            registry.define(SLODefinition("buckets", 0.9)),
            registry.add(SLOTracker(SLODefinition("exact", 0.9), store=InMemoryStore(60))),
        ]
        for tracker in trackers:
            tracker.record(True)
        store = trackers[1]._ledger._store
        held, finish = threading.Event(), threading.Event()
        def hold():
            with trackers[0]._counter._lock, trackers[0]._ledger._arrivals, trackers[1]._ledger._arrivals:
                with store._arrivals, registry.internals.errors._lock:
                    held.set()
                    finish.wait()
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        child = os.fork()
        if child == 0:
            for tracker in trackers:
                tracker.record(False)
                print("child", tracker.snapshot().lifetime_good, tracker.snapshot().failures, flush=True)
            registry.internals.errors.report("trouble")
            print("child", registry.internals.errors.total, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        finish.set()
        thread.join()
        print("parent", [tracker.snapshot().lifetime_good for tracker in trackers], len(store))
        """
    )

    assert output.splitlines() == ["child 0 1", "child 0 1", "child 1", "parent [1, 1] 1"]


@needs_fork
def test_what_is_gone_is_not_kept_alive_for_a_fork() -> None:
    """The hook of a tracker that was dropped does nothing."""
    output = run_script(
        """
        import gc, os, weakref
        from slo_core import SLODefinition, SLOTracker
        tracker = SLOTracker(SLODefinition("a", 0.9))
        reference = weakref.ref(tracker._counter)
        del tracker
        gc.collect()
        print(reference() is None)
        child = os.fork()
        if child == 0:
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    )

    assert output.split() == ["True", "0"]


def test_four_threads_lose_no_time_of_an_event_while_it_is_read() -> None:
    """4 x 20,000 events in two cells under the wall clock: each is in its own, and no more than are counted were ever seen."""
    tracker = SLOTracker(SLODefinition("a", 0.9, http=HTTPRule(latency_seconds=0.3)))
    start, done = threading.Barrier(5), threading.Event()

    def work(number: int) -> None:
        start.wait()
        for index in range(20_000):
            tracker.internals.record_good(tracker, 0.1 if index % 5 != number else 5.0)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    seen = []

    def watch() -> None:
        start.wait()
        while not done.is_set():
            seen.append(tracker.latency(3600))

    watcher = threading.Thread(target=watch)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in (*threads, watcher):
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
        done.set()
        watcher.join()

    latencies = tracker.latency(3600)
    assert latencies is not None
    assert (latencies.counts[4], latencies.counts[15], latencies.unknown) == (64_000, 16_000, 0)
    assert all(each is not None and each.known + each.unknown == sum(each.events) for each in seen)


def test_a_ledger_that_fails_gives_the_times_back() -> None:
    """They are handed over with their events the next time."""
    taken = []

    class Failing(MemoryLedger):
        def add(self, second: int, good: int, bad: int, **known: object) -> None:  # type: ignore[override]
            if not taken:
                taken.append(None)
                raise OSError("full")
            taken.append(known["latencies"])  # type: ignore[arg-type]

    ledger = Failing(3600, clock=FakeClock(), definition=SLODefinition("a", 0.9))
    counter = EventCounter(ledger, 0.3)
    counts = counter.rotate(1_700_000_000.0)
    counts.count_cell(counter.edges, 0.1)
    counts.good += 1

    with pytest.raises(OSError, match="full"):
        counter.drain()
    counter.drain()

    assert taken == [None, {Cause("0.3", "4"): 1}]


def test_a_time_without_its_event_waits_for_it() -> None:
    """A reader that comes between the two hands neither over, and both with the next event."""
    timed = SLODefinition("a", 0.9, http=HTTPRule(latency_seconds=0.3))
    ledger = MemoryLedger(timed.kept_seconds, clock=FakeClock(), definition=timed)
    counter = EventCounter(ledger, 0.3)
    counts = counter.rotate(1_700_000_000.0)
    counts.good += 1
    counts.count_cell(counter.edges, 0.1)
    counts.count_cell(counter.edges, 5.0)

    counter.drain()
    (early,) = ledger.latencies((3600,)) or ()
    counts.good += 1
    counter.drain()
    (late,) = ledger.latencies((3600,)) or ()

    assert (early.known, early.unknown) == (1, 0)
    assert (late.known, late.unknown, late.counts[4], late.counts[15]) == (2, 0, 1, 1)
