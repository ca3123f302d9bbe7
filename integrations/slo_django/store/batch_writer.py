"""Adds batches to the store's tables, each exactly once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slo_core.stores.buckets import Applied, Batch
from slo_core.stores.layout import Admitted, admit
from slo_django.store.dialect import Dialect
from slo_django.store.rows import digest, packed, placeholders
from slo_django.store.tables import Tables
from slo_django.store.transaction import Transaction

__all__ = ["BatchWriter"]

# Rows of one statement: databases and drivers limit its parameters.
_ROWS = 500


class BatchWriter:
    """
    Adds the batches of one service.

    Args:
        tables: Where to.
        dialect: Of their database.
        service: The namespace.
    """

    def __init__(self, tables: Tables, dialect: Dialect, service: str) -> None:
        self._tables = tables
        self._dialect = dialect
        self._service = service

    def key(self, slo: str) -> str:
        """The digest by which the row of an SLO is looked up."""
        return digest(f"{self._service}\0{slo}")

    def apply(self, transaction: Transaction, batches: Sequence[Batch]) -> Applied:
        """Add batches, in a transaction that writes."""
        if not batches:
            return Applied(*self._tables.identify(transaction), ())
        keys = {batch.slo: self.key(batch.slo) for batch in batches}
        self._declare(transaction, {keys[batch.slo]: batch for batch in batches if batch.declaration is not None})
        identity_rows, locked, noted_before = transaction.fetch_all(
            [
                (self._tables.identity_query, ()),
                # A writer that adds to an SLO holds its row from here on: increments of several writers come one after
                # the other, and an attempt of ours that is still running in the server ends first.
                self._lock(sorted(keys.values())),
                self._notes(sorted({batch.writer for batch in batches})),
            ]
        )
        identity, now = self._tables.identify(transaction, identity_rows)
        rows = {key: row for key, *row in locked}
        notes = {(writer, slo): number for writer, slo, number in noted_before}
        noted: list[int] = []
        adding: list[tuple[Batch, int, Admitted]] = []
        for batch in batches:
            row = rows.get(keys[batch.slo])
            before = 0 if row is None else notes.get((batch.writer, row[0]), 0)
            if row is None or before != batch.number - 1:
                noted.append(before)
                continue
            slo, newest, _, since, *_ = row
            keeps = self._declare_again(transaction, batch, row, now)
            admitted = admit(batch, last_event_at=newest, keeps_seconds=keeps, data_since=since, now=now)
            adding.append((batch, slo, admitted))
            noted.append(batch.number)
        self._add(transaction, adding, now)
        return Applied(identity, now, tuple(noted))

    def _declare(self, transaction: Transaction, batches: Mapping[str, Batch]) -> None:
        """Insert the rows of SLOs that are new."""
        columns = (
            "digest", "service_digest", "service", "name", "good", "bad", "dropped", "errors", "since", "keeps_seconds",
            "definition", "fingerprint",
        )  # fmt: skip
        service = (digest(self._service), packed(self._service))
        rows = [
            (
                key, *service, packed(batch.slo), 0, 0, 0, 0, declaration.since, declaration.keeps_seconds,
                packed(declaration.definition), declaration.fingerprint,
            )
            # By key, so that two processes that declare the same SLOs do not wait for each other crosswise.
            for key, batch in sorted(batches.items())
            if (declaration := batch.declaration) is not None
        ]  # fmt: skip
        if rows:
            transaction.execute_each(self._dialect.insert_missing("slo_django_slo", columns, ("digest",)), rows)

    def _declare_again(self, transaction: Transaction, batch: Batch, row: Sequence[Any], now: float) -> int:
        """Update the row of an SLO if the batch declares it differently; how far back the SLO is kept."""
        slo, _, keeps, _, definition, fingerprint = row
        declaration = batch.declaration
        if declaration is None:
            return int(keeps)
        known = (definition, fingerprint, keeps)
        keeps = max(keeps, declaration.keeps_seconds)
        declared = (packed(declaration.definition), declaration.fingerprint, keeps)
        if declared != known:
            changed = "" if fingerprint == declaration.fingerprint else ", changed_at = %s"
            transaction.execute(
                "UPDATE slo_django_slo SET definition = %s, fingerprint = %s, "  # noqa: S608
                f"keeps_seconds = %s{changed} WHERE id = %s",
                [*declared, *([now] if changed else []), slo],
            )
        return int(keeps)

    def _lock(self, keys: Sequence[str]) -> tuple[str, Sequence[object]]:
        columns = "digest, id, newest, keeps_seconds, since, definition, fingerprint"
        which = f"digest IN ({placeholders(len(keys))}) ORDER BY id{self._dialect.for_update}"
        return f"SELECT {columns} FROM slo_django_slo WHERE {which}", keys  # noqa: S608

    def _notes(self, writers: Sequence[str]) -> tuple[str, Sequence[object]]:
        which = f"writer IN ({placeholders(len(writers))}){self._dialect.for_update}"
        return f"SELECT writer, slo_id, number FROM slo_django_note WHERE {which}", writers  # noqa: S608

    def _add(self, transaction: Transaction, adding: Sequence[tuple[Batch, int, Admitted]], now: float) -> None:
        """Add increments and totals, and note the batches."""
        if not adding:
            return
        increments = sorted((slo, *increment) for _, slo, admitted in adding for increment in admitted.increments)
        for start in range(0, len(increments), _ROWS):
            rows = increments[start : start + _ROWS]
            transaction.execute(self._dialect.add_to_buckets(len(rows)), [value for row in rows for value in row])
        transaction.execute_each(
            "UPDATE slo_django_slo SET good = good + %s, bad = bad + %s, dropped = dropped + %s, errors = errors + %s, "
            "since = %s, newest = %s WHERE id = %s",
            [
                (a.good, a.bad, a.dropped, batch.errors, a.data_since, a.last_event_at, slo)
                for batch, slo, a in sorted(adding, key=lambda added: added[1])
            ],
        )
        notes = [value for batch, slo, _ in adding for value in (batch.writer, slo, batch.number, now)]
        transaction.execute(self._dialect.write_notes(len(adding)), notes)
