"""The statements of one database transaction, in as few messages as the driver allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

__all__ = ["Transaction"]

# So many values are sent at the latest, whatever else is to come: a message must not grow with what was missed.
_VALUES = 5000


class Transaction:
    """
    The statements of one transaction.

    Where the driver takes several in one message, statements without an answer go with the next query: each message costs
    a round trip to the server.

    Args:
        cursor: Of a connection without a transaction.
        at_once: The driver takes several statements in one message, and gives the answer of each.
        execute: Instead of the cursor's own.
    """

    def __init__(self, cursor: Any, *, at_once: bool, execute: Callable[..., object] | None = None) -> None:
        self._cursor = cursor
        self._at_once = at_once
        self._execute = execute or cursor.execute
        self._waiting: list[str] = []
        self._values: list[object] = []
        self._has_ended = False

    def execute(self, statement: str, values: Sequence[object] = ()) -> None:
        """Have a statement run, with the next query at the latest."""
        self._waiting.append(statement)
        self._values.extend(values)
        if not self._at_once or len(self._values) > _VALUES:
            self._send()

    def execute_each(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """The same statement with one row of values after the other."""
        if not self._at_once:
            self._cursor.executemany(statement, rows)
            return
        for row in rows:
            self.execute(statement, row)

    def fetch(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows that a query finds."""
        (rows,) = self.fetch_all([(statement, values)])
        return rows

    def fetch_last(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows that the last query of the transaction finds; it is committed with the same message, where one can be."""
        if not self._at_once:
            return self._answer(statement, values)
        before = len(self._waiting)
        self._waiting += (statement, "COMMIT")
        self._values.extend(values)
        self._send(skipping=before)
        self._has_ended = True
        rows: list[tuple[Any, ...]] = self._cursor.fetchall()
        return rows

    def fetch_all(self, queries: Sequence[tuple[str, Sequence[object]]]) -> list[list[tuple[Any, ...]]]:
        """The rows that each query finds."""
        if not self._at_once:
            return [self._answer(*query) for query in queries]
        before = len(self._waiting)
        for statement, values in queries:
            self._waiting.append(statement)
            self._values.extend(values)
        self._send(skipping=before)
        answers = [self._cursor.fetchall()]
        while len(answers) < len(queries):
            self._cursor.nextset()
            answers.append(self._cursor.fetchall())
        return answers

    def _answer(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        self.execute(statement, values)
        rows: list[tuple[Any, ...]] = self._cursor.fetchall()
        return rows

    def change(self, statement: str, values: Sequence[object] = ()) -> int:
        """How many rows a statement changes."""
        before = len(self._waiting)
        self._waiting.append(statement)
        self._values.extend(values)
        self._send(skipping=before)
        return int(self._cursor.rowcount)

    def end(self) -> None:
        """Commit, unless that is done."""
        if self._has_ended:
            return
        self._waiting.append("COMMIT")
        self._send()

    def _send(self, *, skipping: int = 0) -> None:
        message, values = "; ".join(self._waiting), self._values
        self._waiting, self._values = [], []
        self._execute(message, values or None)
        for _ in range(skipping):
            self._cursor.nextset()
