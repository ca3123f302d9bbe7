"""
`django://`: the contract over every kind of database, and what is the project's own to decide.

Tests of bucket_store and dialect.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.urls import path

from damaged_slo import DamagedSLO
from database_servers import MariaDB, PostgreSQL
from django_databases import django_database
from django_store import counts_of, emptied, filled, record, tracker_on
from old_events import OldEvents
from slo_core import StoreError
from slo_core.stores.buckets import BucketRange, Query
from slo_core.testing import FakeClock, StoreContract, batch_of
from slo_django.store.bucket_store import DjangoBucketStore, open_django
from slo_servers import free_port
from store_accidents import DjangoAccidents

SUPPORT = Path(__file__).parents[2] / "support"


class TestSQLite(DjangoAccidents, OldEvents, StoreContract):
    """Every promise of a shared store, on a file."""

    @pytest.fixture
    def make_store(self, sqlite: None) -> Callable[..., DjangoBucketStore]:
        url = f"django://{emptied('sqlite')}"
        return lambda service="shop": open_django(url, service=service)


class TestPostgreSQL(DjangoAccidents, OldEvents, StoreContract):
    """The same on PostgreSQL."""

    @pytest.fixture
    def make_store(self, postgres: PostgreSQL) -> Callable[..., DjangoBucketStore]:
        url = f"django://{emptied('postgres')}"
        return lambda service="shop": open_django(url, service=service)


class TestMariaDB(DjangoAccidents, OldEvents, StoreContract):
    """The same on MariaDB."""

    @pytest.fixture
    def make_store(self, mariadb: MariaDB) -> Callable[..., DjangoBucketStore]:
        url = f"django://{emptied('mariadb')}"
        return lambda service="shop": open_django(url, service=service)


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


def test_tables_of_a_newer_version_are_left_alone(alias: str) -> None:
    """A process that knows only older ones neither writes to them nor reads them, and says what to do."""
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
        lambda: store.series([Query("few", (BucketRange(1, now, now),))]),
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
        with pytest.raises(StoreError, match="store django://away: OperationalError") as caught:
            store.names()
        assert "hunter2" not in str(caught.value)


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
    assert "slo" not in done.stderr
    if kind == "postgres":
        assert server.query("SELECT count(*) FROM slo_django_bucket") == "0"
        assert server.query("SELECT datname FROM pg_database WHERE datname LIKE 'test_%'") == ""
    else:
        assert not (tmp_path / "real.db").exists()


OF_BUCKETS = "slo_id = (SELECT id FROM slo_django_slo WHERE name = 'damaged')"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE slo_django_slo SET good = -1 WHERE name = 'damaged'",
        "UPDATE slo_django_slo SET keeps_seconds = -1 WHERE name = 'damaged'",
        "UPDATE slo_django_slo SET definition = 'é' WHERE name = 'damaged'",
        f"UPDATE slo_django_bucket SET bad = -7 WHERE {OF_BUCKETS}",
    ],
)
def test_rows_of_others_hide_their_slo_alone(alias: str, change: str) -> None:
    """Negative numbers, and text that was not packed; workers and an exporter show the other SLO."""
    slos = DamagedSLO(lambda service: open_django(f"django://{alias}", service=service))
    with connections[alias].cursor() as cursor:
        cursor.execute(change)
    connections[alias].close()

    slos.assert_alone_hidden()
    slos.close()


@pytest.mark.parametrize(
    "change",
    [
        "good = 'many'", "since = 'yesterday'", "newest = x'ff'", "definition = x'ff'",
    ],
)  # fmt: skip
def test_rows_of_any_type_hide_their_slo_alone(sqlite: None, change: str) -> None:
    """SQLite keeps in any column what it is given."""
    url = f"django://{emptied('sqlite')}"
    slos = DamagedSLO(lambda service: open_django(url, service=service))
    with connections["sqlite"].cursor() as cursor:
        cursor.execute(f"UPDATE slo_django_slo SET {change} WHERE name = 'damaged'")
    connections["sqlite"].close()

    slos.assert_alone_hidden()
    slos.close()


def test_text_of_others_hides_no_other(sqlite: None) -> None:
    """Bytes that are no text, and text that was not packed: no SLO has such a name, and an exporter no such definition."""
    url = f"django://{emptied('sqlite')}"
    slos = DamagedSLO(lambda service: open_django(url, service=service))
    for column, value in (
        ("definition", "CAST(x'ff' AS TEXT)"),
        ("name", "CAST(x'ff' AS TEXT)"),
        ("name", "x'ff'"),
        ("name", "'é'"),
        ("name", "7"),
    ):
        with connections["sqlite"].cursor() as cursor:
            cursor.execute(f"UPDATE slo_django_slo SET {column} = {value} WHERE name NOT LIKE 'whole'")
        connections["sqlite"].close()

        assert slos.shown_by_exporter()[0] == ["whole"], value
        assert slos.registry["whole"].snapshot().total == 1, value
    slos.close()
