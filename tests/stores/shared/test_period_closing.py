"""Flushes close days and calendar periods, the same in every worker. Tests of period_closing, known_periods, past_periods."""

from __future__ import annotations

import datetime as dt
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from faulty_store import FaultyStore
from slo_core import SLODefinition, SLORegistry, SLOTracker
from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.snapshot import Reading
from slo_core.errors import DamagedError
from slo_core.objectives.http_rule import HTTPRule
from slo_core.objectives.period import Period
from slo_core.stores.closed_periods import PeriodQuery
from slo_core.stores.shared.period_closing import PeriodClosing
from slo_core.stores.shared.read_only import ReadOnlyStore
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock

DAY, HOUR = 86_400, 3600


def instant(*parts: int) -> float:
    return dt.datetime(*parts, tzinfo=dt.UTC).timestamp()  # type: ignore[misc, arg-type]


MONTHLY = SLODefinition("monthly", 0.99, window="month")
MARCH, APRIL, MAY = instant(2026, 3, 1), instant(2026, 4, 1), instant(2026, 5, 1)

Worker = Callable[..., SLORegistry]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(instant(2026, 2, 20))


@pytest.fixture
def worker(tmp_path: Path, clock: FakeClock, request: pytest.FixtureRequest) -> Worker:
    """Starts a process that uses the store, with some SLOs."""

    def start(*definitions: SLODefinition) -> SLORegistry:
        buckets = SQLiteBucketStore(tmp_path / "slo.db", clock=clock)
        registry = SLORegistry(WriteBehindStore(buckets, clock=clock, flush_interval=3600.0), clock=clock)
        for definition in definitions or (MONTHLY,):
            registry.define(definition)
        request.addfinalizer(registry.close)
        return registry

    return start


def count(registry: SLORegistry, good: int, bad: int = 0, *, slo: str = "monthly", at: float | None = None) -> None:
    """Count events, and hand them over."""
    for success in [True] * good + [False] * bad:
        registry[slo].record(success, at=at)
    registry.flush()


def reading_of(tracker: SLOTracker) -> Reading:
    """What a snapshot of now is worked out from."""
    query = tracker.internals.begin_snapshot()
    return query.request.ledger.read(query.request.spans)


def row(registry: SLORegistry, kind: str, start: float, slo: str = "monthly") -> tuple[int, int, bool] | None:
    """(good, bad, is_final) of a closed period; None where it is not closed."""
    rows = [each for each in registry[slo].closed_periods() if (each.kind, each.start) == (kind, start)]
    assert len(rows) <= 1
    return (rows[0].good, rows[0].bad, rows[0].is_final) if rows else None


def test_a_month_is_closed_by_the_first_flush_a_quarter_of_an_hour_after_its_end(
    worker: Worker, clock: FakeClock
) -> None:
    """Until then its last batches may be under way."""
    process = worker()
    clock.now = APRIL - 60
    count(process, 9, 1)
    clock.now = APRIL + 899
    count(process, 5)
    assert row(process, "month", MARCH) is None

    clock.now = APRIL + 900
    process.flush()

    assert row(process, "month", MARCH) == row(process, "day", APRIL - DAY) == (9, 1, False)


def test_two_workers_close_a_month_once(worker: Worker, clock: FakeClock) -> None:
    """Both find the events of both in it."""
    one, other = worker(), worker()
    clock.now = APRIL - HOUR
    count(one, 3, 1)
    count(other, 4, 1)
    clock.now = APRIL + HOUR

    one.flush()
    other.flush()

    assert row(one, "month", MARCH) == row(other, "month", MARCH) == (7, 2, False)


def test_a_late_batch_changes_the_month_it_belongs_to(worker: Worker, clock: FakeClock) -> None:
    """The flush that hands it over counts the month again, also where another process closed it, and the last flush too."""
    one, late = worker(), worker()
    clock.now = APRIL - HOUR
    count(one, 10)
    late.flush()
    clock.now = APRIL + DAY
    one.flush()
    late.flush()

    late["monthly"].record(False, at=APRIL - 1)
    late.flush()
    assert row(one, "month", MARCH) == row(one, "day", APRIL - DAY) == (10, 1, False)

    late["monthly"].record(False, at=MARCH)
    late.close()
    assert row(one, "month", MARCH) == (10, 2, False)
    assert row(one, "day", MARCH) == (0, 1, False)


