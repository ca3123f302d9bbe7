"""The store in the project's database: what is taken without being asked for, and what the commands and checks say of it."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.backends.signals import connection_created
from django.test import Client, override_settings

from django_databases import django_database
from slo_core.errors import StoreError
from slo_core.status_page.links import relative_links
from slo_core.testing import StoreContract, batch_of, declared
from slo_django import conf, get_registry
from slo_django.checks import CheckID
from slo_django.installation import current
from slo_django.store.bucket_store import open_django


@pytest.fixture(autouse=True)
def database_access(django_db_blocker: Any) -> Iterator[None]:
    """pytest-django guards the project's database; these tests make databases of their own."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[str]:
    """A migrated database in a file."""
    with django_database("shop", {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "shop.db")}) as alias:
        yield alias
        current.replace()  # let go of it before it is closed


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The project's settings without `SLO_STORE`, with a database in a file, and as if no tests were running."""
    from django.conf import settings

    monkeypatch.setitem(connections.settings["default"], "NAME", str(tmp_path / "default.db"))
    monkeypatch.setattr(conf, "is_being_tested", lambda: False)
    with override_settings():
        del settings.SLO_STORE
        yield


class Router:
    """Sends our models to a database of their own."""

    def db_for_write(self, model: type, **_: Any) -> str | None:
        return "shop" if model._meta.app_label == "slo_django" else None


