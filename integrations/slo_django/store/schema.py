"""The version of the store's tables, and whether a database has them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from slo_core.errors import StoreError
from slo_django.store.periods import PERIOD_TABLE

__all__ = ["SCHEMA_VERSION", "STORED_VERSION", "TABLES", "check_version", "has_tables", "has_version", "schema_problem"]

TABLES = ("slo_django_store", "slo_django_slo", "slo_django_bucket", "slo_django_note")

# Of the tables, as all versions that write to them know them. Columns that came later with a default of the database change
# nothing for older versions, so that two versions use the tables side by side.
SCHEMA_VERSION = 1

# NULL in tables that were never written to.
STORED_VERSION = "(SELECT MAX(schema_version) FROM slo_django_store)"


def check_version(alias: str, version: int | None) -> None:
    """
    See whether this version of the package knows tables of that version.

    Args:
        alias: The database.
        version: Of its tables; None in tables that were never written to.

    Raises:
        StoreError: They are newer.
    """
    if version is not None and version > SCHEMA_VERSION:
        raise StoreError(f"store django://{alias}: {_newer(version)}")


def schema_problem(cursor: Any, alias: str) -> str | None:
    """
    The mistake in the tables, and its remedy; None without one.

    Args:
        cursor: Of a connection to the database.
        alias: The database.
    """
    database = "" if alias == "default" else f" --database {alias}"
    if not has_tables(cursor, TABLES):
        return f"its tables are missing; run manage.py migrate slo_django{database}"
    if not has_version(cursor):
        return (
            f"its tables are of an older slo-suite (this one knows schema {SCHEMA_VERSION}); "
            f"run manage.py migrate slo_django{database}"
        )
    cursor.execute(f"SELECT {STORED_VERSION}")
    (version,) = cursor.fetchone()
    return _newer(version) if version is not None and version > SCHEMA_VERSION else None


def has_tables(cursor: Any, tables: Collection[str]) -> bool:
    """Whether the database has all of these tables."""
    return set(tables) <= set(cursor.db.introspection.table_names(cursor))


def has_version(cursor: Any) -> bool:
    """Whether the columns and tables are there that came last; older versions have none."""
    describe = cursor.db.introspection.get_table_description
    return has_tables(cursor, (PERIOD_TABLE,)) and all(
        any(column.name == name for column in describe(cursor, table))
        for table, name in (("slo_django_store", "schema_version"), ("slo_django_slo", "kept_since"))
    )


def _newer(version: int) -> str:
    return (
        f"its tables are of a newer slo-suite (schema {version}, this one knows {SCHEMA_VERSION}); upgrade slo-suite in "
        "every process that uses them, or choose another database"
    )