@pytest.mark.parametrize("has_looked", [True, False], ids=["lived", "new"])
@pytest.mark.parametrize("others", [0, 20])
def test_a_process_that_ends_counts_what_it_hands_over_late(
    worker: Worker, clock: FakeClock, *, has_looked: bool, others: int
) -> None:
    """Its events of periods that others have closed meanwhile are in their rows, of every SLO, and no flush follows."""
    names = ["monthly", *(f"slo-{place}" for place in range(others))]
    slos = [SLODefinition(name, 0.99, window="month") for name in names]
    closing, late = worker(*slos), worker(*slos)
    clock.now = APRIL - 2 * DAY
    for slo in names:
        count(closing, 3, slo=slo)
    if has_looked:
        late.flush()
    clock.now = APRIL - DAY - HOUR
    for slo in names:
        late[slo].record_failure()
    clock.now = APRIL - HOUR
    for slo in names:
        late[slo].record_failure()
    for clock.now in (APRIL + HOUR, APRIL + 2 * HOUR):
        for _ in range(20):
            closing.flush()
    assert row(closing, "month", MARCH) == (3, 0, False)

    assert late.close() is True

    fresh = worker(*slos)
    for slo in names:
        assert row(fresh, "month", MARCH, slo) == (3, 2, False)
        assert row(fresh, "day", APRIL - 2 * DAY, slo) == (3, 1, False)
        assert row(fresh, "day", APRIL - DAY, slo) == (0, 1, False)


def test_a_month_is_final_when_its_buckets_go(worker: Worker, clock: FakeClock) -> None:
    """A week after its end: later events are not in it, whatever they change in the buckets that are left."""
    process = worker()
    clock.now = MARCH + HOUR
    count(process, 10)
    while clock.now < APRIL + 9 * DAY:
        clock.advance(days=1)
        count(process, 1)
    assert row(process, "month", MARCH) == (10 + 30, 0, True)

    count(process, 0, 5, at=APRIL - DAY)

    assert row(process, "month", MARCH) == (40, 0, True)


def test_a_month_of_which_a_part_is_gone_is_not_closed(worker: Worker, clock: FakeClock) -> None:
    """It would look like a whole one. A service that has slept closes it before its new events push anything out."""
    process = worker()
    clock.now = MARCH + HOUR
    count(process, 10)
    clock.now = MAY + HOUR
    count(process, 1)
    assert row(process, "month", MARCH) == (10, 0, True)

    before = worker(SLODefinition("other", 0.99, window="month"))
    before.store._delivery.periods._store = None  # type: ignore[attr-defined]  # as the version before: it closes nothing
    while clock.now < MAY + 55 * DAY:
        clock.advance(days=1)
        count(before, 1, slo="other")
    after = worker(SLODefinition("other", 0.99, window="month"))
    count(after, 1, slo="other")
    assert row(after, "month", MAY, "other") is None
    assert row(after, "day", MAY + 50 * DAY, "other") == (1, 0, False)


@pytest.mark.parametrize("contact", ["flush", "read", "close"])
def test_a_service_that_stood_still_loses_no_day_that_is_kept(worker: Worker, clock: FakeClock, contact: str) -> None:
    """
    After eighty days it begins with closing them, for all SLOs, whatever it does first; its new events push nothing out.

    Days and months in which no process ran have no row: nothing was measured, which would read as "all was well".
    """
    slos = [SLODefinition(name, 0.99, window="month") for name in ("a", "b", "c")]
    before = worker(*slos)
    for day in range(20):
        clock.now = MARCH + day * DAY + 12 * HOUR
        for slo in slos:
            count(before, 1, 1, slo=slo.name)
    before.close()
    clock.now = MARCH + 100 * DAY

    after = worker(*slos)
    for slo in slos:
        after[slo.name].record_success()
    {"flush": after.flush, "read": after.snapshot_all, "close": after.close}[contact]()
    clock.advance(days=1)
    later = worker(*slos)
    count(later, 1, slo="a")

    for slo in slos:
        rows = later[slo.name].closed_periods()
        in_march = [each for each in rows if each.kind == "day" and each.start >= MARCH and each.start < APRIL]
        assert [(each.good, each.bad) for each in in_march] == [(1, 1)] * 20
        assert row(later, "month", MARCH, slo.name) == (20, 20, True)
        assert not any(each.start >= APRIL and each.total == 0 for each in rows)
        assert later[slo.name].snapshot(at=APRIL - 1).failures == 20


