"""Notes of writers that have been silent for long: they go some at a time, and their SLOs remember up to where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from slo_core.stores.layout import AWAKE_SECONDS, SWEPT_AT_LAST_SECONDS, SWEPT_SECONDS
from slo_django.store.rows import placeholders
from slo_django.store.transaction import Transaction

__all__ = ["SilentNotes", "Swept", "applied_at", "sweep"]

# A portion, where nothing else waits for it.
_PORTION = 500

# Those that may go; see `AWAKE_SECONDS`.
_SILENT = (
    "noted_at < %s AND (noted_at < %s OR EXISTS (SELECT 1 FROM slo_django_note other "
    "WHERE other.slo_id = slo_django_note.slo_id AND other.noted_at BETWEEN %s AND %s))"
)


class Swept(NamedTuple):
    """
    The notes of one SLO that went.

    Attributes:
        applied: The highest `applied` of them.
        noted_at: When the latest was written.
        counted: How many were counted by the SLO: those of the version before, which have no nonce, are not.
    """

    applied: int
    noted_at: float
    counted: int


def _silent(now: float) -> list[float]:
    """The parameters of `_SILENT`."""
    return [now - SWEPT_SECONDS, now - SWEPT_AT_LAST_SECONDS, now - SWEPT_SECONDS, now - AWAKE_SECONDS]


def sweep(
    transaction: Transaction, slos: Sequence[int], *, now: float, most: int, for_update: str
) -> tuple[dict[int, Swept], int]:
    """
    Delete notes of writers that have been silent for long.

    Args:
        transaction: One that holds the rows of the SLOs.
        slos: Their keys.
        now: The store's clock.
        most: How many notes may go.
        for_update: Locks what a query finds.

    Returns:
        What went of each SLO, and how many rows.
    """
    old = transaction.fetch(
        "SELECT slo_id, writer, nonce, applied, noted_at FROM slo_django_note "  # noqa: S608
        f"WHERE slo_id IN ({placeholders(len(slos))}) AND {_SILENT} ORDER BY noted_at LIMIT {most:d}{for_update}",
        [*slos, *_silent(now)],
    )
    swept: dict[int, Swept] = {}
    for slo, _, nonce, applied, noted_at in old:
        before = swept.get(slo, Swept(0, 0.0, 0))
        swept[slo] = Swept(max(before.applied, applied), max(before.noted_at, noted_at), before.counted + bool(nonce))
    if old:
        transaction.execute_each(
            "DELETE FROM slo_django_note WHERE writer = %s AND slo_id = %s",
            sorted(((writer, slo) for slo, writer, *_ in old), key=lambda row: (row[1], row[0])),
        )
        transaction.execute_each(
            "UPDATE slo_django_slo SET swept = CASE WHEN swept < %s THEN %s ELSE swept END, "
            "swept_at = CASE WHEN swept_at < %s THEN %s ELSE swept_at END, notes = notes - %s WHERE id = %s",
            [
                (one.applied, one.applied, one.noted_at, one.noted_at, one.counted, slo)
                for slo, one in sorted(swept.items())
            ],
        )
    return swept, len(old)


def applied_at(transaction: Transaction, slo: int) -> float | None:
    """When the last batch of an SLO was applied; None if no note says so."""
    ((noted_at,),) = transaction.fetch("SELECT MAX(noted_at) FROM slo_django_note WHERE slo_id = %s", [slo])
    return None if noted_at is None else float(noted_at)


@dataclass(slots=True)
class SilentNotes:
    """
    The notes of all SLOs of which the oldest go first.

    Attributes:
        now: The store's clock.
        for_update: Locks what a query finds.
        oldest: None when none is left.
    """

    now: float
    for_update: str
    oldest: float | None

    def delete_portion(self, transaction: Transaction) -> int:
        """Delete the oldest, in a transaction of their own; how many rows it deleted."""
        oldest = f"SELECT slo_id FROM slo_django_note WHERE {_SILENT} ORDER BY noted_at LIMIT {_PORTION:d}"  # noqa: S608
        rows = transaction.fetch(f"SELECT DISTINCT slo_id FROM ({oldest}) oldest", _silent(self.now))  # noqa: S608
        deleted = 0
        if rows:
            slos = sorted(slo for (slo,) in rows)
            which = f"id IN ({placeholders(len(slos))}) ORDER BY id{self.for_update}"
            transaction.fetch(f"SELECT id FROM slo_django_slo WHERE {which}", slos)  # noqa: S608
            _, deleted = sweep(transaction, slos, now=self.now, most=_PORTION, for_update=self.for_update)
        if deleted < _PORTION:
            self.oldest = None
        return deleted
