"""`django://alias`: counts in the project's own database, through a connection of their own."""

from __future__ import annotations

import hashlib
import random
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import django
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, ProgrammingError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from slo_core.budgets.events import EventCounts
from slo_core.conventions import DEFAULT_SERVICE
from slo_core.errors import StoreError
from slo_core.stores.base import StoreScope
from slo_core.stores.buckets import Applied, Batch, BucketRange, Increment, Query, SLORecord, Stored, StoreIdentity
from slo_core.stores.layout import Admitted, admit
from slo_core.stores.sql.retry import retry_while_locked
from slo_core.stores.url import redacted_url
from slo_django.conf import is_being_tested
from slo_django.store.bucket_sums import read_sums
from slo_django.store.dialect import Dialect, dialect_of, is_in_memory
from slo_django.store.hard_timeout import hard_timeout
from slo_django.store.pruning import Outdated, Pruning
from slo_django.store.transaction import Transaction

__all__ = ["DjangoBucketStore", "open_django"]

T = TypeVar("T")

_TABLES = ("slo_django_store", "slo_django_slo", "slo_django_bucket", "slo_django_note")

# Of the tables, as this version of the package knows them.
SCHEMA_VERSION = 1

# NULL in tables that nobody has written to yet.
_SCHEMA_VERSION = "(SELECT MAX(schema_version) FROM slo_django_store)"

# MySQL's code of an unknown column, which Django does not take for a mistake of ours.
_UNKNOWN_COLUMN = 1054

# How long workers delete what is old, while everybody else in their process waits for the store.
_PRUNING_SECONDS = 1.0

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
    prefix, alias, shown = "django://", url.removeprefix("django://"), redacted_url(url)
    if options:
        raise StoreError(f"store {shown}: expected no options, got {', '.join(sorted(options))}")
    try:
        _set_up()
        known = sorted(connections.settings)
    except ImproperlyConfigured as exc:
        raise StoreError(
            f"store {shown}: Django is not configured; set DJANGO_SETTINGS_MODULE, or run it by manage.py"
        ) from exc
    if not url.startswith(prefix) or alias not in known:
        raise StoreError(f"store {shown}: expected django:// and one of settings.DATABASES: {', '.join(known)}")
    return DjangoBucketStore(alias, service=service, clock=clock)


