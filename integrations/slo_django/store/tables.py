"""Reads in the tables of the store, whose version is checked."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from slo_core.stores.buckets import StoreIdentity
from slo_django.store.database import Database
from slo_django.store.schema import SCHEMA_VERSION, STORED_VERSION, check_version
from slo_django.store.transaction import Transaction

__all__ = ["Tables"]


class Tables:
    """
    The tables of one database.

    Args:
        database: Where they are.
        clock: Returns seconds since the epoch; asked only where the database has no clock of its own.

    Attributes:
        identity_query: Its rows are for `identify`.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float]) -> None:
        self._alias = database.alias
        self._dialect = database.dialect
        self._clock = clock
        self.identity_query = f"SELECT store_id, created, schema_version, {self._dialect.now} FROM slo_django_store"  # noqa: S608

    def identify(
        self, transaction: Transaction, rows: Sequence[Sequence[Any]] | None = None
    ) -> tuple[StoreIdentity, float]:
        """
        Which store it is, and what time it is there; an empty one is given an identity.

        Args:
            transaction: One that writes.
            rows: Those of `identity_query`; None to ask for them.

        Raises:
            StoreError: The tables are newer than this version of the package.
        """
        if rows is None:
            rows = transaction.fetch(self.identity_query)
        if not rows:
            columns = ("id", "store_id", "created", "schema_version")
            transaction.execute(
                self._dialect.insert_missing("slo_django_store", columns, ("id",)),
                [1, secrets.token_hex(16), self.now(transaction), SCHEMA_VERSION],
            )
            rows = transaction.fetch(self.identity_query)
        ((store_id, created, version, now),) = rows
        check_version(self._alias, version)
        return StoreIdentity(store_id, created), self._time(now)

    def select(
        self, transaction: Transaction, columns: str, source: str, values: Sequence[object]
    ) -> list[tuple[Any, ...]]:
        """
        The rows of a query.

        Args:
            transaction: The transaction.
            columns: What to select.
            source: What comes after FROM.
            values: Of its placeholders.

        Raises:
            StoreError: The tables are newer than this version of the package.
        """
        rows = transaction.fetch(f"SELECT {STORED_VERSION}, {columns} FROM {source}", values)  # noqa: S608
        if rows:
            check_version(self._alias, rows[0][0])
        return [row[1:] for row in rows]

    def now(self, transaction: Transaction) -> float:
        """The store's clock, in seconds since the epoch."""
        ((now,),) = transaction.fetch(f"SELECT {self._dialect.now}")
        return self._time(now)

    def _time(self, now: float | None) -> float:
        return self._clock() if now is None else float(now)
