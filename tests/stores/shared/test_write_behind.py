"""What all shared stores promise: nothing lost, nothing doubled, nothing shown that is not confirmed."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from faulty_store import FaultyStore
from slo_core import SLODefinition, SLORegistry, SLOTracker, StoreError
from slo_core.objectives.http_rule import HTTPRule
from slo_core.stores.buckets import Applied, Batch, Query, StoreIdentity
from slo_core.stores.shared.flusher import THREAD_NAME
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock
from slo_servers import soon
from store_process import Process

SLO = SLODefinition("availability", 0.999)


@pytest.fixture
def monotonic() -> FakeClock:
    return FakeClock(1000.0)


@pytest.fixture
def start(tmp_path: Path, clock: FakeClock, monotonic: FakeClock) -> Callable[..., Process]:
    """Starts a process of the service; all of them share one file."""
    return lambda definition=SLO: Process(
        SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock, monotonic, definition
    )


def test_a_snapshot_shows_this_process_s_events_at_once(start: Callable[..., Process]) -> None:
    """They are handed over before the store is read."""
    process = start()
    process.record(997, 3)

    snapshot = process.tracker.snapshot()

    assert (snapshot.total, snapshot.failures) == (1000, 3)
    assert (snapshot.lifetime_good, snapshot.lifetime_bad) == (997, 3)
    assert snapshot.error_budget_remaining == -2.0


def test_every_process_shows_the_same(start: Callable[..., Process]) -> None:
    """What one has handed over, all see; what it has not, nobody sees."""
    one, other = start(), start()
    one.record(5)
    other.record(0, 2)

    assert other.totals() == (0, 2)
    one.store.flush()
    assert other.totals() == one.totals() == (5, 2)


def test_the_numbers_survive_a_restart(start: Callable[..., Process]) -> None:
    """Closing hands over what is left."""
    first = start()
    first.record(8, 1)
    first.store.close()

    assert start().totals() == (8, 1)


def test_what_was_applied_without_an_answer_counts_once(start: Callable[..., Process]) -> None:
    """The same batch is sent again, and the store knows it."""
    process = start()
    process.record(3)
    process.network.fails = "after"
    process.store.flush()
    process.record(2)
    process.store.flush()
    process.network.fails = None

    assert process.totals() == (5, 0)
    first, again = process.network.sent[:2]
    assert first is again
    assert (first.number, first.good) == (1, 3)


def test_an_outage_loses_nothing(start: Callable[..., Process], clock: FakeClock, monotonic: FakeClock) -> None:
    """What comes meanwhile is merged into one batch, and lands in its own time."""
    process = start()
    process.network.fails = "before"
    for _ in range(100):
        process.record(2, 1)
        clock.advance(1)
        monotonic.advance(1)
        process.store.flush()
    process.network.fails = None

    assert process.totals() == (200, 100)
    assert [batch.number for batch in process.network.sent[-2:]] == [1, 2]
    half = process.tracker.snapshot(at=clock() - 50)
    assert (half.lifetime_good, half.total) == (200, 153)


def test_memory_is_bounded_however_long_an_outage_lasts(start: Callable[..., Process], clock: FakeClock) -> None:
    """Seconds that no window tells apart any more are merged; not one event is lost."""
    process = start()
    process.network.fails = "before"
    for _ in range(30_000):
        process.record(1)
        clock.advance(2)
    process.store.flush()
    for _ in range(10_000):
        process.record(1)
        clock.advance(2)
    process.tracker.ask()
    assert len(process.store.ledger(SLO).outbox._pending) <= 8_001

    process.network.fails = None
    assert process.totals() == (40_000, 0)
    assert process.tracker.snapshot().total == 40_000


def test_a_store_out_of_reach_is_an_error_for_readers_only(
    start: Callable[..., Process], caplog: pytest.LogCaptureFixture
) -> None:
    """Recording goes on; reading says so; nothing stale is shown."""
    process = start()
    process.network.fails = "before"
    process.record(1)

    with pytest.raises(StoreError, match="the store sqlite cannot be read: ConnectionError"):
        process.tracker.snapshot()

    health = process.store.health()
    assert (health.is_up, health.errors) == (False, 0)
    process.network.fails = None
    assert process.totals() == (1, 0)
    assert process.store.health().is_up


def test_an_outage_is_logged_once_a_minute(
    start: Callable[..., Process], monotonic: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it is tried."""
    process = start()
    process.network.fails = "before"
    process.record(1)
    with caplog.at_level(logging.WARNING, logger="slo_core"):
        for _ in range(20):
            monotonic.advance(1)
            process.store.flush()

    (record,) = caplog.records
    assert (
        "the store sqlite cannot be reached; events wait in memory, none is lost: ConnectionError"
        in record.getMessage()
    )
    assert "hunter2" not in caplog.text


