"""Which rows of the tables behind `django://` no window reads again, in portions that a database deletes in passing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS
from slo_core.stores.layout import NOTES_KEPT_SECONDS, WIDTHS, kept_from
from slo_django.store.transaction import Transaction

__all__ = ["Outdated", "Pruning"]

# A portion of buckets. As many rows are deleted in a hundredth of a second; in one where each is to be fetched from a
# slow disk; a statement may take two.
_BUCKETS = 1000

# A portion of notes: every worker writes one for each SLO when it begins, and again with each batch.
_NOTES_SECONDS = 600.0

_OF_SLO = "slo_id = %s AND width = %s AND "

# Before every bucket.
_FIRST = -(2**62)


@dataclass(slots=True)
class Outdated:
    """
    Neighbouring rows of one kind, of which the oldest go first.

    Attributes:
        table: Where they are.
        condition: Which kind.
        values: Of the condition.
        column: What they are ordered by.
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
        """Delete the oldest, in a transaction of their own; how many rows those were."""
        if self.oldest is None:
            return 0
        until = min(self.before, self.oldest + self.portion)
        some = f"{self.table} WHERE {self.condition}{self.column} >= %s AND {self.column} < %s"
        deleted = transaction.change(f"DELETE FROM {some}", [*self.values, self.oldest, until])  # noqa: S608  # our names
        # From there on: what was deleted just now lies in the index still, and would be gone through again.
        self.oldest = _first(transaction.ask(_oldest(some, self.column), [*self.values, until, self.before]))
        return deleted


def _oldest(source: str, column: str) -> str:
    # Not MIN: PostgreSQL reads all of them for that where it does not know yet how many there are.
    return f"SELECT {column} FROM {source} ORDER BY {column} LIMIT 1"  # noqa: S608


def _first(rows: Sequence[tuple[float]]) -> float | None:
    return rows[0][0] if rows else None


class Pruning:
    """
    What there is to prune, and how far that was seen to.

    Rows that were deleted lie in an index until the database cleans up, and whoever looks for the first one goes through
    all of them: so each search begins where the last one ended.
    """

    __slots__ = ("_kept_from",)

    def __init__(self) -> None:
        self._kept_from: dict[tuple[int, int], int] = {}

    def notes(self, transaction: Transaction, *, now: float) -> Outdated:
        """Notes that no writer comes back to."""
        before = now - NOTES_KEPT_SECONDS
        oldest = _first(transaction.ask(_oldest("slo_django_note WHERE noted_at < %s", "noted_at"), [before]))
        return Outdated("slo_django_note", "", (), "noted_at", oldest, before, _NOTES_SECONDS)

    def buckets(
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
        query = _oldest(f"slo_django_bucket WHERE {_OF_SLO}bucket >= %s AND bucket < %s", "bucket")
        found = transaction.ask_all(
            [(query, (slo, width, self._kept_from.get((slo, width), _FIRST), before[width])) for width in WIDTHS]
        )
        return [
            Outdated("slo_django_bucket", _OF_SLO, (slo, width), "bucket", _first(rows), before[width], _BUCKETS)
            for width, rows in zip(WIDTHS, found, strict=True)
        ]

    def done(self, outdated: Outdated) -> None:
        """None of these is left."""
        if outdated.values:
            slo, width = outdated.values
            self._kept_from[slo, width] = int(outdated.before)