def test_the_default_is_the_projects_database(unasked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where that is a server; and the project's package is the service."""
    monkeypatch.setitem(connections.settings["default"], "ENGINE", "django.db.backends.postgresql")
    settings = conf.read_settings()

    assert (settings.store, settings.service) == ("django://default", "slo_test_project")


def test_a_router_says_which_database(unasked: None, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every other model."""
    with override_settings(DATABASE_ROUTERS=[Router()]):
        assert str(conf.read_settings().store).endswith("/shop.slo.db")
        monkeypatch.setitem(connections.settings["shop"], "ENGINE", "django.db.backends.postgresql")
        assert conf.read_settings().store == "django://shop"


def test_a_service_that_is_named_stays(unasked: None) -> None:
    """And with another store nobody guesses."""
    with override_settings(SLO_SERVICE="orders"):
        assert conf.read_settings().service == "orders"
    with override_settings(SLO_STORE="memory://"):
        assert conf.read_settings().service == "default"


def test_a_project_without_a_database_counts_in_memory(unasked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django puts a dummy in its place; a kind that we cannot use is no better."""
    for engine in ("django.db.backends.dummy", "django.db.backends.oracle"):
        monkeypatch.setitem(connections.settings["default"], "ENGINE", engine)
        assert conf.read_settings().store == "memory://"


def test_a_database_in_memory_is_no_place_to_share(unasked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection would have its own; asked for all the same, it is refused."""
    for name in (":memory:", "file:memorydb_default?mode=memory&cache=shared"):
        monkeypatch.setitem(connections.settings["default"], "NAME", name)
        assert conf.read_settings().store == "memory://"
    with pytest.raises(StoreError, match="use memory:// in tests"):
        open_django("django://default").names()


def test_tests_count_in_memory(unasked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless they say otherwise; and nobody is warned of what they did not choose."""
    monkeypatch.setattr(conf, "is_being_tested", lambda: True)

    assert conf.read_settings().store == "memory://"
    assert messages() == []


def test_requests_are_counted_in_the_database(shop: str) -> None:
    """Each installation is another process, as far as the store is concerned."""
    with override_settings(SLO_STORE=f"django://{shop}"):
        assert Client().get("/plain/").status_code == 200
        current.replace()

        assert get_registry()["availability"].snapshot().total == 1


def test_options_belong_to_other_stores(shop: str) -> None:
    """They are named."""
    with override_settings(SLO_STORE=f"django://{shop}", SLO_STORE_OPTIONS={"timeout": 3}):
        (message,) = messages()

    assert message.id == CheckID.INVALID_STORE
    assert "no options, got timeout" in message.msg


def test_the_interval_is_the_settings(shop: str) -> None:
    """`SLO_FLUSH_INTERVAL`, else the database's own."""
    with override_settings(SLO_STORE=f"django://{shop}", SLO_FLUSH_INTERVAL=7.5):
        assert get_registry().store._interval == 7.5
    with override_settings(SLO_STORE=f"django://{shop}"):
        assert get_registry().store._interval == 5.0


def messages(**given: Any) -> list[CheckMessage]:
    # Without tags: newer Django asks every database for those that are named by one.
    return [found for found in run_checks(**given) if found.id in (
        CheckID.INVALID_STORE, CheckID.TABLES_MISSING, CheckID.STORE_WITHOUT_SERVICE, CheckID.STORE_OF_ONE_PROCESS,
    )]  # fmt: skip


def test_a_migrated_database_hears_nothing(shop: str) -> None:
    """Whether or not the database may be asked."""
    with override_settings(SLO_STORE=f"django://{shop}"):
        assert messages() == []
        assert messages(databases=[shop]) == []


def test_missing_tables_are_a_warning(tmp_path: Path) -> None:
    """Asked for with `check --database`; nothing breaks in the meantime."""
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "late.db")}
    with django_database("late", database, migrate=False), override_settings(SLO_STORE="django://late"):
        assert messages(databases=["late"]) == []  # nothing is migrated at all: Django says so itself
        call_command("migrate", "sessions", database="late", verbosity=0)

        assert messages() == []
        assert messages(databases=["default"]) == []
        (message,) = messages(databases=["late"])
        response = Client().get("/plain/")
        metrics = Client().get("/metrics")

        assert message.id == CheckID.TABLES_MISSING
        assert message.hint == "Run manage.py migrate slo_django --database late."
        assert response.status_code == 200
        assert b"slo_store_up 0.0" in metrics.content.replace(b'{slo_service="slo_test_project"}', b"")
        call_command("migrate", "slo_django", database="late", verbosity=0)
        assert messages(databases=["late"]) == []
        assert get_registry()["availability"].snapshot().total == 1
        current.replace()


def test_an_unknown_alias_is_an_error() -> None:
    """With those that there are."""
    with override_settings(SLO_STORE="django://nowhere"):
        (message,) = messages()

    assert message.id == CheckID.INVALID_STORE
    assert "one of settings.DATABASES: default" in message.msg


def test_a_redis_without_a_service_is_a_warning() -> None:
    """Two projects in one Redis would count together."""
    with override_settings(SLO_STORE="redis://:hunter2@127.0.0.1:1/0"):
        (message,) = messages()
        assert message.id == CheckID.STORE_WITHOUT_SERVICE
        assert message.hint == 'Name the service: SLO_SERVICE = "slo_test_project".'
        with override_settings(SLO_SERVICE="shop"):
            assert messages() == []


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    """Before the first request."""
    path = tmp_path / "slo.db"
    path.write_text("not a database, and longer than a header has to be\n" * 30)
    with override_settings(SLO_STORE=f"sqlite:///{path}"):
        (message,) = messages()

    assert message.id == CheckID.INVALID_STORE
    assert str(path) in message.msg


def test_pruning_says_what_went(shop: str) -> None:
    """Of every service that shares the tables."""
    store = open_django(f"django://{shop}", service="shop")
    now = int(store.apply([]).now)
    old = now - 90 * 86_400
    store.apply([batch_of([(old, 1, 0)], number=1, declaration=declared(old))])
    store.apply([batch_of([(now, 1, 0)], number=2)])
    out = io.StringIO()

    with override_settings(SLO_STORE=f"django://{shop}"):
        call_command("slo_prune", stdout=out)
        call_command("slo_prune", stdout=out)

    first, second = out.getvalue().splitlines()
    assert first.startswith("django://shop: ")
    assert int(first.split()[1]) > 0
    assert second == "django://shop: 0 rows deleted."


def test_pruning_takes_any_shared_store(tmp_path: Path) -> None:
    """By its URL; what one process holds is refused, and so is what cannot be had."""
    out = io.StringIO()
    with override_settings(SLO_STORE=f"sqlite:///{tmp_path / 'slo.db'}"):
        call_command("slo_prune", stdout=out)
    assert out.getvalue().endswith("slo.db: 0 rows deleted.\n")
    with pytest.raises(CommandError, match="expected a store that processes share"):
        call_command("slo_prune")
    with override_settings(SLO_STORE="django://nowhere"), pytest.raises(CommandError, match="django://nowhere"):
        call_command("slo_prune")
    with (
        override_settings(SLO_STORE=type("Own", (), {})()),
        pytest.raises(CommandError, match=r"settings\.SLO_STORE"),
    ):
        call_command("slo_prune")


class TestContract(StoreContract):
    """Every promise of a shared store, on every Django."""

    @pytest.fixture
    def make_store(self, shop: str) -> Any:
        return lambda service="shop": open_django(f"django://{shop}", service=service)


def test_a_test_without_a_database_is_left_alone(django_db_blocker: Any) -> None:
    """What is counted in it waits in memory: neither a request nor a scrape fails."""
    with override_settings(SLO_STORE="django://default"), django_db_blocker.block():
        assert Client().get("/plain/").status_code == 200
        assert Client().get("/metrics").status_code == 200
        assert not get_registry().store.health().is_up


@pytest.mark.parametrize("count", [3, 50])
def test_a_list_of_any_length_asks_the_store_twice(shop: str, count: int) -> None:
    """Once what is known of the SLOs, once their sums; and the first time for the last day, which is kept for half a minute."""
    statements: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    def watch(connection: Any, **_: object) -> None:
        connection.execute_wrappers.append(note)

    definitions = {f"slo-{place}": {"target": 0.99, "kind": "custom"} for place in range(count)}
    with override_settings(SLO_STORE=f"django://{shop}", SLO_DEFINITIONS=definitions):
        get_registry().snapshot_all()  # declares them
        connection_created.connect(watch)
        try:
            page = current.installation.status_page.overview({}, links=relative_links("slo"))
            first = len(statements)
            time.sleep(0.2)  # longer than one read serves several readers
            current.installation.status_page.overview({}, links=relative_links("slo"))
        finally:
            connection_created.disconnect(watch)

    assert page.html.count("data-slo=") == count
    of_store = [["slo_django_" in sql for sql in part] for part in (statements[:first], statements[first:])]
    assert [sum(part) for part in of_store] == [3, 2]
