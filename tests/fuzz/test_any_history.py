"""Trackers, stores and clocks against a brute-force list: whatever happens, in whatever order, the numbers are right."""

from __future__ import annotations

import itertools
import math
import os
import tempfile
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from faulty_store import FaultyStore
from slo_core import SLODefinition, SLORegistry, SLOSnapshot
from slo_core.errors import StoreError
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock

T = 1_700_000_000.0
HOUR, DAY = 3600, 86_400
ZONE = "Europe/Berlin"
DEFINITIONS = [
    SLODefinition("rolling", 0.999),  # windows from 5 minutes to 30 days
    SLODefinition("calendar", 0.9, window="week", timezone=ZONE),
]
NAMES = [definition.name for definition in DEFINITIONS]
TARGETS = {definition.name: Decimal(repr(definition.target)) for definition in DEFINITIONS}

LONG = bool(os.environ.get("SLO_LONG_TESTS"))

pids = itertools.count(10_000_000)  # beyond any that a system gives


class Event(NamedTuple):
    """One that was recorded, when it was, and of which SLO."""

    at: float
    success: bool
    slo: str


class Writer:
    """
    One process of the service, as far as the store can tell.

    Attributes:
        network: Between it and the store; None where it counts in its own memory.
        waiting: What it has recorded and the store has not confirmed, in order.
        pid: What `os.getpid` says in it.
    """

    def __init__(self, path: Path | None, clock: FakeClock, monotonic: FakeClock) -> None:
        self.network: FaultyStore | None = None
        self.store: WriteBehindStore | None = None
        self.pid = next(pids)
        self.waiting: list[Event] = []
        self._clock, self._monotonic, self._path = clock, monotonic, path

    def start(self) -> None:
        """Make a registry, as the start of a process does."""
        if self._path is None:
            self.registry = SLORegistry(clock=self._clock)
        else:
            self.network = FaultyStore(SQLiteBucketStore(self._path, clock=self._clock))
            # Its thread never comes by itself.
            self.store = WriteBehindStore(
                self.network, clock=self._clock, monotonic=self._monotonic, flush_interval=1e6
            )
            self.registry = SLORegistry(self.store, clock=self._clock)
        for definition in DEFINITIONS:
            self.registry.define(definition)

    def end(self) -> None:
        """Without a word: what it has not handed over is lost."""
        if self.store is not None:
            self.store._flusher.stop()
            self.store.buckets.close()


def brute_force(events: list[Event], first_second: float, last_second: int) -> tuple[int, int]:
    found = [event.success for event in events if first_second <= math.floor(event.at) <= last_second]
    return len(found), found.count(False)


def monday_before(at: float) -> float:
    day = datetime.fromtimestamp(at, ZoneInfo(ZONE)).date()
    day -= timedelta(days=day.weekday())
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(ZONE)).timestamp()


def check(snapshot: SLOSnapshot, events: list[Event]) -> None:
    """Everything a snapshot says, from a list of events."""
    now, of_window = snapshot.at, {}
    for sample in snapshot.window_samples:
        window = sample.window_seconds
        width = 1 if window <= HOUR else 60 if window <= DAY else 900
        first = math.floor((now - window) / width) * width  # the bucket cut by the far edge counts whole
        if snapshot.name == "calendar" and window == snapshot.window_seconds:
            first = monday_before(now)
        of_window[window] = brute_force(events, first, math.floor(now + 60))
        assert (sample.sample_count, sample.failures) == of_window[window], (snapshot.name, window)
    total, bad = of_window[snapshot.window_seconds]
    allowance = 1 - Fraction(TARGETS[snapshot.name])
    assert (snapshot.total, snapshot.failures) == (total, bad)
    assert snapshot.success_ratio == ((total - bad) / total if total else 1.0)
    assert snapshot.error_budget_remaining == (float(1 - Fraction(bad) / (allowance * total)) if total else 1.0)
    own_start = monday_before(now) if snapshot.name == "calendar" else now - snapshot.window_seconds
    own_seconds = monday_before(now + 7 * DAY) - own_start if snapshot.name == "calendar" else snapshot.window_seconds
    is_young = (now - max(own_start, snapshot.data_since)) * 10 < round(own_seconds / DAY) * DAY
    assert snapshot.is_warming_up == (bad == 1 or (bad > 1 and is_young))
    assert snapshot.is_breached == (bad > allowance * total and not snapshot.is_warming_up)
    assert snapshot.is_budget_exhausted == (total > 0 and bad >= allowance * total and not snapshot.is_warming_up)
    assert snapshot.burn_rate == (float(Fraction(bad, total) / allowance) if total else 0.0)
    rules = DEFINITIONS[NAMES.index(snapshot.name)].active_alert_rules
    for of_rule, state in zip(rules, snapshot.alerts, strict=True):
        factor = of_rule.factor(snapshot.window_seconds)
        burns = [
            count > 0 and Fraction(failures, count) / allowance >= factor
            for count, failures in (of_window[of_rule.long_window], of_window[of_rule.short_window])
        ]
        measured_long_enough = now - snapshot.data_since >= of_rule.short_window
        enough = of_window[of_rule.long_window][1] >= of_rule.min_failures
        count, failures = of_window[300]
        burns_now = count > 0 and Fraction(failures, count) / allowance >= factor
        is_whole = now - snapshot.data_since >= of_rule.long_window
        expected = all(burns) and enough and measured_long_enough and (is_whole or burns_now)
        assert state.is_firing == expected, of_rule


