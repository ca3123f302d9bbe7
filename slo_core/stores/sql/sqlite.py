"""`sqlite:///`: one file for all workers of a host, without a server or a dependency."""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from slo_core.budgets.events import EventCounts
from slo_core.conventions import DEFAULT_SERVICE
from slo_core.errors import StoreError
from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS
from slo_core.stores.base import StoreScope
from slo_core.stores.buckets import Applied, Batch, BucketRange, Increment, Query, SLORecord, Stored, StoreIdentity
from slo_core.stores.layout import NOTES_KEPT_SECONDS, WIDTHS, admit, kept_from
from slo_core.stores.sql.retry import retry_while_locked
from slo_core.stores.url import redacted_url

__all__ = ["SQLiteBucketStore", "open_sqlite"]

SCHEMA_VERSION = 1

# "slo\0": tells our files from other people's, also for file(1).
_APPLICATION_ID = 0x736C6F00

# Each entry leads from the schema of its index to the next.
_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE store (store_id TEXT NOT NULL, created REAL NOT NULL)",
        """CREATE TABLE slo (
            id INTEGER PRIMARY KEY, service TEXT NOT NULL, name TEXT NOT NULL, good INTEGER NOT NULL, bad INTEGER NOT NULL,
            dropped INTEGER NOT NULL, errors INTEGER NOT NULL, since REAL NOT NULL, newest INTEGER, keeps INTEGER NOT NULL,
            definition TEXT NOT NULL, fingerprint TEXT NOT NULL, changed_at REAL, UNIQUE (service, name))""",
        """CREATE TABLE bucket (
            slo INTEGER NOT NULL, width INTEGER NOT NULL, bucket INTEGER NOT NULL, good INTEGER NOT NULL,
            bad INTEGER NOT NULL, PRIMARY KEY (slo, width, bucket)) WITHOUT ROWID""",
        """CREATE TABLE note (
            writer TEXT NOT NULL, slo INTEGER NOT NULL, number INTEGER NOT NULL, noted_at REAL NOT NULL,
            PRIMARY KEY (writer, slo)) WITHOUT ROWID""",
    ),
)

_RECORD = "name, good, bad, dropped, errors, since, newest, keeps, definition, fingerprint, changed_at"
_ADD_TO_BUCKET = """
    INSERT INTO bucket (slo, width, bucket, good, bad) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (slo, width, bucket) DO UPDATE SET good = good + excluded.good, bad = bad + excluded.bad"""
_NOTE = """
    INSERT INTO note (writer, slo, number, noted_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (writer, slo) DO UPDATE SET number = excluded.number, noted_at = excluded.noted_at"""


def open_sqlite(
    url: str, *, service: str = DEFAULT_SERVICE, clock: Callable[[], float] = time.time, **options: object
) -> SQLiteBucketStore:
    """
    The store in a file; its folder must exist, the file is made when it is missing.

    Args:
        url: `sqlite:///relative.db` or `sqlite:////absolute.db`; what follows the third slash is the path as it is.
        service: The namespace.
        clock: Returns seconds since the epoch.
        options: `timeout` (seconds to wait for another writer, 1.0) and `synchronous` (`"normal"`, which may lose the
            last commits when the power fails, or `"full"`, which does not).

    Raises:
        StoreError: The URL or an option is wrong; or the file cannot be opened or written, is no database of ours, is
            damaged, or was written by a newer version.
    """
    prefix = "sqlite:///"
    path, shown = url.removeprefix(prefix), redacted_url(url)
    if not url.startswith(prefix) or not path or path.endswith("/") or "\0" in path or path == ":memory:":
        raise StoreError(
            f"store URL {shown}: expected sqlite:///relative.db or sqlite:////absolute.db; to count in memory use memory://"
        )
    timeout, synchronous = options.pop("timeout", 1.0), options.pop("synchronous", "normal")
    if options:
        raise StoreError(f"store {shown}: unknown options {', '.join(sorted(options))}; known: synchronous, timeout")
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout <= 60:
        raise StoreError(f"store {shown}: timeout: expected seconds above 0 and up to 60, got {timeout!r}")
    if synchronous not in ("normal", "full"):
        raise StoreError(f'store {shown}: synchronous: expected "normal" or "full", got {synchronous!r}')
    store = SQLiteBucketStore(
        Path(path), service=service, clock=clock, timeout=float(timeout), synchronous=str(synchronous)
    )
    store.check()
    return store


