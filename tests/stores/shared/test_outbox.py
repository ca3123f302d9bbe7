"""Batches on their way to a store: each counts once, however late it is confirmed, or is given up and said to be lost."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from faulty_store import FaultyStore
from slo_core import SLODefinition, SLOTracker
from slo_core.errors import StoreError
from slo_core.stores.buckets import Applied, Batch, Note, Query, StoreIdentity
from slo_core.stores.shared.outbox import Outbox
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock
from store_process import Process

SLO = SLODefinition("availability", 0.999)


def test_what_was_applied_without_an_answer_counts_once(start: Callable[..., Process]) -> None:
    """The same batch is sent again, and the store knows it."""
    process = start()
    process.record(3)
    process.network.fails_on_content = "after"
    process.store.flush()
    process.record(2)
    process.network.fails_on_content = None

    assert process.totals() == (5, 0)
    first, again = process.network.sent[:2]
    assert first is again
    assert (first.number, first.good) == (1, 3)


def test_an_outage_loses_nothing(start: Callable[..., Process], clock: FakeClock, monotonic: FakeClock) -> None:
    """What comes meanwhile is merged into one batch, and lands in its own time."""
    process = start()
    process.store.flush()
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
    process.tracker.internals.begin_snapshot()
    assert len(process.store.ledger(SLO).outbox._pending) <= 8_001

    process.network.fails = None
    assert process.totals() == (40_000, 0)
    assert process.tracker.snapshot().total == 40_000


def test_a_failover_that_lost_confirmed_batches_is_healed(
    start: Callable[..., Process], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They are still kept, and sent again; nothing is lost or doubled."""
    process = start()
    process.record(1)
    process.store.flush()
    assert process.store.health().losses == 0
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
    assert process.store.health().losses == 1
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
    """It has another id; totals and `data_since` start again with what the old one had not confirmed; the log says so."""
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
    """Says that it is another store now, which has noted nothing, or for one SLO a number that makes no sense."""

    is_another = False

    def apply(self, batches: Sequence[Batch]) -> Applied:
        if not self.is_another:
            return super().apply(batches)
        self.note_sent(batches)
        notes = tuple(Note(max(batch.number - 1, 0)) if batch.slo == "odd" else Note() for batch in batches)
        return Applied(StoreIdentity("f" * 32, 1.0), 1.0, notes)


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
        self.note_sent(batches)
        applied = self._store.apply([batch for batch in batches if batch.slo != "odd"])
        notes = iter(applied.notes)
        answers = tuple(None if batch.slo == "odd" else next(notes) for batch in batches)
        return Applied(applied.identity, applied.now, answers, trouble="a node is down")


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
    assert [batch.number for batch in network.questions if batch.slo == "odd"] == [0, 0, 0]
    (even,) = network.read([Query("even")])
    assert even.record is not None
    assert even.record.good == 3


def test_a_batch_nobody_confirms_for_half_a_day_is_given_up(
    start: Callable[..., Process], monotonic: FakeClock, clock: FakeClock
) -> None:
    """Whether the store has it cannot be told any more: it counts as dropped, and is never sent again."""
    process = start()
    process.store.flush()
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
    process.network.fails_on_content = "after"
    process.record(5)
    process.store.flush()
    process.record(7)
    clock.advance(hours=25)
    process.network.prune()
    process.network.fails_on_content = None

    snapshot = process.tracker.snapshot()

    # The store has the first five: sent again, they would count twice.
    assert (snapshot.lifetime_good, snapshot.dropped) == (12, 5)
    assert [batch.good for batch in process.network.sent] == [5, 7]


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
    process.store.flush()
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


def test_a_writer_id_is_drawn_with_the_first_batch(tmp_path: Path, clock: FakeClock, monotonic: FakeClock) -> None:
    """Copies of a process that was prepared, and has sent nothing, are writers of their own."""
    prepared = [Process(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock, monotonic) for _ in range(2)]
    for process in prepared:
        process.store.ledger(SLO)
    assert [process.store._writer._id for process in prepared] == [None, None]
    for process in prepared:
        process.record(3)
        process.store.flush()

    assert prepared[0].totals() == (6, 0)
    assert len({batch.writer for process in prepared for batch in process.network.sent}) == 2


