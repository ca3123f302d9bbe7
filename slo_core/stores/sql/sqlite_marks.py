"""The marks in the tables of an SQLite store."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.marks import Mark
from slo_core.stores.marks import KeptMark, in_order, kept_mark, with_marks

__all__ = ["MARK_TABLE", "add_marks", "forget_marks_of_no_slo", "prune_marks", "read_marks"]

MARK_TABLE = """CREATE TABLE IF NOT EXISTS mark (
    service TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, seen REAL NOT NULL,
    PRIMARY KEY (service, at, kind, text)) WITHOUT ROWID"""

_READ = "SELECT at, kind, text, seen FROM mark WHERE service = ? AND at >= ?"


def _kept(connection: sqlite3.Connection, service: str, since: float = 0.0) -> list[KeptMark]:
    rows = (kept_mark(*row) for row in connection.execute(_READ, (service, since)))
    return [row for row in rows if row is not None]


def add_marks(connection: sqlite3.Connection, marks: Sequence[Mark], *, service: str) -> None:
    """
    Add marks.

    Args:
        connection: In a transaction that writes.
        marks: As for `MarkStore.add_marks`.
        service: The namespace.
    """
    before = set(_kept(connection, service))
    after = set(with_marks(before, marks))
    connection.executemany(
        "DELETE FROM mark WHERE service = ? AND at = ? AND kind = ? AND text = ?",
        [(service, *row[:3]) for row in before - after],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO mark (service, at, kind, text, seen) VALUES (?, ?, ?, ?, ?)",
        [(service, *row) for row in after - before],
    )


def read_marks(connection: sqlite3.Connection, since: float, *, service: str) -> tuple[Mark, ...]:
    """The marks of a service since an instant, in order of time."""
    return in_order(_kept(connection, service, since), since)


def prune_marks(connection: sqlite3.Connection, *, now: float) -> None:
    """Delete marks of every service that are older than 25 months, as seen from `now`."""
    connection.execute("DELETE FROM mark WHERE seen < ?", (now - KEPT_SECONDS,))


def forget_marks_of_no_slo(connection: sqlite3.Connection, service: str) -> None:
    """Delete the marks of a service that has no SLO any more."""
    connection.execute(
        "DELETE FROM mark WHERE service = ? AND NOT EXISTS (SELECT 1 FROM slo WHERE slo.service = mark.service)",
        (service,),
    )
