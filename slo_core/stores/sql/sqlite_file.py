"""An SQLite file as a store uses it: its connection, its transactions, and what its errors mean."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from slo_core.conventions import LOGGER_NAME
from slo_core.errors import StoreError
from slo_core.stores.sql.foreign_tables import foreign_tables
from slo_core.stores.sql.new_file import make_if_missing
from slo_core.stores.sql.retry import retry_while_locked
from slo_core.stores.sql.sqlite_schema import is_current, migrate
from slo_core.stores.sql.sqlite_side_files import FileIdentity, file_identity, leave_file

__all__ = ["SQLiteFile", "lenient_text"]

# Errors that may be gone with the next attempt: another process writes; the disk is full, which is an I/O error to some.
_PASSING = ("SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR")

# Of a new file. A flush changes some bytes on each of a hundred pages, and the log takes in whole pages; reading is as quick
# as with SQLite's own size.
_PAGE_BYTES = 1024

# The write-ahead log is cut to this when it is empty: after an outage it may have been much larger.
_LOG_BYTES = 4 * 1024 * 1024


class SQLiteFile:
    """
    A file in WAL mode, opened when it is first used, and set up when it is new.

    Used by one thread at a time, but not always by the same one.

    Args:
        path: The file.
        clock: Returns seconds since the epoch.
        timeout: Seconds to wait for another writer.
        synchronous: `"normal"` or `"full"`.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float], timeout: float, synchronous: str) -> None:
        # The working directory may change after the start.
        self.path = path.absolute()
        self._clock = clock
        self._timeout = timeout
        self._synchronous = synchronous
        self._connection: sqlite3.Connection | None = None
        self._opened: FileIdentity = ()
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
            with self.transaction(write=True) as connection:
                self._warn_of(foreign_tables(connection))
        except StoreError as exc:
            cause = exc.__cause__
            if not isinstance(cause, sqlite3.OperationalError) or not _name_of(cause).startswith(_PASSING):
                raise
        finally:
            self.close()  # the process may fork before the first event

    def _warn_of(self, tables: Sequence[str]) -> None:
        """Log that the file is an application's own database as well, which came into being after ours."""
        if tables:
            logging.getLogger(LOGGER_NAME).warning(
                "the store sqlite:///%s: the file holds tables of another program, too (%s): each makes transactions of the "
                'other fail with "database is locked"; choose another path',
                self.path,
                ", ".join(tables[:3]),
            )

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        """
        One transaction; committed, or rolled back by an exception.

        Args:
            write: Whether it changes anything. One that only reads sees the same moment throughout.

        Raises:
            StoreError: Instead of an error of SQLite's.
        """
        try:
            connection = self._connected()
            retry_while_locked(lambda: _begin(connection, write=write), self._timeout)
            with _committed(connection):
                yield connection
        except sqlite3.Error as exc:
            self.close()  # whatever is wrong with the file, the next attempt opens it again
            raise StoreError(self._explained(exc)) from exc

    def close(self) -> None:
        """Close the file; the next transaction opens it again."""
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

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None and file_identity(self.path) != self._opened:
            # The file or one beside it was deleted, or another one is in its place.
            connection, self._connection = self._connection, None
            leave_file(connection, self.path, self._opened)
        if self._connection is None:
            before = file_identity(self.path)[0]
            self._connection = self._open()
            there, *beside = file_identity(self.path)
            self._opened = (before or there, *beside)  # the file that was opened, if another one has come meanwhile
        return self._connection

    def _open(self) -> sqlite3.Connection:
        make_if_missing(self.path)
        # SQLite does not wait for others: see `retry_while_locked`.
        connection = sqlite3.connect(self.path, timeout=0.0, isolation_level=None, check_same_thread=False)
        connection.text_factory = lenient_text
        try:
            if not retry_while_locked(is_current, self._timeout, connection, self.path):
                self._migrate(connection)
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
            connection.execute("SELECT COUNT(*) FROM store").fetchone()  # the side files are there from now on
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # a file that has pages keeps theirs
        # Readers and a writer do not wait for each other in WAL mode; the file remembers it.
        retry_while_locked(connection.execute, self._timeout, "PRAGMA journal_mode = WAL")
        retry_while_locked(lambda: _begin(connection, write=True), self._timeout)
        with _committed(connection):
            migrate(connection, self.path, now=self._clock())

    def _explained(self, exc: sqlite3.Error) -> str:
        where = f"store sqlite:///{self.path}"
        name = _name_of(exc)
        if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            return f"{where}: no SQLite database, or damaged ({exc}); move it away, or restore it from a copy"
        if name.startswith("SQLITE_CANTOPEN"):
            folder = self.path.parent
            # Not Path.is_dir(), which raises in a folder that may not be entered.
            hint = "" if os.path.isdir(folder) else f"; the folder {folder} does not exist, or may not be entered"  # noqa: PTH112
            return f"{where}: cannot be opened ({exc}){hint}"
        if name.startswith(("SQLITE_READONLY", "SQLITE_PERM")):
            return f"{where}: cannot be written ({exc}); the file and its folder must be writable by this process"
        if name.startswith("SQLITE_BUSY"):
            return f"{where}: another process has been writing for {self._timeout} s ({exc})"
        return f"{where}: {exc}"


def _begin(connection: sqlite3.Connection, *, write: bool) -> None:
    """Begin a transaction that has all the locks it will need."""
    if write:
        connection.execute("BEGIN IMMEDIATE")
        return
    connection.execute("BEGIN")
    try:
        connection.execute("SELECT 1 FROM store").fetchone()
    except BaseException:
        _roll_back(connection)
        raise


@contextmanager
def _committed(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit the transaction that has begun; an exception rolls it back."""
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):
        connection.execute("ROLLBACK")


def lenient_text(stored: bytes) -> str:
    """Text as it is stored; bytes that are none as escapes: one row of another program's must not hide all others."""
    return stored.decode("utf-8", "backslashreplace")


def _name_of(exc: sqlite3.Error) -> str:
    """SQLite's name of an error, such as `SQLITE_BUSY`; empty for one that Python raised itself."""
    return getattr(exc, "sqlite_errorname", "")
