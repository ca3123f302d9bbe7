"""Adds batches to the tables of an SQLite store, each exactly once."""

from __future__ import annotations

import math
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS
from slo_core.stores.buckets import Batch, Declaration, Note
from slo_core.stores.layout import (
    AWAKE_SECONDS,
    MOST_COUNTED,
    SWEPT_AT_LAST_SECONDS,
    SWEPT_AT_ONCE,
    SWEPT_SECONDS,
    admit,
    is_after_a_replay,
    is_outdated,
    kept_after_growing,
)
from slo_core.stores.shared.cause_texts import parts_of
from slo_core.stores.sql.sqlite_causes import BatchCauses, write_causes

__all__ = ["add_batches", "sweep"]

_INSERT_SLO = """
    INSERT INTO slo (
        service, name, good, bad, dropped, errors, since, newest, keeps, definition, fingerprint, changed_at, generation,
        seen_at, kept_since)
    VALUES (?, ?, 0, 0, 0, 0, ?, NULL, ?, ?, ?, NULL, ?, ?, ?)"""
_DECLARE = """
    UPDATE slo SET definition = ?, keeps = ?, since = MIN(since, ?), changed_at = CASE WHEN fingerprint = ? THEN changed_at
    ELSE ? END, fingerprint = ?, generation = ?, seen_at = ?, kept_since = ? WHERE id = ?"""
_ADD_TO_BUCKET = """
    INSERT INTO bucket (slo, width, bucket, good, bad) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (slo, width, bucket) DO UPDATE SET good = good + excluded.good, bad = bad + excluded.bad"""
_ADD_TO_SLO = """
    UPDATE slo SET good = good + ?, bad = bad + ?, dropped = dropped + ?, errors = errors + ?, since = ?, newest = ?,
    applied = ?, notes = notes + ?, seen_at = ? WHERE id = ?"""
_NOTE = """
    INSERT INTO note (writer, slo, number, noted_at, nonce, applied) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (writer, slo) DO UPDATE SET number = excluded.number, noted_at = excluded.noted_at, nonce = excluded.nonce,
    applied = excluded.applied"""
_SWEPT = "UPDATE slo SET swept = MAX(swept, ?), swept_at = MAX(swept_at, ?), notes = ? WHERE id = ?"

# Those of the version before have no nonce; it does not count them.
_COUNT_NOTES = "SELECT COUNT(*) FROM note WHERE slo = ? AND nonce != ''"


class _SLORow(NamedTuple):
    """The columns of an SLO that decide which events are added."""

    name: str
    id: int
    newest: int | None
    keeps: int
    since: float
    generation: str
    applied: int
    swept: int
    swept_at: float
    notes: int
    kept_since: int | None = None


_ROW = f"SELECT {', '.join(_SLORow._fields)} FROM slo WHERE service = ?"  # noqa: S608


class _NoteRow(NamedTuple):
    """A note of a writer who is known."""

    slo: int
    number: int
    nonce: str
    applied: int


def add_batches(
    connection: sqlite3.Connection, batches: Sequence[Batch], *, service: str, now: float
) -> tuple[tuple[Note, ...], list[str]]:
    """
    Add batches.

    Args:
        connection: In a transaction that writes.
        batches: At most one for each SLO.
        service: Its namespace.
        now: The store's clock.

    Returns:
        For each batch what is noted of its writer then; see `Applied.notes`. And what of their causes was damaged.
    """
    rows = {row.name: row for row in map(_SLORow._make, connection.execute(_ROW, (service,)))}
    noted = _notes(connection, {batch.writer for batch in batches})
    increments: list[tuple[int, int, int, int, int]] = []
    totals: list[tuple[object, ...]] = []
    fresh: list[tuple[str, int, int, float, str, int]] = []
    causes: list[BatchCauses] = []
    notes: list[Note] = []
    for batch in batches:
        row, declaration = rows.get(batch.slo), batch.declaration
        before = None if row is None else noted.get((batch.writer, row.id))
        number = 0 if before is None else before.number
        if declaration is not None and batch.number in (0, number + 1):
            row = _declared(connection, row, declaration, service=service, slo=batch.slo, now=now)
        if row is None:
            notes.append(Note())
            continue
        if number == 0 and batch.number:
            row = _counted(connection, row, batch, now=now)
        if number != batch.number - 1 or is_outdated(
            batch, generation=row.generation, swept=row.swept, swept_at=row.swept_at
        ):
            notes.append(_answer(connection, row, batch, before))
            continue
        applied_at = partial(_applied_at, connection, row.id)
        is_another_age = is_after_a_replay(row.newest, batch, keeps_seconds=row.keeps, applied_at=applied_at)
        since = math.inf if is_another_age else row.since
        admitted = admit(batch, last_event_at=row.newest, keeps_seconds=row.keeps, data_since=since, now=now)
        increments += [(row.id, *increment) for increment in admitted.increments]
        if parts_of(batch) and admitted.last_event_at is not None and row.generation:
            reference = min(admitted.last_event_at, math.floor(now) + FUTURE_TOLERANCE_SECONDS)
            causes.append(BatchCauses(batch, row.generation, reference, row.keeps, admitted.bad))
        counts = (admitted.good, admitted.bad, admitted.dropped, batch.errors)
        applied = row.applied + 1
        # A batch without a nonce is one of the version before.
        added = int(bool(batch.nonce) and not (before and before.nonce))
        totals.append((*counts, admitted.data_since, admitted.last_event_at, applied, added, now, row.id))
        fresh.append((batch.writer, row.id, batch.number, now, batch.nonce, applied))
        notes.append(Note(batch.number, batch.nonce, applied, row.swept, row.swept_at, row.generation))
    connection.executemany(_ADD_TO_BUCKET, increments)
    connection.executemany(_ADD_TO_SLO, totals)
    connection.executemany(_NOTE, fresh)
    return tuple(notes), write_causes(connection, causes) if causes else []


