"""Causes in an SQLite file: damaged, or shared with a version that does not know them."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from slo_core import SLODefinition, SLOTracker
from slo_core.budgets.causes import Cause, CauseIncrement
from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import DAY
from slo_core.stores.buckets import Applied, Batch, Query
from slo_core.stores.causes import CauseQuery, StoredCauses, total_causes
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore, open_sqlite
from slo_core.stores.sql.sqlite_schema import LATER_TABLES
from slo_core.testing import FakeClock, batch_of, declared

CAUSE = Cause("GET /", "503")
QUERY = CauseQuery("availability", DAY, 0)

# As the version before causes writes a batch of one bad event.
OLDER_WRITES = """
    UPDATE slo SET bad = bad + 1, applied = applied + 1;
    UPDATE bucket SET bad = bad + 1;
    UPDATE note SET number = number + 1, applied = applied + 1;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "slo.db"


@pytest.fixture
def store(path: Path, clock: FakeClock) -> Iterator[SQLiteBucketStore]:
    store = open_sqlite(f"sqlite:///{path}", service="shop", clock=clock)
    yield store
    store.close()


def caused(at: float, *, number: int) -> Batch:
    second = int(at)
    batch = batch_of([(second, 0, 2)], number=number, declaration=declared(at - DAY) if number == 1 else None)
    return batch._replace(causes=(CauseIncrement(second // 300, CAUSE, 2),))


def run(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(script)


def bad_in(stored: StoredCauses) -> int:
    return sum(bad for _, bad in total_causes(stored, QUERY))


def test_damaged_causes_are_told_by_the_log(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the words of the store."""

    class Damaged(SQLiteBucketStore):
        def apply(self, batches: Sequence[Batch]) -> Applied:
            return dataclasses.replace(super().apply(batches), damage="SLO 'availability': no block")

    tracker = SLOTracker(SLODefinition("availability", 0.9), store=WriteBehindStore(Damaged(path, service="shop")))
    tracker.record(False)
    tracker.store.close()

    assert "the store sqlite held damaged causes or latencies: they begin again" in caplog.text
    assert "SLO 'availability': no block" in caplog.text


@pytest.mark.parametrize("content", ["'[['", "x'ff'", "17", """'5666666 -5 ["GET /","503"]'"""])
def test_a_damaged_block_begins_again_and_every_event_counts(
    store: SQLiteBucketStore, path: Path, clock: FakeClock, content: str
) -> None:
    """The answer says so, and a reader too; what stands in other blocks stays."""
    store.apply([caused(clock(), number=1)])
    clock.advance(seconds=300)
    store.apply([caused(clock(), number=2)])
    run(path, f"UPDATE cause_block SET content = {content} WHERE width = 0")

    (read,) = store.read_causes([QUERY])
    applied = store.apply([caused(clock() + 1, number=3)])

    assert (applied.noted, applied.trouble) == ((3,), None)
    assert "SLO 'availability': expected the text of a block of causes" in (applied.damage or "")
    assert (bad_in(read), read.trouble is None) == (2, False)
    (read,) = store.read_causes([QUERY])
    assert (bad_in(read), read.trouble) == (4, None)
    assert store.apply([caused(clock() + 2, number=4)]).damage is None
    (stored,) = store.read([Query("availability")])
    assert stored.record is not None
    assert stored.record.bad == 8


def test_a_file_of_the_version_before_gains_causes_and_is_written_by_both(
    store: SQLiteBucketStore, path: Path, clock: FakeClock
) -> None:
    """Its counts stay; causes hold what this version has counted, and both add to one file."""
    store.apply([caused(clock(), number=1)])
    store.close()
    run(path, "DROP TABLE cause_block")

    store = open_sqlite(f"sqlite:///{path}", service="shop", clock=clock)
    store.apply([caused(clock(), number=2)])
    run(path, OLDER_WRITES)
    applied = store.apply([caused(clock(), number=4)])

    (stored,), (causes,) = store.read([Query("availability")]), store.read_causes([QUERY])
    assert applied.noted == (4,)
    assert stored.record is not None
    assert (EventCounts(stored.record.good, stored.record.bad), bad_in(causes)) == (EventCounts(0, 7), 4)
    assert "cause_block" in LATER_TABLES
    store.close()


def test_an_slo_of_a_deleted_ones_key_sees_none_of_its_causes(
    store: SQLiteBucketStore, path: Path, clock: FakeClock
) -> None:
    """The version before deletes and declares without this table; what is left goes when the store is pruned."""
    store.apply([caused(clock(), number=1)])
    run(path, "UPDATE slo SET generation = '0123456789abcdef'; DELETE FROM note")

    assert bad_in(store.read_causes([QUERY])[0]) == 0
    store.apply([caused(clock(), number=1)])
    store.prune()
    store.apply([caused(clock(), number=1)._replace(slo="other")])
    store.delete_slo("other", not_seen_since=float("inf"))

    assert bad_in(store.read_causes([QUERY])[0]) == 2
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM cause_block").fetchone() == (1,)
