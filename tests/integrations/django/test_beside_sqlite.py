"""The default store beside a project's SQLite database: a file of our own, and what the checks say of all other ways."""

from __future__ import annotations

import io
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client, override_settings

from django_databases import django_database, make_tables
from slo_core.stores.buckets import Query
from slo_core.stores.shared import write_behind
from slo_core.stores.sql import retry
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import batch_of, declared
from slo_django import conf, default_store, get_registry, own_file
from slo_django.checks import CheckID
from slo_django.installation import current
from slo_django.store import database as store_database
from slo_django.store.bucket_store import DjangoBucketStore, open_django

SQLITE = "django.db.backends.sqlite3"


@pytest.fixture(autouse=True)
def database_access(django_db_blocker: Any) -> Iterator[None]:
    """pytest-django guards the project's database; these tests make databases of their own."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of the project's database, without tables; no setting names a store, and no test seems to run."""
    from django.conf import settings

    file = tmp_path / "db.sqlite3"
    monkeypatch.setattr(conf, "is_being_tested", lambda: False)
    monkeypatch.setattr(store_database, "is_being_tested", lambda: False)
    # Where there are no tables, the events of a test wait for the store in vain.
    monkeypatch.setattr(write_behind, "_CLOSE_SECONDS", 0.1)
    with django_database("shop", {"ENGINE": SQLITE, "NAME": str(file)}, migrate=False):
        with override_settings(DATABASE_ROUTERS=[Router()]):
            del settings.SLO_STORE
            yield file
            current.replace()


class Router:
    """Sends every model to the same database."""

    def db_for_write(self, model: type, **_: Any) -> str:
        return "shop"


class OnlyOurs:
    """Sends our models to a database of their own."""

    def db_for_write(self, model: type, **_: Any) -> str | None:
        return "shop" if model._meta.app_label == "slo_django" else None


def messages() -> list[CheckMessage]:
    return [message for message in run_checks() if message.id in (CheckID.SECOND_WRITER, CheckID.COUNTS_LEFT_BEHIND)]


# --- where it is


def test_events_are_kept_beside_the_database(shop: Path) -> None:
    """In a file named after it, under the project's name; nothing is to be said of that."""
    assert Client().get("/plain/").status_code == 200
    registry = get_registry()
    registry.flush()

    assert (registry.store.backend, registry.service) == ("sqlite", "slo_test_project")
    with closing(SQLiteBucketStore(shop.with_name("db.slo.sqlite3"), service="slo_test_project")) as buckets:
        (stored,) = buckets.read([Query("availability")])
    assert stored.record is not None
    assert stored.record.good == 1
    assert not shop.exists()  # not even looked at
    assert messages() == []


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("{}/db.sqlite3", "db.slo.sqlite3"),
        ("{}/shop", "shop.slo"),
        ("file:{}/db%201.sqlite3?mode=rw", "db 1.slo.sqlite3"),
        ("{}/link.sqlite3", "volume/db.slo.sqlite3"),  # beside the file that SQLite itself writes
    ],
)
def test_the_name_is_the_databases(shop: Path, monkeypatch: pytest.MonkeyPatch, name: str, own: str) -> None:
    """However that is written down."""
    folder = shop.parent
    (folder / "volume").mkdir()
    (folder / "link.sqlite3").symlink_to("volume/db.sqlite3")
    monkeypatch.setitem(connections.settings["shop"], "NAME", name.format(folder))

    assert conf.read_settings().store == f"sqlite:///{folder.resolve() / own}"


def test_nothing_is_made_before_the_first_event(shop: Path) -> None:
    """Checks, and apps that ask for their SLOs while they are loaded, leave no file in an image."""
    get_registry()
    run_checks()

    assert not shop.with_name("db.slo.sqlite3").exists()


def _not_writable(shop: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    # Permissions do not bind root, as whom these tests may run.
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != shop.parent and may(path, mode))
    return f"no file can be made in {shop.parent}"


def _made_by_root(shop: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    own = shop.with_name("db.slo.sqlite3")
    own.touch()
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != own and may(path, mode))
    return f"{own} cannot be written by this process"


