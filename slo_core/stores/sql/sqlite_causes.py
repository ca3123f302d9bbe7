"""The causes of bad events in the tables of an SQLite store."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from slo_core.budgets.causes import BlockKey
from slo_core.stores.buckets import Batch
from slo_core.stores.cause_totals import TOTALS
from slo_core.stores.causes import BLOCK_BUCKETS, CAUSE_WIDTHS, OPEN, CauseQuery, first_kept
from slo_core.stores.shared.cause_texts import changed_texts

__all__ = ["BatchCauses", "delete_causes", "prune_causes", "read_blocks", "read_totals", "write_causes"]

# Blocks belong to the generation of a record: an SLO that was deleted and declared again, by a version that does not know
# this table, sees none of the old ones.
_OPEN = f"""SELECT generation, width, content FROM cause_block
    WHERE width IN ({OPEN.width_seconds}, {TOTALS.width_seconds}) AND block = 0 AND generation IN"""  # noqa: S608
_TOTALS = f"SELECT content FROM cause_block WHERE generation = ? AND width = {TOTALS.width_seconds} AND block = 0"  # noqa: S608
_AT_ONCE = 500
_LOAD = "SELECT content FROM cause_block WHERE generation = ? AND width = ? AND block = ?"
_WRITE = """
    INSERT INTO cause_block (generation, width, block, content) VALUES (?, ?, ?, ?)
    ON CONFLICT (generation, width, block) DO UPDATE SET content = excluded.content"""
_READ = f"""
    SELECT width, block, content FROM cause_block WHERE generation = ? AND width = {OPEN.width_seconds} UNION ALL
    SELECT width, block, content FROM cause_block WHERE generation = ? AND width = ? AND block >= ?"""  # noqa: S608
_PRUNE = "DELETE FROM cause_block WHERE generation = ? AND width = ? AND block < ?"


class BatchCauses(NamedTuple):
    """
    A batch whose causes are to be added.

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
    Add causes; what was damaged, fit for a log.

    Args:
        connection: In a transaction that writes.
        adding: At most one for each SLO.
    """
    damage: list[str] = []
    rows: list[tuple[str, int, int, str]] = []
    open_texts: dict[tuple[str, int], str] = {}
    for start in range(0, len(adding), _AT_ONCE):
        generations = [each.generation for each in adding[start : start + _AT_ONCE]]
        marks = ", ".join("?" * len(generations))
        read = connection.execute(f"{_OPEN} ({marks})", generations)
        open_texts.update({(generation, width): content for generation, width, content in read})
    for batch, generation, reference, keeps_seconds, bad in adding:

        def load(key: BlockKey, generation: str = generation) -> str | None:
            if key in (OPEN, TOTALS):
                return open_texts.get((generation, key.width_seconds))
            row = connection.execute(_LOAD, (generation, *key)).fetchone()
            return None if row is None else row[0]

        changed = changed_texts(batch, load, bad=bad, reference=reference, keeps_seconds=keeps_seconds, damage=damage)
        rows += [(generation, *key, text) for key, text in changed]
    connection.executemany(_WRITE, rows)
    return damage


def read_blocks(connection: sqlite3.Connection, query: CauseQuery, *, generation: str) -> list[tuple[BlockKey, str]]:
    """The blocks that answer a query, as they are stored."""
    first = query.first // BLOCK_BUCKETS[query.width_seconds]
    rows = connection.execute(_READ, (generation, generation, query.width_seconds, first))
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
        connection.execute(_PRUNE, (generation, width, first))


def delete_causes(connection: sqlite3.Connection) -> None:
    """Delete the blocks of SLOs that are not there any more."""
    connection.execute("DELETE FROM cause_block WHERE generation NOT IN (SELECT generation FROM slo)")
