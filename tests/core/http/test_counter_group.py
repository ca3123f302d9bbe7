"""SLOs that count the same requests look at the second once: each event still counts in its own second."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Mapping

import pytest

from sent_request import counts, send
from slo_core import HTTPRule, SLODefinition, SLORegistry
from slo_core.budgets.causes import Cause
from slo_core.http.counter_group import CounterGroup, CounterGroups
from slo_core.http.recorder import HTTPRecorder
from slo_core.process.internal_errors import InternalErrors
from slo_core.stores.memory.store import MemoryLedger, MemoryStore
from slo_core.testing import FakeClock
from slo_core.tracking.event_counter import EventCounter

SLOS = ("a", "b", "timed")


class SecondsLedger(MemoryLedger):
    """A ledger that remembers which second each event was added to, and how often it was woken."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(90_000, clock=clock)
        self.added: list[tuple[int, int, int]] = []
        self.woken = 0

    def add(self, second: int, good: int, bad: int, *, live: bool, causes: Mapping[Cause, int] | None = None) -> None:
        self.added.append((second, good, bad))
        super().add(second, good, bad, live=live, causes=causes)

    def wake(self) -> None:
        self.woken += 1
        super().wake()


class SecondsStore(MemoryStore):
    """Gives such a ledger to each SLO."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock=clock)
        self.ledgers: dict[str, SecondsLedger] = {}
        self.fake_clock = clock

    def ledger(self, definition: SLODefinition) -> SecondsLedger:
        return self.ledgers.setdefault(definition.name, SecondsLedger(self.fake_clock))


def shop(clock: FakeClock) -> tuple[SLORegistry, SecondsStore, HTTPRecorder]:
    """Two SLOs that the status decides, one of them for a part of the paths, and one that the time decides."""
    store = SecondsStore(clock)
    registry = SLORegistry(store=store, clock=clock)
    registry.define(SLODefinition("a", 0.9, http=HTTPRule()))
    registry.define(SLODefinition("b", 0.9, http=HTTPRule(exclude=["/only-a"])))
    registry.define(SLODefinition("timed", 0.9, http=HTTPRule(latency_seconds=10, exclude=["/only-a"])))
    return registry, store, HTTPRecorder(registry)


def test_every_slo_gets_each_event_in_its_own_second() -> None:
    """Whatever SLOs a request is counted for, and however often."""
    clock = FakeClock(1_000_000)
    registry, store, recorder = shop(clock)

    for path in ("/x", "/only-a", "/x"):
        send(recorder, path=path)
        send(recorder, path=path, status=500)
        clock.advance(1)

    for name, seconds in (("a", [0, 1, 2]), ("b", [0, 2]), ("timed", [0, 2])):
        registry[name].snapshot()
        assert store.ledgers[name].added == [(1_000_000 + second, 1, 1) for second in seconds]


def test_one_slo_that_counts_something_else_meanwhile_takes_the_others_along() -> None:
    """Its second went on, or back, without the others: the next request looks for its second again."""
    clock = FakeClock(1_000_000)
    registry, store, recorder = shop(clock)
    send(recorder)
    clock.advance(-5)
    registry["b"].record(True)
    clock.advance(5)

    send(recorder)
    registry["b"].snapshot()

    assert store.ledgers["b"].added == [(1_000_000, 1, 0), (999_995, 1, 0), (1_000_000, 1, 0)]


def test_an_slo_that_has_to_be_woken_is_woken_by_the_next_request() -> None:
    """A ledger that fell asleep asks for it in the middle of a second."""
    registry, store, recorder = shop(FakeClock(1_000_000))
    send(recorder)
    woken = store.ledgers["b"].woken
    counter = registry["b"].internals.counter
    assert counter is not None

    counter.rearm()
    send(recorder)
    send(recorder)

    assert store.ledgers["b"].woken == woken + 1


def test_a_second_that_ends_while_the_row_is_made_is_noticed() -> None:
    """Another thread may end it at any moment; that row serves one request, and the next one gets another."""
    clock = FakeClock(1_000_000)
    ledgers = [SecondsLedger(clock) for _ in range(2)]
    first, second = (EventCounter(ledger) for ledger in ledgers)
    group = CounterGroup((first, second), (), (), InternalErrors())

    def end_the_first() -> None:
        first.rearm()

    ledgers[1].wake = end_the_first  # type: ignore[method-assign]
    row = group.rotate(clock())

    assert not row.start <= clock() < row.end
    ledgers[1].wake = lambda: None  # type: ignore[method-assign]
    row = group.rotate(clock())
    assert row.start <= clock() < row.end


def test_routes_that_count_for_the_same_slos_in_the_same_way_share_their_rows() -> None:
    """Else each of a thousand routes would look at the second for itself, in each thread."""
    first, *others = (EventCounter(SecondsLedger(FakeClock())) for _ in range(3))
    groups = CounterGroups(InternalErrors())
    group = groups.of((first,), tuple(others), ((first, 0.25, False),))

    assert groups.of((first,), tuple(others), ((first, 0.25, False),)) is group
    assert groups.of((first,), tuple(others), ((first, 0.5, False),)) is not group
    assert groups.of((first,), tuple(others[:1]), ((first, 0.25, False),)) is not group


def test_threads_lose_nothing_while_seconds_end() -> None:
    """Four threads count, the clock goes on, and readers and sleepers end seconds all the time."""
    clock = FakeClock(1_000_000)
    registry, _, recorder = shop(clock)
    stop = threading.Event()

    def disturb() -> None:
        while not stop.is_set():
            for name in SLOS:
                counter = registry[name].internals.counter
                assert counter is not None
                counter.rearm()
                registry[name].snapshot()
            clock.advance(0.4)

    def count() -> None:
        for number in range(3_000):
            send(recorder, path="/x" if number % 3 else "/only-a", status=500 if number % 5 == 0 else 200)

    disturber = threading.Thread(target=disturb)
    threads = [threading.Thread(target=count) for _ in range(4)]
    disturber.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    disturber.join()

    assert counts(registry["a"]) == (4 * 2_400, 4 * 600)
    assert counts(registry["b"]) == (4 * 1_600, 4 * 400)
    assert sum(counts(registry["timed"])) == 4 * 2_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_counts_its_own_requests_only() -> None:
    """It has a copy of the parent's rows, whose counts are the parent's to report."""
    script = """
        import os
        from slo_core import HTTPRule, SLODefinition, SLORegistry
        from slo_core.http.recorder import HTTPRecorder
        from slo_core.testing import FakeClock
        from sent_request import counts, send
        clock = FakeClock(1_000_000)
        registry = SLORegistry(clock=clock)
        trackers = [registry.define(SLODefinition(name, 0.9, http=HTTPRule())) for name in "ab"]
        recorder = HTTPRecorder(registry)
        send(recorder); send(recorder)
        child = os.fork()
        send(recorder, status=500)
        if child == 0:
            print("child", *map(counts, trackers), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print("parent", *map(counts, trackers))
        """
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(script)],
        capture_output=True, text=True, timeout=120, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip

    assert done.stdout.splitlines() == ["child (0, 1) (0, 1)", "parent (2, 1) (2, 1)"]
