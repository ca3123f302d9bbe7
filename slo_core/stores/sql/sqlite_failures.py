"""The recent failures in the table of an SQLite store."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from slo_core.budgets.recent_failures import MOST_RECENT_FAILURES, RecentFailure, stored_failure
from slo_core.stores.recent_failures import FAILURES_KEPT_SECONDS, newest_first

__all__ = ["FAILURE_INDEX", "FAILURE_TABLE", "add_failures", "prune_failures", "read_failures"]

# In the order in which they came.
FAILURE_TABLE = """CREATE TABLE IF NOT EXISTS recent_failure (
    id INTEGER PRIMARY KEY, service TEXT NOT NULL, slo TEXT NOT NULL, at REAL NOT NULL, content TEXT NOT NULL)"""
FAILURE_INDEX = "CREATE INDEX IF NOT EXISTS recent_failure_of_slo ON recent_failure (service, slo, id)"

_BEYOND = """
    DELETE FROM recent_failure WHERE service = ? AND slo = ? AND id <= (
        SELECT id FROM recent_failure WHERE service = ? AND slo = ? ORDER BY id DESC LIMIT 1 OFFSET ?)"""
_READ = """
    SELECT content FROM recent_failure WHERE service = ? AND slo = ? AND at >= ? ORDER BY id DESC LIMIT ?"""


def add_failures(
    connection: sqlite3.Connection, failures: Mapping[str, Sequence[RecentFailure]], *, service: str, most: int
) -> None:
    """
    Add failures.

    Args:
        connection: In a transaction that writes.
        failures: As for `RecentFailureStore.add_recent_failures`.
        service: The namespace.
        most: As there.
    """
    for slo, added in failures.items():
        connection.executemany(
            "INSERT INTO recent_failure (service, slo, at, content) VALUES (?, ?, ?, ?)",
            [(service, slo, failure.at, stored_failure(failure)) for failure in added[-most:]],
        )
        connection.execute(_BEYOND, (service, slo, service, slo, most))


def read_failures(
    connection: sqlite3.Connection, slo: str, *, service: str, most: int, now: float
) -> tuple[RecentFailure, ...]:
    """The failures of an SLO that are kept, the newest first."""
    values = (service, slo, now - FAILURES_KEPT_SECONDS, MOST_RECENT_FAILURES)
    return newest_first((content for (content,) in connection.execute(_READ, values)), most=most)


def prune_failures(connection: sqlite3.Connection, *, now: float) -> None:
    """Delete failures of every service that are older than they are kept, as seen from `now`."""
    connection.execute("DELETE FROM recent_failure WHERE at < ?", (now - FAILURES_KEPT_SECONDS,))
