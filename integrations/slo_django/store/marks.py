"""The marks of services in the tables of the store."""

from __future__ import annotations

from collections.abc import Sequence

from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.marks import Mark
from slo_core.errors import StoreError
from slo_core.stores.marks import KeptMark, in_order, kept_mark, with_marks
from slo_django.store.database import Database
from slo_django.store.rows import digest, name_in, packed
from slo_django.store.schema import has_tables
from slo_django.store.tables import Tables
from slo_django.store.transaction import Transaction

__all__ = ["MARK_TABLE", "Marks"]

MARK_TABLE = "slo_django_mark"

_KEY = ("service_digest", "at", "digest")
_COLUMNS = (*_KEY, "kind", "text", "seen")


class Marks:
    """
    The marks of one service. The table is the newest: while its migration has not run there are none.

    Args:
        database: Where it is.
        tables: The other tables there.
        service: The service.
    """

    def __init__(self, database: Database, tables: Tables, service: str) -> None:
        self._database = database
        self._tables = tables
        self._service = digest(service)

    def add(self, marks: Sequence[Mark]) -> None:
        """
        Add marks, in one transaction.

        Raises:
            StoreError: The migration has not run.
        """
        try:
            self._database.repeated(lambda: self._add(marks))
        except StoreError as exc:
            if self._has_table():
                raise
            alias = self._database.alias
            database = "" if alias == "default" else f" --database {alias}"
            raise StoreError(
                f"store django://{alias}: its tables are of an older slo-suite, and keep no marks; "
                f"run manage.py migrate slo_django{database}"
            ) from exc

    def _add(self, marks: Sequence[Mark]) -> None:
        with self._database.writing() as transaction:
            self._lock(transaction)
            before = set(self._kept(transaction, 0.0, self._database.dialect.for_update))
            after = set(with_marks(before, marks))
            transaction.execute_each(
                f"DELETE FROM {MARK_TABLE} WHERE service_digest = %s AND at = %s AND digest = %s",  # noqa: S608  # our names
                [(self._service, row.at, _digest(row)) for row in before - after],
            )
            transaction.execute_each(
                f"INSERT INTO {MARK_TABLE} ({', '.join(_COLUMNS)}) VALUES (%s, %s, %s, %s, %s, %s)",  # noqa: S608
                [
                    (self._service, row.at, _digest(row), row.kind, packed(row.text), row.seen)
                    for row in sorted(after - before)
                ],
            )

    def _lock(self, transaction: Transaction) -> None:
        """Have other writers of marks wait. Which marks are kept depends on those that are there."""
        lock = f"SELECT id FROM slo_django_store WHERE id = 1{self._database.dialect.for_update}"  # noqa: S608
        if not transaction.fetch(lock):
            self._tables.identify(transaction)
            transaction.fetch(lock)

    def since(self, since: float) -> tuple[Mark, ...]:
        """Those at or after an instant, in order of time."""
        try:
            with self._database.reading() as transaction:
                return in_order(self._kept(transaction, since), since)
        except StoreError:
            if self._has_table():
                raise
            return ()

    def _kept(self, transaction: Transaction, since: float, for_update: str = "") -> list[KeptMark]:
        source = f"{MARK_TABLE} WHERE service_digest = %s AND at >= %s{for_update}"
        rows = transaction.fetch(f"SELECT at, kind, text, seen FROM {source}", [self._service, since])  # noqa: S608
        kept = (kept_mark(at, kind, name_in(text), seen) for at, kind, text, seen in rows)
        return [row for row in kept if row is not None]

    def prune(self) -> int:
        """Delete marks of every service that are older than 25 months; how many rows went."""
        old = f"{MARK_TABLE} WHERE seen < %s"
        try:
            with self._database.reading() as transaction:
                before = self._tables.now(transaction) - KEPT_SECONDS
                if not transaction.fetch(f"SELECT 1 FROM {old} LIMIT 1", [before]):  # noqa: S608
                    return 0
            with self._database.writing() as transaction:
                return transaction.change(f"DELETE FROM {old}", [before])  # noqa: S608
        except StoreError:
            if self._has_table():
                raise
            return 0

    def forget(self) -> None:
        """Delete the marks of the service, if it has no SLO any more."""
        try:
            with self._database.writing() as transaction:
                transaction.execute(
                    f"DELETE FROM {MARK_TABLE} WHERE service_digest = %s "  # noqa: S608
                    "AND NOT EXISTS (SELECT 1 FROM slo_django_slo WHERE slo_django_slo.service_digest = %s)",
                    [self._service, self._service],
                )
        except StoreError:
            if self._has_table():
                raise

    def _has_table(self) -> bool:
        """Whether the migration has run."""
        with self._database.connected() as connection, connection.cursor() as cursor:
            return has_tables(cursor, (MARK_TABLE,))


def _digest(row: KeptMark) -> str:
    return digest(f"{row.kind} {row.text}")
