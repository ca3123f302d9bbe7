"""Deletes rows that no window reads again, in portions that a database deletes in passing."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.objectives.window import DAY, FUTURE_TOLERANCE_SECONDS
from slo_core.stores.causes import BLOCK_BUCKETS, CAUSE_WIDTHS, KINDS, OPEN, BlockKey, first_kept
from slo_core.stores.layout import SWEPT_SECONDS, WIDTHS, kept_from
from slo_django.store.causes import CAUSE_TABLE, CauseTable
from slo_django.store.database import Database
from slo_django.store.notes import SilentNotes
from slo_django.store.periods import PERIOD_TABLE
from slo_django.store.tables import Tables
from slo_django.store.transaction import Transaction

__all__ = ["PRUNING_SECONDS", "Pruning"]

# How long a worker deletes what is old, while other threads of its process wait for the store.
PRUNING_SECONDS = 1.0

# A portion of buckets. As many rows are deleted in a hundredth of a second; in one where each is to be fetched from a
# slow disk; a statement may take two.
_BUCKETS = 1000

_BUCKET_TABLE = "slo_django_bucket"
_OF_SLO = "slo_id = %s AND width = %s AND "

# Before every bucket.
_FIRST = -(2**62)


@dataclass(slots=True)
class Outdated:
    """
    Neighbouring rows of one table, of which the oldest go first.

    Attributes:
        table: Where they are.
        condition: Which rows of it.
        values: Of the condition.
        column: They are ordered by it.
        oldest: The lowest in that column; None when none is left.
        before: They lie below this.
        portion: How far one transaction goes.
    """

    table: str
    condition: str
    values: tuple[int, ...]
    column: str
    oldest: float | None
    before: float
    portion: float

    def delete_portion(self, transaction: Transaction) -> int:
        """Delete the oldest, in a transaction of their own; how many rows it deleted."""
        if self.oldest is None:
            return 0
        until = min(self.before, self.oldest + self.portion)
        some = f"{self.table} WHERE {self.condition}{self.column} >= %s AND {self.column} < %s"
        deleted = transaction.change(f"DELETE FROM {some}", [*self.values, self.oldest, until])  # noqa: S608  # our names
        # From there on: what was deleted just now lies in the index still, and would be gone through again.
        self.oldest = _first(transaction.fetch(_oldest(some, self.column), [*self.values, until, self.before]))
        return deleted


def _oldest(source: str, column: str) -> str:
    # Not MIN: PostgreSQL reads all of them for that where it does not know yet how many there are.
    return f"SELECT {column} FROM {source} ORDER BY {column} LIMIT 1"  # noqa: S608


def _first(rows: Sequence[tuple[float]]) -> float | None:
    return rows[0][0] if rows else None


def _closed_periods(transaction: Transaction, slo: int, *, before: float) -> Outdated:
    """Closed periods of one SLO that began before an instant."""
    oldest = transaction.fetch(_oldest(f"{PERIOD_TABLE} WHERE slo_id = %s AND start < %s", "start"), [slo, before])
    return Outdated(PERIOD_TABLE, "slo_id = %s AND ", (slo,), "start", _first(oldest), before, DAY * _BUCKETS)


# All widths in the keys of blocks are smaller.
_WIDTHS = DAY + len(KINDS)
_WITHOUT_SLO = f"SELECT DISTINCT slo_id FROM {CAUSE_TABLE} WHERE slo_id NOT IN (SELECT id FROM slo_django_slo)"  # noqa: S608


def _causes(transaction: Transaction, slo: int, *, reference: float, keeps_seconds: int) -> list[Outdated]:
    """Blocks of the causes and latencies of one SLO, by width."""
    before = {
        width: first_kept(width, newest=reference, keeps_seconds=keeps_seconds) // BLOCK_BUCKETS[width]
        for width in CAUSE_WIDTHS
    }
    query = _oldest(f"{CAUSE_TABLE} WHERE {_OF_SLO}block < %s", "block")
    stored = [kind.stored(BlockKey(*each)) for kind in KINDS for each in before.items()]
    oldest = transaction.fetch_all([(query, (slo, *key)) for key in stored])
    return [
        Outdated(CAUSE_TABLE, _OF_SLO, (slo, key.width_seconds), "block", _first(rows), key.block, _BUCKETS)
        for key, rows in zip(stored, oldest, strict=True)
    ]


class Pruning:
    """
    Deletes what is old in the tables of a database, and remembers how far it came.

    Rows that were deleted lie in an index until the database cleans up, and a search for the first row goes through all
    of them: so each search begins where the last one ended.

    Args:
        database: The database.
        tables: Its tables.
        causes: That of causes.
    """

    def __init__(self, database: Database, tables: Tables, causes: CauseTable) -> None:
        self._database = database
        self._tables = tables
        self._causes = causes
        self._kept_from: dict[tuple[int, int], int] = {}

    def run(self, seconds: float) -> int:
        """
        Delete portion after portion, each in a transaction of its own; how many rows went.

        Args:
            seconds: When to stop, after one portion or one SLO at least; infinity goes on to the end.
        """
        deadline = time.monotonic() + seconds
        deleted = 0
        with self._database.connected() as connection:
            for outdated in self._outdated(connection, deadline):
                while outdated.oldest is not None:
                    deleted += self._delete_portion(connection, outdated)
                    if time.monotonic() >= deadline:
                        return deleted
                self._done(outdated)
        return deleted

    def _outdated(self, connection: BaseDatabaseWrapper, deadline: float) -> Iterator[Outdated | SilentNotes]:
        with self._database.begun(connection, write=False) as transaction:
            source = "slo_django_slo WHERE newest IS NOT NULL"
            slos = self._tables.select(transaction, "id, newest, keeps_seconds", source, ())
            now = self._tables.now(transaction)
            silent = [now - SWEPT_SECONDS]
            has_causes = self._causes.is_there(transaction)
            oldest = _first(transaction.fetch(_oldest("slo_django_note WHERE noted_at < %s", "noted_at"), silent))
        yield SilentNotes(now, self._database.dialect.for_update, oldest)
        # A process that has no time for all of them begins with others the next time, and several that prune at the same
        # time are seldom in each other's way.
        random.shuffle(slos)
        for slo, newest, keeps in slos:
            with self._database.begun(connection, write=False) as transaction:
                outdated = self._buckets(transaction, slo, newest=newest, keeps_seconds=keeps, now=now)
                if has_causes:
                    reference = min(newest, math.floor(now) + FUTURE_TOLERANCE_SECONDS)
                    outdated += _causes(transaction, slo, reference=reference, keeps_seconds=keeps)
            yield from outdated
            if time.monotonic() >= deadline:
                return
        for slo, _, _ in slos:
            with self._database.begun(connection, write=False) as transaction:
                yield _closed_periods(transaction, slo, before=now - KEPT_SECONDS)
        if has_causes:
            with self._database.begun(connection, write=False) as transaction:
                gone = transaction.fetch(_WITHOUT_SLO)
            for (slo,) in gone:  # deleted by a version that does not know this table
                yield Outdated(CAUSE_TABLE, "slo_id = %s AND ", (slo,), "width", OPEN.width_seconds, _WIDTHS, _WIDTHS)

    def _delete_portion(self, connection: BaseDatabaseWrapper, outdated: Outdated | SilentNotes) -> int:
        def delete() -> int:
            with self._database.begun(connection, write=True) as transaction:
                return outdated.delete_portion(transaction)

        return self._database.repeated(delete)

    def _buckets(
        self, transaction: Transaction, slo: int, *, newest: int, keeps_seconds: int, now: float
    ) -> list[Outdated]:
        """
        Buckets of one SLO, by width.

        Args:
            transaction: Of a transaction.
            slo: Its key.
            newest: Its newest event.
            keeps_seconds: Its longest window.
            now: The store's clock.
        """
        reference = min(newest, math.floor(now) + FUTURE_TOLERANCE_SECONDS)
        before = {width: kept_from(width, newest=reference, keeps_seconds=keeps_seconds) for width in WIDTHS}
        query = _oldest(f"{_BUCKET_TABLE} WHERE {_OF_SLO}bucket >= %s AND bucket < %s", "bucket")
        oldest = transaction.fetch_all(
            [(query, (slo, width, self._kept_from.get((slo, width), _FIRST), before[width])) for width in WIDTHS]
        )
        return [
            Outdated(_BUCKET_TABLE, _OF_SLO, (slo, width), "bucket", _first(rows), before[width], _BUCKETS)
            for width, rows in zip(WIDTHS, oldest, strict=True)
        ]

    def _done(self, outdated: Outdated | SilentNotes) -> None:
        """None of these is left."""
        if isinstance(outdated, Outdated) and outdated.table == _BUCKET_TABLE:
            slo, width = outdated.values
            self._kept_from[slo, width] = int(outdated.before)