def _notes(connection: sqlite3.Connection, writers: Iterable[str]) -> dict[tuple[str, int], _NoteRow]:
    """By writer and SLO, what is noted. All batches of a call are mostly under one writer id."""
    statement = f"SELECT {', '.join(_NoteRow._fields)} FROM note WHERE writer = ?"  # noqa: S608
    return {
        (writer, note.slo): note
        for writer in writers
        for note in map(_NoteRow._make, connection.execute(statement, (writer,)))
    }


def _counted(connection: sqlite3.Connection, row: _SLORow, batch: Batch, *, now: float) -> _SLORow:
    """The row, after another hand may have removed notes: any of them may be this writer's, which is missing."""
    if batch.number == 1 and row.notes > MOST_COUNTED:
        return row
    (there,) = connection.execute(_COUNT_NOTES, (row.id,)).fetchone()
    if there >= row.notes:
        return row
    connection.execute(_SWEPT, (row.applied, now, there, row.id))
    return row._replace(swept=row.applied, swept_at=now, notes=there)


def _applied_at(connection: sqlite3.Connection, slo: int) -> float | None:
    """When the last batch was applied, as far as it is noted."""
    (noted_at,) = connection.execute("SELECT MAX(noted_at) FROM note WHERE slo = ?", (slo,)).fetchone()
    return None if noted_at is None else float(noted_at)


def _answer(connection: sqlite3.Connection, row: _SLORow, batch: Batch, note: _NoteRow | None) -> Note:
    """What is noted of a writer whose batch is not added."""
    if note is None:
        return Note(0, "", 0, row.swept, row.swept_at, row.generation)
    if batch.leaves and note.nonce == batch.nonce != "":
        connection.execute("DELETE FROM note WHERE writer = ? AND slo = ?", (batch.writer, row.id))
        connection.execute(_SWEPT, (note.applied, 0.0, row.notes - 1, row.id))
    return Note(note.number, note.nonce, note.applied, row.swept, row.swept_at, row.generation)


def sweep(connection: sqlite3.Connection, slo: int, *, now: float) -> bool:
    """
    Delete some notes of writers that have been silent for long; whether there were any.

    Args:
        connection: In a transaction that writes.
        slo: Key of the SLO.
        now: The store's clock.
    """
    silent = now - SWEPT_SECONDS
    old = connection.execute(
        "SELECT writer, nonce, applied, noted_at FROM note WHERE slo = ? AND noted_at < CASE "
        "WHEN EXISTS (SELECT 1 FROM note WHERE slo = ? AND noted_at BETWEEN ? AND ?) THEN ? ELSE ? END "
        "ORDER BY noted_at LIMIT ?",
        (slo, slo, silent, now - AWAKE_SECONDS, silent, now - SWEPT_AT_LAST_SECONDS, SWEPT_AT_ONCE),
    ).fetchall()
    if old:
        connection.executemany("DELETE FROM note WHERE writer = ? AND slo = ?", [(writer, slo) for writer, *_ in old])
        connection.execute(
            "UPDATE slo SET swept = MAX(swept, ?), swept_at = MAX(swept_at, ?), notes = notes - ? WHERE id = ?",
            (max(row[2] for row in old), max(row[3] for row in old), sum(bool(row[1]) for row in old), slo),
        )
    return bool(old)


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
        generation = secrets.token_hex(8)
        kept_since = declaration.kept_since
        row_id = connection.execute(_INSERT_SLO, (*values, generation, now, kept_since)).lastrowid
        assert row_id is not None
        # What another hand has left of an SLO that had the same key.
        connection.execute("DELETE FROM bucket WHERE slo = ?", (row_id,))
        connection.execute("DELETE FROM note WHERE slo = ?", (row_id,))
        return _SLORow(slo, row_id, None, declaration.keeps_seconds, declaration.since, generation, 0, 0, 0.0, 0)
    keeps = max(row.keeps, declaration.keeps_seconds)
    # The version before gives none.
    generation = row.generation or secrets.token_hex(8)
    since = min(row.since, declaration.since)
    kept_since = kept_after_growing(
        row.kept_since, declaration, last_event_at=row.newest, keeps_seconds=row.keeps, now=now
    )
    declared = (definition, keeps, since, fingerprint, now, fingerprint, generation, now, kept_since)
    connection.execute(_DECLARE, (*declared, row.id))
    row = row._replace(keeps=keeps, since=since, generation=generation)
    if sweep(connection, row.id, now=now):
        columns = "SELECT swept, swept_at, notes FROM slo WHERE id = ?"
        swept, swept_at, notes = connection.execute(columns, (row.id,)).fetchone()
        row = row._replace(swept=swept, swept_at=swept_at, notes=notes)
    return row
