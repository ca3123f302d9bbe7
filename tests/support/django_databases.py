"""Django's databases for tests that start their servers first: aliases come and go while the process runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["django_database", "make_tables", "migrated", "set_up_django"]

# Migrated SQLite files by the apps whose tables are in them: that goes on in dozens of transactions, and always ends the same.
_files: dict[tuple[str, ...], bytes] = {}


def set_up_django() -> None:
    """Configure Django with nothing but our app, unless it is configured already."""
    from django.apps import apps
    from django.conf import settings

    if not settings.configured:
        import pymysql

        # PyMySQL calls itself by the version of the mysqlclient it can stand in for.
        pymysql.version_info = (2, 2, 7, "final", 0)
        pymysql.__version__ = "2.2.7"
        pymysql.install_as_MySQLdb()
        settings.configure(
            INSTALLED_APPS=["slo_django"],
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
            SLO_DEFINITIONS={"availability": {"target": "99.9%"}},
            SLO_STORE="memory://",
            ROOT_URLCONF="slo_django.urls",
            USE_TZ=True,
        )
    if not apps.ready:
        import django

        django.setup()


@contextmanager
def django_database(alias: str, database: dict[str, object], *, migrate: bool = True) -> Iterator[str]:
    """
    A database under an alias, with the app's tables, until the `with` block ends.

    Args:
        alias: What `django://` calls it.
        database: As in `settings.DATABASES`.
        migrate: Make the tables.
    """
    from django.db import connections

    set_up_django()
    # pytest-django is Django's test runner: it is told that this database is there to be tested on.
    named = {**database, "TEST": {"NAME": database["NAME"]}}
    connections.settings[alias] = connections.configure_settings({"default": {}, alias: named})[alias]
    try:
        if migrate:
            make_tables(alias)
        yield alias
    finally:
        if hasattr(connections._connections, alias):  # type: ignore[attr-defined]  # one of this thread
            connections[alias].close()
            del connections[alias]
        del connections.settings[alias]


def make_tables(alias: str) -> None:
    """The tables of all apps; those of a new SQLite file are made once in a process, and copied from then on."""
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    connection = connections[alias]
    file = Path(str(connection.settings_dict["NAME"]))
    is_new = connection.vendor == "sqlite" and not connection.is_in_memory_db() and not file.exists()
    key = tuple(settings.INSTALLED_APPS)
    if is_new and key in _files:
        file.write_bytes(_files[key])
        return
    call_command("migrate", database=alias, verbosity=0)
    if is_new:
        connection.close()
        _files[key] = file.read_bytes()


def migrated(database: dict[str, object]) -> None:
    """Make our tables in a database, in a process of their own: this one may have no Django, or another one's."""
    subprocess.run(
        [sys.executable, str(Path(__file__).with_name("fleet_service.py")), "migrate", "-v", "0"],
        env={**os.environ, "SERVICE_DATABASE": json.dumps(database)}, check=True,
    )  # fmt: skip
