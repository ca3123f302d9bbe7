"""Copying a service from one store to another."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.budgets.causes import Cause, CauseIncrement
from slo_core.budgets.closed_period import ClosedPeriod
from slo_core.budgets.marks import Mark
from slo_core.errors import StoreError
from slo_core.stores.buckets import Applied, Batch, BucketRange, Increment, Query, Series, SLORecord, Stored
from slo_core.stores.closed_periods import PeriodQuery
from slo_core.stores.copied_causes import causes_to_copy
from slo_core.stores.copy import CopiedSLO, check_copy, copy_store
from slo_core.stores.layout import WIDTHS
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock, batch_of, declared

NOW = 1_700_000_000
DAY = 86_400


class Copying:
    """A full and an empty store of the service "shop"."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.folder, self.clock = folder, clock
        self.source, self.target = self.store("source"), self.store("target")

    def store(self, name: str, service: str = "shop") -> SQLiteBucketStore:
        return SQLiteBucketStore(self.folder / f"{name}.db", service=service, clock=self.clock)

    def count(
        self, store: SQLiteBucketStore, second: int, good: int, bad: int, *, number: int = 1, slo: str = "a"
    ) -> None:
        """One batch of one second, by the same writer."""
        batch = batch_of([(second, good, bad)], number=number, slo=slo, declaration=declared(NOW - 40 * DAY))
        assert store.apply([batch]).noted == (number,)


@pytest.fixture
def copying(tmp_path: Path, clock: FakeClock) -> Copying:
    return Copying(tmp_path, clock)


def record_in(store: SQLiteBucketStore, slo: str = "a") -> SLORecord | None:
    return store.read([Query(slo)])[0].record


def buckets_in(store: SQLiteBucketStore, slo: str = "a") -> list[Increment]:
    (series,) = store.series([Query(slo, tuple(BucketRange(width, 0, NOW) for width in WIDTHS))])
    return [increment for buckets in series for increment in buckets]


def test_closed_periods_are_copied(copying: Copying) -> None:
    """All of them, those of kinds that are not known yet too; repeated as often as one likes."""
    copying.count(copying.source, NOW, 7, 3)
    start = NOW // DAY * DAY - 700 * DAY
    row = ClosedPeriod("a", "day", start, start + DAY, 5, 1, 0.99, "f1", start, is_final=True)
    rows = [dataclasses.replace(row, start=start + age * DAY, end=start + (age + 1) * DAY) for age in range(150)]
    rows.append(dataclasses.replace(row, kind="correction-1"))
    copying.source.keep_periods(rows)

    for _ in range(2):
        copy_store(copying.source, copying.target, clock=copying.clock)

    (stored,) = copying.target.read_periods([PeriodQuery("a")])
    assert sorted(stored.periods, key=str) == sorted(rows, key=str)


