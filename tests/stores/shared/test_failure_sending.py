"""Recent failures go to the store after the events, as well as it goes: no count waits for them, and none depends on them."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from slo_core import SLODefinition, SLORegistry, StoreError
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock


class Buckets(SQLiteBucketStore):
    """An SQLite store that counts what it is given, and may refuse it."""

    def __init__(self, path: Path, *, clock: FakeClock) -> None:
        super().__init__(path, clock=clock)
        self.error: Exception | None = None
        self.added: list[dict[str, int]] = []

    def add_recent_failures(self, failures: Mapping[str, Sequence[RecentFailure]], *, most: int) -> None:
        self.added.append({slo: len(each) for slo, each in failures.items()})
        if self.error is not None:
            raise self.error
        super().add_recent_failures(failures, most=most)


class Worker:
    """A process of the service."""

    def __init__(self, path: Path, clock: FakeClock, **options: Any) -> None:
        self.buckets = Buckets(path, clock=clock)
        self.monotonic = FakeClock(1000.0)
        store = WriteBehindStore(self.buckets, clock=clock, monotonic=self.monotonic, flush_interval=3600.0)
        self.registry = SLORegistry(store, clock=clock, **options)
        for name in ("a", "b"):
            self.registry.define(SLODefinition(name, 0.9))

    def fail(self, times: int, name: str = "a") -> None:
        for _ in range(times):
            self.registry[name].record_failure(cause="job")

    def failures(self, name: str = "a") -> int:
        return self.registry[name].snapshot().failures


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "slo.db"


def test_every_worker_shows_the_same(path: Path, clock: FakeClock) -> None:
    """Those of all, the newest first, after its own were handed over."""
    one, other = Worker(path, clock), Worker(path, clock)
    for worker in (one, other, one):
        clock.advance(1)
        worker.fail(1)
    one.registry.flush()

    shown = [worker.registry["a"].recent_failures() for worker in (other, one)]

    assert shown[0] == shown[1]
    assert [failure.at - clock() for failure in shown[0]] == [0, -1, -2]
    assert one.registry["b"].recent_failures() == ()


def test_a_flush_hands_them_over_in_one_call(path: Path, clock: FakeClock) -> None:
    """The newest 50 of each SLO; without any there is no call."""
    worker = Worker(path, clock)
    worker.registry["a"].record_success()
    worker.registry.flush()
    assert worker.buckets.added == []

    worker.fail(80)
    worker.fail(2, "b")
    worker.registry.flush()
    worker.registry.flush()

    assert worker.buckets.added == [{"a": 50, "b": 2}]


@pytest.mark.parametrize("error", [StoreError("no room"), RuntimeError("password")])
def test_a_store_that_refuses_them_keeps_its_counts(
    path: Path, clock: FakeClock, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """The flush succeeds, the log says so once, and nothing is tried for half a minute."""
    worker = Worker(path, clock)
    worker.buckets.error = error
    with caplog.at_level(logging.WARNING):
        worker.fail(3)
        assert worker.registry.flush()
        worker.fail(2)
        assert worker.registry.flush()

    assert worker.failures() == 5
    assert worker.buckets.added == [{"a": 3}]
    assert caplog.text.count("has not taken recent failures: they are missing in the list") == 1
    assert "password" not in caplog.text

    worker.buckets.error = None
    worker.monotonic.advance(31)
    worker.registry.flush()
    assert len(worker.registry["a"].recent_failures()) == 2


def test_while_the_store_is_away_the_newest_wait(path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are handed over with the events, when it is back."""
    worker = Worker(path, clock)
    worker.registry.flush()

    def away(*_: object) -> None:
        raise StoreError("away")

    with monkeypatch.context() as patch:
        patch.setattr(worker.buckets._file, "transaction", away)
        worker.fail(60)
        assert not worker.registry.flush()
        assert worker.buckets.added == []
    worker.monotonic.advance(60)

    assert worker.registry.flush()
    assert worker.failures() == 60
    assert len(worker.registry["a"].recent_failures()) == 50


def test_switched_off_nothing_is_kept(path: Path, clock: FakeClock) -> None:
    """Nor asked for, nor shown of what other processes have kept."""
    Worker(path, clock).fail(1)
    other = Worker(path, clock)
    other.fail(1)
    other.registry.flush()
    worker = Worker(path, clock, recent_failures=0)
    worker.fail(1)
    worker.registry.flush()

    assert worker.buckets.added == []
    assert worker.registry["a"].recent_failures() == ()


def test_a_store_without_the_ability_counts_as_ever(path: Path, clock: FakeClock) -> None:
    """A store of another package, which knows of no such list."""

    class Older:
        """All that a store had before."""

        def __init__(self, buckets: SQLiteBucketStore) -> None:
            self._buckets = buckets

        def __getattr__(self, name: str) -> Any:
            if name in ("add_recent_failures", "recent_failures"):
                raise AttributeError(name)
            return getattr(self._buckets, name)

    store = WriteBehindStore(Older(SQLiteBucketStore(path, clock=clock)), clock=clock)  # type: ignore[arg-type]
    registry = SLORegistry(store, clock=clock)
    tracker = registry.define(SLODefinition("a", 0.9))
    tracker.record_failure(cause="job")

    assert registry.flush()
    assert (tracker.snapshot().failures, tracker.recent_failures()) == (1, ())
    registry.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_leaves_those_of_its_parent(path: Path, clock: FakeClock) -> None:
    """They are the parent's to hand over."""
    worker = Worker(path, clock)
    worker.fail(2)
    child = os.fork()
    if child == 0:
        worker.fail(1)
        worker.registry.flush()
        os._exit(0)
    os.waitpid(child, 0)
    worker.registry.flush()

    assert len(worker.registry["a"].recent_failures()) == 3
    assert worker.failures() == 3
