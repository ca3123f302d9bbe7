"""`django://`: the contract over every kind of database, and what is the project's own to decide."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from database_servers import MariaDB, PostgreSQL, start_mariadb, start_postgres
from django_databases import django_database, set_up_django
from slo_core import SLODefinition, SLOTracker, StoreError
from slo_core.budgets.events import EventCounts
from slo_core.stores.buckets import BucketRange, Query
from slo_core.testing import FakeClock, StoreContract, batch_of, declared
from slo_servers import free_port, wait_until

set_up_django()

from django.db import connections  # noqa: E402  # after it is configured
from django.urls import path  # noqa: E402

from slo_core.stores.shared.write_behind import WriteBehindStore  # noqa: E402
from slo_django.store.bucket_store import DjangoBucketStore, open_django  # noqa: E402

SUPPORT = Path(__file__).parents[2] / "support"

TABLES = ("slo_django_store", "slo_django_slo", "slo_django_bucket", "slo_django_note")


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgreSQL]:
    with start_postgres() as server, django_database("postgres", server.settings):
        yield server


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDB]:
    with start_mariadb() as server, django_database("mariadb", server.settings):
        yield server


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    path = tmp_path_factory.mktemp("django") / "db.sqlite3"
    with django_database("sqlite", {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}):
        yield


def emptied(alias: str) -> str:
    """The alias, its tables without rows."""
    with connections[alias].cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DELETE FROM {table}")
    connections[alias].close()
    return alias


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def alias(request: pytest.FixtureRequest) -> str:
    """Each kind of database, empty."""
    request.getfixturevalue(request.param)
    return emptied(request.param)


class TestSQLite(StoreContract):
    """Every promise of a shared store, on a file."""

    @pytest.fixture
    def make_store(self, sqlite: None) -> Callable[..., DjangoBucketStore]:
        url = f"django://{emptied('sqlite')}"
        return lambda service="shop": open_django(url, service=service)


class TestPostgreSQL(StoreContract):
    """The same on PostgreSQL."""

    @pytest.fixture
    def make_store(self, postgres: PostgreSQL) -> Callable[..., DjangoBucketStore]:
        url = f"django://{emptied('postgres')}"
        return lambda service="shop": open_django(url, service=service)


class TestMariaDB(StoreContract):
    """The same on MariaDB."""

    @pytest.fixture
    def make_store(self, mariadb: MariaDB) -> Callable[..., DjangoBucketStore]:
        url = f"django://{emptied('mariadb')}"
        return lambda service="shop": open_django(url, service=service)


def tracker_on(url: str, clock: Callable[[], float] = time.time) -> SLOTracker:
    """A tracker whose batches are sent only when the test says so."""
    store = WriteBehindStore(open_django(url, service="shop"), clock=clock, flush_interval=3600)
    return SLOTracker(SLODefinition("availability", 0.999), store=store, clock=clock)


def record(tracker: SLOTracker, *, good: int = 0, bad: int = 0) -> None:
    """So many events, now."""
    for success in [True] * good + [False] * bad:
        tracker.record(success)


def counts_of(tracker: SLOTracker) -> tuple[int, int]:
    """Good and bad events in the tracker's window."""
    found = tracker.snapshot()
    return found.total - found.failures, found.failures


def test_a_tracker_counts_in_the_database(alias: str) -> None:
    """From one process to the other."""
    writer, reader = tracker_on(f"django://{alias}"), tracker_on(f"django://{alias}")
    record(writer, good=3, bad=1)

    writer.store.flush()

    assert counts_of(reader) == (3, 1)
    writer.store.close()
    reader.store.close()


def test_a_request_that_is_rolled_back_keeps_its_counts(alias: str) -> None:
    """ATOMIC_REQUESTS, or any transaction that fails: the counts went by another connection."""
    from django.db import transaction

    tracker = tracker_on(f"django://{alias}")
    other = connections[alias]
    with pytest.raises(ZeroDivisionError), transaction.atomic(using=alias):
        with other.cursor() as cursor:
            cursor.execute("SELECT 1")
        tracker.record(False)
        tracker.store.flush()
        raise ZeroDivisionError

    other.close()
    assert counts_of(tracker) == (0, 1)
    tracker.store.close()