@pytest.mark.parametrize(("silent_hours", "is_known"), [(1, True), (5, False)])
def test_a_day_without_events_is_whole_where_a_process_measured_it(
    worker: Worker, clock: FakeClock, silent_hours: int, is_known: bool
) -> None:
    """The store hears of each process once an hour: one that was restarted goes on with the day of the one before."""
    before = worker()
    count(before, 1)
    clock.now = MARCH + 10 * DAY
    before.flush()
    for _ in range(15):
        clock.advance(hours=1)
        before.store._delivery.outboxes[0]._seen_at = -1e9  # type: ignore[attr-defined]  # an hour, by the monotonic clock
        before.flush()
    clock.advance(hours=silent_hours)
    after = worker()
    after.flush()
    restarted_at = clock.now
    clock.now = MARCH + 11 * DAY + HOUR
    after.flush()

    days = {each.start: each for each in after["monthly"].closed_periods() if each.kind == "day"}
    assert days[int(MARCH + 9 * DAY)].is_whole
    day = days.get(int(MARCH + 10 * DAY))
    if is_known:
        assert day is not None and day.is_whole
    else:
        assert day is not None and day.measured_since == restarted_at


def test_a_month_says_since_when_it_was_measured(worker: Worker, clock: FakeClock) -> None:
    """In the first one that is not from its start."""
    process = worker()
    count(process, 1)
    clock.now = MARCH + HOUR
    count(process, 1)
    clock.now = APRIL + HOUR
    process.flush()

    months = [each for each in process["monthly"].closed_periods() if each.kind == "month"]

    assert [(each.start, each.measured_since, each.is_whole) for each in months] == [
        (instant(2026, 2, 1), instant(2026, 2, 20), False),
        (MARCH, MARCH, True),
    ]


def test_a_report_next_year_is_exact(worker: Worker, clock: FakeClock, tmp_path: Path) -> None:
    """By a process that was started to write it, in a store that was pruned; its window is whole."""
    process = worker()
    clock.now = MARCH + HOUR
    count(process, 8, 2)
    clock.now = APRIL + HOUR
    count(process, 1)
    clock.now = instant(2027, 1, 20)
    count(process, 1)
    SQLiteBucketStore(tmp_path / "slo.db", clock=clock).prune()

    fresh = worker()
    for snapshot in (fresh["monthly"].snapshot(at=APRIL - 1), *fresh.snapshot_all(at=APRIL - 0.5)):
        assert (snapshot.total, snapshot.failures, snapshot.is_complete) == (10, 2, True)
        assert snapshot.covered_since == MARCH
    reader = SLORegistry(ReadOnlyStore(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock=clock), clock=clock)
    assert reader.define(MONTHLY).snapshot(at=APRIL - 1).failures == 2
    assert row(reader, "month", MARCH) == (8, 2, True)
    reader.close()


def test_rows_are_kept_for_25_months(worker: Worker, clock: FakeClock, tmp_path: Path) -> None:
    """And then they are pruned."""
    process = worker()
    clock.now = MARCH + HOUR
    count(process, 8, 2)
    clock.now = APRIL + HOUR
    process.flush()
    for age, is_kept in ((KEPT_SECONDS - DAY, True), (KEPT_SECONDS + DAY, False)):
        clock.now = MARCH + age
        SQLiteBucketStore(tmp_path / "slo.db", clock=clock).prune()
        assert (row(process, "month", MARCH) is not None) is is_kept