def _mounted(shop: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    mounts = shop.with_name("mountinfo")
    escaped = str(shop).replace(" ", "\\040")
    mounts.write_text(f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n36 22 8:1 /srv/db {escaped} rw - ext4 /dev/sda1 rw\n\n")
    monkeypatch.setattr(own_file, "_MOUNTS", mounts)
    return f"{shop} itself is mounted"


@pytest.mark.parametrize("hindered", [_not_writable, _made_by_root, _mounted])
def test_where_there_can_be_no_file_a_check_names_the_ways_out(
    shop: Path,
    monkeypatch: pytest.MonkeyPatch,
    hindered: Callable[[Path, pytest.MonkeyPatch], str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Events go to the database itself then, rather than to a file that is lost."""
    obstacle = hindered(shop, monkeypatch)

    settings = conf.read_settings()
    (message,) = messages()

    assert (settings.store, settings.service) == ("django://shop", "slo_test_project")
    assert message.id == CheckID.SECOND_WRITER
    assert obstacle in message.msg
    assert "mount the folder" in message.hint
    assert 'SLO_STORE = "sqlite:////path/slo.db"' in message.hint
    Client().get("/plain/")
    assert [obstacle in line for line in caplog.messages if "of the project itself" in line] == [True]


def test_a_blank_in_a_mount_point_is_a_blank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel writes it as an octal number."""
    folder = tmp_path / "my shop"
    folder.mkdir()
    _mounted(folder / "db.sqlite3", monkeypatch)

    assert own_file.obstacle_to(folder / "db.sqlite3")
    assert not own_file.obstacle_to(folder / "other.sqlite3")


# --- a second writer


def test_a_store_that_is_the_projects_own_file_is_a_warning(shop: Path) -> None:
    """By an alias, or by the file's name; unless its transactions wait, or nothing of the project goes there."""
    with override_settings(SLO_STORE="django://shop"):
        (message,) = messages()
        assert message.id == CheckID.SECOND_WRITER
        assert f"Leave SLO_STORE out: events are then kept in {shop.with_name('db.slo.sqlite3')};" in message.hint
        with override_settings(DATABASE_ROUTERS=[OnlyOurs()]):
            assert messages() == []
        connections.settings["shop"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE"}
        assert messages() == []
    with override_settings(SLO_STORE=f"sqlite:///{os.path.relpath(shop)}"):
        (message,) = messages()
        assert message.id == CheckID.SECOND_WRITER
        assert message.hint == f'Name another file: SLO_STORE = "sqlite:///{shop.with_name("db.slo.sqlite3")}".'
    with override_settings(SLO_STORE=f"sqlite:///{shop.with_name('slo.db')}"):
        assert messages() == []


def test_a_store_in_a_server_is_none(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has many writers."""
    monkeypatch.setitem(connections.settings["shop"], "ENGINE", "django.db.backends.postgresql")
    with override_settings(SLO_STORE="django://shop"):
        assert messages() == []


def test_the_store_waits_for_a_transaction_that_has_read(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLite lets us see it, without WAL: one that reads and then writes does not fail because a flush waits."""
    make_tables("shop")
    waits, has_written = threading.Event(), threading.Event()

    def pause(seconds: float) -> None:
        waits.set()
        assert has_written.wait(60)

    monkeypatch.setattr(retry, "time", SimpleNamespace(sleep=pause, monotonic=time.monotonic))
    with override_settings(SLO_STORE="django://shop"), closing(sqlite3.connect(shop, isolation_level=None)) as project:
        registry = get_registry()
        registry["availability"].record_success()
        project.execute("CREATE TABLE product (name TEXT)")
        project.execute("BEGIN")
        project.execute("SELECT count(*) FROM product").fetchall()
        flush = threading.Thread(target=registry.flush)
        flush.start()
        assert waits.wait(60)
        try:
            project.execute("INSERT INTO product VALUES ('sofa')")
            project.execute("COMMIT")
        finally:
            has_written.set()
            flush.join()

        assert registry["availability"].snapshot().total == 1


# --- counts from before


@pytest.fixture
def counted(shop: Path) -> DjangoBucketStore:
    """The project's tables, with 100 events of one SLO, 4 of them bad, of an earlier version."""
    make_tables("shop")
    store = open_django("django://shop", service="slo_test_project")
    then = int(store.apply([]).now) - 86_400
    store.apply([batch_of([(then, 96, 4)], number=1, slo="availability", declaration=declared(float(then)))])
    return store


def copy_counts(*arguments: str) -> str:
    out = io.StringIO()
    call_command("slo_copy_counts", *arguments, stdout=out)
    return out.getvalue()


def test_counts_in_the_tables_are_copied_by_one_command(shop: Path, counted: DjangoBucketStore) -> None:
    """The check says so, before workers have counted on and after; they miss nothing, and nothing counts twice."""
    (message,) = messages()
    assert message.id == CheckID.COUNTS_LEFT_BEHIND
    assert "availability" in message.msg
    assert "manage.py slo_copy_counts" in message.hint
    get_registry()["availability"].record_failure()
    get_registry().flush()
    definition = get_registry()["availability"].definition
    assert [message.id for message in messages()] == [CheckID.COUNTS_LEFT_BEHIND]
    for command in ("slo_status", "slo_gate"):
        notes = io.StringIO()
        with suppress(SystemExit):  # the gate does not know enough of the other SLOs
            call_command(command, stdout=io.StringIO(), stderr=notes)
        assert notes.getvalue().endswith("worked out without them. Copy them: manage.py slo_copy_counts\n")

    assert copy_counts().splitlines()[0] == "availability: 100 events, 4 bad; copied"
    assert copy_counts().splitlines()[0] == "availability: 100 events, 4 bad; copied before, nothing added"

    snapshot = get_registry()["availability"].snapshot()
    assert (snapshot.total, snapshot.failures) == (101, 5)
    (stored,) = counted.read([Query("availability")])
    assert stored.record is not None
    assert snapshot.data_since == stored.record.data_since
    assert snapshot.definition_changed_at is None
    assert definition.name == "availability"
    assert messages() == []


def test_a_copy_is_made_once_however_late_it_is_repeated(
    shop: Path, counted: DjangoBucketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store forgets its notes of the copy after a day: that it is measured from then on is not forgotten."""
    copy_counts()
    with closing(sqlite3.connect(shop.with_name("db.slo.sqlite3"))) as opened, opened:
        opened.execute("DELETE FROM note")

    assert "copied before" in copy_counts()
    assert get_registry()["availability"].snapshot().total == 100


def test_counts_can_be_copied_to_any_store(shop: Path, counted: DjangoBucketStore, tmp_path: Path) -> None:
    """The store that the settings name; not to where they are, and not to one that cannot be shared."""
    with override_settings(SLO_STORE=f"sqlite:///{tmp_path / 'elsewhere.db'}", SLO_SERVICE="slo_test_project"):
        assert "1 SLOs of slo_test_project" in copy_counts("--database", "shop")
        assert get_registry()["availability"].snapshot().total == 100
    for store in ("django://shop", "memory://"):
        with override_settings(SLO_STORE=store, SLO_SERVICE="slo_test_project"), pytest.raises(CommandError):
            copy_counts()


def test_a_server_logs_it(shop: Path, counted: DjangoBucketStore, caplog: pytest.LogCaptureFixture) -> None:
    """Servers run no checks; the log says it with the first request, from a thread of its own."""
    with caplog.at_level(logging.WARNING, logger="slo_core"):
        assert Client().get("/plain/").status_code == 200
        for thread in threading.enumerate():
            if thread.name == "slo-left-behind":
                thread.join(60)

    assert any("slo_copy_counts" in message for message in caplog.messages)


def test_a_new_project_hears_nothing(shop: Path) -> None:
    """Neither without tables nor with empty ones."""
    sqlite3.connect(shop).close()
    shop.touch()
    assert left_behind_slos() == []
    make_tables("shop")
    assert left_behind_slos() == []


def left_behind_slos() -> list[str]:
    assert messages() == []
    return default_store.slos_left_behind() if shop_has_tables() else []


def shop_has_tables() -> bool:
    return "slo_django_slo" in connections["shop"].introspection.table_names()


# --- the host's own transactions

_PROJECT = """
import logging, sys, threading, time
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
options = {"init_command": "PRAGMA journal_mode=WAL;"} if sys.argv[1] == "wal" else {}
settings.configure(
    SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True, SLO_FLUSH_INTERVAL=0.01,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3", "OPTIONS": options}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "slo_django"],
    MIDDLEWARE=["slo_django.middleware.SLOMiddleware"],
    SLO_DEFINITIONS={"availability": {"target": "99.9%"}},
)
import django
django.setup()
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import transaction
from django.core.handlers.wsgi import WSGIHandler
from slo_django import get_registry
def buy(request):
    with transaction.atomic():
        Group.objects.count()
        time.sleep(0.02)
        Group.objects.create(name=str(time.time_ns()))
    return HttpResponse("bought")
urlpatterns = [path("buy/", buy)]
call_command("migrate", verbosity=0)
logging.disable(logging.CRITICAL)
application, statuses = WSGIHandler(), []
from wsgiref.util import setup_testing_defaults
for _ in range(60):
    environ = {"PATH_INFO": "/buy/"}
    setup_testing_defaults(environ)
    application(environ, lambda status, headers, exc_info=None: statuses.append(status)).close()
print(sum(not status.startswith("200") for status in statuses), get_registry()["availability"].snapshot().total)
"""


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_no_transaction_of_the_project_meets_a_second_writer(tmp_path: Path, mode: str) -> None:
    """Sixty that read, and then write; the store writes a hundred times a second."""
    (tmp_path / "shop.py").write_text(_PROJECT)
    done = subprocess.run(
        [sys.executable, "shop.py", mode], cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False,
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
    )  # fmt: skip

    assert done.stdout == "0 60\n", done.stderr