def test_failures_are_followed_by_longer_and_longer_pauses(
    tmp_path: Path, clock: FakeClock, monotonic: FakeClock
) -> None:
    """Doubled each time up to half a minute, less up to half of it, so that a fleet does not come back all at once."""
    network = FaultyStore(SQLiteBucketStore(tmp_path / "slo.db", clock=clock))
    store = WriteBehindStore(network, clock=clock, monotonic=monotonic, flush_interval=1.0)
    SLOTracker(SLO, store=store, clock=clock)
    network.fails = "before"
    shares = []
    for longest in (1, 2, 4, 8, 16, 30, 30, 30):
        sent = len(network.sent)
        store._round()
        assert len(network.sent) == sent + 1
        pause = store._attempts.next_at - monotonic()
        assert longest / 2 <= pause <= longest
        assert store._pause() == max(1.0, pause)
        shares.append(pause / longest)
        # Until then it is left alone.
        monotonic.advance(pause - 0.001)
        store._round()
        assert len(network.sent) == sent + 1
        monotonic.advance(0.002)

    assert len(set(shares)) == len(shares)
    network.fails = None
    store._round()
    assert store._pause() == 1.0
    network.fails = "before"
    SLOTracker(SLODefinition("another", 0.9), store=store, clock=clock)
    store._round()
    assert store._attempts.next_at - monotonic() <= 1.0


def test_failures_travel_with_the_batches(start: Callable[..., Process]) -> None:
    """`slo_store_errors_total` is the store's, of all processes."""
    process, other = start(), start()
    process.network.fails = "before"
    process.record(1)
    process.store.flush()
    process.store.flush()
    process.network.fails = None
    process.store.flush()
    process.record(1)
    process.store.flush()

    other.tracker.snapshot()
    assert other.store.health().errors == 2


def test_the_lag_is_the_age_of_the_oldest_event(start: Callable[..., Process], monotonic: FakeClock) -> None:
    """Also of one that was sent and not confirmed."""
    process = start()
    assert process.store.health().flush_lag_seconds == 0.0
    process.network.fails = "after"
    process.record(1)
    process.store.flush()
    monotonic.advance(7)
    process.record(1)
    process.store.flush()

    assert process.store.health().flush_lag_seconds == 7.0
    process.network.fails = None
    process.store.flush()
    assert process.store.health().flush_lag_seconds == 0.0


def test_a_clock_that_runs_ahead_is_told(tmp_path: Path) -> None:
    """Measured against the store's when a batch is applied."""
    fast = WriteBehindStore(SQLiteBucketStore(tmp_path / "slo.db", clock=FakeClock(1000.0)), clock=FakeClock(1090.0))
    SLOTracker(SLO, store=fast, clock=FakeClock(1090.0)).snapshot()

    assert fast.health().clock_skew_seconds == 90.0