class Histories(RuleBasedStateMachine):
    """Some processes of one service, their store and their clock, beside a list of what was recorded."""

    shared = True

    @initialize()
    def begin(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.pid = os.getpid()
        # Each writer is a process: whatever asks is told so.
        self.patch.setattr(os, "getpid", lambda: self.pid)
        self.folder = tempfile.TemporaryDirectory(prefix="slo-")
        self.path = Path(self.folder.name) / "slo.db" if self.shared else None
        self.clock, self.monotonic = FakeClock(T), FakeClock(0.0)
        self.stored: list[Event] = []
        self.writers: list[Writer] = []
        self.behind = self.ahead = T  # where the clock has been, at the earliest and at the latest
        self.add_writer()

    def teardown(self) -> None:
        if not hasattr(self, "patch"):
            return
        try:
            self.in_the_end_everything_is_counted()
            for writer in self.writers:
                self.enter(writer).end()
        finally:
            self.patch.undo()
            self.folder.cleanup()

    # --- the model

    def enter(self, writer: Writer) -> Writer:
        self.pid = writer.pid
        return writer

    def writer(self, index: int) -> Writer:
        return self.enter(self.writers[index % len(self.writers)])

    def add_writer(self) -> None:
        writer = Writer(self.path, self.clock, self.monotonic)
        self.enter(writer).start()
        self.writers.append(writer)

    def confirmed(self, writer: Writer) -> None:
        """All that it had is in the store, once."""
        self.stored += writer.waiting
        writer.waiting = []

    def settle(self) -> None:
        """The network is well again, and everybody hands over."""
        for writer in self.writers:
            if writer.network is not None:
                writer.network.fails = None
            self.enter(writer).registry.flush()
            self.confirmed(writer)

    def lost(self, writer: Writer) -> None:
        """
        A process is gone with what it had not handed over.

        Of what it had sent without being answered the store may have the first part: then that counts, once.
        """
        waiting, writer.waiting = writer.waiting, []
        if not self.shared:
            self.stored = []
            return
        others = [other for other in self.writers if other is not writer]
        if not others:
            self.add_writer()
            others = self.writers[-1:]
        for other in others:
            assert other.network is not None
            other.network.fails = None
            self.enter(other).registry.flush()
            self.confirmed(other)
        for name, snapshot in zip(NAMES, self.enter(others[0]).registry.snapshot_all(), strict=True):
            events = [event for event in waiting if event.slo == name]
            known = [event for event in self.stored if event.slo == name]
            arrived = snapshot.lifetime_good + snapshot.lifetime_bad - len(known)
            assert 0 <= arrived <= len(events)
            self.stored += events[:arrived]

    # --- what happens

    @rule(index=st.integers(0, 3), slo=st.sampled_from(NAMES), success=st.booleans(), count=st.integers(1, 5))
    def record(self, index: int, slo: str, success: bool, count: int) -> None:
        writer = self.writer(index)
        for _ in range(count):
            writer.registry[slo].record(success)
            writer.waiting.append(Event(self.clock(), success, slo))

    @rule(
        index=st.integers(0, 3),
        slo=st.sampled_from(NAMES),
        success=st.booleans(),
        age=st.one_of(
            st.floats(-60, 6 * DAY),
            st.floats(0, 2 * HOUR),
            st.sampled_from([0, 300, 1800, HOUR, 2 * HOUR, 6 * HOUR, DAY, 3 * DAY]).map(float),
        ),
    )
    def record_late(self, index: int, slo: str, success: bool, age: float) -> None:
        at = self.clock() - age
        if at > self.clock() + 60:  # rounding
            return
        writer = self.writer(index)
        writer.registry[slo].record(success, at=at)
        writer.waiting.append(Event(at, success, slo))
        self.ahead = max(self.ahead, at)

    @rule(seconds=st.floats(0, 5) | st.floats(0, 900) | st.floats(0, 2 * HOUR))
    def go_on(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.monotonic.advance(seconds)
        self.ahead = max(self.ahead, self.clock())

    @rule(index=st.integers(0, 3), slo=st.sampled_from(NAMES), buckets=st.sampled_from([3721, 3722, 3723]))
    def come_round(self, index: int, slo: str, buckets: int) -> None:
        """3,722 seconds are kept one by one: then the oldest of them makes room for the newest."""
        self.record(index, slo, False, 1)
        self.go_on(float(buckets))
        self.record(index, slo, True, 1)

    @rule(days=st.floats(0.1, 4))
    def sleep_long(self, days: float) -> None:
        """Longer than an unconfirmed batch is kept, and than late events may wait: everything is handed over before."""
        self.settle()
        self.go_on(days * DAY)

    @rule(seconds=st.floats(0, 600))
    def step_back(self, seconds: float) -> None:
        self.clock.advance(-seconds)
        self.behind = min(self.behind, self.clock())

    @rule(index=st.integers(0, 3))
    def flush(self, index: int) -> None:
        writer = self.writer(index)
        writer.registry.flush()
        if writer.network is None or writer.network.fails is None:
            self.confirmed(writer)

    @precondition(lambda self: self.shared)
    @rule(index=st.integers(0, 3), fails=st.sampled_from(["before", "after", None]))
    def network(self, index: int, fails: str | None) -> None:
        network = self.writer(index).network
        assert network is not None
        network.fails = fails  # type: ignore[assignment]

    @precondition(lambda self: self.shared and len(self.writers) < 4)
    @rule()
    def start_another(self) -> None:
        self.add_writer()

    @rule(index=st.integers(0, 3))
    def restart(self, index: int) -> None:
        """With a word: everything is handed over."""
        writer = self.writer(index)
        if writer.network is not None:
            writer.network.fails = None
        writer.registry.close()
        self.confirmed(writer)
        if not self.shared:
            self.stored = []
        self.writers.remove(writer)
        self.add_writer()

    @rule(index=st.integers(0, 3))
    def kill(self, index: int) -> None:
        writer = self.writer(index)
        writer.end()
        self.writers.remove(writer)
        self.lost(writer)
        if not self.writers:
            self.add_writer()

    @rule(index=st.integers(0, 3))
    def fork(self, index: int) -> None:
        """The child goes on, with nothing of its parent's; the parent is gone. No hook is called, as under uWSGI."""
        # Without a hook the second that a thread is counting in is the parent's to its end.
        self.go_on(1.0)
        writer = self.writer(index)
        if writer.store is not None:
            writer.store._flusher.stop()
        self.lost(writer)
        writer.pid = next(pids)

    @precondition(lambda self: self.shared)
    @rule(index=st.integers(0, 3))
    def prune(self, index: int) -> None:
        """What no window reads any more may go; no number changes."""
        store = self.writer(index).store
        assert store is not None
        store.buckets.prune()

    @rule(index=st.integers(0, 3))
    def read(self, index: int) -> None:
        writer = self.writer(index)
        try:
            snapshots = writer.registry.snapshot_all()
        except StoreError:
            assert writer.network is not None
            assert writer.network.fails is not None
            return
        assert writer.network is None or writer.network.fails is None
        self.confirmed(writer)
        waiting = [event for other in self.writers for event in other.waiting]
        for name, snapshot in zip(NAMES, snapshots, strict=True):
            stored = [event for event in self.stored if event.slo == name]
            unanswered = [event for event in waiting if event.slo == name]
            good, bad = (sum(event.success is outcome for event in stored) for outcome in (True, False))
            assert snapshot.dropped == 0
            assert 0 <= snapshot.lifetime_good + snapshot.lifetime_bad - len(stored) <= len(unanswered)
            assert 0 <= snapshot.lifetime_good - good
            assert 0 <= snapshot.lifetime_bad - bad
            if unanswered:
                continue  # those of others: whether the store has them is not told yet
            assert snapshot.data_since >= min([self.behind, *(math.floor(event.at) for event in stored)])
            assert all(snapshot.data_since < math.floor(event.at) + 1 for event in stored)
            assert snapshot.last_event_at == max((math.floor(event.at) for event in stored), default=None)
            if self.ahead <= self.clock() + 60:  # else windows are as wrong as the clock is
                check(snapshot, stored)
                assert writer.registry[name].snapshot() == snapshot

    def in_the_end_everything_is_counted(self) -> None:
        self.settle()
        if self.ahead > self.clock() + 60:
            self.go_on(self.ahead - self.clock())
        for index in range(len(self.writers)):
            self.read(index)


class HistoriesInMemory(Histories):
    """One process that counts for itself: a restart forgets."""

    shared = False


@pytest.mark.parametrize("machine", [Histories, HistoriesInMemory], ids=["sqlite", "memory"])
def test_any_history_ends_in_the_numbers_of_a_list(machine: type[RuleBasedStateMachine]) -> None:
    """Steps of the clock, late events, restarts, forks, kills, failing writes: every event counts once, in its window."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=3000 if LONG else 60,
            stateful_step_count=60 if LONG else 30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