def test_causes_are_copied(copying: Copying, clock: FakeClock) -> None:
    """Those of each width, the newest bucket's too, once however often it is repeated; damaged ones are refused."""
    copying.count(copying.source, NOW, 0, 1)
    cause = Cause("GET /", "503")
    for number, age in enumerate((20 * DAY, 5 * DAY, 7000, 0), 2):
        batch = batch_of([(NOW - age, 0, 3)], number=number, slo="a")
        copying.source.apply([batch._replace(causes=(CauseIncrement((NOW - age) // 300, cause, 3),))])

    for _ in range(2):
        copy_store(copying.source, copying.target, clock=clock)

    assert causes_to_copy(copying.target, "a") == causes_to_copy(copying.source, "a")
    assert [(each.cause, each.bad) for each in causes_to_copy(copying.target, "a").causes] == [(cause, 3)]
    assert len(causes_to_copy(copying.target, "a").cause_blocks) == 4
    with closing(sqlite3.connect(copying.folder / "source.db")) as connection, connection:
        connection.execute("UPDATE cause_block SET content = '[[' WHERE width = 86400")
    with pytest.raises(StoreError, match="SLO 'a'.* is damaged: expected the text of a block of causes"):
        copy_store(copying.source, copying.store("other"), clock=clock)


def test_marks_are_copied(copying: Copying) -> None:
    """A release that came back, too; those that the target has already stay."""
    copying.count(copying.source, NOW, 7, 3)
    releases = [Mark(float(NOW - ago), "release", text) for ago, text in ((3000, "1"), (2000, "2"), (1000, "1"))]
    for mark in [*releases, Mark(float(NOW), "note", "x")]:
        copying.source.add_marks([mark])
    copying.target.add_marks([Mark(float(NOW - 1), "note", "y")])

    for _ in range(2):
        copy_store(copying.source, copying.target, clock=copying.clock)

    assert [mark.text for mark in copying.target.marks(0.0)] == ["1", "2", "1", "y", "x"]


def test_a_copy_without_damaged_periods_would_look_complete(copying: Copying) -> None:
    """So it is refused."""
    copying.count(copying.source, NOW, 7, 3)
    copying.source.keep_periods([ClosedPeriod("a", "day", 0, DAY, -5, 1, 0.99, "f1", 0)])

    with pytest.raises(StoreError, match="damaged"):
        copy_store(copying.source, copying.target, clock=copying.clock)


def test_totals_buckets_and_definition_are_those_of_the_source(copying: Copying, clock: FakeClock) -> None:
    """Nothing in the record or in the buckets that are kept differs, after events of today and of 20 days ago."""
    copying.count(copying.source, NOW - 20 * DAY, 90, 10)
    copying.count(copying.source, NOW, 7, 3, number=2)
    assert copying.source.prune() == 2  # the second and the minute of 20 days ago

    report = copy_store(copying.source, copying.target, clock=clock)

    assert record_in(copying.target) == record_in(copying.source)
    assert buckets_in(copying.target) == buckets_in(copying.source) != []
    # Today in a bucket of each of four widths; 20 days ago is kept in quarter hours and days only.
    assert report.slos == (CopiedSLO("a", 97, 13, 6, was_there=False),)
    assert report.events == 110


def test_what_was_counted_longer_ago_than_is_kept_stays_in_the_totals(copying: Copying, clock: FakeClock) -> None:
    """100 events of 40 days ago are in no bucket any more, but were counted."""
    copying.count(copying.source, NOW - 40 * DAY, 99, 1)
    copying.count(copying.source, NOW, 10, 0, number=2)

    copy_store(copying.source, copying.target, clock=clock)

    record = record_in(copying.target)
    assert record is not None
    assert (record.good, record.bad, record.data_since, record.dropped) == (109, 1, NOW - 40 * DAY, 0)
    assert {increment.good for increment in buckets_in(copying.target)} == {10}


def test_what_was_dropped_and_went_wrong_is_copied(copying: Copying, clock: FakeClock) -> None:
    """The totals of dropped events and of failures belong to the history."""
    batch = batch_of([(NOW, 1, 0)], number=1, slo="a", declaration=declared(NOW), dropped=5, errors=2)
    copying.source.apply([batch])

    copy_store(copying.source, copying.target, clock=clock)

    record = record_in(copying.target)
    assert record is not None
    assert (record.dropped, record.errors) == (5, 2)


def test_an_slo_without_events_is_declared(copying: Copying, clock: FakeClock) -> None:
    """Since when it is measured counts from its first process."""
    copying.source.apply([batch_of([], number=1, slo="a", declaration=declared(NOW - DAY))])

    copy_store(copying.source, copying.target, clock=clock)

    assert record_in(copying.target) == record_in(copying.source)


def test_events_of_a_clock_far_ahead_keep_everybody_elses(copying: Copying, clock: FakeClock) -> None:
    """A batch of next year is the newest; yesterday's events are copied all the same."""
    copying.count(copying.source, NOW - DAY, 10, 0)
    copying.count(copying.source, NOW + 365 * DAY, 1, 0, number=2)

    copy_store(copying.source, copying.target, clock=clock)

    ((quarter_hours,),) = copying.target.series([Query("a", (BucketRange(900, 0, NOW),))])
    assert [increment.good for increment in quarter_hours] == [10, 1]


def test_a_snapshot_of_the_copy_is_that_of_the_source(copying: Copying, clock: FakeClock) -> None:
    """A registry on the target counts on where the source has stopped: 100 events and one more."""
    definition = SLODefinition("a", 0.9)
    with SLORegistry(WriteBehindStore(copying.source, clock=clock), service="shop", clock=clock) as before:
        tracker = before.define(definition)
        for index in range(100):
            tracker.record(index % 10 > 0, at=NOW - index * 3600)
        expected = tracker.snapshot()
    copy_store(copying.source, copying.target, clock=clock)

    with SLORegistry(WriteBehindStore(copying.target, clock=clock), service="shop", clock=clock) as after:
        tracker = after.define(definition)
        snapshot = tracker.snapshot()
        tracker.record_failure()
        later = tracker.snapshot()

    assert snapshot == expected
    assert (later.total, later.failures, later.lifetime_bad) == (101, 11, 11)


def test_copying_twice_adds_nothing(copying: Copying, clock: FakeClock) -> None:
    """The second copy finds the first, and says so."""
    copying.count(copying.source, NOW, 9, 1)
    copy_store(copying.source, copying.target, clock=clock)
    before = record_in(copying.target), buckets_in(copying.target)

    report = copy_store(copying.source, copying.target, clock=clock)

    assert (record_in(copying.target), buckets_in(copying.target)) == before
    assert report.slos == (CopiedSLO("a", 9, 1, 0, was_there=True),)


def test_copying_again_after_the_target_has_counted_on_adds_nothing(copying: Copying, clock: FakeClock) -> None:
    """What the target has counted since the copy is no obstacle, and stays."""
    copying.count(copying.source, NOW, 9, 1)
    copy_store(copying.source, copying.target, clock=clock)
    copying.count(copying.target, NOW, 100, 0)

    copy_store(copying.source, copying.target, clock=clock)

    record = record_in(copying.target)
    assert record is not None
    assert (record.good, record.bad) == (109, 1)


class Interrupted(SQLiteBucketStore):
    """A target whose answer to the second SLO's events never arrives."""

    def apply(self, batches: Sequence[Batch]) -> Applied:
        applied = super().apply(batches)
        if any(batch.slo == "b" and batch.number == 1 for batch in batches):
            raise StoreError("store: the connection broke")
        return applied


def test_an_interrupted_copy_can_be_repeated(copying: Copying, clock: FakeClock, tmp_path: Path) -> None:
    """Whether the batch on its way had arrived or not, every SLO counts once in the end."""
    for slo in "abc":
        copying.count(copying.source, NOW, 9, 1, slo=slo)
    with pytest.raises(StoreError, match="broke"):
        copy_store(copying.source, Interrupted(tmp_path / "target.db", service="shop", clock=clock), clock=clock)

    report = copy_store(copying.source, copying.target, clock=clock)

    assert [(copied.slo, copied.was_there) for copied in report.slos] == [("a", True), ("b", True), ("c", False)]
    for slo in "abc":
        assert record_in(copying.target, slo) == record_in(copying.source, slo)


def test_a_target_with_events_of_its_own_is_refused(copying: Copying, clock: FakeClock) -> None:
    """Adding to them would count two histories as one; the other SLO is not copied either."""
    copying.count(copying.source, NOW, 9, 1)
    copying.count(copying.source, NOW, 5, 0, slo="b")
    copying.count(copying.target, NOW, 2, 1, slo="b")

    with pytest.raises(StoreError, match=r"'shop'.*already holds events of 'b' \(3 events; the source has 5\).*empty"):
        copy_store(copying.source, copying.target, clock=clock)

    assert copying.target.names() == ["b"]


def test_a_source_that_has_counted_on_since_it_was_copied_is_refused(copying: Copying, clock: FakeClock) -> None:
    """The target must not be taken for complete, and a second copy would count the first again. The message says why."""
    copying.count(copying.source, NOW, 9, 1)
    copy_store(copying.source, copying.target, clock=clock)
    copying.count(copying.source, NOW, 1, 0, number=2)

    with pytest.raises(StoreError, match=r"'a' \(10 events; the source has 11\).* while its source counts"):
        copy_store(copying.source, copying.target, clock=clock)


def test_a_service_that_has_only_declared_its_slos_is_no_obstacle(copying: Copying, clock: FakeClock) -> None:
    """It may have been started on the new store before the copy."""
    copying.count(copying.source, NOW, 9, 1)
    copying.target.apply([batch_of([], number=1, slo="a", declaration=declared(NOW))])

    copy_store(copying.source, copying.target, clock=clock)

    assert record_in(copying.target) == record_in(copying.source)


def test_looking_first_writes_no_slo(copying: Copying) -> None:
    """`check_copy` only tells whether it would do."""
    copying.count(copying.source, NOW, 9, 1)

    check_copy(copying.source, copying.target)

    assert copying.target.names() == []


def test_a_store_is_not_copied_into_itself(copying: Copying) -> None:
    """Nor into a copy of its file, which has its identity."""
    with pytest.raises(StoreError, match="both are the same store"):
        copy_store(copying.source, copying.store("source"))


def test_stores_of_two_services_are_refused(copying: Copying) -> None:
    """A service keeps its name."""
    with pytest.raises(StoreError, match="from service 'shop' to 'till'"):
        copy_store(copying.source, copying.store("target", "till"))


class Busy(SQLiteBucketStore):
    """A source that is written to while its buckets are read, so many times."""

    times = 1

    def series(self, queries: Sequence[Query]) -> list[Series]:
        series = super().series(queries)
        if self.times:
            self.times -= 1
            record = record_in(self)
            assert record is not None
            number = record.good // 10 + 1
            assert self.apply([batch_of([(NOW, 10, 0)], number=number, slo="a")]).noted == (number,)
        return series


def test_a_source_that_is_written_to_meanwhile_is_read_again(
    copying: Copying, clock: FakeClock, tmp_path: Path
) -> None:
    """Totals and buckets of the copy agree: 20 events in each."""
    copying.count(copying.source, NOW, 10, 0)

    copy_store(Busy(tmp_path / "source.db", service="shop", clock=clock), copying.target, clock=clock)

    record = record_in(copying.target)
    assert record is not None
    assert record.good == 20
    assert [increment.good for increment in buckets_in(copying.target)] == [20, 20, 20, 20]


def test_a_source_that_never_rests_is_given_up(copying: Copying, clock: FakeClock, tmp_path: Path) -> None:
    """With what to do about it, and nothing written."""
    copying.count(copying.source, NOW, 10, 0)
    busy = Busy(tmp_path / "source.db", service="shop", clock=clock)
    busy.times = 1000

    with pytest.raises(StoreError, match="written to each of 10 times.*stop the services"):
        copy_store(busy, copying.target, clock=clock)

    assert copying.target.names() == []


class Forgetful(SQLiteBucketStore):
    """A source that is emptied between its first answer and the second."""

    asked = 0

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        self.asked += 1
        answers = super().read(queries)
        return answers if self.asked == 1 else [dataclasses.replace(stored, record=None) for stored in answers]


def test_a_source_that_is_emptied_meanwhile_is_named(copying: Copying, clock: FakeClock, tmp_path: Path) -> None:
    """It is not copied as an empty one."""
    copying.count(copying.source, NOW, 10, 0)

    with pytest.raises(StoreError, match="has the store been emptied"):
        copy_store(Forgetful(tmp_path / "source.db", service="shop", clock=clock), copying.target, clock=clock)
