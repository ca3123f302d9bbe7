"""Tables of another program in a file of ours."""

from __future__ import annotations

import re
import sqlite3

from slo_core.stores.sql.sqlite_schema import LATER_TABLES, MIGRATIONS, SCHEMA_VERSION

__all__ = ["foreign_tables"]

_NAMES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"


def foreign_tables(connection: sqlite3.Connection) -> list[str]:
    """
    The tables that another program has made in a file of ours, after us, by name.

    Args:
        connection: To the file.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:  # a newer version of the package may have tables that this one does not know
        return []
    own = {name for statements in MIGRATIONS for name in re.findall(r"CREATE TABLE (\w+)", " ".join(statements))}
    return sorted({name for (name,) in connection.execute(_NAMES)} - own - LATER_TABLES.keys())
