"""`django://alias`: counts in the project's own database, through a connection of their own."""

from __future__ import annotations

import hashlib
import math
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, ProgrammingError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from slo_core.conventions import DEFAULT_SERVICE
from slo_core.errors import StoreError
from slo_core.sli import EventCounts
from slo_core.stores.base import Scope
from slo_core.stores.buckets import Applied, Batch, BucketRange, Identity, Increment, Query, SLORecord, Stored
from slo_core.stores.layout import WIDTHS, Admitted, admit, kept_from
from slo_core.window import FUTURE_TOLERANCE_SECONDS
from slo_django.closed_sums import ClosedSums, Wanted
from slo_django.conf import is_being_tested
from slo_django.dialect import Dialect, dialect_of, is_in_memory

__all__ = ["DjangoBucketStore", "open_django"]

_TABLES = ("slo_django_store", "slo_django_slo", "slo_django_bucket", "slo_django_note")

_NOTES_KEPT_SECONDS = 24 * 3600.0

# Rows of one statement: databases and drivers limit its parameters.
_ROWS = 500

# Deadlocks and serialization failures are for the application to repeat.
_ATTEMPTS = 3

_RECORD = (
    "id", "name", "good", "bad", "dropped", "errors", "since", "newest", "keeps_seconds", "definition", "fingerprint",
    "changed_at",
)  # fmt: skip


def open_django(
    url: str, *, service: str = DEFAULT_SERVICE, clock: Callable[[], float] = time.time, **options: object
) -> DjangoBucketStore:
    """
    The store in a database of the project; nothing is reached out for yet.

    Args:
        url: `django://` and an alias of `settings.DATABASES`.
        service: The namespace.
        clock: Returns seconds since the epoch; asked only for SQLite, which has no clock of its own.
        options: None.

    Raises:
        StoreError: The alias is unknown, or an option was given.
    """
    prefix, alias = "django://", url.removeprefix("django://")
    if options:
        raise StoreError(f"store {url}: expected no options, got {', '.join(sorted(options))}")
    try:
        known = sorted(connections.settings)
    except ImproperlyConfigured as exc:
        raise StoreError(
            f"store {url}: Django is not configured; set DJANGO_SETTINGS_MODULE, or run it by manage.py"
        ) from exc
    if not url.startswith(prefix) or alias not in known:
        raise StoreError(f"store {url}: expected django:// and one of settings.DATABASES: {', '.join(known)}")
    return DjangoBucketStore(alias, service=service, clock=clock)