def test_a_damaged_row_hides_one_slo_only(worker: Worker, clock: FakeClock, tmp_path: Path) -> None:
    """And that one only where its row is read: what is counted now is shown, and flushes go on."""
    definitions = MONTHLY, SLODefinition("other", 0.99, window="month")
    process = worker(*definitions)
    clock.now = MARCH + HOUR
    for slo in ("monthly", "other"):
        count(process, 8, 2, slo=slo)
    clock.now = MAY + HOUR
    process.flush()
    with sqlite3.connect(tmp_path / "slo.db") as connection:
        connection.execute("UPDATE closed_period SET good = -1 WHERE slo = 'monthly'")
    connection.close()

    fresh = worker(*definitions)
    for slo in ("monthly", "other"):
        count(fresh, 1, slo=slo)
    fresh.flush()

    assert [snapshot.total for snapshot in fresh.snapshot_all()] == [1, 1]
    assert fresh["other"].snapshot(at=APRIL - 1).failures == 2
    with pytest.raises(DamagedError, match="'monthly'"):
        fresh["monthly"].snapshot(at=APRIL - 1)
    with pytest.raises(DamagedError, match="'monthly'"):
        fresh["monthly"].closed_periods()
    clock.now = MAY + 3 * DAY
    fresh.flush()
    assert row(fresh, "day", MAY, "other") == (1, 0, False)


def test_a_new_definition_does_not_close_an_old_month_again(worker: Worker, clock: FakeClock) -> None:
    """What was counted in it was counted by the old one; late events of it change its row."""
    before = worker(SLODefinition("monthly", 0.99, window="month", http=HTTPRule(routes=("/a",))))
    clock.now = APRIL - HOUR
    count(before, 8, 2)
    clock.now = APRIL + HOUR
    before.flush()

    after = worker(SLODefinition("monthly", 0.999, window="month", http=HTTPRule(routes=("/b",))))
    count(after, 1, at=APRIL - 1)

    (month,) = [each for each in after["monthly"].closed_periods() if each.kind == "month" and each.start == MARCH]
    assert (month.good, month.bad, month.target) == (9, 2, 0.99)
    assert month.fingerprint == before["monthly"].closed_periods()[-1].fingerprint


def test_a_store_of_the_version_before_gains_its_closed_days(worker: Worker, clock: FakeClock, tmp_path: Path) -> None:
    """Those of which it keeps events; it keeps its counts, and that version goes on with it."""
    process = worker()
    for _ in range(4):
        clock.advance(days=1)
        count(process, 5, 1)
    clock.advance(hours=1)
    process.close()
    with sqlite3.connect(tmp_path / "slo.db") as connection:
        connection.execute("DROP TABLE closed_period")
    connection.close()

    fresh = worker()
    for _ in range(3):
        count(fresh, 1)

    assert [(each.kind, each.good, each.bad) for each in fresh["monthly"].closed_periods()] == [("day", 5, 1)] * 3
    assert fresh["monthly"].snapshot().lifetime_good == 23


