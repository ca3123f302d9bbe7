"""Pools of the project, Django's own and those of other packages: their connections are the requests'."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from database_servers import MariaDB, PostgreSQL
from django_databases import django_database
from django_store import counts_of, emptied, record, tracker_on

# All that a store could be tempted to set for itself.
SESSIONS = {
    "mariadb": "SELECT @@session.innodb_lock_wait_timeout, @@session.tx_isolation, @@session.time_zone, @@session.sql_mode, "
    "@@session.max_statement_time, @@session.net_read_timeout, @@session.autocommit",
    "postgres": "SELECT name || '=' || setting FROM pg_settings ORDER BY name",
}
ENGINES = {"mariadb": "dj_db_conn_pool.backends.mysql", "postgres": "dj_db_conn_pool.backends.postgresql"}

# The package keeps a pool for each alias that there ever was.
_numbers = itertools.count()


@pytest.fixture(params=["mariadb", "postgres"])
def server(request: pytest.FixtureRequest) -> tuple[str, MariaDB | PostgreSQL]:
    """With empty tables."""
    server = request.getfixturevalue(request.param)
    emptied(request.param)
    return request.param, server


@pytest.fixture
def pooled(server: tuple[str, MariaDB | PostgreSQL]) -> Iterator[tuple[str, str]]:
    """The kind of database, and an alias whose engine keeps one connection, and never more."""
    pytest.importorskip("dj_db_conn_pool", reason="pip install django-db-connection-pool")
    from dj_db_conn_pool.core import pool_container

    kind, started = server
    options = {"POOL_SIZE": 1, "MAX_OVERFLOW": 0, "TIMEOUT": 1}
    with django_database(
        f"pooled-{next(_numbers)}",
        {**started.settings, "ENGINE": ENGINES[kind], "POOL_OPTIONS": options},
        migrate=False,
    ) as alias:
        yield kind, alias
        if pool_container.has(alias):
            pool_container.get(alias).dispose()


def session(kind: str, alias: str) -> list[Any]:
    """The settings of the session that the project is given."""
    with connections[alias].cursor() as cursor:
        cursor.execute(SESSIONS[kind])
        rows = cursor.fetchall()
    connections[alias].close()  # back into the pool
    return rows


def test_a_session_is_as_the_project_left_it(pooled: tuple[str, str]) -> None:
    """Whatever the store sets for itself: a pool rolls back, and undoes no setting."""
    kind, alias = pooled
    before = session(kind, alias)
    tracker = tracker_on(f"django://{alias}")
    for _ in range(2):
        record(tracker, good=1)
        tracker.store.flush()
    assert counts_of(tracker) == (2, 0)
    tracker.store.close()

    assert session(kind, alias) == before


def test_a_pool_without_a_free_connection_keeps_nothing_waiting(pooled: tuple[str, str]) -> None:
    """The store does not take the requests' connections, and is not the one that makes the pool, with its own options."""
    from dj_db_conn_pool.core import pool_container

    _, alias = pooled
    tracker = tracker_on(f"django://{alias}")
    record(tracker, good=1)
    assert counts_of(tracker) == (1, 0)
    assert not pool_container.has(alias)

    with connections[alias].cursor():  # the only one
        record(tracker, bad=1)
        assert counts_of(tracker) == (1, 1)
    connections[alias].close()
    tracker.store.close()


def test_djangos_own_pool_is_left_alone(postgres: PostgreSQL) -> None:
    """The same: the pool's only connection is in use."""
    pytest.importorskip("psycopg_pool", reason='pip install "psycopg[pool]"')
    emptied("postgres")
    options = {"pool": {"min_size": 1, "max_size": 1, "timeout": 1}}
    with django_database("pooled", {**postgres.settings, "OPTIONS": options}, migrate=False) as alias:
        tracker = tracker_on(f"django://{alias}")
        with connections[alias].cursor():
            record(tracker, good=1)
            assert counts_of(tracker) == (1, 0)
        requests = connections[alias].pool.get_stats()["requests_num"]  # type: ignore[attr-defined]
        connections[alias].close_pool()  # type: ignore[attr-defined]
        tracker.store.close()

    assert requests == 1
