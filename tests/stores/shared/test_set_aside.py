"""A batch that no store can take holds up no other: it is set aside, logged once, and counted as dropped."""

from __future__ import annotations

import logging
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from slo_core import SLODefinition, SLOTracker
from slo_core.errors import StoreError
from slo_core.stores.buckets import Applied, Batch
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock


class DataError(Exception):
    """As database drivers have it."""


class Picky:
    """A store that cannot take events of some SLOs."""

    def __init__(self, store: Any, error: Exception, *, slos: Sequence[str] = ("orders",)) -> None:
        self._store = store
        self._error = error
        self.slos = slos
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def apply(self, batches: Sequence[Batch]) -> Applied:
        if self.is_away or any(batch.slo in self.slos and batch.good + batch.bad for batch in batches):
            raise self._error
        applied: Applied = self._store.apply(batches)
        return applied


def wrapped() -> StoreError:
    error = StoreError("store shop: out of range")
    error.__cause__ = DataError("integer out of range")
    return error


@pytest.mark.parametrize(
    "error", [OverflowError("int too large"), struct.error("no int"), DataError("out of range"), wrapped()]
)
def test_the_other_slos_go_on(
    error: Exception, tmp_path: Path, clock: FakeClock, monotonic: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """From the first attempt on; the batch is dropped with the third, and the SLO goes on, too."""
    picky = Picky(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), error)
    store = WriteBehindStore(picky, clock=clock, monotonic=monotonic, flush_interval=3600.0)
    orders, checkout = (
        SLOTracker(SLODefinition(name, 0.9), store=store, clock=clock) for name in ("orders", "checkout")
    )
    for _ in range(7):
        orders.record(False)
    checkout.record(True)
    reader = WriteBehindStore(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock=clock)
    seen = SLOTracker(SLODefinition("checkout", 0.9), store=reader, clock=clock)

    assert store.flush() is False
    assert seen.snapshot().lifetime_good == 1
    for _ in range(4):
        store.flush()
    picky.slos = ()
    orders.record(True)
    assert store.flush() is True

    snapshot = orders.snapshot()
    assert (snapshot.lifetime_good, snapshot.lifetime_bad, snapshot.dropped) == (1, 0, 7)
    set_aside = [record for record in caplog.records if "set aside" in record.getMessage()]
    assert len(set_aside) == 1
    assert set_aside[0].levelno == logging.ERROR
    assert "7 events" in set_aside[0].getMessage()
    reader.close()


def test_a_store_that_is_away_has_nothing_set_aside(tmp_path: Path, clock: FakeClock, monotonic: FakeClock) -> None:
    """Whatever it raises then: it answers no question either."""
    picky = Picky(SQLiteBucketStore(tmp_path / "slo.db", clock=clock), ValueError("a page of a proxy, no JSON"))
    store = WriteBehindStore(picky, clock=clock, monotonic=monotonic, flush_interval=3600.0)
    orders = SLOTracker(SLODefinition("orders", 0.9), store=store, clock=clock)
    orders.record(True)
    picky.is_away = True
    for _ in range(9):
        assert store.flush() is False
    picky.is_away, picky.slos = False, ()
    assert orders.snapshot().lifetime_good == 1
