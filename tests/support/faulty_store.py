"""A real store that fails when told to: before it applies a batch, or after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from slo_core.stores.buckets import Applied, Batch, Query, Stored

__all__ = ["FaultyStore"]


class FaultyStore:
    """
    Stands between a writer and a store, like a network.

    Attributes:
        fails: `"before"` loses what is sent, `"after"` loses the answer; None lets everything through.
        fails_on_content: The same, but declarations and questions come through.
        sent: Every batch with content that was sent, also those that were lost.
        questions: Declarations and questions, likewise.
        reads: How many reads there were.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self.fails: Literal["before", "after"] | None = None
        self.fails_on_content: Literal["before", "after"] | None = None
        self.sent: list[Batch] = []
        self.questions: list[Batch] = []
        self.reads = 0
        self.forgotten = 0
        self.pruned = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def note_sent(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            (self.sent if 0 < batch.number < 2**40 else self.questions).append(batch)

    def apply(self, batches: Sequence[Batch]) -> Applied:
        self.note_sent(batches)
        fails = self.fails or (any(0 < batch.number < 2**40 for batch in batches) and self.fails_on_content)
        if fails == "before":
            raise ConnectionError("refused, password=hunter2")
        applied: Applied = self._store.apply(batches)
        if fails == "after":
            raise TimeoutError("no answer")
        return applied

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        self.reads += 1
        if self.fails is not None:
            raise ConnectionError("refused")
        stored: list[Stored] = self._store.read(queries)
        return stored

    def prune(self) -> int:
        self.pruned += 1
        count: int = self._store.prune()
        return count

    def forget(self) -> None:
        self.forgotten += 1
        self._store.forget()
