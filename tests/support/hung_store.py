"""A store that does not answer readers until a test says so."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from slo_core.errors import StoreError
from slo_core.stores.buckets import Query, Stored
from slo_core.stores.sql.sqlite import SQLiteBucketStore

__all__ = ["HungReads"]


class HungReads:
    """
    Every read of an SQLite store hangs from now on, until `release` is set.

    Args:
        monkeypatch: Takes it back.
        failures: So many reads fail at once before.

    Attributes:
        began: Set when a read hangs.
        release: Lets all of them return.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, failures: int = 0) -> None:
        self.began, self.release = threading.Event(), threading.Event()
        read, left = SQLiteBucketStore.read, [None] * failures

        def hang(store: SQLiteBucketStore, queries: Sequence[Query]) -> list[Stored]:
            if left:
                left.pop()
                raise StoreError("the store is away")
            self.began.set()
            assert self.release.wait(120)
            return read(store, queries)

        monkeypatch.setattr(SQLiteBucketStore, "read", hang)
