"""Adds batches to the tables of an SQLite store, each exactly once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from slo_core.stores.buckets import Batch, Declaration
from slo_core.stores.layout import admit

__all__ = ["add_batches"]

_INSERT_SLO = """
    INSERT INTO slo (service, name, good, bad, dropped, errors, since, newest, keeps, definition, fingerprint, changed_at)
    VALUES (?, ?, 0, 0, 0, 0, ?, NULL, ?, ?, ?, NULL)"""
_DECLARE = """
    UPDATE slo SET definition = ?, keeps = ?, changed_at = CASE WHEN fingerprint = ? THEN changed_at ELSE ? END,
    fingerprint = ? WHERE id = ?"""
_ADD_TO_BUCKET = """
    INSERT INTO bucket (slo, width, bucket, good, bad) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (slo, width, bucket) DO UPDATE SET good = good + excluded.good, bad = bad + excluded.bad"""
_ADD_TO_SLO = """
    UPDATE slo SET good = good + ?, bad = bad + ?, dropped = dropped + ?, errors = errors + ?, since = ?, newest = ?
    WHERE id = ?"""
_NOTE = """
    INSERT INTO note (writer, slo, number, noted_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (writer, slo) DO UPDATE SET number = excluded.number, noted_at = excluded.noted_at"""


class _SLORow(NamedTuple):
    """The columns of an SLO that decide which events are added."""

    id: int
    newest: int | None
    keeps: int
    since: float


def add_batches(
    connection: sqlite3.Connection, batches: Sequence[Batch], *, service: str, now: float
) -> tuple[int, ...]:
    """
    Add batches.

    Args:
        connection: In a transaction that writes.
        batches: At most one for each SLO.
        service: Its namespace.
        now: The store's clock.

    Returns:
        For each batch the number that is noted then; see `Applied.noted`.
    """
    columns = "SELECT name, id, newest, keeps, since FROM slo WHERE service = ?"
    rows = {name: _SLORow(*row) for name, *row in connection.execute(columns, (service,))}
    notes = _notes(connection, {batch.writer for batch in batches})
    increments: list[tuple[int, int, int, int, int]] = []
    totals: list[tuple[object, ...]] = []
    fresh: list[tuple[str, int, int, float]] = []
    noted: list[int] = []
    for batch in batches:
        row, declaration = rows.get(batch.slo), batch.declaration
        before = 0 if row is None else notes.get((batch.writer, row.id), 0)
        if before != batch.number - 1 or (row is None and declaration is None):
            noted.append(before)
            continue
        if declaration is not None:
            row = _declared(connection, row, declaration, service=service, slo=batch.slo, now=now)
        assert row is not None
        admitted = admit(batch, last_event_at=row.newest, keeps_seconds=row.keeps, data_since=row.since, now=now)
        increments.extend((row.id, *increment) for increment in admitted.increments)
        counts = (admitted.good, admitted.bad, admitted.dropped, batch.errors)
        totals.append((*counts, admitted.data_since, admitted.last_event_at, row.id))
        fresh.append((batch.writer, row.id, batch.number, now))
        noted.append(batch.number)
    connection.executemany(_ADD_TO_BUCKET, increments)
    connection.executemany(_ADD_TO_SLO, totals)
    connection.executemany(_NOTE, fresh)
    return tuple(noted)


def _notes(connection: sqlite3.Connection, writers: Iterable[str]) -> dict[tuple[str, int], int]:
    """By writer and SLO, the number that is noted. All batches of a call are mostly under one writer id."""
    return {
        (writer, slo): number
        for writer in writers
        for slo, number in connection.execute("SELECT slo, number FROM note WHERE writer = ?", (writer,))
    }


def _declared(
    connection: sqlite3.Connection,
    row: _SLORow | None,
    declaration: Declaration,
    *,
    service: str,
    slo: str,
    now: float,
) -> _SLORow:
    """The row of an SLO as declared: a new one, or the one that exists, updated."""
    definition, fingerprint = declaration.definition, declaration.fingerprint
    if row is None:
        values = (service, slo, declaration.since, declaration.keeps_seconds, definition, fingerprint)
        row_id = connection.execute(_INSERT_SLO, values).lastrowid
        assert row_id is not None
        return _SLORow(row_id, None, declaration.keeps_seconds, declaration.since)
    keeps = max(row.keeps, declaration.keeps_seconds)
    connection.execute(_DECLARE, (definition, keeps, fingerprint, now, fingerprint, row.id))
    return row._replace(keeps=keeps)