def failing(request: Any) -> None:
    """A view that writes, has its failure counted meanwhile, and raises."""
    from slo_django import get_registry

    with connections[request.GET["alias"]].cursor() as cursor:
        assert cursor.db.in_atomic_block
        cursor.execute("INSERT INTO orders VALUES (1)")
    get_registry()["availability"].record(True)
    get_registry().flush()
    raise ZeroDivisionError


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_a_request_that_raises_is_counted_whole(name: str, request: pytest.FixtureRequest) -> None:
    """ATOMIC_REQUESTS rolls back what the view wrote: not what was handed over meanwhile, nor the failure itself."""
    from django.test import Client, override_settings

    from slo_django.installation import current

    server = request.getfixturevalue(name)
    server.query(f"{'USE slo; ' if name == 'mariadb' else ''}CREATE TABLE orders (id integer)")
    database = {**server.settings, "ATOMIC_REQUESTS": True}
    emptied(name)
    urls = types.ModuleType("failing_urls")
    urls.urlpatterns = [path("orders", failing)]  # type: ignore[attr-defined]
    with (
        django_database("atomic", database, migrate=False),
        override_settings(
            ROOT_URLCONF=urls, MIDDLEWARE=["slo_django.middleware.SLOMiddleware"], SLO_STORE="django://atomic",
            SLO_SERVICE="shop", SLO_FLUSH_INTERVAL=3600.0, ALLOWED_HOSTS=["testserver"],
        ),
    ):  # fmt: skip
        current.replace()
        client = Client(raise_request_exception=False)
        statuses = [client.get("/orders?alias=atomic").status_code for _ in range(3)]
        current.replace()  # hands over the last failure

        with connections["atomic"].cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM orders")
            assert cursor.fetchone() == (0,)
            cursor.execute("DROP TABLE orders")
    current.replace()

    assert statuses == [500] * 3
    assert counts_of(tracker_on(f"django://{name}")) == (3, 3)


_WAITING = """
import gevent.monkey; gevent.monkey.patch_all()
import gevent, sqlite3, sys, time
sys.path.insert(0, sys.argv[2])
from django_databases import django_database
with django_database("busy", {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1], "OPTIONS": {"timeout": 20}}):
    from slo_django.store.bucket_store import open_django
    store = open_django("django://busy")
    store.apply([])
    other = sqlite3.connect(sys.argv[1], isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    pauses, served = [], []
    def serve():
        while True:
            gevent.sleep(0.005)
            pauses.append(None)
    serving = gevent.spawn(serve)
    reading = gevent.spawn(store.names)
    def unlock():
        gevent.sleep(0.25)
        served.append(len(pauses))
        other.execute("ROLLBACK")
    gevent.sleep(0.01)  # the loop looks at the clock
    served.append(len(pauses))
    started = time.monotonic()
    gevent.spawn(unlock)
    store.apply([])
    assert reading.get() == []
    taken = time.monotonic() - started
    serving.kill()
    print(taken, served[1] - served[0])
"""