def _set_up() -> None:
    """What manage.py and servers do before anything else; commands that look at a store from outside do not."""
    # While the apps are being loaded somebody else is at it, perhaps the very app that asks; it cannot be done twice.
    if not (apps.ready or apps.loading):
        django.setup()


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
        self._pruning = Pruning()
        # Remembered: what is left is handed over when the process ends, and by then the runner has cleaned up.
        self._is_tested = is_being_tested()

    @property
    def scope(self) -> StoreScope:
        """The fleet's, but for a file on one host."""
        return self._dialect.scope

    @property
    def default_flush_interval(self) -> float:
        """Seldom enough that a server hardly notices."""
        return self._dialect.flush_interval

    def identity(self) -> StoreIdentity:
        """The store's; an empty one is given one."""
        with self._transaction(*self._dialect.begin_write) as transaction:
            return self._identified(transaction, transaction.ask(self._identity))[0]

    def apply(self, batches: Sequence[Batch]) -> Applied:
        """Add batches, in one transaction; repeated where the database could not put it in order with others."""
        return self._repeated(lambda: self._apply(batches))

    def _repeated(self, act: Callable[[], T]) -> T:
        """The result of a function whose transaction the database may refuse because of others, and undo."""
        for left in reversed(range(_ATTEMPTS)):
            try:
                return act()
            except (StoreError, Error) as exc:
                error = exc.__cause__ if isinstance(exc, StoreError) else exc
                if not left or not self._dialect.may_repeat(error):
                    raise
        raise AssertionError("unreachable")

    def _apply(self, batches: Sequence[Batch]) -> Applied:
        with self._transaction(*self._dialect.begin_write) as transaction:
            if not batches:
                return Applied(*self._identified(transaction, transaction.ask(self._identity)), ())
            keys = {batch.slo: self._key(batch.slo) for batch in batches}
            self._declare(transaction, {keys[batch.slo]: batch for batch in batches if batch.declaration is not None})
            found, locked, noted_before = transaction.ask_all(
                [
                    (self._identity, ()),
                    # Whoever adds to an SLO holds its row from here on: increments of several writers come one after
                    # the other, and an attempt of ours that is still running in the server ends first.
                    self._lock(sorted(keys.values())),
                    self._notes(sorted({batch.writer for batch in batches})),
                ]
            )
            identity, now = self._identified(transaction, found)
            rows = {digest: row for digest, *row in locked}
            notes = {(writer, slo): number for writer, slo, number in noted_before}
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
                        transaction.tell(
                            "UPDATE slo_django_slo SET definition = %s, fingerprint = %s, "  # noqa: S608
                            f"keeps_seconds = %s{changed} WHERE id = %s",
                            [*declared, *([now] if changed else []), slo],
                        )
                adding.append(
                    (batch, slo, admit(batch, last_event_at=newest, keeps_seconds=keeps, data_since=since, now=now))
                )
                noted.append(batch.number)
            self._add(transaction, adding, now)
            return Applied(identity, now, tuple(noted))

    @property
    def _identity(self) -> str:
        return f"SELECT store_id, created, schema_version, {self._dialect.now} FROM slo_django_store"  # noqa: S608

    def _identified(self, transaction: Transaction, found: Sequence[Sequence[Any]]) -> tuple[StoreIdentity, float]:
        """Which store it is, and what time it is there; an empty one is given an identity."""
        if not found:
            columns = ("id", "store_id", "created", "schema_version")
            transaction.tell(
                self._dialect.insert_missing("slo_django_store", columns, ("id",)),
                [1, secrets.token_hex(16), self._now(transaction), SCHEMA_VERSION],
            )
            found = transaction.ask(self._identity)
        ((store_id, created, version, now),) = found
        self._check(version)
        return StoreIdentity(store_id, created), self._clock() if now is None else float(now)

    def _check(self, version: int | None) -> None:
        if version is not None and version > SCHEMA_VERSION:
            raise StoreError(f"store django://{self.alias}: {_newer(version)}")

    def _found(
        self, transaction: Transaction, columns: str, source: str, values: Sequence[object]
    ) -> list[tuple[Any, ...]]:
        """What a query finds, in tables that this version knows."""
        rows = transaction.ask(f"SELECT {_SCHEMA_VERSION}, {columns} FROM {source}", values)  # noqa: S608
        if rows:
            self._check(rows[0][0])
        return [row[1:] for row in rows]

    def _now(self, transaction: Transaction) -> float:
        ((now,),) = transaction.ask(f"SELECT {self._dialect.now}")
        return self._clock() if now is None else float(now)

    def _declare(self, transaction: Transaction, batches: Mapping[str, Batch]) -> None:
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
            transaction.tell_each(self._dialect.insert_missing("slo_django_slo", columns, ("digest",)), rows)

    def _lock(self, keys: Sequence[str]) -> tuple[str, Sequence[object]]:
        columns = "digest, id, newest, keeps_seconds, since, definition, fingerprint"
        which = f"digest IN ({_places(len(keys))}) ORDER BY id{self._dialect.for_update}"
        return f"SELECT {columns} FROM slo_django_slo WHERE {which}", keys  # noqa: S608

    def _notes(self, writers: Sequence[str]) -> tuple[str, Sequence[object]]:
        which = f"writer IN ({_places(len(writers))}){self._dialect.for_update}"
        return f"SELECT writer, slo_id, number FROM slo_django_note WHERE {which}", writers  # noqa: S608

    def _add(self, transaction: Transaction, adding: Sequence[tuple[Batch, int, Admitted]], now: float) -> None:
        if not adding:
            return
        increments = sorted((slo, *increment) for _, slo, admitted in adding for increment in admitted.increments)
        for start in range(0, len(increments), _ROWS):
            rows = increments[start : start + _ROWS]
            transaction.tell(self._dialect.add_to_buckets(len(rows)), [value for row in rows for value in row])
        transaction.tell_each(
            "UPDATE slo_django_slo SET good = good + %s, bad = bad + %s, dropped = dropped + %s, errors = errors + %s, "
            "since = %s, newest = %s WHERE id = %s",
            [
                (a.good, a.bad, a.dropped, batch.errors, a.data_since, a.last_event_at, slo)
                for batch, slo, a in sorted(adding, key=lambda added: added[1])
            ],
        )
        notes = [value for batch, slo, _ in adding for value in (batch.writer, slo, batch.number, now)]
        transaction.tell(self._dialect.write_notes(len(adding)), notes)

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        """Records and sums, all of one moment."""
        with self._transaction(*self._dialect.begin_read) as transaction:
            keys = {self._key(query.slo): query.slo for query in queries}
            rows = self._found(
                transaction,
                f"digest, {', '.join(_RECORD)}",
                f"slo_django_slo WHERE digest IN ({_places(len(keys))})",
                list(keys),
            )
            records = {keys[row[0]]: (row[1], _record(row[2:])) for row in rows}
            known = [query for query in queries if query.slo in records]
            wanted = [(records[query.slo][0], query.ranges) for query in known]
            sums = read_sums(transaction, self._dialect.vendor, wanted)
        found = iter(sums)
        return [
            Stored(records[query.slo][1], next(found))
            if query.slo in records
            else Stored(None, (EventCounts(),) * len(query.ranges))
            for query in queries
        ]

    def series(self, slo: str, buckets: BucketRange) -> list[Increment]:
        """Buckets with events, oldest first."""
        with self._transaction(*self._dialect.begin_read) as transaction:
            rows = self._found(
                transaction,
                "width, bucket, b.good, b.bad",
                "slo_django_bucket b JOIN slo_django_slo s ON s.id = b.slo_id "
                "WHERE s.digest = %s AND width = %s AND bucket BETWEEN %s AND %s ORDER BY bucket",
                [self._key(slo), *buckets],
            )
            return [Increment(*row) for row in rows]

    def names(self) -> list[str]:
        """The SLOs of this service."""
        with self._transaction(*self._dialect.begin_read) as transaction:
            source = "slo_django_slo WHERE service_digest = %s"
            return sorted(
                _unpacked(name) for (name,) in self._found(transaction, "name", source, [_digest(self.service)])
            )

    def services(self) -> list[str]:
        """Every service with an SLO in these tables."""
        with self._transaction(*self._dialect.begin_read) as transaction:
            source = "(SELECT DISTINCT service FROM slo_django_slo) services"
            return sorted(_unpacked(service) for (service,) in self._found(transaction, "service", source, ()))

    def prune(self, *, seconds: float = _PRUNING_SECONDS) -> int:
        """
        Delete buckets that no window reads again, of every service, and notes older than a day; how many rows went.

        In many small transactions: what was not reached is left for the next time.

        Args:
            seconds: When to stop, after one portion or one SLO at least; infinity goes on to the end.
        """
        deadline = time.monotonic() + seconds
        deleted = 0
        with self._connected() as connection:
            for outdated in self._outdated(connection, deadline):
                while outdated.oldest is not None:
                    deleted += self._delete_portion(connection, outdated)
                    if time.monotonic() >= deadline:
                        return deleted
                self._pruning.done(outdated)
        return deleted

    def _outdated(self, connection: BaseDatabaseWrapper, deadline: float) -> Iterator[Outdated]:
        begin = self._dialect.begin_read
        with self._begun(connection, *begin) as transaction:
            slos = self._found(transaction, "id, newest, keeps_seconds", "slo_django_slo WHERE newest IS NOT NULL", ())
            now = self._now(transaction)
            notes = self._pruning.notes(transaction, now=now)
        yield notes
        # Whoever has no time for all of them goes on elsewhere the next time, and several who do this at once are
        # seldom in each other's way.
        random.shuffle(slos)
        for slo, newest, keeps in slos:
            with self._begun(connection, *begin) as transaction:
                found = self._pruning.buckets(transaction, slo, newest=newest, keeps_seconds=keeps, now=now)
            yield from found
            if time.monotonic() >= deadline:
                return

    def _delete_portion(self, connection: BaseDatabaseWrapper, outdated: Outdated) -> int:
        def delete() -> int:
            with self._begun(connection, *self._dialect.begin_write) as transaction:
                return outdated.delete_portion(transaction)

        return self._repeated(delete)

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
        with self._connected() as connection, connection.cursor() as cursor:
            return _are_there(cursor, names) if names else _are_there(cursor, _TABLES) and _have_version(cursor)

    @contextmanager
    def _transaction(self, *begin: str) -> Iterator[Transaction]:
        with self._connected() as connection, self._begun(connection, *begin) as transaction:
            yield transaction

    @contextmanager
    def _connected(self) -> Iterator[BaseDatabaseWrapper]:
        connection = self._connection()
        try:
            yield connection
        except (Error, OSError) as exc:
            raise StoreError(self._explained(connection, exc)) from exc
        finally:
            with suppress(Exception):
                connection.close()

    @contextmanager
    def _begun(self, connection: BaseDatabaseWrapper, *begin: str) -> Iterator[Transaction]:
        dialect = self._dialect
        # SQLite's is not to wait by itself, not even while it opens the file.
        wait = dialect.locked_timeout
        if wait is not None:
            retry_while_locked(connection.ensure_connection, wait)
        with connection.cursor() as cursor, hard_timeout(dialect.hard_timeout, lambda: connection.connection.fileno()):
            execute = None if wait is None else partial(retry_while_locked, cursor.execute, wait)
            transaction = Transaction(cursor, at_once=dialect.takes_several, execute=execute)
            try:
                for statement in begin:
                    transaction.tell(statement)
                yield transaction
                transaction.end()
            except BaseException:
                with suppress(Error):
                    cursor.execute("ROLLBACK")
                raise

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
        is_of_schema = isinstance(exc, ProgrammingError) or exc.args[:1] == (_UNKNOWN_COLUMN,)
        if is_of_schema or self._dialect.vendor == "sqlite":
            with suppress(Exception), connection.cursor() as cursor:
                database = "" if self.alias == "default" else f" --database {self.alias}"
                if not _are_there(cursor, _TABLES):
                    return f"{where}: its tables are missing; run manage.py migrate slo_django{database}"
                if not _have_version(cursor):
                    return (
                        f"{where}: its tables are of an older slo-suite (this one knows schema {SCHEMA_VERSION}); "
                        f"run manage.py migrate slo_django{database}"
                    )
                cursor.execute(f"SELECT {_SCHEMA_VERSION}")
                (version,) = cursor.fetchone()
                if version is not None and version > SCHEMA_VERSION:
                    return f"{where}: {_newer(version)}"
        # Drivers name host, user and database, but never the password.
        return f"{where}: {type(exc).__name__}: {exc}"

    def _key(self, slo: str) -> str:
        return _digest(f"{self.service}\0{slo}")

    def __repr__(self) -> str:
        return f"DjangoBucketStore({self.alias!r})"


def _are_there(cursor: Any, tables: Collection[str]) -> bool:
    return set(tables) <= set(cursor.db.introspection.table_names(cursor))


def _have_version(cursor: Any) -> bool:
    found = cursor.db.introspection.get_table_description(cursor, "slo_django_store")
    return any(column.name == "schema_version" for column in found)


def _newer(version: int) -> str:
    return (
        f"its tables are of a newer slo-suite (schema {version}, this one knows {SCHEMA_VERSION}); upgrade slo-suite in "
        "every process that uses them, or choose another database"
    )


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
