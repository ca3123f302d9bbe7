"""Adds batches to the store's tables, each exactly once."""

from __future__ import annotations

import math
import secrets
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS
from slo_core.stores.buckets import Applied, Batch, Declaration, Note
from slo_core.stores.layout import (
    MOST_COUNTED,
    SWEPT_AT_ONCE,
    Admitted,
    admit,
    is_after_a_replay,
    is_outdated,
    kept_after_growing,
)
from slo_core.stores.shared.cause_texts import parts_of
from slo_django.store.causes import BatchCauses, CauseTable
from slo_django.store.dialect import Dialect
from slo_django.store.notes import Swept, applied_at, sweep
from slo_django.store.rows import digest, packed, placeholders
from slo_django.store.tables import Tables
from slo_django.store.transaction import Transaction

__all__ = ["BatchWriter"]

# Rows of one statement: databases and drivers limit its parameters.
_ROWS = 500

# Workers that start together need not each write that they were seen.
_SEEN_SECONDS = 60


SLO_COLUMNS = (
    "id", "newest", "keeps_seconds", "since", "definition", "fingerprint", "generation", "applied", "swept", "swept_at",
    "notes", "seen_at", "kept_since",
)  # fmt: skip


class SLORow(NamedTuple):
    """The `SLO_COLUMNS` of an SLO, which decide what is added."""

    id: int
    newest: int | None
    keeps: int
    since: float
    definition: str
    fingerprint: str
    generation: str
    applied: int
    swept: int
    swept_at: float
    notes: int
    seen_at: float
    kept_since: int | None

    def without(self, gone: Swept) -> SLORow:
        """The row after some notes have gone."""
        return self._replace(
            swept=max(self.swept, gone.applied),
            swept_at=max(self.swept_at, gone.noted_at),
            notes=self.notes - gone.counted,
        )


class NoteRow(NamedTuple):
    """A writer's note."""

    number: int
    nonce: str
    applied: int


class Addition(NamedTuple):
    """
    A batch that is added.

    Attributes:
        batch: The batch.
        row: Of its SLO.
        admitted: What of it.
        is_new: Whether its note is one more that the SLO counts.
    """

    batch: Batch
    row: SLORow
    admitted: Admitted
    is_new: bool

    @property
    def applied(self) -> int:
        """How many batches the SLO has taken in then."""
        return self.row.applied + 1


