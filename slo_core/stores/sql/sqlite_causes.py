"""The causes of bad events, and how long events took, in the tables of an SQLite store."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from slo_core.budgets.causes import BlockKey
from slo_core.stores.buckets import Batch
from slo_core.stores.cause_totals import TOTALS
from slo_core.stores.causes import BLOCK_BUCKETS, CAUSE_WIDTHS, KINDS, CauseQuery, first_kept
from slo_core.stores.shared.cause_texts import changed_texts

__all__ = ["BatchCauses", "delete_causes", "prune_causes", "read_blocks", "read_totals", "write_causes"]

# Blocks belong to the generation of a record: an SLO that was deleted and declared again, by a version that does not know
# this table, sees none of the old ones.
_OPEN_KEYS = frozenset((*(kind.open for kind in KINDS), TOTALS))
_OPEN_WIDTHS = ", ".join(str(key.width_seconds) for key in sorted(_OPEN_KEYS))
_OPEN = f"SELECT generation, width, content FROM cause_block WHERE width IN ({_OPEN_WIDTHS}) AND block = 0 AND generation IN"  # noqa: S608
_TOTALS = f"SELECT content FROM cause_block WHERE generation = ? AND width = {TOTALS.width_seconds} AND block = 0"  # noqa: S608
_AT_ONCE = 500
_LOAD = "SELECT content FROM cause_block WHERE generation = ? AND width = ? AND block = ?"
_WRITE = """
    INSERT INTO cause_block (generation, width, block, content) VALUES (?, ?, ?, ?)
    ON CONFLICT (generation, width, block) DO UPDATE SET content = excluded.content"""
_READ = """
    SELECT width, block, content FROM cause_block WHERE generation = ? AND width = ? UNION ALL
    SELECT width, block, content FROM cause_block WHERE generation = ? AND width = ? AND block >= ?"""
_PRUNE = "DELETE FROM cause_block WHERE generation = ? AND width = ? AND block < ?"


class BatchCauses(NamedTuple):
    """
    A batch whose causes and latencies are to be added.

    Attributes:
        batch: The batch.
        generation: Of the SLO's record.
        reference: As for `add_causes`.
        keeps_seconds: As there.
        bad: How many of its bad events are added to the record.
    """

    batch: Batch
    generation: str
    reference: float
    keeps_seconds: int
    bad: int


def write_causes(connection: sqlite3.Connection, adding: Sequence[BatchCauses]) -> list[str]:
    """
    Add causes and latencies; what was damaged, fit for a log.

    Args:
        connection: In a transaction that writes.
        adding: At most one for each SLO.
    """
    damage: list[str] = []
    rows: list[tuple[str, int, int, str]] = []
    open_texts: dict[tuple[str, BlockKey], str] = {}
    for start in range(0, len(adding), _AT_ONCE):
        generations = [each.generation for each in adding[start : start + _AT_ONCE]]
        marks = ", ".join("?" * len(generations))
        for generation, width, content in connection.execute(f"{_OPEN} ({marks})", generations):
            open_texts[generation, BlockKey(width, 0)] = content
    for batch, generation, reference, keeps_seconds, bad in adding:

        def load(key: BlockKey, generation: str = generation) -> str | None:
            if key in _OPEN_KEYS:
                return open_texts.get((generation, key))
            row = connection.execute(_LOAD, (generation, *key)).fetchone()
            return None if row is None else row[0]

        changed = changed_texts(batch, load, bad=bad, reference=reference, keeps_seconds=keeps_seconds, damage=damage)
        rows += [(generation, *key, text) for key, text in changed]
    connection.executemany(_WRITE, rows)
    return damage


def read_blocks(connection: sqlite3.Connection, query: CauseQuery, *, generation: str) -> list[tuple[BlockKey, str]]:
    """The blocks that answer a query, as they are stored."""
    key = query.kind.stored(BlockKey(query.width_seconds, query.first // BLOCK_BUCKETS[query.width_seconds]))
    rows = connection.execute(_READ, (generation, query.kind.open.width_seconds, generation, *key))
    return [(BlockKey(width, block), content) for width, block, content in rows]


def read_totals(connection: sqlite3.Connection, *, generation: str) -> str:
    """The totals by cause, as they are stored; empty without any."""
    row = connection.execute(_TOTALS, (generation,)).fetchone()
    return "" if row is None else str(row[0])


def prune_causes(connection: sqlite3.Connection, generation: str, *, reference: float, keeps_seconds: int) -> None:
    """
    Delete the blocks of an SLO that are older than all that is kept.

    Args:
        connection: In a transaction that writes.
        generation: Of the SLO's record.
        reference: As for `add_causes`.
        keeps_seconds: As there.
    """
    for width in CAUSE_WIDTHS:
        first = first_kept(width, newest=reference, keeps_seconds=keeps_seconds) // BLOCK_BUCKETS[width]
        for kind in KINDS:
            connection.execute(_PRUNE, (generation, *kind.stored(BlockKey(width, first))))


def delete_causes(connection: sqlite3.Connection) -> None:
    """Delete the blocks of SLOs that are not there any more."""
    connection.execute("DELETE FROM cause_block WHERE generation NOT IN (SELECT generation FROM slo)")
