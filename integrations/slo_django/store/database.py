"""Connections to a database of the project that belong to the store alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from django.db import Error, ProgrammingError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from slo_core.errors import StoreError
from slo_core.stores.sql.retry import retry_while_locked
from slo_core.stores.sql.sqlite_file import lenient_text
from slo_django.conf import is_being_tested
from slo_django.store.dialect import Dialect, dialect_of, is_in_memory
from slo_django.store.hard_timeout import hard_timeout
from slo_django.store.kept_connection import KeptConnection
from slo_django.store.schema import schema_problem
from slo_django.store.session_limit import limit_lock_wait
from slo_django.store.transaction import Transaction
from slo_django.store.unpooled import unpooled_connection

__all__ = ["Database"]

T = TypeVar("T")

# MySQL's code of an unknown column, which Django does not take for a mistake of ours.
_UNKNOWN_COLUMN = 1054

# Deadlocks and serialization failures are for the application to repeat.
_ATTEMPTS = 3


class Database:
    """
    One database of `settings.DATABASES`, reached by a connection of its own.

    No request's connection or transaction is touched. The connection is closed after each use, unless the project keeps
    its own; see `KeptConnection`.

    Args:
        alias: As in the settings.

    Attributes:
        alias: As in the settings.
        dialect: How its statements differ from those of others.
    """

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.dialect: Dialect = dialect_of(connections.settings[alias]["ENGINE"])
        # Remembered: what is left is handed over when the process ends, and by then the test runner has cleaned up.
        self._is_tested = is_being_tested()
        self._kept = KeptConnection()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A transaction whose statements all see the same moment, on a connection of its own."""
        with self.connected() as connection, self.begun(connection, write=False) as transaction:
            yield transaction

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction that writes, on a connection of its own."""
        with self.connected() as connection, self.begun(connection, write=True) as transaction:
            yield transaction

    def fetch_alone(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """The rows that a query finds that is alone in its transaction, in one message where that is enough."""
        with self.connected() as connection:
            connection.ensure_connection()
            if self.dialect.is_of_one_moment(connection):
                with connection.cursor() as cursor:
                    return Transaction(cursor, at_once=False).fetch(statement, values)
            with self.begun(connection, write=False) as transaction:
                return transaction.fetch_last(statement, values)

    def run_alone(self, statement: str, values: Sequence[object], settings: str) -> bool:
        """Run a statement that is alone in its transaction, with settings of its own; whether the server is one that can."""
        with self.connected() as connection:
            connection.ensure_connection()
            if not self.dialect.has_settings_of_statements(connection):
                return False
            with connection.cursor() as cursor:
                limited = f"SET STATEMENT {self.dialect.lock_wait} = 1, {settings} FOR {statement}"
                Transaction(cursor, at_once=False).execute(limited, values)
            return True

    @contextmanager
    def connected(self) -> Iterator[BaseDatabaseWrapper]:
        """
        A connection that nothing else uses; closed at the end, unless it is kept.

        Raises:
            StoreError: Instead of an error of the database or of its driver.
        """
        connection = self._kept.take() or self.new_connection()
        is_whole = False
        try:
            yield connection
            is_whole = not self._is_tested
        except (Error, OSError) as exc:
            raise StoreError(self._explained(connection, exc)) from exc
        finally:
            if is_whole:
                self._kept.put_back(connection)
            else:
                with suppress(Exception):
                    connection.close()

    def close(self) -> None:
        """Close the connection that is kept, if one is."""
        self._kept.close()

    @contextmanager
    def begun(self, connection: BaseDatabaseWrapper, *, write: bool) -> Iterator[Transaction]:
        """
        A transaction; committed, or rolled back by an exception.

        Args:
            connection: One of `connected`.
            write: Whether it changes anything.
        """
        dialect = self.dialect
        # SQLite's is not to wait by itself, not even while it opens the file.
        wait = dialect.locked_timeout
        if wait is not None:
            retry_while_locked(connection.ensure_connection, wait)
            connection.connection.text_factory = lenient_text
        with connection.cursor() as cursor, hard_timeout(dialect.hard_timeout, lambda: connection.connection.fileno()):
            execute = None if wait is None else partial(retry_while_locked, cursor.execute, wait)
            transaction = Transaction(cursor, at_once=dialect.takes_several, execute=execute)
            restore_session = limit_lock_wait(cursor, dialect.lock_wait if write else None)
            try:
                for statement in dialect.begin_write if write else dialect.begin_read:
                    transaction.execute(statement)
                yield transaction
                transaction.end()
            except BaseException:
                with suppress(Error):
                    cursor.execute("ROLLBACK")
                raise
            finally:
                restore_session()

    def repeated(self, act: Callable[[], T]) -> T:
        """The result of a function whose transaction the database may refuse because of others, and undo."""
        for left in reversed(range(_ATTEMPTS)):
            try:
                return act()
            except (StoreError, Error) as exc:
                error = exc.__cause__ if isinstance(exc, StoreError) else exc
                if not left or not self.dialect.may_repeat(error):
                    raise
        raise AssertionError("unreachable")

    def new_connection(self) -> BaseDatabaseWrapper:
        """
        A new connection, not open yet; the caller closes it.

        Raises:
            StoreError: A test runs, and the database is not a test's; or it is one in memory.
        """
        connection = unpooled_connection(self.alias)
        self.dialect.limit(connection)
        self._is_tested = self._is_tested or is_being_tested()
        if self._is_tested and not _is_made_for_tests(connection):
            raise StoreError(f"store django://{self.alias}: a test runs that has no test database")
        if is_in_memory(connection.settings_dict):
            # With a shared cache a second connection would lock tables under the application's feet.
            raise StoreError(
                f"store django://{self.alias}: an SQLite database in memory is its connection's own; use memory:// in tests"
            )
        # Each thread opens a connection of its own, but another thread may close it.
        connection.inc_thread_sharing()
        return connection

    def _explained(self, connection: BaseDatabaseWrapper, exc: Exception) -> str:
        where = f"store django://{self.alias}"
        # Of a server that does not answer nothing more is asked.
        is_of_schema = isinstance(exc, ProgrammingError) or exc.args[:1] == (_UNKNOWN_COLUMN,)
        if is_of_schema or self.dialect.vendor == "sqlite":
            with suppress(Exception), connection.cursor() as cursor:
                problem = schema_problem(cursor, self.alias)
                if problem is not None:
                    return f"{where}: {problem}"
        # Drivers name host, user and database, but never the password.
        return f"{where}: {type(exc).__name__}: {exc}"


def _is_made_for_tests(connection: BaseDatabaseWrapper) -> bool:
    """Whether it leads to a test database: a `SimpleTestCase` must not count into the developer's own."""
    name = str(connection.settings_dict["NAME"])
    expected = str(connection.creation._get_test_db_name())  # type: ignore[attr-defined]
    # Processes of a parallel run have copies, with a number behind the name.
    return name.startswith(expected.partition("?")[0].removesuffix(".sqlite3"))
