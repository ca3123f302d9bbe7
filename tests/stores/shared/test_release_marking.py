"""The release that counts becomes a mark, once per fleet."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memory_buckets import MemoryHouse
from slo_core import SLODefinition, SLORegistry, StoreError
from slo_core.budgets.marks import Mark
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock

Worker = Callable[..., SLORegistry]


@pytest.fixture
def monotonic() -> FakeClock:
    return FakeClock(1000.0)


@pytest.fixture
def worker(tmp_path: Path, clock: FakeClock, monotonic: FakeClock) -> Worker:
    """Starts a process of the service with a release."""

    def start(release: str | None, buckets: Any = None) -> SLORegistry:
        buckets = buckets or SQLiteBucketStore(tmp_path / "slo.db", clock=clock)
        store = WriteBehindStore(buckets, clock=clock, monotonic=monotonic, flush_interval=3600.0)
        registry = SLORegistry(store, clock=clock, release=release)
        registry.define(SLODefinition("a", 0.9))
        return registry

    return start


def marks_of(registry: SLORegistry) -> tuple[Mark, ...]:
    return registry.internals.marks(0.0)


def test_it_is_marked_with_its_first_event(worker: Worker, clock: FakeClock) -> None:
    """Once by all processes; not before an event, and with the event's time, not the flush's."""
    one, other = worker("4.2"), worker("4.2")
    one.flush()
    assert marks_of(one) == ()
    first = clock()
    for registry in (one, other):
        registry["a"].record(True)
        clock.advance(minutes=2)

    other.flush()
    one.flush()

    assert marks_of(one) == marks_of(other) == (Mark(float(int(first)), "release", "4.2"),)


def test_recording_and_reading_write_no_mark(worker: Worker) -> None:
    """Only a flush does: no request and no page waits for it."""
    registry = worker("4.2")
    registry["a"].record(True)
    registry["a"].snapshot()

    assert marks_of(registry) == ()


def test_without_a_release_nothing_is_marked(worker: Worker) -> None:
    """It is unset by default."""
    registry = worker(None)
    registry["a"].record(True)
    registry.flush()

    assert marks_of(registry) == ()


def test_old_workers_of_a_rolling_deploy_write_no_second_mark(
    worker: Worker, clock: FakeClock, monotonic: FakeClock
) -> None:
    """Nor do those of the old release that start late; a rollback after it is a change."""
    old, new = worker("1"), worker("2")

    def serve(*registries: SLORegistry, minutes: int) -> None:
        for _ in range(minutes):
            for registry in registries:
                registry["a"].record(True)
                registry.flush()
            clock.advance(minutes=1)
            monotonic.advance(minutes=1)

    start = float(int(clock()))
    serve(old, minutes=10)
    serve(old, new, minutes=30)
    serve(new, worker("1"), minutes=10)
    serve(new, minutes=10)
    serve(worker("1"), minutes=1)

    assert [(mark.at - start, mark.text) for mark in marks_of(new)] == [(0, "1"), (600, "2"), (3600, "1")]


def test_an_event_of_the_past_starts_no_release(worker: Worker, clock: FakeClock) -> None:
    """A job that records what happened yesterday began today."""
    registry = worker("4.2")
    registry["a"].record(True, at=clock() - 86_400)
    registry.flush()

    assert [mark.at for mark in marks_of(registry)] == [clock()]


def test_a_store_that_takes_no_mark_takes_events(
    worker: Worker, clock: FakeClock, monotonic: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The mark comes a minute later, with the time that it had; the log says so."""
    buckets = SQLiteBucketStore(tmp_path / "slo.db", clock=clock)
    registry = worker("4.2", buckets)
    first = clock()
    with monkeypatch.context() as patch:
        patch.setattr(SQLiteBucketStore, "add_marks", lambda *_: (_ for _ in ()).throw(OSError("secret")))
        registry["a"].record(True)
        with caplog.at_level(logging.WARNING):
            assert registry.flush()
    assert "has not taken the mark of the release" in caplog.text
    assert "secret" not in caplog.text
    clock.advance(minutes=1)
    monotonic.advance(minutes=1)
    registry["a"].record(True)
    registry.flush()

    assert [mark.at for mark in marks_of(registry)] == [float(int(first))]
    assert registry["a"].snapshot().total == 2


def test_a_store_of_a_user_may_be_without_marks(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    """Its release is not shown, which is logged; a mark that is written by hand is refused."""
    registry = worker("4.2", MemoryHouse(FakeClock()).store())
    registry["a"].record(True)
    with caplog.at_level(logging.WARNING):
        assert registry.flush()

    assert "keeps no marks: the release '4.2' is not shown" in caplog.text
    assert marks_of(registry) == ()
    with pytest.raises(StoreError, match="keeps no marks"):
        registry.annotate("x")


def test_a_mark_for_a_store_that_is_away_is_refused(worker: Worker, clock: FakeClock, tmp_path: Path) -> None:
    """It raises: nothing waits unseen. Pages show none meanwhile."""
    registry = worker(None, SQLiteBucketStore(tmp_path / "none" / "slo.db", clock=clock))

    with pytest.raises(StoreError, match="cannot be opened"):
        registry.annotate("migration 0042")

    assert marks_of(registry) == ()
