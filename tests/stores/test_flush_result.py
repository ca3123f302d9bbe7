"""`flush()` and `close()` return whether the store has everything: for a job whose last line they are."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from slo_core import SLODefinition, SLORegistry, SLOTracker
from slo_core.stores.shared import write_behind
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock
from slo_servers import free_port
from store_process import Process

SLO = SLODefinition("orders", 0.99)


def process_on(folder: Path) -> Process:
    clock = FakeClock()
    return Process(SQLiteBucketStore(folder / "slo.db", clock=clock), clock, FakeClock())


@pytest.fixture(autouse=True)
def _short_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """A close that cannot succeed does not try for two seconds."""
    monkeypatch.setattr(write_behind, "_CLOSE_SECONDS", 0.1)


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{}/slo.db"])
def test_true_when_all_is_stored(url: str, tmp_path: Path) -> None:
    """Also without any event, and again."""
    registry = SLORegistry(url.format(tmp_path), service="shop")
    tracker = registry.define(SLO)
    assert registry.flush() is True
    tracker.record(True)
    assert registry.flush() is True
    assert registry.flush() is True
    assert registry.close() is True


def test_false_while_the_store_is_away_and_true_when_it_is_back(tmp_path: Path) -> None:
    """A lost answer is no success; nothing counts twice."""
    process = process_on(tmp_path)
    process.record(1)
    for fails in ("before", "after"):
        process.network.fails = fails
        assert process.store.flush() is False
        assert process.store.close() is False
    process.network.fails = None
    assert process.store.flush() is True
    assert process.store.close() is True
    assert process.totals() == (1, 0)


def test_false_without_a_server() -> None:
    """Where nothing listens."""
    registry = SLORegistry(f"redis://127.0.0.1:{free_port()}/0", service="shop")
    registry.define(SLO).record(True)
    assert registry.flush() is False
    assert registry.close() is False


def test_false_while_another_process_keeps_the_file_locked(tmp_path: Path) -> None:
    """It waits for as long as `timeout` says, and no longer."""
    url = f"sqlite:///{tmp_path}/slo.db"
    registry = SLORegistry(url, service="shop", store_options={"timeout": 0.05})
    tracker = registry.define(SLO)
    assert registry.flush()
    other = sqlite3.connect(tmp_path / "slo.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    tracker.record(True)
    assert registry.flush() is False
    assert registry.close() is False
    other.execute("ROLLBACK")
    other.close()
    assert registry.close() is True


def test_false_where_the_tables_are_missing(tmp_path: Path) -> None:
    """Somebody has dropped one."""
    registry = SLORegistry(f"sqlite:///{tmp_path}/slo.db", service="shop")
    tracker = registry.define(SLO)
    assert registry.flush()
    with sqlite3.connect(tmp_path / "slo.db") as connection:
        connection.execute("DROP TABLE bucket")
    tracker.record(True)
    assert registry.flush() is False


def test_a_tracker_with_a_store_of_its_own_is_asked_too(tmp_path: Path) -> None:
    """What was added to a registry belongs to it: one answer for all."""
    registry = SLORegistry(f"sqlite:///{tmp_path}/other.db", service="shop")
    process = process_on(tmp_path)
    registry.add(SLOTracker(SLO, store=process.store))
    registry["orders"].record(True)
    process.network.fails = "before"
    assert registry.flush() is False
    assert registry.close() is False
    process.network.fails = None
    assert registry.flush() is True
    assert registry.close() is True
