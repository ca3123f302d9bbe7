"""Buckets that are over are added up once, and again as soon as anything is added to them."""

from __future__ import annotations

import random
from pathlib import Path

from slo_core.budgets.events import EventCounts
from slo_core.stores.buckets import BucketRange, Query
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.stores.sql.sqlite_replace import replace_sqlite_file
from slo_core.testing import batch_of, declared

NOW = 1_800_000_000 - 1
QUARTER = NOW // 900
RANGES = (BucketRange(900, QUARTER - 191, QUARTER - 4), BucketRange(900, QUARTER - 3, QUARTER + 1))


def opened(path: Path) -> SQLiteBucketStore:
    return SQLiteBucketStore(path, service="shop", clock=lambda: float(NOW))


def two_days(path: Path) -> SQLiteBucketStore:
    """A store with an event of each quarter of an hour of the last two days."""
    store = opened(path)
    events = [(NOW - quarter * 900, 1, 0) for quarter in range(192)]
    store.apply([batch_of(events, number=1, declaration=declared(float(NOW)))])
    return store


def sums_of(store: SQLiteBucketStore) -> list[EventCounts]:
    (stored,) = store.read([Query("availability", RANGES)])
    return list(stored.sums)


def test_late_events_of_other_processes_are_in_the_next_reading(tmp_path: Path) -> None:
    """However old they are, in whatever order they come."""
    reader, writer = two_days(tmp_path / "slo.db"), opened(tmp_path / "slo.db")
    counts = sums_of(reader)
    assert counts == [EventCounts(188, 0), EventCounts(4, 0)]
    randomly = random.Random(1)
    for number in range(1, 40):
        age, bad = randomly.choice((172_000, 90_000, 3600, 2700, 900, 0)), randomly.randrange(2)
        batch = batch_of(
            [(NOW - age, 1, bad)],
            number=number,
            writer="b" * 32,
            declaration=declared(float(NOW)) if number == 1 else None,
        )
        writer.apply([batch])
        place = 0 if RANGES[0].first <= (NOW - age) // 900 <= RANGES[0].last else 1
        counts[place] = EventCounts(counts[place].good + 1, counts[place].bad + bad)

        assert sums_of(reader) == counts


def test_a_store_that_is_replaced_by_its_backup_is_read_as_that(tmp_path: Path) -> None:
    """Nothing is kept of what came after the backup."""
    reader = two_days(tmp_path / "slo.db")
    before = sums_of(reader)
    backup = tmp_path / "backup.db"
    replace_sqlite_file(tmp_path / "slo.db", backup)
    reader.apply([batch_of([(NOW - 90_000, 5, 0)], number=2)])
    assert sums_of(reader) == [EventCounts(193, 0), EventCounts(4, 0)]

    replace_sqlite_file(backup, tmp_path / "slo.db")
    assert sums_of(reader) == before
    reader.close()