def test_a_failover_that_lost_confirmed_batches_is_healed(
    start: Callable[..., Process], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They are still kept, and sent again; nothing is lost or doubled."""
    process = start()
    process.record(1)
    process.store.flush()
    process.network.close()
    shutil.copy(tmp_path / "slo.db", tmp_path / "replica.db")
    for _ in range(5):
        process.record(1, 1)
        process.store.flush()
    process.network.close()
    shutil.move(tmp_path / "replica.db", tmp_path / "slo.db")

    process.record(1)
    with caplog.at_level(logging.WARNING, logger="slo_core"):
        assert process.totals() == (7, 5)
    assert "had lost batches that it had confirmed; they are sent again: 5 batches" in caplog.text
    process.record(1)
    assert process.totals() == (8, 5)


def test_batches_too_old_to_be_sent_again_are_lost_once(
    start: Callable[..., Process], tmp_path: Path, monotonic: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The rest counts, under another writer id; the log says what is missing."""
    process = start()
    process.record(1)
    process.store.flush()
    process.network.close()
    shutil.copy(tmp_path / "slo.db", tmp_path / "replica.db")
    process.record(10)
    process.store.flush()
    monotonic.advance(121)
    process.record(100)
    process.store.flush()
    process.network.close()
    shutil.move(tmp_path / "replica.db", tmp_path / "slo.db")

    process.record(1000)
    with caplog.at_level(logging.WARNING, logger="slo_core"):
        assert process.totals() == (1101, 0)
    assert "too old to be sent again: 1 batches" in caplog.text
    assert len({batch.writer for batch in process.network.sent}) == 2


def test_an_emptied_store_is_a_loss_of_history(
    start: Callable[..., Process], tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It has another id; totals and `data_since` start anew with what the old one had not confirmed; the log says so."""
    process = start()
    process.record(10)
    before = process.tracker.snapshot()
    store_id = process.store.store_id
    process.network.fails = "after"
    process.record(3)
    process.store.flush()
    process.network.fails = None
    process.network.close()
    for file in tmp_path.iterdir():
        file.unlink()
    clock.advance(100)

    process.record(1)
    with caplog.at_level(logging.WARNING, logger="slo_core"):
        snapshot = process.tracker.snapshot()

    assert snapshot.lifetime_good == 4
    assert snapshot.data_since >= before.data_since
    assert process.store.store_id != store_id
    assert "its history is lost, totals start over" in caplog.text


class Renewed(FaultyStore):
    """Says that it is another store now, which has noted nothing, or for one SLO something nobody can explain."""

    is_another = False

    def apply(self, batches: Sequence[Batch]) -> Applied:
        if not self.is_another:
            return super().apply(batches)
        self.sent.extend(batches)
        noted = tuple(batch.number - 1 if batch.slo == "odd" else 0 for batch in batches)
        return Applied(StoreIdentity("f" * 32, 1.0), 1.0, noted)


def test_a_store_that_is_another_one_is_sent_nothing_of_the_old_ones(
    tmp_path: Path, clock: FakeClock, monotonic: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where its first answer made no sense: it is not taken for the old one that has lost something."""
    network = Renewed(SQLiteBucketStore(tmp_path / "slo.db", clock=clock))
    store = WriteBehindStore(network, clock=clock, monotonic=monotonic, flush_interval=3600.0)
    trackers = [SLOTracker(SLODefinition(name, 0.9), store=store, clock=clock) for name in ("odd", "even")]
    for tracker in trackers:
        tracker.record(True)
    store.flush()
    for tracker in trackers:
        tracker.record(False)
    network.is_another = True
    network.sent.clear()
    with caplog.at_level(logging.WARNING, logger="slo_core"):
        for _ in range(3):
            store.flush()

    assert "its history is lost, totals start over" in caplog.text
    assert "sent again" not in caplog.text
    assert [batch for batch in network.sent if batch.good] == []


class Stubborn(FaultyStore):
    """Leaves the batches of some SLOs, as a cluster does of which one node is down."""

    def apply(self, batches: Sequence[Batch]) -> Applied:
        self.sent.extend(batches)
        applied = self._store.apply([batch for batch in batches if batch.slo != "odd"])
        found = iter(applied.noted)
        noted = tuple(batch.number - 1 if batch.slo == "odd" else next(found) for batch in batches)
        return Applied(applied.identity, applied.now, noted, trouble="a node is down")


def test_what_one_slo_s_part_of_the_store_does_not_take_keeps_nobody_else_s(
    tmp_path: Path, clock: FakeClock, monotonic: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, it comes again later, and all others count."""
    network = Stubborn(SQLiteBucketStore(tmp_path / "slo.db", clock=clock))
    store = WriteBehindStore(network, clock=clock, monotonic=monotonic, flush_interval=1.0)
    trackers = [SLOTracker(SLODefinition(name, 0.9), store=store, clock=clock) for name in ("odd", "even")]
    for _ in range(3):
        for tracker in trackers:
            tracker.record(True)
        store.flush()

    assert not store.health().is_up
    assert store._pause() >= 2.0
    assert "has not applied a batch of 1 SLOs: a node is down" in caplog.text
    assert [batch.number for batch in network.sent if batch.slo == "odd"] == [1, 1, 1]
    (even,) = network.read([Query("even")])
    assert even.record is not None
    assert even.record.good == 3


def test_a_batch_nobody_confirms_for_half_a_day_is_given_up(
    start: Callable[..., Process], monotonic: FakeClock, clock: FakeClock
) -> None:
    """Whether the store has it cannot be told any more: it counts as dropped, and is never sent again."""
    process = start()
    process.network.fails = "before"
    process.record(5)
    process.store.flush()
    process.record(7)
    monotonic.advance(12 * 3600 + 1)
    process.network.fails = None

    snapshot = process.tracker.snapshot()

    assert (snapshot.lifetime_good, snapshot.dropped) == (7, 5)


def test_a_batch_that_was_slept_over_is_given_up(
    start: Callable[..., Process], monotonic: FakeClock, clock: FakeClock
) -> None:
    """A laptop that was closed: its monotonic clock stood still, and the store's notes grew old all the same."""
    process = start()
    process.network.fails = "after"
    process.record(5)
    process.store.flush()
    process.record(7)
    clock.advance(hours=25)
    process.network.prune()
    process.network.fails = None

    snapshot = process.tracker.snapshot()

    # The store has the first five: sent again, they would count twice.
    assert (snapshot.lifetime_good, snapshot.dropped) == (12, 5)
    assert [batch.good for batch in process.network.sent] == [5, 7, 0]


def test_a_writer_that_slept_for_a_day_takes_another_id(
    start: Callable[..., Process], clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The store has forgotten it: its next number would be taken for a gap."""
    process = start()
    process.record(1)
    process.store.flush()
    clock.advance(hours=25)
    process.network.prune()
    process.record(1)

    assert process.totals() == (2, 0)
    assert len({batch.writer for batch in process.network.sent}) == 2
    assert caplog.records == []


def test_a_clock_that_is_set_gives_nothing_up(start: Callable[..., Process], clock: FakeClock) -> None:
    """A machine that starts in 1970 and then learns what time it is has not slept for half a century."""
    clock.now = 1000.0
    process = start()
    process.network.fails = "before"
    process.record(5)
    process.store.flush()
    clock.now = 1_700_000_000.0
    process.network.fails = None
    process.record(1)

    snapshot = process.tracker.snapshot()

    assert [batch.good for batch in process.network.sent] == [5, 5, 1]
    assert (snapshot.lifetime_good, snapshot.dropped) == (6, 0)


def test_a_writer_that_was_silent_for_a_day_takes_another_id(
    start: Callable[..., Process], monotonic: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The store forgets its notes after 24 hours: nothing is missing, and nothing is said."""
    process = start()
    process.record(1)
    process.store.flush()
    monotonic.advance(23 * 3600 + 1)
    process.record(1)
    process.store.flush()

    assert len({batch.writer for batch in process.network.sent}) == 2
    assert process.totals() == (2, 0)
    assert caplog.records == []


def test_all_slos_are_read_at_once(tmp_path: Path, clock: FakeClock) -> None:
    """A scrape of twenty costs one batch call and one read."""
    network = FaultyStore(SQLiteBucketStore(tmp_path / "slo.db", clock=clock))
    registry = SLORegistry(WriteBehindStore(network, clock=clock), clock=clock)
    for number in range(20):
        registry.define(SLODefinition(f"slo-{number}", 0.99)).record(number % 2 == 0)
    alone = registry.add(SLOTracker(SLODefinition("elsewhere", 0.99), clock=clock))
    alone.record(True)

    snapshots = registry.snapshot_all()

    assert [snapshot.failures for snapshot in snapshots[:4]] == [0, 1, 0, 1]
    assert (snapshots[-1].name, snapshots[-1].total) == ("elsewhere", 1)
    assert network.reads == 1
    assert len(network.sent) == 20


def test_an_slo_is_declared_before_its_first_event(start: Callable[..., Process], clock: FakeClock) -> None:
    """A quiet service is measured since its start, not since its first failure."""
    process = start()
    began = clock()
    process.tracker.snapshot()
    clock.advance(hours=2)
    process.record(0, 2)

    assert start().tracker.snapshot().data_since == began
    assert process.tracker.snapshot().data_since == began


def test_a_changed_definition_is_told(start: Callable[..., Process], clock: FakeClock) -> None:
    """When what counts has changed; a changed target recomputes over what is kept."""
    slow = SLODefinition("availability", 0.999, http=HTTPRule(latency_seconds=0.3))
    faster = SLODefinition("availability", 0.999, http=HTTPRule(latency_seconds=0.2))
    stricter = SLODefinition("availability", 0.9999, http=HTTPRule(latency_seconds=0.2))
    first = start(slow)
    first.record(999, 1)
    first.store.close()
    clock.advance(60)

    changed = start(faster).tracker.snapshot()
    strict = start(stricter).tracker.snapshot()

    assert changed.definition_changed_at == clock()
    assert strict.definition_changed_at == clock()
    assert (changed.error_budget_remaining, strict.error_budget_remaining) == (0.0, -9.0)


def test_one_name_is_one_ledger(start: Callable[..., Process], clock: FakeClock) -> None:
    """Two trackers of an SLO on one store count together."""
    process = start()
    second = SLOTracker(SLO, store=process.store, clock=clock)
    process.record(1)
    second.record(False)

    assert process.totals() == (1, 1)


def test_close_says_what_it_could_not_deliver(start: Callable[..., Process], caplog: pytest.LogCaptureFixture) -> None:
    """After two seconds; the events stay in memory."""
    process = start()
    process.network.fails = "before"
    process.record(4)
    with caplog.at_level(logging.ERROR, logger="slo_core"):
        began = time.monotonic()
        process.store.close()
        assert time.monotonic() - began < 20  # the store is away for good
    assert "4 events could not be handed over to the store sqlite before it was closed" in caplog.text

    process.network.fails = None
    assert process.totals() == (4, 0)


def test_a_reader_in_a_logging_handler_does_not_lock_up(
    start: Callable[..., Process], request: pytest.FixtureRequest
) -> None:
    """No lock is held while logging, which is other people's code."""
    process = start()
    found: list[object] = []

    class Curious(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            process.network.fails = None
            found.append(process.totals())

    handler = Curious()
    logging.getLogger("slo_core").addHandler(handler)
    request.addfinalizer(lambda: logging.getLogger("slo_core").removeHandler(handler))
    process.network.fails = "before"
    process.record(2)
    process.store.flush()

    assert found == [(2, 0)]


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


def test_a_store_nobody_holds_goes_away(tmp_path: Path, clock: FakeClock) -> None:
    """Trackers that are made for one task leave no thread and no memory behind."""
    store = WriteBehindStore(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock=clock)
    SLOTracker(SLO, store=store, clock=clock).snapshot()
    gone = weakref.ref(store)

    del store
    gc.collect()

    assert gone() is None


def test_a_forked_child_starts_empty(start: Callable[..., Process]) -> None:
    """With a writer id of its own: what the parent holds is the parent's to hand over."""
    process = start()
    process.record(10)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            process.record(1, 1)
            process.store.close()
            os.write(writing, b"%d" % process.network.forgotten)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)

    assert os.read(reading, 10) == b"1"
    assert process.totals() == (11, 1)


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


def test_pruning_comes_round(start: Callable[..., Process], monotonic: FakeClock) -> None:
    """Within ten minutes of work, and about every ten minutes from then on."""
    process = start()
    for _ in range(40):
        process.record(1)
        process.store._round()
        monotonic.advance(60)

    assert 2 <= process.network.pruned <= 5


def test_a_fork_that_tells_nobody_is_noticed(tmp_path: Path) -> None:
    """
    uWSGI forks in C: Python's hooks do not run, and the writer's id must not be used twice all the same.

    It is noticed with the next second of the clock; a process that forks does not count in the very same one.
    """
    code = """
import ctypes, os, sys
from slo_core import SLODefinition, SLOTracker
from slo_core.stores.open import store_from_url
from slo_core.testing import FakeClock
clock = FakeClock()
store = store_from_url(sys.argv[1], service="shop", flush_interval=0.05, clock=clock)
tracker = SLOTracker(SLODefinition("availability", 0.999), store=store, clock=clock)
for _ in range(10):
    tracker.record(True)
store.flush()
for _ in range(5):
    tracker.record(True)  # the parent's to hand over
clock.advance(1)
children = []
for child in range(2):
    pid = ctypes.CDLL(None).fork()
    if pid == 0:
        for _ in range(100):
            tracker.record(False)
        tracker.snapshot()
        store.close()
        os._exit(0)
    children.append(pid)
for pid in children:
    assert os.waitpid(pid, 0)[1] == 0
store.flush()
print(tracker.snapshot().lifetime_good, tracker.snapshot().lifetime_bad)
store.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, f"sqlite:///{tmp_path / 'slo.db'}"],
        capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (0, "15 200\n"), done.stderr


def test_two_threads_that_notice_a_fork_hand_over_nothing_of_the_parents(tmp_path: Path) -> None:
    """The second one waits until the first has started anew: what the parent holds is the parent's to send."""
    code = """
import ctypes, os, sys, threading
from slo_core import SLODefinition, SLOTracker
from slo_core.stores.open import store_from_url
from slo_core.stores.shared.outbox import Outbox
from slo_core.testing import FakeClock
clock = FakeClock()
store = store_from_url(sys.argv[1], service="shop", flush_interval=3600.0, clock=clock)
tracker = SLOTracker(SLODefinition("availability", 0.999), store=store, clock=clock)
tracker.record(True)
store.flush()
for _ in range(5):
    tracker.record(True)  # the parent's to hand over
clock.advance(1)
store.ledger(tracker.definition).drain()
pid = ctypes.CDLL(None).fork()
if pid == 0:
    is_starting, is_flushed = threading.Event(), threading.Event()
    start_empty = Outbox.start_empty

    def slowly(self, writer, since):
        is_starting.set()
        is_flushed.wait(0.3)  # the other one has this long to do what it must not
        start_empty(self, writer, since)

    Outbox.start_empty = slowly

    def flush():
        is_starting.wait(60)
        store.flush()
        is_flushed.set()

    other = threading.Thread(target=flush)
    other.start()
    store.flush()
    other.join()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
for _ in range(3):
    tracker.record(True)
store.flush()
print(tracker.snapshot().lifetime_good)
store.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, f"sqlite:///{tmp_path / 'slo.db'}"],
        capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (0, "9\n"), done.stderr