def test_waiting_for_a_locked_file_holds_up_no_other_greenlet(tmp_path: Path) -> None:
    """Under gevent they are the requests; whatever time-out the project has given."""
    command = [sys.executable, "-c", _WAITING, str(tmp_path / "db.sqlite3"), str(SUPPORT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    taken, served = map(float, done.stdout.split())
    # It is another greenlet that unlocks it: whoever waits in C waits for as long as it is allowed to, and then fails.
    assert taken >= 0.2
    assert served >= 5  # every 5 ms, had it the machine for itself


def test_a_file_that_stays_locked_is_given_up(sqlite: None) -> None:
    """After a second."""
    store = open_django(f"django://{emptied('sqlite')}")
    store.apply([])
    with connections["sqlite"].cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with pytest.raises(StoreError, match="locked"):
            store.apply([])
        taken = time.monotonic() - started
        cursor.execute("ROLLBACK")
    connections["sqlite"].close()

    assert 0.9 < taken < 20  # it is locked until it is given up
    assert store.apply([]).noted == ()


def test_no_connection_is_kept(postgres: PostgreSQL) -> None:
    """A database has few, and the application wants them."""
    tracker = tracker_on(f"django://{emptied('postgres')}")
    tracker.record(True)
    tracker.store.flush()
    assert counts_of(tracker) == (1, 0)

    others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    wait_until(lambda: postgres.query(others) == "0", message="a connection is still open")
    tracker.store.close()


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_a_row_that_others_hold_is_tried_again(name: str, request: pytest.FixtureRequest) -> None:
    """Whoever is in the way is waited for, for a second; the batch is then written once."""
    request.getfixturevalue(name)
    store = open_django(f"django://{emptied(name)}", service="shop")
    now = int(store.apply([]).now)
    store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
    attempts: list[Exception | None] = []
    once = store._apply

    def counted(batches: Any) -> Any:
        try:
            done = once(batches)
        except StoreError as exc:
            attempts.append(exc)
            blocker.rollback()  # type: ignore[attr-defined]  # bound below
            raise
        attempts.append(None)
        return done

    store._apply = counted  # type: ignore[method-assign]
    blocker = connections[name]
    blocker.set_autocommit(False)
    try:
        with blocker.cursor() as cursor:
            cursor.execute("SELECT id FROM slo_django_slo FOR UPDATE")
        applied = store.apply([batch_of([(now, 0, 1)], number=2)])
    finally:
        blocker.close()

    assert applied.noted == (2,)
    assert [attempt is None for attempt in attempts] == [False, True]


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_a_killed_server_loses_and_doubles_nothing(name: str, request: pytest.FixtureRequest) -> None:
    """Writers and readers hear an error, and go on when it is back."""
    server = request.getfixturevalue(name)
    tracker = tracker_on(f"django://{emptied(name)}")
    record(tracker, good=5)
    tracker.store.flush()
    server.kill()

    record(tracker, bad=2)
    started = time.monotonic()
    tracker.store.flush()
    assert time.monotonic() - started < 20  # it is away until it is started
    assert not tracker.store.health().is_up
    server.start()
    tracker.store.flush()

    assert counts_of(tracker) == (5, 2)
    assert tracker.store.health().is_up
    tracker.store.close()


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_a_server_that_hangs_is_left(name: str, request: pytest.FixtureRequest) -> None:
    """Its kernel still takes connections; nobody answers. What it may have written is not written twice."""
    server = request.getfixturevalue(name)
    tracker = tracker_on(f"django://{emptied(name)}")
    tracker.record(True)
    tracker.store.flush()
    server.pause()
    try:
        tracker.record(True)
        started = time.monotonic()
        tracker.store.flush()
        assert time.monotonic() - started < 20  # it hangs until it is resumed
        assert not tracker.store.health().is_up
    finally:
        server.resume()
    tracker.store.flush()

    assert counts_of(tracker) == (2, 0)
    tracker.store.close()


def test_a_server_that_stops_answering_in_the_middle_is_cut_off(postgres: PostgreSQL) -> None:
    """PostgreSQL keeps its own time-outs, and a stopped server keeps none."""
    store = open_django(f"django://{emptied('postgres')}", service="shop")
    started = time.monotonic()
    try:
        with pytest.raises(StoreError), store._database.reading() as transaction:
            transaction.fetch("SELECT 1")
            postgres.pause()
            transaction.fetch("SELECT 1")
        assert time.monotonic() - started < 20  # it hangs until it is resumed
    finally:
        postgres.resume()
    assert store.names() == []


def test_many_writers_of_many_slos_do_not_deadlock(alias: str) -> None:
    """Each process declares the same SLOs in an order of its own."""
    names = [f"slo-{number}" for number in range(6)]
    store = open_django(f"django://{alias}", service="shop")
    now = int(store.apply([]).now)
    failures: list[Exception] = []

    def write(index: int) -> None:
        order = names[index:] + names[:index]
        for number in (1, 2, 3):
            batches = [
                batch_of(
                    [(now - number, 1, index)],
                    number=number,
                    writer=f"{index:032x}",
                    slo=name,
                    declaration=declared(now),
                )
                for name in order
            ]
            for _ in range(20):
                try:
                    applied = store.apply(batches)
                except StoreError as exc:  # SQLite: one writer at a time, for a second
                    failures.append(exc)
                    continue
                assert applied.noted == (number,) * len(names)
                break

    threads = [threading.Thread(target=write, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    totals = [stored.record for stored in store.read([Query(name, ()) for name in names])]
    assert [(record.good, record.bad) for record in totals if record] == [(18, 45)] * 6
    assert all("locked" in str(exc) or "Deadlock" in str(exc) for exc in failures)


def filled(alias: str, names: list[str]) -> tuple[DjangoBucketStore, int]:
    """A store in which the SLO at each place has that many good events in each of the last ten seconds; the last one."""
    store = open_django(f"django://{alias}", service="shop")
    now = int(store.apply([]).now) // 10 * 10 + 9
    store.apply(
        [
            batch_of(
                [(now - second, place, 1) for second in range(10)], number=1, slo=name, declaration=declared(float(now))
            )
            for place, name in enumerate(names)
        ]
    )
    return store, now


def noted_statements(store: DjangoBucketStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement of the store from now on."""
    statements: list[str] = []
    connect = store._database.new_connection

    def watched() -> Any:
        connection = connect()

        def note(execute: Any, sql: str, *rest: Any) -> Any:
            statements.append(sql)
            return execute(sql, *rest)

        connection.execute_wrappers.append(note)
        return connection

    monkeypatch.setattr(store._database, "new_connection", watched)
    return statements


def test_a_list_of_many_slos_takes_as_many_statements_as_one(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for what is known of them, one for their sums; a page that lists 200 does not ask 200 times."""
    names = [f"slo-{place}" for place in range(200)]
    store, now = filled(alias, names)
    statements = noted_statements(store, monkeypatch)
    ranges = (BucketRange(1, now - 4, now), BucketRange(1, now - 9, now - 5), BucketRange(60, now // 60, now // 60))
    store.read([Query("slo-0", ranges)])
    of_one = list(statements)
    statements.clear()

    found = store.read([Query(name, ranges) for name in names])

    assert [stored.sums[0] for stored in found] == [EventCounts(5 * place, 5) for place in range(200)]
    assert len(statements) == len(of_one)
    assert len([sql for sql in statements if "slo_django_" in sql]) == 2


def test_slos_with_ranges_of_their_own_are_read_together(alias: str) -> None:
    """Each gets the sums that it asked for, in its order; one that nobody has declared gets none."""
    store, now = filled(alias, ["none", "few", "many"])
    last, earlier, before = BucketRange(1, now, now), BucketRange(1, now - 3, now), BucketRange(1, now - 99, now - 90)

    found = store.read(
        [
            Query("many", (earlier, last)),
            Query("nobody", (last, earlier)),
            Query("few", (before, last, before)),
            Query("none"),
            Query("many", (before,)),
        ]
    )

    assert [stored.sums for stored in found] == [
        (EventCounts(8, 4), EventCounts(2, 1)),
        (EventCounts(), EventCounts()),
        (EventCounts(), EventCounts(1, 1), EventCounts()),
        (),
        (EventCounts(),),
    ]
    assert [stored.record and stored.record.good for stored in found] == [20, None, 10, 0, 20]


def test_there_may_be_more_ranges_than_one_statement_takes(alias: str) -> None:
    """SQLite joins 500 at most; SLOs whose windows all differ may need more."""
    store, now = filled(alias, ["none", "few"])
    ranges = tuple(BucketRange(1, now - second, now) for second in range(1200))

    (stored,) = store.read([Query("few", ranges)])

    assert stored.sums == tuple(EventCounts(min(second + 1, 10), min(second + 1, 10)) for second in range(1200))


def test_a_server_is_asked_in_few_messages(postgres: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three for a reading and two for a flush, however many SLOs: each is a way to the server and back."""
    names = [f"slo-{place}" for place in range(20)]
    store, now = filled(emptied("postgres"), names)
    messages = noted_statements(store, monkeypatch)

    store.read([Query(name, (BucketRange(1, now - 4, now),)) for name in names])
    of_reading = len(messages)
    store.apply([batch_of([(now, 1, 0)], number=2, slo=name) for name in names])

    assert (of_reading, len(messages) - of_reading) == (3, 2)


def test_the_projects_options_change_nothing(postgres: PostgreSQL) -> None:
    """Bound by the server, values allow no more than one statement at a time."""
    options = {"server_side_binding": True}
    emptied("postgres")
    with django_database("bound", {**postgres.settings, "OPTIONS": options}, migrate=False):
        store, now = filled("bound", ["none", "one"])

        (stored,) = store.read([Query("one", (BucketRange(1, now - 4, now),))])

        assert stored.sums == (EventCounts(5, 5),)


def outdated(alias: str, buckets: Sequence[int]) -> DjangoBucketStore:
    """A store with an event now, and those seconds, counted from a second long ago, that no window reads again."""
    store = open_django(f"django://{alias}", service="shop")
    now = int(store.apply([]).now)
    store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(float(now)))])
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT id FROM slo_django_slo")
        (key,) = cursor.fetchone()
        long_ago = now - 90 * 86_400
        cursor.executemany(
            "INSERT INTO slo_django_bucket (slo_id, width, bucket, good, bad) VALUES (%s, 1, %s, 1, 0)",
            [(key, long_ago + bucket) for bucket in buckets],
        )
    connections[alias].close()
    return store


def test_pruning_goes_on_where_it_stopped(alias: str) -> None:
    """A portion at a time, over gaps of any length, and never into what windows read."""
    store = outdated(alias, [0, 1, 999, 1000, 86_400 * 80, 86_400 * 80 + 1])

    portions = [store.prune(seconds=0.0) for _ in range(4)]

    assert portions == [3, 1, 2, 0]
    (stored,) = store.read([Query("availability")])
    assert stored.record is not None
    assert len(store.series("availability", BucketRange(1, 0, 2**40))) == 1
    assert len(store.series("availability", BucketRange(86_400, 0, 2**40))) == 1


def test_old_notes_are_pruned_in_portions(alias: str) -> None:
    """A day's notes of workers that live for minutes are many; those of the last day stay."""
    store = outdated(alias, [])
    now = store.apply([]).now
    with connections[alias].cursor() as cursor:
        cursor.executemany(
            "INSERT INTO slo_django_note (writer, slo_id, number, noted_at) VALUES (%s, 1, 1, %s)",
            [(f"{place:032x}", now - age) for place, age in enumerate((200_000, 199_500, 90_000, 86_000))],
        )
    connections[alias].close()

    assert [store.prune(seconds=0.0) for _ in range(3)] == [2, 1, 0]
    assert store.apply([batch_of([(int(now), 1, 0)], number=2)]).noted == (2,)


def test_a_large_backlog_is_pruned_on_a_slow_server(postgres: PostgreSQL) -> None:
    """A statement may take two seconds, and what is to be deleted takes longer; a worker does its share of it."""
    from django.core.management import call_command
    from django.test import override_settings

    store = outdated(emptied("postgres"), ())
    postgres.query(
        "INSERT INTO slo_django_bucket SELECT id, 1, second, 1, 0 FROM slo_django_slo, generate_series(1, 12000) second;"
        "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF old.bucket % 100 = 0 THEN PERFORM pg_sleep(0.02); END IF; RETURN old; END';"
        "CREATE TRIGGER slowly BEFORE DELETE ON slo_django_bucket FOR EACH ROW EXECUTE FUNCTION slowly()"
    )
    out = io.StringIO()
    try:
        deleted = store.prune()
        with override_settings(SLO_STORE="django://postgres"):
            call_command("slo_prune", stdout=out)
    finally:
        postgres.query("DROP FUNCTION slowly CASCADE")

    assert 0 < deleted < 12_000
    assert out.getvalue() == f"django://postgres: {12_000 - deleted} rows deleted.\n"
    assert postgres.query("SELECT count(*) FROM slo_django_bucket WHERE width = 1") == "1"


def test_tables_of_a_newer_version_are_left_alone(alias: str) -> None:
    """Whoever knows only older ones neither writes to them nor reads them, and says what to do."""
    store, now = filled(alias, ["few"])
    with connections[alias].cursor() as cursor:
        cursor.execute("UPDATE slo_django_store SET schema_version = 2")
    connections[alias].close()

    for act in (
        store.identity,
        store.names,
        store.services,
        store.prune,
        lambda: store.read([Query("few")]),
        lambda: store.series("few", BucketRange(1, now, now)),
        lambda: store.apply([batch_of([(now, 1, 0)], number=2, slo="few")]),
    ):
        with pytest.raises(StoreError, match=r"of a newer slo-suite \(schema 2, this one knows 1\); upgrade slo-suite"):
            act()
    with connections[alias].cursor() as cursor:
        cursor.execute("UPDATE slo_django_store SET schema_version = 1")
        cursor.execute("SELECT number FROM slo_django_note")
        assert cursor.fetchall() in ([(1,)], ((1,),))
    connections[alias].close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "mariadb"])
def test_tables_without_a_version_are_the_first(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Until migrate has run it is asked for; what they hold stays, and who knows no version still writes to them."""
    from django.core.management import call_command

    if kind == "sqlite":
        database: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db.sqlite3")}
    else:
        server = request.getfixturevalue(kind)
        server.query("CREATE DATABASE older")
        database = {**server.settings, "NAME": "older"}
    with django_database("older", database, migrate=False):
        call_command("migrate", "slo_django", "0002", database="older", verbosity=0)
        with connections["older"].cursor() as cursor:
            cursor.execute("INSERT INTO slo_django_store (id, store_id, created) VALUES (1, %s, 5.0)", ["a" * 32])
        store = open_django("django://older")
        with pytest.raises(StoreError, match="of an older slo-suite .*migrate slo_django --database older"):
            store.apply([])
        assert not store.has_tables()

        call_command("migrate", "slo_django", database="older", verbosity=0)

        assert store.has_tables()
        assert store.identity().store_id == "a" * 32
        with connections["older"].cursor() as cursor:
            cursor.execute("INSERT INTO slo_django_store (id, store_id, created) VALUES (2, %s, 5.0)", ["b" * 32])
            cursor.execute("SELECT schema_version FROM slo_django_store")
            assert [version for (version,) in cursor.fetchall()] == [1, 1]


def test_missing_tables_are_said_to_be(tmp_path: Path) -> None:
    """Once migrate has run, everything counted meanwhile is there."""
    from django.core.management import call_command

    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "new.sqlite3")}
    with django_database("new", database, migrate=False):
        store = open_django("django://new")
        assert not store.has_tables()
        tracker = tracker_on("django://new")
        tracker.record(False)
        with pytest.raises(
            StoreError, match=r"its tables are missing; run manage\.py migrate slo_django --database new"
        ):
            tracker.snapshot()

        call_command("migrate", "slo_django", database="new", verbosity=0)

        assert store.has_tables()
        assert counts_of(tracker) == (0, 1)
        tracker.store.close()


def test_a_server_that_is_not_there_is_an_error_without_a_password() -> None:
    """The application starts, and says why nothing is counted."""
    database = {
        "ENGINE": "django.db.backends.postgresql", "NAME": "shop", "USER": "slo", "PASSWORD": "hunter2",
        "HOST": "127.0.0.1", "PORT": str(free_port()),
    }  # fmt: skip
    with django_database("away", database, migrate=False):
        store = open_django("django://away")
        with pytest.raises(StoreError, match="store django://away: OperationalError") as found:
            store.names()
        assert "hunter2" not in str(found.value)


def test_a_pool_of_the_project_is_left_alone(postgres: PostgreSQL) -> None:
    """Its connections are the requests'."""
    with django_database("pooled", {**postgres.settings, "OPTIONS": {"pool": True}}, migrate=False):
        connection = open_django("django://pooled")._database.new_connection()
        assert connection.pool is None  # type: ignore[attr-defined]
        assert connection.settings_dict["OPTIONS"]["connect_timeout"] == 2
        assert connections["pooled"].settings_dict["OPTIONS"] == {"pool": True}
        connections["pooled"].settings_dict["OPTIONS"].clear()  # closing would ask for a package we do not need


def test_a_local_time_zone_changes_nothing(mariadb: MariaDB) -> None:
    """The server's clock is read in UTC: in autumn an hour comes twice."""
    store = open_django(f"django://{emptied('mariadb')}", service="shop")
    mariadb.query("SET GLOBAL time_zone = '-05:00'")
    try:
        assert abs(store.apply([]).now - time.time()) < 600  # zones are half-hours apart
    finally:
        mariadb.query("SET GLOBAL time_zone = 'SYSTEM'")


def test_sqlite_has_the_clock_of_the_process(sqlite: None) -> None:
    """It has none of its own that could be another's."""
    clock = FakeClock(1_800_000_000.0)
    store = open_django(f"django://{emptied('sqlite')}", clock=clock)

    assert store.apply([]).now == 1_800_000_000.0
    assert store.scope == "host"


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("django://nowhere", {}, r"expected django:// and one of settings\.DATABASES: .*default"),
        ("django:default", {}, "expected django://"),
        ("django://default", {"size": 1}, "expected no options, got size"),
    ],
)
def test_a_bad_url_is_named(url: str, options: dict[str, object], message: str) -> None:
    """At the start, before anything is counted."""
    with pytest.raises(StoreError, match=message):
        open_django(url, **options)


def test_an_engine_that_cannot_add_is_refused() -> None:
    """Oracle has no upsert that we know."""
    with (
        django_database("oracle", {"ENGINE": "django.db.backends.oracle", "NAME": "x"}, migrate=False),
        pytest.raises(StoreError, match="needs PostgreSQL, MariaDB, MySQL or SQLite"),
    ):
        open_django("django://oracle")


def test_a_test_without_its_database_counts_nowhere(postgres: PostgreSQL) -> None:
    """A SimpleTestCase must not write into the developer's own database."""
    with django_database("mine", postgres.settings, migrate=False):
        connections["mine"].settings_dict["TEST"] = {"NAME": None}
        connections.settings["mine"]["TEST"] = {"NAME": None}
        with pytest.raises(StoreError, match="a test runs that has no test database"):
            open_django("django://mine").names()


@pytest.mark.parametrize("store", ["", "django://default"])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_projects_own_tests_are_left_alone(
    store: str, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """`manage.py test`: no refused connection, none that keeps a test database from going, and nothing in the real one."""
    if kind == "postgres":
        server: PostgreSQL = request.getfixturevalue("postgres")
        emptied("postgres")
        database = server.settings
    else:
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "real.db")}
    done = subprocess.run(
        [sys.executable, str(SUPPORT / "fleet_service.py"), "test", "fleet_django_tests"],
        env={**os.environ, "SERVICE_DATABASE": json.dumps(database), "SERVICE_STORE": store, "SERVICE_INTERVAL": "0.05"},
        capture_output=True, text=True, check=False, cwd=SUPPORT,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "Ran 3 tests" in done.stderr
    assert "OK" in done.stderr
    if not store:
        assert "slo" not in done.stderr
    if kind == "postgres":
        assert server.query("SELECT count(*) FROM slo_django_bucket") == "0"
        assert server.query("SELECT datname FROM pg_database WHERE datname LIKE 'test_%'") == ""
    else:
        assert not (tmp_path / "real.db").exists()
