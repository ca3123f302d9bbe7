"""The tables of an SQLite store, and how those of an older version are brought up to date."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

from slo_core.errors import StoreError
from slo_core.stores.sql.sqlite_episodes import EPISODE_TABLE
from slo_core.stores.sql.sqlite_failures import FAILURE_INDEX, FAILURE_TABLE
from slo_core.stores.sql.sqlite_marks import MARK_TABLE

__all__ = ["LATER_TABLES", "MIGRATIONS", "SCHEMA_VERSION", "is_current", "migrate", "version_of"]

# Of the file, as all versions that write to it know it. A version that knows less leaves the file alone: what is added by
# `_COLUMNS` and `LATER_TABLES` changes nothing for those, so that two versions use one file side by side.
SCHEMA_VERSION = 1

# "slo\0": tells our files from those of other programs, also for file(1).
_APPLICATION_ID = 0x736C6F00

# Each entry leads from the schema of its index to the next.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
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

# Columns that came later, with what they hold where an older version has written.
_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("note", "nonce", "TEXT NOT NULL DEFAULT ''"),
    ("note", "applied", "INTEGER NOT NULL DEFAULT 0"),
    ("slo", "generation", "TEXT NOT NULL DEFAULT ''"),
    ("slo", "applied", "INTEGER NOT NULL DEFAULT 0"),
    ("slo", "swept", "INTEGER NOT NULL DEFAULT 0"),
    ("slo", "swept_at", "REAL NOT NULL DEFAULT 0"),
    ("slo", "notes", "INTEGER NOT NULL DEFAULT 0"),
    ("slo", "seen_at", "REAL NOT NULL DEFAULT 0"),
    ("slo", "kept_since", "INTEGER"),
)

# Tables that came later; an older version leaves them alone. The kind of a closed period is
# part of its key: corrections may come as rows of another kind.
LATER_TABLES: dict[str, str] = {
    "closed_period": """CREATE TABLE IF NOT EXISTS closed_period (
        service TEXT NOT NULL, slo TEXT NOT NULL, kind TEXT NOT NULL, start INTEGER NOT NULL, ends INTEGER NOT NULL,
        good INTEGER NOT NULL, bad INTEGER NOT NULL, target REAL NOT NULL, fingerprint TEXT NOT NULL,
        measured_since INTEGER NOT NULL, is_final INTEGER NOT NULL,
        PRIMARY KEY (service, slo, start, kind, fingerprint)) WITHOUT ROWID""",
    "cause_block": """CREATE TABLE IF NOT EXISTS cause_block (
        generation TEXT NOT NULL, width INTEGER NOT NULL, block INTEGER NOT NULL, content TEXT NOT NULL,
        PRIMARY KEY (generation, width, block))""",
    "mark": MARK_TABLE,
    "episode": EPISODE_TABLE,
    "recent_failure": FAILURE_TABLE,
}
_INDEXES = ("CREATE INDEX IF NOT EXISTS note_age ON note (slo, noted_at)", FAILURE_INDEX)


def is_current(connection: sqlite3.Connection, path: Path) -> bool:
    """
    Whether a file has everything that this version needs.

    Args:
        connection: To the file.
        path: Of the file, for errors.

    Raises:
        StoreError: As for `version_of`.
    """
    if version_of(connection, path) != SCHEMA_VERSION or _missing(connection):
        return False
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return LATER_TABLES.keys() <= tables


def _missing(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """The columns that a file lacks."""
    known = {(table, row[1]) for table in ("note", "slo") for row in connection.execute(f"PRAGMA table_info({table})")}
    return [column for column in _COLUMNS if column[:2] not in known]


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
    for statements in MIGRATIONS[version_of(connection, path) :]:
        for statement in statements:
            connection.execute(statement)
    for table, column, declaration in _missing(connection):
        connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {declaration}")
        if column == "seen_at":  # not known of those that are there: the time for which one must be missing begins now
            connection.execute("UPDATE slo SET seen_at = ?", (now,))
    for statement in (*LATER_TABLES.values(), *_INDEXES):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    if connection.execute("SELECT COUNT(*) FROM store").fetchone() == (0,):
        connection.execute("INSERT INTO store (store_id, created) VALUES (?, ?)", (secrets.token_hex(16), now))