def test_a_flush_with_nothing_to_close_asks_nothing(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It compares the clock with the next midnight, and goes through no SLO."""
    network = FaultyStore(SQLiteBucketStore(tmp_path / "slo.db", clock=clock))
    registry = SLORegistry(WriteBehindStore(network, clock=clock, flush_interval=3600.0), clock=clock)
    registry.define(MONTHLY)
    clock.advance(hours=12)
    for _ in range(20):
        count(registry, 1)
        clock.advance(1)
    reads = network.reads
    looks: list[float] = []
    monkeypatch.setattr(PeriodClosing, "_close", lambda _, __, now: looks.append(now))
    for _ in range(20):
        count(registry, 1)
        clock.advance(60)

    assert (network.reads, looks) == (reads, [])
    registry.close()


@pytest.mark.parametrize("count_of_slos", [12, 45])
def test_many_slos_are_closed_by_several_flushes(
    worker: Worker, clock: FakeClock, tmp_path: Path, count_of_slos: int
) -> None:
    """One of twenty with each, so that none takes long, and all are closed after some twenty."""
    definitions = [SLODefinition(f"slo-{number}", 0.99) for number in range(count_of_slos)]
    process = worker(*definitions)
    clock.now = APRIL - HOUR
    for definition in definitions:
        process[definition.name].record(True)
    for _ in definitions:
        process.flush()
    clock.now = APRIL + HOUR

    buckets = SQLiteBucketStore(tmp_path / "slo.db", clock=clock)
    asked = [PeriodQuery(definition.name, (Period("day", int(APRIL - DAY), int(APRIL)),)) for definition in definitions]
    closed = []
    for _ in range(23):
        process.flush()
        closed.append(sum(stored.periods[-1:] != () for stored in buckets.read_periods(asked)))

    assert closed[0] == max(1, count_of_slos // 20)
    assert closed[-1] == count_of_slos


def test_a_flush_succeeds_where_nothing_can_be_closed(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so when it fails again; the month is closed later."""

    class Refusing(FaultyStore):
        refuses = True

        def keep_periods(self, periods: object) -> None:
            if self.refuses:
                raise ValueError("no such table, password=hunter2")
            self._store.keep_periods(periods)

    network = Refusing(SQLiteBucketStore(tmp_path / "slo.db", clock=clock))
    registry = SLORegistry(WriteBehindStore(network, clock=clock, flush_interval=3600.0), clock=clock)
    registry.define(MONTHLY)
    count(registry, 1)
    clock.now = APRIL + HOUR
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            registry["monthly"].record(True)
            assert registry.flush()
            clock.advance(61)
    assert [record.message for record in caplog.records] == [
        "the store sqlite: days and months could not be closed; they are closed later: ValueError (1 so far)"
    ]

    network.refuses = False
    clock.advance(61)
    registry.flush()

    assert row(registry, "day", APRIL - DAY) == (0, 0, False)
    registry.close()


def test_a_store_of_another_package_may_keep_none(tmp_path: Path, clock: FakeClock) -> None:
    """It has no such methods, and counts as before."""

    class Plain:
        def __init__(self, store: SQLiteBucketStore) -> None:
            for name in (
                "backend scope service default_flush_interval identity apply read series names services prune close forget"
            ).split():
                setattr(self, name, getattr(store, name))

    plain = Plain(SQLiteBucketStore(tmp_path / "slo.db", clock=clock))
    registry = SLORegistry(WriteBehindStore(plain, clock=clock, flush_interval=3600.0), clock=clock)  # type: ignore[arg-type]
    registry.define(MONTHLY)
    count(registry, 3)
    clock.now = APRIL + HOUR
    count(registry, 3)

    assert registry["monthly"].closed_periods() == ()
    assert registry["monthly"].snapshot().total == 3
    registry.close()


def test_the_last_period_tells_how_many_events_to_expect(worker: Worker, clock: FakeClock, tmp_path: Path) -> None:
    """A calendar window as many as the last one held; a rolling one as many as its last days; else it is not known."""
    rolling = SLODefinition("rolling", 0.99, window_seconds=2 * DAY)
    process = worker(MONTHLY, rolling)

    def expected(registry: SLORegistry) -> list[int | None]:
        registry.flush()
        return [reading_of(tracker).expected_events for tracker in registry]

    count(process, 1)
    assert expected(process) == [None, None]
    clock.now = MARCH
    while clock.now < APRIL:
        for slo in ("monthly", "rolling"):
            count(process, 4, 1, slo=slo)
        clock.advance(days=1)
    assert expected(process) == [None, 10]  # February was not measured from its start

    clock.now = APRIL + HOUR
    assert expected(process) == expected(worker(MONTHLY, rolling)) == [31 * 5, 10]
    store = ReadOnlyStore(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock=clock)
    reader = SLORegistry(store, clock=clock)
    reader.define(MONTHLY)
    reader.define(rolling)
    assert expected(reader) == [31 * 5, 10]
    reader.close()