class BatchWriter:
    """
    Adds the batches of one service.

    Args:
        tables: Where to.
        dialect: Of their database.
        service: The namespace.
        causes: Where the causes of bad events go.
    """

    def __init__(self, tables: Tables, dialect: Dialect, service: str, causes: CauseTable) -> None:
        self._tables = tables
        self._dialect = dialect
        self._service = service
        self._causes = causes

    def key(self, slo: str) -> str:
        """The digest by which the row of an SLO is looked up."""
        return digest(f"{self._service}\0{slo}")

    def apply(self, transaction: Transaction, batches: Sequence[Batch]) -> Applied:
        """Add batches, in a transaction that writes."""
        if not batches:
            return Applied(*self._tables.identify(transaction), ())
        keys = {batch.slo: self.key(batch.slo) for batch in batches}
        self._declare(transaction, {keys[batch.slo]: batch for batch in batches if batch.declaration is not None})
        with_causes = [keys[batch.slo] for batch in batches if parts_of(batch)]
        has_causes = bool(with_causes) and self._causes.is_there(transaction)
        identity_rows, locked, noted_before, *open_causes = transaction.fetch_all(
            [
                (self._tables.identity_query, ()),
                # A writer that adds to an SLO holds its row from here on: increments of several writers come one after
                # the other, and an attempt of ours that is still running in the server ends first.
                self._lock(sorted(keys.values())),
                self._notes(sorted({batch.writer for batch in batches})),
                *([self._causes.open_query(sorted(with_causes))] if has_causes else ()),
            ]
        )
        identity, now = self._tables.identify(transaction, identity_rows)
        rows = {key: SLORow(*row) for key, *row in locked}
        rows = self._swept(transaction, rows, {keys[batch.slo] for batch in batches if batch.declaration}, now)
        noted = {(writer, slo): NoteRow(*row) for writer, slo, *row in noted_before}
        notes: list[Note] = []
        adding: list[Addition] = []
        for batch in batches:
            row = rows.get(keys[batch.slo])
            if row is None:
                notes.append(Note())
                continue
            before = noted.get((batch.writer, row.id))
            number = 0 if before is None else before.number
            if batch.declaration is not None and batch.number in (0, number + 1):
                row = self._declare_again(transaction, batch.declaration, row, now)
            if number == 0 and batch.number:
                row = self._counted(transaction, row, batch, now)
            if number != batch.number - 1 or is_outdated(
                batch, generation=row.generation, swept=row.swept, swept_at=row.swept_at
            ):
                notes.append(self._answer(transaction, row, batch, before))
                continue
            asked = partial(applied_at, transaction, row.id)
            is_another_age = is_after_a_replay(row.newest, batch, keeps_seconds=row.keeps, applied_at=asked)
            since = math.inf if is_another_age else row.since
            admitted = admit(batch, last_event_at=row.newest, keeps_seconds=row.keeps, data_since=since, now=now)
            addition = Addition(batch, row, admitted, is_new=bool(batch.nonce) and not (before and before.nonce))
            adding.append(addition)
            notes.append(Note(batch.number, batch.nonce, addition.applied, row.swept, row.swept_at, row.generation))
        self._add(transaction, adding, now)
        damage = self._add_causes(transaction, adding, now, open_causes[0]) if has_causes else []
        return Applied(identity, now, tuple(notes), damage="; ".join(damage) or None)

    def _add_causes(
        self, transaction: Transaction, adding: Sequence[Addition], now: float, open_rows: Sequence[Sequence[object]]
    ) -> list[str]:
        """Add the causes and latencies of batches; what was damaged."""
        latest = math.floor(now) + FUTURE_TOLERANCE_SECONDS
        causes = [
            BatchCauses(row.id, batch, min(admitted.last_event_at, latest), row.keeps, admitted.bad)
            for batch, row, admitted, _ in adding
            if parts_of(batch) and admitted.last_event_at is not None
        ]
        return self._causes.add(transaction, causes, open_rows)

    def _swept(
        self, transaction: Transaction, rows: Mapping[str, SLORow], declared: Collection[str], now: float
    ) -> dict[str, SLORow]:
        """The rows, after some old notes of those that are declared have gone."""
        slos = sorted(row.id for key, row in rows.items() if key in declared)
        if not slos:
            return dict(rows)
        most, for_update = SWEPT_AT_ONCE * len(slos), self._dialect.for_update
        gone, _ = sweep(transaction, slos, now=now, most=most, for_update=for_update)
        return {key: row.without(gone[row.id]) if row.id in gone else row for key, row in rows.items()}

    def _counted(self, transaction: Transaction, row: SLORow, batch: Batch, now: float) -> SLORow:
        """The row, after another hand may have removed notes: any of them may be this writer's, which is missing."""
        if batch.number == 1 and row.notes > MOST_COUNTED:
            return row
        # Those of the version before have no nonce; it does not count them.
        count = "SELECT COUNT(*) FROM slo_django_note WHERE slo_id = %s AND nonce <> ''"
        ((there,),) = transaction.fetch(count, [row.id])
        if there >= row.notes:
            return row
        transaction.execute(
            "UPDATE slo_django_slo SET swept = %s, swept_at = %s, notes = %s WHERE id = %s",
            [row.applied, now, there, row.id],
        )
        return row._replace(swept=row.applied, swept_at=now, notes=there)

    def _answer(self, transaction: Transaction, row: SLORow, batch: Batch, note: NoteRow | None) -> Note:
        """What is noted of a writer whose batch is not added."""
        if note is None:
            return Note(0, "", 0, row.swept, row.swept_at, row.generation)
        if batch.leaves and note.nonce == batch.nonce != "":
            transaction.execute("DELETE FROM slo_django_note WHERE writer = %s AND slo_id = %s", [batch.writer, row.id])
            transaction.execute(
                "UPDATE slo_django_slo SET swept = %s, notes = notes - 1 WHERE id = %s",
                [max(row.swept, note.applied), row.id],
            )
        return Note(note.number, note.nonce, note.applied, row.swept, row.swept_at, row.generation)

    def _declare(self, transaction: Transaction, batches: Mapping[str, Batch]) -> None:
        """Insert the rows of SLOs that are new."""
        columns = (
            "digest", "service_digest", "service", "name", "good", "bad", "dropped", "errors", "since", "keeps_seconds",
            "definition", "fingerprint", "generation", "kept_since",
        )  # fmt: skip
        service = (digest(self._service), packed(self._service))
        rows = [
            (
                key, *service, packed(batch.slo), 0, 0, 0, 0, declaration.since, declaration.keeps_seconds,
                packed(declaration.definition), declaration.fingerprint, secrets.token_hex(8), declaration.kept_since,
            )
            # By key, so that two processes that declare the same SLOs do not wait for each other crosswise.
            for key, batch in sorted(batches.items())
            if (declaration := batch.declaration) is not None
        ]  # fmt: skip
        if rows:
            transaction.execute_each(self._dialect.insert_missing("slo_django_slo", columns, ("digest",)), rows)

    def _declare_again(self, transaction: Transaction, declaration: Declaration, row: SLORow, now: float) -> SLORow:
        """The row of an SLO as declared; updated where that differs."""
        declared = row._replace(
            keeps=max(row.keeps, declaration.keeps_seconds),
            since=min(row.since, declaration.since),
            definition=packed(declaration.definition),
            fingerprint=declaration.fingerprint,
            generation=row.generation or secrets.token_hex(8),  # the version before gives none
            seen_at=row.seen_at if 0 <= now - row.seen_at < _SEEN_SECONDS else now,
            kept_since=kept_after_growing(
                row.kept_since, declaration, last_event_at=row.newest, keeps_seconds=row.keeps, now=now
            ),
        )
        if declared != row:
            changed = "" if row.fingerprint == declared.fingerprint else ", changed_at = %s"
            transaction.execute(
                "UPDATE slo_django_slo SET definition = %s, fingerprint = %s, generation = %s, since = %s, "  # noqa: S608
                f"keeps_seconds = %s, seen_at = %s, kept_since = %s{changed} WHERE id = %s",
                [
                    declared.definition, declared.fingerprint, declared.generation, declared.since, declared.keeps,
                    declared.seen_at, declared.kept_since, *([now] if changed else []), row.id,
                ],
            )  # fmt: skip
        return declared

    def _lock(self, keys: Sequence[str]) -> tuple[str, Sequence[object]]:
        which = f"digest IN ({placeholders(len(keys))}) ORDER BY id{self._dialect.for_update}"
        return f"SELECT digest, {', '.join(SLO_COLUMNS)} FROM slo_django_slo WHERE {which}", keys  # noqa: S608

    def _notes(self, writers: Sequence[str]) -> tuple[str, Sequence[object]]:
        which = f"writer IN ({placeholders(len(writers))}){self._dialect.for_update}"
        columns = ", ".join(NoteRow._fields)
        return f"SELECT writer, slo_id, {columns} FROM slo_django_note WHERE {which}", writers  # noqa: S608

    def _add(self, transaction: Transaction, adding: Sequence[Addition], now: float) -> None:
        """Add increments and totals, and note the batches."""
        if not adding:
            return
        increments = sorted((one.row.id, *increment) for one in adding for increment in one.admitted.increments)
        for start in range(0, len(increments), _ROWS):
            rows = increments[start : start + _ROWS]
            transaction.execute(self._dialect.add_to_buckets(len(rows)), [value for row in rows for value in row])
        transaction.execute_each(
            "UPDATE slo_django_slo SET good = good + %s, bad = bad + %s, dropped = dropped + %s, errors = errors + %s, "
            "since = %s, newest = %s, applied = %s, notes = notes + %s, seen_at = %s WHERE id = %s",
            [
                (
                    a.good, a.bad, a.dropped, batch.errors, a.data_since, a.last_event_at, row.applied + 1, int(is_new), now,
                    row.id,
                )
                for batch, row, a, is_new in sorted(adding, key=lambda one: one.row.id)
            ],
        )  # fmt: skip
        notes = [
            value
            for one in adding
            for value in (one.batch.writer, one.row.id, one.batch.number, now, one.batch.nonce, one.applied)
        ]
        transaction.execute(self._dialect.write_notes(len(adding)), notes)
