"""Recent failures in an SQLite file: damaged, or shared with a version that does not know them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from slo_core.budgets.recent_failures import RecentFailure
from slo_core.stores.buckets import Query
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock, batch_of, declared


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_damaged_row_hides_itself_only(tmp_path: Path, clock: FakeClock) -> None:
    """Text, numbers and bytes of other programs."""
    store = SQLiteBucketStore(tmp_path / "slo.db", service="shop", clock=clock)
    store.add_recent_failures({"a": [RecentFailure(clock())]}, most=50)
    change(
        tmp_path / "slo.db",
        *(
            f"INSERT INTO recent_failure (service, slo, at, content) VALUES ('shop', 'a', {clock()}, {content})"
            for content in ("'text'", "x'ff00'", "7", "'[]'", "'[1e999, null, null, null, null, null]'")
        ),
    )

    assert store.recent_failures(["a"], most=50) == [(RecentFailure(clock()),)]
    store.close()


def test_a_file_of_the_version_before_gains_them(tmp_path: Path, clock: FakeClock) -> None:
    """It keeps its counts, and the version before goes on writing to it."""
    path = tmp_path / "slo.db"
    now = int(clock())
    older = SQLiteBucketStore(path, service="shop", clock=clock)
    older.apply([batch_of([(now, 3, 1)], number=1, slo="a", declaration=declared(now))])
    older.close()
    change(path, "DROP TABLE recent_failure")

    store = SQLiteBucketStore(path, service="shop", clock=clock)
    store.add_recent_failures({"a": [RecentFailure(clock())]}, most=50)
    change(path, "UPDATE slo SET bad = bad + 1")  # as the version before, which knows no such table

    assert store.recent_failures(["a"], most=50) == [(RecentFailure(clock()),)]
    (stored,) = store.read([Query("a")])
    assert stored.record is not None
    assert (stored.record.good, stored.record.bad) == (3, 2)
    store.close()
