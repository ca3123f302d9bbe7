"""The store's connection between two uses, for as long as the project keeps its own."""

from __future__ import annotations

import os
import select
import time
from contextlib import suppress

from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["KeptConnection"]


class KeptConnection:
    """
    A connection that is kept for `CONN_MAX_AGE` seconds after it was opened, as Django keeps a thread's; without that
    setting none is.

    One for each process, whatever its threads: a second one that is open at the same time is closed after its use.
    """

    __slots__ = ("_inherited", "_kept")

    def __init__(self) -> None:
        # With the process that opened it; one at most.
        self._kept: list[tuple[int, BaseDatabaseWrapper]] = []
        # A parent's, in a forked child: closing it would end the parent's session.
        self._inherited: list[BaseDatabaseWrapper] = []

    def take(self) -> BaseDatabaseWrapper | None:
        """The connection, which nothing else uses until it is put back; None where there is none that is whole."""
        connection = self._taken()
        if connection is None or (not _is_over(connection) and _is_quiet(connection)):
            return connection
        _close(connection)
        return None

    def _taken(self) -> BaseDatabaseWrapper | None:
        try:
            process, connection = self._kept.pop()
        except IndexError:
            return None
        if process == os.getpid():
            return connection
        self._inherited.append(connection)
        return None

    def put_back(self, connection: BaseDatabaseWrapper) -> None:
        """Keep a connection without a transaction, if the project wants it; else close it."""
        if connection.connection is None or _is_over(connection) or self._kept:
            _close(connection)
            return
        connection.queries_log.clear()  # filled where settings.DEBUG is set
        self._kept.append((os.getpid(), connection))

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection = self._taken()
        if connection is not None:
            _close(connection)

    def __del__(self) -> None:
        self.close()  # of a store that was dropped without a close


def _is_over(connection: BaseDatabaseWrapper) -> bool:
    return connection.close_at is not None and time.monotonic() >= connection.close_at


def _is_quiet(connection: BaseDatabaseWrapper) -> bool:
    """Whether the server has said nothing since its last answer: it does when it ends a session, and when it ends itself."""
    driver = connection.connection
    try:
        descriptor = (driver if hasattr(driver, "fileno") else driver._sock).fileno()
        poll = select.poll()
    except (AttributeError, ValueError):  # a driver or a system that has none
        return bool(connection.is_usable())
    poll.register(descriptor, select.POLLIN)
    return not poll.poll(0)


def _close(connection: BaseDatabaseWrapper) -> None:
    with suppress(Exception):
        connection.close()