def test_every_copy_of_a_process_counts(tmp_path: Path, clock: FakeClock, monotonic: FakeClock) -> None:
    """Copies of one that had sent something go on with its numbers; the second one notices, and numbers again."""
    original, copy = (Process(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock, monotonic) for _ in range(2))
    original.record(1)
    original.store.flush()
    of_copy, of_original = copy.store.ledger(SLO).outbox, original.store.ledger(SLO).outbox
    for name in ("_writer", "_number", "_last", "_declares", "_declared", "_is_unknown", "_confirmed_at"):
        setattr(of_copy, name, getattr(of_original, name))
    for process, count in ((original, 10), (copy, 100), (original, 1_000), (copy, 10_000)):
        process.record(count)
        process.store.flush()

    assert original.totals() == (11_111, 0)
    assert copy.network.sent[-1].writer != original.network.sent[-1].writer


def test_a_process_that_is_restored_days_later_reports_no_loss(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A snapshot of a machine: its process went on, and ended; others swept its note. What it had confirmed is there."""
    for goes_on in (True, False):
        store = tmp_path / f"{goes_on}.db"
        asleep, awake = FakeClock(1000.0), FakeClock(1000.0)
        original, copy, other = (
            Process(SQLiteBucketStore(store, clock=clock), clock, monotonic) for monotonic in (asleep, asleep, awake)
        )
        for _ in range(2):
            original.record(1)
            original.store.flush()
        of_copy, of_original = copy.store.ledger(SLO).outbox, original.store.ledger(SLO).outbox
        for name in set(Outbox.__slots__) - {"_pending", "_process", "_unconfirmed"}:
            value = getattr(of_original, name)
            setattr(of_copy, name, value.copy() if name == "_kept" else value)
        if goes_on:
            original.record(10)
            original.store.flush()
        for _ in range(4):
            clock.advance(hours=10)
            awake.advance(hours=10)
            other.store.flush()
            other.record(100)
            other.store.flush()
        copy.record(1_000)
        copy.store.flush()

        assert copy.totals() == (1_402 + 10 * goes_on, 0)
        assert copy.store.health().losses == 0
    assert caplog.records == []


def test_a_set_back_that_nobody_can_heal_is_told(
    start: Callable[..., Process], tmp_path: Path, monotonic: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Also by a quiet SLO, once the store is in reach again."""
    process = start()
    process.record(1)
    process.store.flush()
    process.network.close()
    shutil.copy(tmp_path / "slo.db", tmp_path / "replica.db")
    process.record(10)
    process.store.flush()
    process.network.close()
    process.network.fails = "before"
    monotonic.advance(300)
    with pytest.raises(StoreError):
        process.tracker.snapshot()
    shutil.move(tmp_path / "replica.db", tmp_path / "slo.db")
    process.network.fails = None
    with caplog.at_level(logging.WARNING, logger="slo_core"):
        process.tracker.snapshot()

    assert "too old to be sent again: 1 batches" in caplog.text


def test_a_quiet_process_asks_by_itself(start: Callable[..., Process], tmp_path: Path, monotonic: FakeClock) -> None:
    """While batches are kept, every ten seconds: nothing has to happen for a store that was set back to be healed."""
    process = start()
    process.record(1)
    process.store.flush()
    process.network.close()
    shutil.copy(tmp_path / "slo.db", tmp_path / "replica.db")
    process.record(10)
    process.store.flush()
    process.network.close()
    shutil.move(tmp_path / "replica.db", tmp_path / "slo.db")
    monotonic.advance(9)
    assert not process.store._round()
    monotonic.advance(1)
    assert process.store._round()

    assert process.totals() == (11, 0)
    monotonic.advance(200)
    process.store._round()
    process.store._round()
    assert not process.store._round()


def test_a_quiet_process_says_that_it_still_declares_its_slo(
    start: Callable[..., Process], clock: FakeClock, monotonic: FakeClock
) -> None:
    """Once an hour, so that the SLO is not taken for one that was removed; events say as much."""

    def seen_at() -> float | None:
        record = process.network.read([Query("availability")])[0].record
        assert record is not None
        return record.seen_at

    def advance(seconds: float) -> bool:
        clock.advance(seconds=seconds)
        monotonic.advance(seconds)
        return process.store._round()

    process = start()
    process.store.flush()
    declared_at = clock()
    assert not advance(3600)
    assert seen_at() == declared_at

    assert advance(1)
    assert seen_at() == declared_at + 3601
    assert not advance(3600)
    process.record(1)
    assert advance(1)
    assert seen_at() == declared_at + 7202
    clock.advance(seconds=3599)
    monotonic.advance(3599)
    process.store._round()  # a round that asks for what is kept
    assert seen_at() == declared_at + 7202


def test_a_quiet_process_does_not_move_the_beginning_of_a_lost_record(
    start: Callable[..., Process], tmp_path: Path, clock: FakeClock, monotonic: FakeClock
) -> None:
    """What is declared again after a loss is measured from then on, not since the process began."""
    process = start()
    process.store.flush()
    with sqlite3.connect(tmp_path / "slo.db") as file:
        file.execute("DELETE FROM slo")
    file.close()
    clock.advance(hours=2)
    monotonic.advance(7200)

    process.store.flush()

    assert process.tracker.snapshot().data_since == clock()


def test_a_lost_record_begins_when_it_was_lost(
    start: Callable[..., Process],
    tmp_path: Path,
    clock: FakeClock,
    monotonic: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The SLO is not said to be measured for as long as before."""
    process = start()
    process.record(1)
    process.store.flush()
    clock.advance(hours=5)
    process.record(1)
    process.store.flush()
    process.network.close()
    with sqlite3.connect(tmp_path / "slo.db") as other:
        other.execute("DELETE FROM slo")
    clock.advance(100)
    monotonic.advance(200)
    process.record(1)
    with caplog.at_level(logging.WARNING, logger="slo_core"):
        snapshot = process.tracker.snapshot()

    assert (snapshot.lifetime_good, snapshot.data_since) == (1, clock())
    assert "has lost everything of an SLO" in caplog.text
    assert "its totals start over: 1 SLOs" in caplog.text
    assert "too old to be sent again: 2 batches" in caplog.text


def test_copies_send_again_what_they_share_once(tmp_path: Path, clock: FakeClock, monotonic: FakeClock) -> None:
    """A batch on its way when the process was copied is in both; where the record was lost, both number it again."""
    original, copy = (Process(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock, monotonic) for _ in range(2))
    original.store.flush()
    original.record(3)
    original.network.fails_on_content = "before"
    original.store.flush()
    original.network.fails_on_content = None
    of_copy, of_original = copy.store.ledger(SLO).outbox, original.store.ledger(SLO).outbox
    for name in ("_writer", "_number", "_last", "_declares", "_declared", "_is_unknown", "_sends"):
        setattr(of_copy, name, getattr(of_original, name))
    of_copy._unconfirmed.extend(of_original._unconfirmed)
    with sqlite3.connect(tmp_path / "slo.db") as other:
        other.execute("DELETE FROM slo")
    for process, count in ((original, 10), (copy, 100)):
        process.record(count)
        process.store.flush()

    assert original.totals() == (113, 0)


def test_what_a_copy_has_sent_to_a_new_record_is_not_sent_once_more(
    tmp_path: Path, clock: FakeClock, monotonic: FakeClock
) -> None:
    """The record is lost twice; one copy sends the kept batch, the other sees it there, and the first one leaves."""
    original, copy = (Process(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock, monotonic) for _ in range(2))
    original.store.flush()
    original.record(3)
    with sqlite3.connect(tmp_path / "slo.db") as other:
        other.execute("DELETE FROM slo")
    original.store.flush()
    of_copy, of_original = copy.store.ledger(SLO).outbox, original.store.ledger(SLO).outbox
    for name in set(Outbox.__slots__) - {"_pending", "_process"}:
        value = getattr(of_original, name)
        setattr(of_copy, name, value.copy() if hasattr(value, "popleft") else value)
    with sqlite3.connect(tmp_path / "slo.db") as other:
        other.execute("DELETE FROM slo")
    for _ in range(2):
        monotonic.advance(11)
        original.store.flush()
        copy.store.flush()
    original.store.close()
    monotonic.advance(11)
    copy.store.flush()

    assert copy.totals() == (3, 0)
