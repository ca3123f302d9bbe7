"""Every kind of database, with our tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from database_servers import MariaDB, PostgreSQL, start_mariadb, start_postgres
from django_databases import django_database, set_up_django

set_up_django()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    with start_postgres() as server, django_database("postgres", server.settings):
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    with start_mariadb() as server, django_database("mariadb", server.settings):
        yield server


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    path = tmp_path_factory.mktemp("django") / "db.sqlite3"
    with django_database("sqlite", {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}):
        yield


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def alias(request: pytest.FixtureRequest) -> str:
    """Each kind of database, empty."""
    from django_store import emptied  # after Django is configured

    request.getfixturevalue(request.param)
    return emptied(request.param)
