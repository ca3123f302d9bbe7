"""Accidents of processes, networks, stores and clocks, in any order: no event counts twice, and none is lost in silence."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from memory_buckets import MemoryHouse
from slo_core import SLODefinition
from slo_core.stores.buckets import Applied, Batch, BucketRange, Query
from slo_core.stores.shared.delivery import Delivery
from slo_core.stores.shared.outbox import Outbox
from slo_core.stores.shared.outcome import Outcome
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock
from store_accidents import SQLiteAccidents

LONG = bool(os.environ.get("SLO_LONG_TESTS"))

T = 1_700_000_000
SLO = SLODefinition("availability", 0.999)
CLOCK_STEPS = (60, -60, 3_600, -3_600, 26 * 3_600, -26 * 3_600, 48 * 3_600)


class Network:
    """Between a process and the store: it may lose a batch, or an answer."""

    def __init__(self, store: Any, flying: list[Batch]) -> None:
        self._store = store
        self._flying = flying
        self.fails: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def apply(self, batches: Sequence[Batch]) -> Applied:
        if self.fails is not None:
            self._flying += [batch for batch in batches if 0 < batch.number < 2**40]
        if self.fails == "before":
            raise ConnectionError
        applied: Applied = self._store.apply(batches)
        if self.fails == "after":
            raise TimeoutError
        return applied


class Process:
    """One process of the service, or what a copy of its memory is."""

    def __init__(self, store: Any, flying: list[Batch], clock: FakeClock, monotonic: FakeClock) -> None:
        self.network = Network(store, flying)
        self.store = WriteBehindStore(self.network, clock=clock, monotonic=monotonic, flush_interval=1e6)
        self.ledger = self.store.ledger(SLO)

    @property
    def outbox(self) -> Outbox:
        return self.ledger.outbox

    def copy_memory(self, other: Process, *, pending: bool) -> None:
        for name in Outbox.__slots__:
            if name not in ("_pending", "_process"):
                value = getattr(other.outbox, name)
                setattr(self.outbox, name, value.copy() if hasattr(value, "popleft") else value)
        if pending:
            for second in other.pending():
                self.outbox.add(second, 1, 0, now=0.0)
        self.store._delivery.identity = other.store._delivery.identity

    def pending(self) -> set[int]:
        """Events that were not sent."""
        assert len(self.outbox._pending) >= 0  # takes in what has arrived
        return set(self.outbox._pending._seconds)

    def waiting(self) -> set[int]:
        """Events that the store has not confirmed."""
        return self.pending() | seconds_of(self.outbox._unconfirmed)

    def held(self) -> set[int]:
        """Events that can be sent once more."""
        return self.waiting() | seconds_of(batch for _, batch, _ in self.outbox._kept)


def seconds_of(batches: Any) -> set[int]:
    return {increment.bucket for batch in batches for increment in batch.increments if increment.width_seconds == 1}


class Accidents(RuleBasedStateMachine):
    """Some processes of one service and their store, beside a list of what was recorded: one event in each second."""

    def open_store(self) -> None:
        self.house = MemoryHouse(self.clock)
        self.buckets: Any = self.house.store()

    def new_store(self) -> Any:
        return self.house.store()

    def saved(self) -> Any:
        return self.house.saved()

    def set_back(self, saved: Any) -> None:
        self.house.set_back(saved)

    def lose_notes(self) -> None:
        self.house.lose_notes()

    def lose_record(self) -> None:
        self.house.records.clear()

    @initialize()
    def begin(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.reported: list[Outcome] = []
        report = Delivery._report

        def note(delivery: Delivery, store: str, outcomes: Collection[Outcome]) -> None:
            self.reported += [one for one in outcomes if one.missing or one.unsure or one.is_new_record or one.given_up]
            report(delivery, store, outcomes)

        self.patch.setattr(Delivery, "_report", note)
        set_aside = Outbox.set_aside

        def note_set_aside(outbox: Outbox) -> int:
            self.reported.append(Outcome(given_up=1))  # counted as dropped; what was kept is not asked for any more
            return set_aside(outbox)

        self.patch.setattr(Outbox, "set_aside", note_set_aside)
        self.clock, self.monotonic = FakeClock(float(T)), FakeClock(0.0)
        self.open_store()
        self.flying: list[Batch] = []
        self.processes: list[Process] = []
        self.next_second = T - 3_000
        self.recorded: set[int] = set()
        self.excused: set[int] = set()  # of processes that are gone, and of what no process could send once more
        self.backup: Any = None
        self.start()

    def stored(self) -> dict[int, int]:
        ((series,),) = self.buckets.series([Query(SLO.name, (BucketRange(1, T - 4_000, T + 4_000),))])
        return {bucket: good for _, bucket, good, _ in series}

    def check_none_twice(self) -> None:
        doubled = {second: count for second, count in self.stored().items() if count != 1}
        assert not doubled

    def any_process(self, index: int) -> Process:
        return self.processes[index % len(self.processes)]

    def excuse_lost(self) -> None:
        """The store is about to lose something: what no living process holds is gone for good."""
        held = set[int]().union(*(process.held() for process in self.processes))
        self.excused |= self.recorded - held

    @rule()
    @precondition(lambda self: len(self.processes) < 4)
    def start(self) -> None:
        self.processes.append(Process(self.new_store(), self.flying, self.clock, self.monotonic))

    @rule(index=st.integers(0, 3), count=st.integers(1, 3))
    @precondition(lambda self: self.processes)
    def record(self, index: int, count: int) -> None:
        for _ in range(count):
            self.any_process(index).ledger.add(self.next_second, 1, 0, live=True)
            self.recorded.add(self.next_second)
            self.next_second += 1

    @rule(index=st.integers(0, 3), fails=st.sampled_from([None, None, "before", "after"]))
    @precondition(lambda self: self.processes)
    def flush(self, index: int, fails: str | None) -> None:
        process = self.any_process(index)
        process.network.fails = fails
        process.store.flush()
        process.network.fails = None
        self.check_none_twice()

    @rule(index=st.integers(0, 3))
    @precondition(lambda self: self.processes)
    def close(self, index: int) -> None:
        process = self.processes.pop(index % len(self.processes))
        process.store.close()
        self.excused |= process.waiting()
        self.check_none_twice()

    @rule(index=st.integers(0, 3))
    @precondition(lambda self: self.processes)
    def kill(self, index: int) -> None:
        process = self.processes.pop(index % len(self.processes))
        self.excused |= process.waiting() | (process.held() - set(self.stored()))
        process.store.buckets.close()

    @rule(index=st.integers(0, 3))
    @precondition(lambda self: 0 < len(self.processes) < 4)
    def fork(self, index: int) -> None:
        parent = self.any_process(index)
        self.start()
        self.processes[-1].copy_memory(parent, pending=True)
        self.processes[-1].store._forked()

    @rule(index=st.integers(0, 3))
    @precondition(lambda self: 0 < len(self.processes) < 4)
    def clone(self, index: int) -> None:
        """An image that is started once more; what was recorded before it and not frozen is in both, and not promised."""
        original = self.any_process(index)
        if not original.outbox._pending:
            self.start()
            self.processes[-1].copy_memory(original, pending=False)

    @rule()
    def back_up(self) -> None:
        self.backup = self.saved()

    @rule()
    @precondition(lambda self: self.backup is not None)
    def roll_back(self) -> None:
        self.excuse_lost()
        self.set_back(self.backup)

    @rule()
    def delete_notes(self) -> None:
        self.lose_notes()

    @rule()
    def delete_record(self) -> None:
        self.excuse_lost()
        self.lose_record()
        self.backup = None  # a record that comes back beside its heir is another accident

    @rule(index=st.integers(0, 50))
    @precondition(lambda self: self.flying)
    def arrive_late(self, index: int) -> None:
        """What the network had held back; the answer reaches nobody."""
        self.buckets.apply([self.flying.pop(index % len(self.flying))])
        self.check_none_twice()

    @rule(seconds=st.sampled_from(CLOCK_STEPS))
    def step_the_clock(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(seconds=st.integers(1, 150))
    def wait(self, seconds: int) -> None:
        for start in range(0, seconds, 10):
            self.clock.advance(min(10, seconds - start))
            self.monotonic.advance(min(10, seconds - start))
            for process in self.processes:
                process.store.flush()
        self.check_none_twice()

    @rule()
    def prune(self) -> None:
        self.buckets.prune()

    def teardown(self) -> None:
        if not hasattr(self, "patch"):
            return
        try:
            for _ in range(4):
                self.monotonic.advance(11)
                for process in self.processes:
                    process.store.flush()
            self.check_all_there()
            for process in self.processes:
                process.store.close()
            self.check_all_there()
        finally:
            self.patch.undo()

    def check_all_there(self) -> None:
        self.check_none_twice()
        stored = self.stored()
        assert set(stored) <= self.recorded
        (answer,) = self.buckets.read([Query(SLO.name)])
        dropped = 0 if answer.record is None else answer.record.dropped
        if answer.record is not None:
            assert answer.record.good == len(stored)
        lost = self.recorded - set(stored) - self.excused
        assert len(lost) <= dropped or self.reported, lost


class AccidentsInAFile(Accidents):
    """The same in SQLite."""

    def open_store(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="slo-")
        self.buckets = self.new_store()
        self.accidents = SQLiteAccidents()

    def new_store(self) -> SQLiteBucketStore:
        return SQLiteBucketStore(Path(self.folder.name) / "slo.db", service="shop", clock=self.clock)

    def saved(self) -> Any:
        self.buckets.identity()
        return self.accidents.saved(self.buckets)

    def set_back(self, saved: Any) -> None:
        self.accidents.set_back(self.buckets, saved)

    def lose_notes(self) -> None:
        self.buckets.identity()
        self.accidents.lose_notes(self.buckets)

    def lose_record(self) -> None:
        self.buckets.identity()
        self.accidents.lose_record(self.buckets, SLO.name)

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "folder"):
            self.buckets.close()
            self.folder.cleanup()


@pytest.mark.parametrize(
    ("machine", "examples"), [(Accidents, 500 if LONG else 60), (AccidentsInAFile, 100 if LONG else 10)]
)
def test_no_accident_doubles_an_event_or_loses_one_in_silence(
    machine: type[Accidents], examples: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever processes, networks, stores and clocks do."""
    caplog.set_level("CRITICAL", logger="slo_core")
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