class DjangoBucketStore:
    """
    Buckets in tables of the project's database.

    Every call opens a connection of its own and closes it: no request's transaction is touched, and none is kept.

    Args:
        alias: The database.
        service: The namespace.
        clock: Returns seconds since the epoch.
    """

    backend = "django"

    def __init__(self, alias: str, *, service: str = DEFAULT_SERVICE, clock: Callable[[], float] = time.time) -> None:
        self.alias = alias
        self.service = service
        self._clock = clock
        self._dialect: Dialect = dialect_of(connections.settings[alias]["ENGINE"])
        self._closed = ClosedSums()
        # Remembered: what is left is handed over when the process ends, and by then the runner has cleaned up.
        self._is_tested = is_being_tested()

    @property
    def scope(self) -> Scope:
        """The fleet's, but for a file on one host."""
        return self._dialect.scope

    @property
    def default_flush_interval(self) -> float:
        """Seldom enough that a server hardly notices."""
        return self._dialect.flush_interval

    def identity(self) -> Identity:
        """The store's; an empty one is given one."""
        with self._transaction(*self._dialect.begin_write) as cursor:
            return self._identity(cursor)[0]

    def apply(self, batches: Sequence[Batch]) -> Applied:
        """Add batches, in one transaction; repeated where the database could not put it in order with others."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._apply(batches)
            except StoreError as exc:
                if attempt == _ATTEMPTS or not self._dialect.may_repeat(exc.__cause__):
                    raise
        raise AssertionError("unreachable")

    def _apply(self, batches: Sequence[Batch]) -> Applied:
        with self._transaction(*self._dialect.begin_write) as cursor:
            identity, now = self._identity(cursor)
            if not batches:
                return Applied(identity, now, ())
            keys = {batch.slo: self._key(batch.slo) for batch in batches}
            self._declare(cursor, {keys[batch.slo]: batch for batch in batches if batch.declaration is not None})
            # Whoever adds to an SLO holds its row from here on: increments of several writers come one after the
            # other, and an attempt of ours that is still running in the server ends first.
            rows = self._locked(cursor, sorted(keys.values()))
            notes = self._notes(cursor, sorted({batch.writer for batch in batches}))
            noted: list[int] = []
            adding: list[tuple[Batch, int, Admitted]] = []
            for batch in batches:
                row = rows.get(keys[batch.slo])
                before = 0 if row is None else notes.get((batch.writer, row[0]), 0)
                if row is None or before != batch.number - 1:
                    noted.append(before)
                    continue
                slo, newest, keeps, since, definition, fingerprint = row
                declaration = batch.declaration
                if declaration is not None:
                    known = (definition, fingerprint, keeps)
                    keeps = max(keeps, declaration.keeps_seconds)
                    declared = (_packed(declaration.definition), declaration.fingerprint, keeps)
                    if declared != known:
                        changed = "" if fingerprint == declaration.fingerprint else ", changed_at = %s"
                        cursor.execute(
                            "UPDATE slo_django_slo SET definition = %s, fingerprint = %s, "  # noqa: S608
                            f"keeps_seconds = %s{changed} WHERE id = %s",
                            [*declared, *([now] if changed else []), slo],
                        )
                adding.append((batch, slo, admit(batch, newest=newest, keeps_seconds=keeps, since=since, now=now)))
                noted.append(batch.number)
            self._add(cursor, adding, now)
            return Applied(identity, now, tuple(noted))

    def _identity(self, cursor: Any) -> tuple[Identity, float]:
        query = f"SELECT store_id, created, {self._dialect.now} FROM slo_django_store"  # noqa: S608
        cursor.execute(query)
        row = cursor.fetchone()
        if row is None:
            created = self._now(cursor)
            insert = self._dialect.insert_missing("slo_django_store", ("id", "store_id", "created"), ("id",))
            cursor.execute(insert, [1, secrets.token_hex(16), created])
            cursor.execute(query)
            row = cursor.fetchone()
        store_id, created, now = row
        return Identity(store_id, created), self._clock() if now is None else float(now)

    def _now(self, cursor: Any) -> float:
        cursor.execute(f"SELECT {self._dialect.now}")
        (now,) = cursor.fetchone()
        return self._clock() if now is None else float(now)

    def _declare(self, cursor: Any, batches: Mapping[str, Batch]) -> None:
        columns = (
            "digest", "service_digest", "service", "name", "good", "bad", "dropped", "errors", "since", "keeps_seconds",
            "definition", "fingerprint",
        )  # fmt: skip
        service = (_digest(self.service), _packed(self.service))
        rows = [
            (
                key, *service, _packed(batch.slo), 0, 0, 0, 0, declaration.since, declaration.keeps_seconds,
                _packed(declaration.definition), declaration.fingerprint,
            )
            # By key, so that two processes that declare the same SLOs do not wait for each other crosswise.
            for key, batch in sorted(batches.items())
            if (declaration := batch.declaration) is not None
        ]  # fmt: skip
        if rows:
            cursor.executemany(self._dialect.insert_missing("slo_django_slo", columns, ("digest",)), rows)

    def _locked(self, cursor: Any, keys: Sequence[str]) -> dict[str, tuple[int, int | None, int, float, str, str]]:
        cursor.execute(
            "SELECT digest, id, newest, keeps_seconds, since, definition, fingerprint FROM slo_django_slo "  # noqa: S608
            f"WHERE digest IN ({_places(len(keys))}) ORDER BY id{self._dialect.for_update}",
            keys,
        )
        return {row[0]: tuple(row[1:]) for row in cursor.fetchall()}

    def _notes(self, cursor: Any, writers: Sequence[str]) -> dict[tuple[str, int], int]:
        cursor.execute(
            f"SELECT writer, slo_id, number FROM slo_django_note WHERE writer IN ({_places(len(writers))})"  # noqa: S608
            f"{self._dialect.for_update}",
            writers,
        )
        return {(writer, slo): number for writer, slo, number in cursor.fetchall()}

    def _add(self, cursor: Any, adding: Sequence[tuple[Batch, int, Admitted]], now: float) -> None:
        if not adding:
            return
        increments = sorted((slo, *increment) for _, slo, admitted in adding for increment in admitted.increments)
        for start in range(0, len(increments), _ROWS):
            rows = increments[start : start + _ROWS]
            cursor.execute(self._dialect.add_to_buckets(len(rows)), [value for row in rows for value in row])
        cursor.executemany(
            "UPDATE slo_django_slo SET good = good + %s, bad = bad + %s, dropped = dropped + %s, errors = errors + %s, "
            "since = %s, newest = %s WHERE id = %s",
            [
                (a.good, a.bad, a.dropped, batch.errors, a.since, a.newest, slo)
                for batch, slo, a in sorted(adding, key=lambda added: added[1])
            ],
        )
        notes = [value for batch, slo, _ in adding for value in (batch.writer, slo, batch.number, now)]
        cursor.execute(self._dialect.write_notes(len(adding)), notes)

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        """Records and sums, all of one moment."""
        with self._transaction(*self._dialect.begin_read) as cursor:
            keys = {self._key(query.slo): query.slo for query in queries}
            cursor.execute(
                f"SELECT digest, {', '.join(_RECORD)} FROM slo_django_slo WHERE digest IN ({_places(len(keys))})",  # noqa: S608
                list(keys),
            )
            records = {keys[row[0]]: (row[1], _record(row[2:])) for row in cursor.fetchall()}
            known = [query for query in queries if query.slo in records]
            sums = self._closed.read(
                cursor, self._dialect.vendor, [_wanted(query, *records[query.slo]) for query in known]
            )
        found = iter(sums)
        return [
            Stored(records[query.slo][1], next(found))
            if query.slo in records
            else Stored(None, (EventCounts(),) * len(query.ranges))
            for query in queries
        ]

    def series(self, slo: str, buckets: BucketRange) -> list[Increment]:
        """Buckets with events, oldest first."""
        with self._transaction(*self._dialect.begin_read) as cursor:
            cursor.execute(
                "SELECT width, bucket, b.good, b.bad FROM slo_django_bucket b JOIN slo_django_slo s ON s.id = b.slo_id "
                "WHERE s.digest = %s AND width = %s AND bucket BETWEEN %s AND %s ORDER BY bucket",
                [self._key(slo), *buckets],
            )
            return [Increment(*row) for row in cursor.fetchall()]

    def names(self) -> list[str]:
        """The SLOs of this service."""
        with self._transaction(*self._dialect.begin_read) as cursor:
            cursor.execute("SELECT name FROM slo_django_slo WHERE service_digest = %s", [_digest(self.service)])
            return sorted(_unpacked(name) for (name,) in cursor.fetchall())

    def services(self) -> list[str]:
        """Every service with an SLO in these tables."""
        with self._transaction(*self._dialect.begin_read) as cursor:
            cursor.execute("SELECT DISTINCT service FROM slo_django_slo")
            return sorted(_unpacked(service) for (service,) in cursor.fetchall())

    def prune(self) -> int:
        """Delete buckets that no window reads again, of every service, and notes older than a day."""
        deleted = 0
        with self._transaction(*self._dialect.begin_write) as cursor:
            now = self._now(cursor)
            cursor.execute("SELECT id, newest, keeps_seconds FROM slo_django_slo WHERE newest IS NOT NULL")
            for slo, newest, keeps in cursor.fetchall():
                reference = min(newest, math.floor(now) + FUTURE_TOLERANCE_SECONDS)
                for width in WIDTHS:
                    first = kept_from(width, newest=reference, keeps_seconds=keeps)
                    cursor.execute(
                        "DELETE FROM slo_django_bucket WHERE slo_id = %s AND width = %s AND bucket < %s",
                        [slo, width, first],
                    )
                    deleted += cursor.rowcount
            cursor.execute("DELETE FROM slo_django_note WHERE noted_at < %s", [now - _NOTES_KEPT_SECONDS])
            return deleted + int(cursor.rowcount)

    def close(self) -> None:
        """Nothing to do: no connection is kept."""

    def forget(self) -> None:
        """Nothing to do: no connection is kept."""

    def has_tables(self, *names: str) -> bool:
        """
        Whether tables are there.

        Args:
            names: Which; the app's own by default.

        Raises:
            StoreError: The database is out of reach.
        """
        with self._transaction(*self._dialect.begin_read) as cursor:
            return _are_there(cursor, names or _TABLES)

    @contextmanager
    def _transaction(self, *begin: str) -> Iterator[Any]:
        connection = self._connection()
        try:
            try:
                with connection.cursor() as cursor, _given_up_after(self._dialect.patience, connection):
                    try:
                        for statement in begin:
                            cursor.execute(statement)
                        yield cursor
                        cursor.execute("COMMIT")
                    except BaseException:
                        with suppress(Error):
                            cursor.execute("ROLLBACK")
                        raise
            except (Error, OSError) as exc:
                raise StoreError(self._explained(connection, exc)) from exc
        finally:
            with suppress(Exception):
                connection.close()

    def _connection(self) -> BaseDatabaseWrapper:
        # Not `connections[alias]`: that one belongs to the thread's request or task, with its transaction.
        connection = connections.create_connection(self.alias)
        self._dialect.limit(connection)
        self._is_tested = self._is_tested or is_being_tested()
        if self._is_tested and not _is_made_for_tests(connection):
            raise StoreError(f"store django://{self.alias}: a test runs that has no test database")
        if is_in_memory(connection.settings_dict):
            # With a shared cache a second connection would lock tables under the application's feet.
            raise StoreError(
                f"store django://{self.alias}: an SQLite database in memory is its connection's own; use memory:// in tests"
            )
        # Whoever flushes or reads does so in his own thread, but a reader may be closed by another.
        connection.inc_thread_sharing()
        return connection

    def _explained(self, connection: BaseDatabaseWrapper, exc: Exception) -> str:
        where = f"store django://{self.alias}"
        # Of a server that does not answer nothing more is asked.
        if isinstance(exc, ProgrammingError) or self._dialect.vendor == "sqlite":
            with suppress(Exception), connection.cursor() as cursor:
                if not _are_there(cursor, _TABLES):
                    database = "" if self.alias == "default" else f" --database {self.alias}"
                    return f"{where}: its tables are missing; run manage.py migrate slo_django{database}"
        # Drivers name host, user and database, but never the password.
        return f"{where}: {type(exc).__name__}: {exc}"

    def _key(self, slo: str) -> str:
        return _digest(f"{self.service}\0{slo}")

    def __repr__(self) -> str:
        return f"DjangoBucketStore({self.alias!r})"


def _are_there(cursor: Any, tables: Collection[str]) -> bool:
    return set(tables) <= set(cursor.db.introspection.table_names(cursor))


@contextmanager
def _given_up_after(seconds: float | None, connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Cut the connection to a server that says nothing any more: the time-outs it was asked for are its own to keep."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, _cut, (connection.connection.fileno(),))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _cut(descriptor: int) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


def _record(row: Sequence[Any]) -> SLORecord:
    name, good, bad, dropped, errors, since, newest, keeps, definition, fingerprint, changed_at = row
    return SLORecord(
        _unpacked(name),
        good,
        bad,
        dropped,
        errors,
        since,
        newest,
        keeps,
        _unpacked(definition),
        fingerprint,
        changed_at,
    )


def _wanted(query: Query, slo: int, record: SLORecord) -> Wanted:
    lifetime = EventCounts(record.good, record.bad)
    return Wanted(slo, lifetime, record.since, record.newest, query.ranges)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _packed(text: str) -> str:
    """Text in ASCII: whatever the database's encoding, it comes back as it was."""
    return text.encode("unicode_escape").decode("ascii")


def _unpacked(text: str) -> str:
    return text.encode("ascii").decode("unicode_escape")


def _places(count: int) -> str:
    return ", ".join(["%s"] * count)


def _is_made_for_tests(connection: BaseDatabaseWrapper) -> bool:
    """Whether it leads to a test database: a `SimpleTestCase` must not count into the developer's own."""
    name = str(connection.settings_dict["NAME"])
    expected = str(connection.creation._get_test_db_name())  # type: ignore[attr-defined]
    # Processes of a parallel run have copies, with a number behind the name.
    return name.startswith(expected.partition("?")[0].removesuffix(".sqlite3"))
