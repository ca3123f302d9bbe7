"""The recent failures of SLOs in a table of the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from slo_core.budgets.recent_failures import MOST_RECENT_FAILURES, RecentFailure, stored_failure
from slo_core.errors import StoreError
from slo_core.stores.recent_failures import FAILURES_KEPT_SECONDS, newest_first
from slo_django.store.database import Database
from slo_django.store.schema import has_tables
from slo_django.store.tables import Tables

__all__ = ["FAILURE_TABLE", "Failures"]

FAILURE_TABLE = "slo_django_recentfailure"

# So long a table that is missing is not looked for again.
_MISSING_SECONDS = 60.0

# The inner query is one more for the sake of MariaDB and MySQL.
_BEYOND = f"""DELETE FROM {FAILURE_TABLE} WHERE digest = %s AND id <= (SELECT id FROM (
    SELECT id FROM {FAILURE_TABLE} WHERE digest = %s ORDER BY id DESC LIMIT 1 OFFSET %s) beyond)"""  # noqa: S608  # our names


class Failures:
    """
    The recent failures of one service. The table is the newest: while its migration has not run there are none.

    Args:
        database: Where it is.
        tables: The other tables there.
        key: Returns the digest of an SLO's service and name.
        monotonic: Measures how long the table was missing.
    """

    def __init__(
        self,
        database: Database,
        tables: Tables,
        key: Callable[[str], str],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._tables = tables
        self._key = key
        self._monotonic = monotonic
        self._missing_until = 0.0

    def add(self, failures: Mapping[str, Sequence[RecentFailure]], *, most: int) -> None:
        """Add failures, in one transaction; none while the table is missing."""
        if self._monotonic() < self._missing_until:
            return
        try:
            self._database.repeated(lambda: self._add(failures, most))
        except StoreError:
            if not self._is_missing():
                raise

    def _add(self, failures: Mapping[str, Sequence[RecentFailure]], most: int) -> None:
        insert = f"INSERT INTO {FAILURE_TABLE} (digest, at, content) VALUES (%s, %s, %s)"  # noqa: S608  # our names
        # In one order: two processes that lock the same rows do not wait for each other.
        kept = sorted((self._key(slo), added[-most:]) for slo, added in failures.items())
        with self._database.writing() as transaction:
            transaction.execute_each(
                insert, [(key, failure.at, stored_failure(failure)) for key, added in kept for failure in added]
            )
            for key, _ in kept:
                transaction.execute(_BEYOND, [key, key, most])

    def read(self, slos: Sequence[str], *, most: int) -> list[tuple[RecentFailure, ...]]:
        """The newest failures of each SLO, the newest first, all of one moment."""
        if not slos or self._monotonic() < self._missing_until:
            return [()] * len(slos)
        query = f"SELECT content FROM {FAILURE_TABLE} WHERE digest = %s AND at >= %s ORDER BY id DESC LIMIT %s"  # noqa: S608
        try:
            with self._database.reading() as transaction:
                since = self._tables.now(transaction) - FAILURES_KEPT_SECONDS
                answers = transaction.fetch_all(
                    [(query, (self._key(slo), since, MOST_RECENT_FAILURES)) for slo in slos]
                )
        except StoreError:
            if not self._is_missing():
                raise
            return [()] * len(slos)
        return [newest_first((content for (content,) in rows), most=most) for rows in answers]

    def prune(self) -> int:
        """Delete failures of every service that are older than they are kept; how many rows went."""
        old = f"{FAILURE_TABLE} WHERE at < %s"
        try:
            with self._database.reading() as transaction:
                before = self._tables.now(transaction) - FAILURES_KEPT_SECONDS
                if not transaction.fetch(f"SELECT 1 FROM {old} LIMIT 1", [before]):  # noqa: S608
                    return 0
            with self._database.writing() as transaction:
                return transaction.change(f"DELETE FROM {old}", [before])  # noqa: S608
        except StoreError:
            if not self._is_missing():
                raise
            return 0

    def forget(self, slo: str) -> None:
        """Delete those of an SLO."""
        try:
            with self._database.writing() as transaction:
                transaction.execute(f"DELETE FROM {FAILURE_TABLE} WHERE digest = %s", [self._key(slo)])  # noqa: S608
        except StoreError:
            if not self._is_missing():
                raise

    def _is_missing(self) -> bool:
        """Whether the migration has not run."""
        with self._database.connected() as connection, connection.cursor() as cursor:
            if has_tables(cursor, (FAILURE_TABLE,)):
                return False
        self._missing_until = self._monotonic() + _MISSING_SECONDS
        return True
