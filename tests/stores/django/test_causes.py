"""Causes in the tables of `django://`: how many statements they take, and a database that has no table for them yet."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connections

from database_servers import MariaDB, PostgreSQL
from django_databases import django_database
from django_store import noted_statements
from slo_core.budgets.causes import Cause, CauseIncrement
from slo_core.objectives.window import DAY
from slo_core.stores.buckets import Batch, Query
from slo_core.stores.causes import CauseQuery, total_causes
from slo_core.testing import batch_of, declared
from slo_django.checks.settings import check_tables
from slo_django.store.bucket_store import DjangoBucketStore, open_django
from slo_django.store.causes import CAUSE_TABLE

QUERY = CauseQuery("slo-0", DAY, 0)


def caused(at: int, *, number: int, slo: str = "slo-0") -> Batch:
    batch = batch_of([(at, 0, 2)], number=number, slo=slo, declaration=declared(at - DAY) if number == 1 else None)
    return batch._replace(causes=(CauseIncrement(at // 300, Cause("GET /", "503"), 2),))


def bad_in(store: DjangoBucketStore) -> tuple[int, int]:
    """Bad events with a cause, and all."""
    (stored,) = store.read([Query("slo-0")])
    assert stored.record is not None
    return sum(bad for _, bad in total_causes(store.read_causes([QUERY])[0], QUERY)), stored.record.bad


def test_causes_take_two_statements_more_for_all_slos_together(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one more when a bucket ends; none without bad events. A read takes as many for twenty SLOs as for one."""
    store = open_django(f"django://{alias}", service="shop")
    now = int(store.apply([]).now) // 300 * 300 - 900
    slos = [f"slo-{number}" for number in range(20)]
    store.apply([caused(now, number=1, slo=slo) for slo in slos])
    statements = noted_statements(store, monkeypatch)

    def taken(batches: list[Batch]) -> int:
        statements.clear()
        store.apply(batches)
        # psycopg takes several in one message.
        return sum(part.strip() != "" for statement in statements for part in statement.split(";"))

    plain = taken([batch_of([(now, 0, 1)], number=2, slo=slo) for slo in slos])
    ordinary = taken([caused(now, number=3, slo=slo) for slo in slos])
    ending = taken([caused(now + 300, number=4, slo=slo) for slo in slos])
    assert (ordinary - plain, ending - plain) == (2, 3)

    statements.clear()
    store.read_causes([QUERY])
    of_one = len(statements)
    statements.clear()
    assert len(store.read_causes([QUERY._replace(slo=slo) for slo in slos])) == 20
    assert len(statements) == of_one


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "mariadb"])
def test_before_its_migration_everything_else_is_counted(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """
    Causes are kept from then on, and no longer when the migration is undone under a live writer.

    A batch without causes is what the version before writes, also into tables that have been migrated meanwhile.
    """
    from django.core.management import call_command

    if kind == "sqlite":
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db.sqlite3")}
    else:
        server: PostgreSQL | MariaDB = request.getfixturevalue(kind)
        server.query("CREATE DATABASE uncaused")
        database = {**server.settings, "NAME": "uncaused"}
    with django_database("uncaused", database, migrate=False):
        call_command("migrate", "slo_django", "0007", database="uncaused", verbosity=0)
        store = open_django("django://uncaused", service="shop")
        now = int(store.apply([]).now) - 900
        assert store.apply([caused(now, number=1)]).noted == (1,)
        assert store.has_tables()
        assert bad_in(store) == (0, 2)
        assert store.prune() == 0

        call_command("migrate", "slo_django", database="uncaused", verbosity=0)
        assert store.apply([caused(now, number=2)]).noted == (2,)
        assert store.apply([batch_of([(now, 0, 1)], number=3, slo="slo-0")]).noted == (3,)
        assert store.apply([caused(now, number=4)]).noted == (4,)
        assert bad_in(store) == (4, 7)

        call_command("migrate", "slo_django", "0007", database="uncaused", verbosity=0)
        for _ in range(2):  # the batch comes again
            try:
                noted = store.apply([caused(now, number=5)]).noted
            except Exception:
                noted = (4,)
        assert noted == (5,)
        assert bad_in(store) == (0, 9)
        assert store.delete_slo("slo-0", not_seen_since=float("inf"))


def test_a_damaged_block_begins_again_and_what_is_left_of_a_deleted_slo_goes(alias: str) -> None:
    """Every event counts, and the answer says what was damaged; an older version deletes an SLO without its causes."""
    store = open_django(f"django://{alias}", service="shop")
    now = int(store.apply([]).now) - 900
    store.apply([caused(now, number=1), caused(now, number=1, slo="other")])
    with connections[alias].cursor() as cursor:
        cursor.execute(
            f"UPDATE {CAUSE_TABLE} SET content = '[[' WHERE slo_id = (SELECT id FROM slo_django_slo WHERE name = 'slo-0')"
        )  # noqa: S608, E501

    assert store.read_causes([QUERY])[0].trouble is not None
    applied = store.apply([caused(now, number=2)])
    assert (applied.noted, applied.damage is None) == ((2,), False)
    assert bad_in(store) == (2, 4)

    with connections[alias].cursor() as cursor:
        cursor.execute("DELETE FROM slo_django_slo WHERE name = 'other'")
    assert store.prune() == 1
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {CAUSE_TABLE}")  # noqa: S608
        assert cursor.fetchone() == (1,)
    connections[alias].close()


def test_tables_of_an_older_version_are_named_by_a_check(tmp_path: Path) -> None:
    """Which says what is missing: events are counted all the same."""
    from django.core.management import call_command
    from django.test import override_settings

    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db.sqlite3")}
    with django_database("checked", database, migrate=False), override_settings(SLO_STORE="django://checked"):
        call_command("migrate", "slo_django", "0007", database="checked", verbosity=0)
        (warning,) = check_tables(databases=["checked"])
        call_command("migrate", "slo_django", database="checked", verbosity=0)

        assert "what bad events were caused by is not kept" in warning.msg
        assert check_tables(databases=["checked"]) == []
