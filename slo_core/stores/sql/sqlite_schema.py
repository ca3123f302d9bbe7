"""The tables of an SQLite store, and how those of an older version are brought up to date."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

from slo_core.errors import StoreError

__all__ = ["SCHEMA_VERSION", "migrate", "version_of"]

SCHEMA_VERSION = 1

# "slo\0": tells our files from those of other programs, also for file(1).
_APPLICATION_ID = 0x736C6F00

# Each entry leads from the schema of its index to the next.
_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE store (store_id TEXT NOT NULL, created REAL NOT NULL)",
        """CREATE TABLE slo (
            id INTEGER PRIMARY KEY, service TEXT NOT NULL, name TEXT NOT NULL, good INTEGER NOT NULL, bad INTEGER NOT NULL,
            dropped INTEGER NOT NULL, errors INTEGER NOT NULL, since REAL NOT NULL, newest INTEGER, keeps INTEGER NOT NULL,
            definition TEXT NOT NULL, fingerprint TEXT NOT NULL, changed_at REAL, UNIQUE (service, name))""",
        """CREATE TABLE bucket (
            slo INTEGER NOT NULL, width INTEGER NOT NULL, bucket INTEGER NOT NULL, good INTEGER NOT NULL,
            bad INTEGER NOT NULL, PRIMARY KEY (slo, width, bucket)) WITHOUT ROWID""",
        """CREATE TABLE note (
            writer TEXT NOT NULL, slo INTEGER NOT NULL, number INTEGER NOT NULL, noted_at REAL NOT NULL,
            PRIMARY KEY (writer, slo)) WITHOUT ROWID""",
    ),
)


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """
    The schema version of a file; 0 for an empty one.

    Args:
        connection: To the file.
        path: Of the file, for errors.

    Raises:
        StoreError: The file belongs to another program, or was written by a newer version.
    """
    # In this order: another worker may set up the file at this moment, and its one change is not seen as one.
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != _APPLICATION_ID and (application or version or tables):
        raise StoreError(
            f"store sqlite:///{path}: the file is an SQLite database of something else; choose another path"
        )
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"store sqlite:///{path}: written by a newer slo-suite (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); upgrade slo-suite, or choose another path"
        )
    return int(version)


def migrate(connection: sqlite3.Connection, path: Path, *, now: float) -> None:
    """
    Bring the tables up to date, and give a new store an identity.

    Args:
        connection: To the file, in a transaction that writes.
        path: Of the file, for errors.
        now: When a new store is created, in seconds since the epoch.

    Raises:
        StoreError: As for `version_of`.
    """
    # Another worker may have been faster.
    for statements in _MIGRATIONS[version_of(connection, path) :]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    if connection.execute("SELECT COUNT(*) FROM store").fetchone() == (0,):
        connection.execute("INSERT INTO store (store_id, created) VALUES (?, ?)", (secrets.token_hex(16), now))