class SQLiteBucketStore:
    """
    Buckets in an SQLite file, in WAL mode.

    For one host: the file must be on a local disk, not on NFS, and in a container on a volume.

    Args:
        path: The file.
        service: The namespace.
        clock: Returns seconds since the epoch; the store's clock is the host's.
        timeout: Seconds to wait for another writer.
        synchronous: `"normal"` or `"full"`.
    """

    backend = "sqlite"
    scope: StoreScope = "host"
    default_flush_interval = 1.0

    def __init__(
        self,
        path: Path,
        *,
        service: str = DEFAULT_SERVICE,
        clock: Callable[[], float] = time.time,
        timeout: float = 1.0,
        synchronous: str = "normal",
    ) -> None:
        self.service = service
        # The working directory may change after the start.
        self._path = path.absolute()
        self._clock = clock
        self._timeout = timeout
        self._synchronous = synchronous
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None
        # A parent's connections, in a forked child: closing them would touch the parent's files, so they are kept.
        self._inherited: list[sqlite3.Connection] = []

    def check(self) -> None:
        """
        See whether the file can be used, and make it if it is missing.

        Raises:
            StoreError: It cannot. A file that another process is writing at this moment can, and a disk that is full
                may have room again: neither keeps an application from starting.
        """
        try:
            with self._transaction(write=True):
                pass
        except StoreError as exc:
            cause = exc.__cause__
            if not isinstance(cause, sqlite3.OperationalError) or not _name_of(cause).startswith(_PASSING):
                raise
        finally:
            self.close()  # the process may fork before the first event

    def identity(self) -> StoreIdentity:
        """The store's; a new file is given one."""
        with self._transaction(write=False) as connection:
            return _identity(connection)

    def apply(self, batches: Sequence[Batch]) -> Applied:
        """Add batches, in one transaction."""
        with self._transaction(write=True) as connection:
            now = self._clock()
            rows = {
                name: (slo, newest, keeps, since)
                for slo, name, newest, keeps, since in connection.execute(
                    "SELECT id, name, newest, keeps, since FROM slo WHERE service = ?", (self.service,)
                )
            }
            # All batches of a call are of this process, mostly under one writer id.
            notes: dict[tuple[str, int], int] = {}
            for writer in {batch.writer for batch in batches}:
                for slo, number in connection.execute("SELECT slo, number FROM note WHERE writer = ?", (writer,)):
                    notes[writer, slo] = number
            increments: list[tuple[int, int, int, int, int]] = []
            totals: list[tuple[object, ...]] = []
            noted: list[int] = []
            fresh: list[tuple[str, int, int, float]] = []
            for batch in batches:
                row = rows.get(batch.slo)
                before = 0 if row is None else notes.get((batch.writer, row[0]), 0)
                if before != batch.number - 1 or (row is None and batch.declaration is None):
                    noted.append(before)
                    continue
                if row is None:
                    row = self._declare(connection, batch)
                slo, newest, keeps, since = row
                declaration = batch.declaration
                if declaration is not None:
                    keeps = max(keeps, declaration.keeps_seconds)
                    connection.execute(
                        "UPDATE slo SET definition = ?, keeps = ?, "
                        "changed_at = CASE WHEN fingerprint = ? THEN changed_at ELSE ? END, fingerprint = ? WHERE id = ?",
                        (
                            declaration.definition,
                            keeps,
                            declaration.fingerprint,
                            now,
                            declaration.fingerprint,
                            slo,
                        ),
                    )
                admitted = admit(batch, newest=newest, keeps_seconds=keeps, since=since, now=now)
                increments.extend((slo, *increment) for increment in admitted.increments)
                totals.append(
                    (admitted.good, admitted.bad, admitted.dropped, batch.errors, admitted.since, admitted.newest, slo)
                )
                fresh.append((batch.writer, slo, batch.number, now))
                noted.append(batch.number)
            connection.executemany(_ADD_TO_BUCKET, increments)
            connection.executemany(
                "UPDATE slo SET good = good + ?, bad = bad + ?, dropped = dropped + ?, errors = errors + ?, since = ?, "
                "newest = ? WHERE id = ?",
                totals,
            )
            connection.executemany(_NOTE, fresh)
            return Applied(_identity(connection), now, tuple(noted))

    def _declare(self, connection: sqlite3.Connection, batch: Batch) -> tuple[int, int | None, int, float]:
        declaration = batch.declaration
        assert declaration is not None  # an SLO nobody has heard of is not written to without one
        cursor = connection.execute(
            f"INSERT INTO slo (service, {_RECORD}) VALUES (?, ?, 0, 0, 0, 0, ?, NULL, ?, ?, ?, NULL)",  # noqa: S608
            (
                self.service,
                batch.slo,
                declaration.since,
                declaration.keeps_seconds,
                declaration.definition,
                declaration.fingerprint,
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid, None, declaration.keeps_seconds, declaration.since

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        """Records and sums, all of one moment."""
        with self._transaction(write=False) as connection:
            return [self._stored(connection, query) for query in queries]

    def _stored(self, connection: sqlite3.Connection, query: Query) -> Stored:
        row = connection.execute(
            f"SELECT id, {_RECORD} FROM slo WHERE service = ? AND name = ?",  # noqa: S608
            (self.service, query.slo),
        ).fetchone()
        if row is None:
            return Stored(None, (EventCounts(),) * len(query.ranges))
        slo = row[0]
        sums = [EventCounts(*connection.execute(_SUM_OF_RANGE, (slo, *wanted)).fetchone()) for wanted in query.ranges]
        return Stored(SLORecord(*row[1:]), tuple(sums))

    def series(self, slo: str, buckets: BucketRange) -> list[Increment]:
        """Buckets with events, oldest first."""
        with self._transaction(write=False) as connection:
            rows = connection.execute(
                "SELECT bucket.width, bucket.bucket, bucket.good, bucket.bad FROM bucket JOIN slo ON slo.id = bucket.slo "
                "WHERE slo.service = ? AND slo.name = ? AND bucket.width = ? AND bucket.bucket BETWEEN ? AND ? "
                "ORDER BY bucket.bucket",
                (self.service, slo, *buckets),
            )
            return [Increment(*row) for row in rows]

    def names(self) -> list[str]:
        """The SLOs of this service."""
        with self._transaction(write=False) as connection:
            rows = connection.execute("SELECT name FROM slo WHERE service = ?", (self.service,))
            return sorted(name for (name,) in rows)

    def services(self) -> list[str]:
        """Every service in the file."""
        with self._transaction(write=False) as connection:
            return sorted(service for (service,) in connection.execute("SELECT DISTINCT service FROM slo"))

    def prune(self) -> int:
        """Delete buckets that no window reads again, of every service, and notes older than a day."""
        with self._transaction(write=True) as connection:
            now = self._clock()
            before = connection.total_changes
            for slo, newest, keeps in connection.execute(
                "SELECT id, newest, keeps FROM slo WHERE newest NOTNULL"
            ).fetchall():
                reference = min(newest, math.floor(now) + FUTURE_TOLERANCE_SECONDS)
                for width in WIDTHS:
                    first = kept_from(width, newest=reference, keeps_seconds=keeps)
                    connection.execute(
                        "DELETE FROM bucket WHERE slo = ? AND width = ? AND bucket < ?", (slo, width, first)
                    )
            connection.execute("DELETE FROM note WHERE noted_at < ?", (now - NOTES_KEPT_SECONDS,))
            return connection.total_changes - before

    def close(self) -> None:
        """Close the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __del__(self) -> None:
        # A registry that was dropped without a close leaves a file open; Python 3.13 warns of that.
        if hasattr(self, "_connection"):
            self.close()

    def forget(self) -> None:
        """Let go of a parent's connection without touching it."""
        if self._connection is not None:
            self._inherited.append(self._connection)
            self._connection = None

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._connected()
            retry_while_locked(lambda: _begin(connection, write=write), self._timeout)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as exc:
            self.close()  # whatever is wrong with the file, the next attempt looks at it anew
            raise StoreError(self._explained(exc)) from exc

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None and self._identity_of_file() != self._opened:
            self.close()  # somebody has deleted the file, or put another in its place
        if self._connection is None:
            self._connection = self._open()
            self._opened = self._identity_of_file()
        return self._connection

    def _identity_of_file(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _open(self) -> sqlite3.Connection:
        # Only one thread at a time uses it, but not always the same one. SQLite does not wait for others: see
        # `retry_while_locked`.
        connection = sqlite3.connect(self._path, timeout=0.0, isolation_level=None, check_same_thread=False)
        try:
            version = retry_while_locked(self._version, self._timeout, connection)
            if version < SCHEMA_VERSION:
                self._migrate(connection)
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _version(self, connection: sqlite3.Connection) -> int:
        # In this order: another worker may set up the file at this moment, and what it does at once is not seen at once.
        (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if application != _APPLICATION_ID and (application or version or tables):
            raise StoreError(
                f"store sqlite:///{self._path}: the file is an SQLite database of something else; choose another path"
            )
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"store sqlite:///{self._path}: written by a newer slo-suite (schema {version}, this one knows "
                f"{SCHEMA_VERSION}); upgrade slo-suite, or choose another path"
            )
        return int(version)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        # Readers and a writer do not wait for each other in WAL mode; the file remembers it.
        retry_while_locked(connection.execute, self._timeout, "PRAGMA journal_mode = WAL")
        retry_while_locked(lambda: _begin(connection, write=True), self._timeout)
        try:
            # Another worker may have been faster.
            for statements in _MIGRATIONS[self._version(connection) :]:
                for statement in statements:
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            if connection.execute("SELECT COUNT(*) FROM store").fetchone() == (0,):
                created = (secrets.token_hex(16), self._clock())
                connection.execute("INSERT INTO store (store_id, created) VALUES (?, ?)", created)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    def _explained(self, exc: sqlite3.Error) -> str:
        where = f"store sqlite:///{self._path}"
        name = _name_of(exc)
        if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            return f"{where}: no SQLite database, or damaged ({exc}); move it away, or restore it from a copy"
        if name.startswith("SQLITE_CANTOPEN"):
            folder = self._path.parent
            # Not Path.is_dir(), which raises in a folder that may not be entered.
            hint = "" if os.path.isdir(folder) else f"; the folder {folder} does not exist, or may not be entered"  # noqa: PTH112
            return f"{where}: cannot be opened ({exc}){hint}"
        if name.startswith(("SQLITE_READONLY", "SQLITE_PERM")):
            return f"{where}: cannot be written ({exc}); the file and its folder must be writable by this process"
        if name.startswith("SQLITE_BUSY"):
            return f"{where}: another process has been writing for {self._timeout} s ({exc})"
        return f"{where}: {exc}"

    def __repr__(self) -> str:
        return f"SQLiteBucketStore({str(self._path)!r})"


# Errors that may be gone with the next attempt: somebody writes; the disk is full, which is an I/O error to some.
_PASSING = ("SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR")

_SUM_OF_RANGE = """
    SELECT COALESCE(SUM(good), 0), COALESCE(SUM(bad), 0) FROM bucket
    WHERE slo = ? AND width = ? AND bucket BETWEEN ? AND ?"""


def _begin(connection: sqlite3.Connection, *, write: bool) -> None:
    """Begin a transaction that has all the locks it will need."""
    if write:
        connection.execute("BEGIN IMMEDIATE")
        return
    connection.execute("BEGIN")
    try:
        connection.execute("SELECT 1 FROM store").fetchone()
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _identity(connection: sqlite3.Connection) -> StoreIdentity:
    store_id, created = connection.execute("SELECT store_id, created FROM store").fetchone()
    return StoreIdentity(store_id, created)


def _name_of(exc: sqlite3.Error) -> str:
    """SQLite's name of an error, such as `SQLITE_BUSY`; empty for one that Python raised itself."""
    return getattr(exc, "sqlite_errorname", "")
