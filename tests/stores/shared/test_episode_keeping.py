"""Flushes write the episodes of alert rules, once for all workers. Tests of episode_keeping, episode_reader as well."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from slo_core import AlertRule, SLODefinition, SLORegistry
from slo_core.budgets.episodes import Episode
from slo_core.budgets.firing_spans import SETTLED_SECONDS
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock

HOUR = 3600
RULE = AlertRule("10m", "2m", severity="page", burn_rate=10)
SLO = SLODefinition("checkout", 0.99, alert_rules=(RULE,))

Worker = Callable[..., SLORegistry]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_800_000_000.0)


@pytest.fixture
def worker(tmp_path: Path, clock: FakeClock, request: pytest.FixtureRequest) -> Worker:
    """Starts a process that uses the store; its clock may be ahead."""

    def start(ahead: float = 0.0) -> SLORegistry:
        def own() -> float:
            return clock.now + ahead

        buckets = SQLiteBucketStore(tmp_path / "slo.db", clock=clock)
        registry = SLORegistry(WriteBehindStore(buckets, clock=own, flush_interval=3600.0), clock=own)
        registry.define(SLO)
        request.addfinalizer(registry.close)
        return registry

    return start


def count(registry: SLORegistry, good: int = 0, bad: int = 0, at: float | None = None) -> None:
    for success in [True] * good + [False] * bad:
        registry["checkout"].record(success, at=at)


def live(clock: FakeClock, minutes: int, *registries: SLORegistry, bad: int = 0) -> None:
    """Some minutes in which each process counts ten events a minute, and hands them over."""
    for _ in range(minutes):
        for registry in registries:
            count(registry, 10 - bad, bad)
        clock.advance(60)
        for registry in registries:
            registry.flush()


def kept(registry: SLORegistry) -> tuple[Episode, ...]:
    return registry["checkout"].internals.kept_episodes(0.0)


def test_four_workers_write_an_episode_once(worker: Worker, clock: FakeClock) -> None:
    """Their clocks differ by two seconds; each works it out, and all the same."""
    workers = [worker(ahead) for ahead in (0.0, 2.0, -2.0, 1.0)]
    live(clock, 30, *workers)
    began = clock.now
    live(clock, 5, *workers, bad=8)
    assert kept(workers[0]) == ()
    live(clock, 12, *workers)

    (episode,) = kept(workers[0])

    assert [kept(each) for each in workers] == [(episode,)] * 4
    assert (episode.slo, episode.rule) == ("checkout", RULE.key)
    assert 60 <= episode.start - began <= 120
    assert episode.end is not None
    assert 5 * 60 <= episode.end - began <= 8 * 60
    assert episode.bad == 4 * 5 * 8
    assert workers[0]["checkout"].incidents() == (episode,)


def test_an_episode_is_worked_out_while_it_lasts(worker: Worker, clock: FakeClock) -> None:
    """It has no end yet, and is in no store; its numbers grow."""
    one = worker()
    live(clock, 30, one)
    live(clock, 3, one, bad=8)
    (first,) = one["checkout"].incidents()
    live(clock, 1, one, bad=8)

    (second,) = one["checkout"].incidents()

    assert kept(one) == ()
    assert first.end is second.end is None
    assert (first.bad, second.bad) == (24, 32)
    assert first.start == second.start


def test_a_worker_that_is_killed_in_the_middle_takes_nothing_with_it(worker: Worker, clock: FakeClock) -> None:
    """The one that starts later, and sees no bad event itself, writes the same episode."""
    one, other = worker(), worker()
    live(clock, 30, one, other)
    live(clock, 3, one, other, bad=8)
    seen = one["checkout"].incidents()[0]
    # Neither is heard of again; minutes later another starts.
    clock.advance(minutes=30)
    later = worker()
    live(clock, 2, later)

    (episode,) = kept(later)

    assert (episode.start, episode.bad) == (seen.start, 48)
    assert episode.end is not None


def test_a_late_event_changes_the_episode_it_belongs_to(worker: Worker, clock: FakeClock) -> None:
    """It comes when the episode is written: it counts, and there is still one row."""
    one, other = worker(), worker()
    live(clock, 30, one, other)
    began = clock.now
    live(clock, 5, one, other, bad=8)
    live(clock, 15, one, other)
    (before,) = kept(one)

    for second in (130, 190):
        count(other, bad=5, at=began + second)
    other.flush()
    live(clock, 3, one, other)

    (after,) = kept(one)
    assert after.bad == before.bad + 10
    assert (after.start, after.end) == (before.start, before.end)


def test_it_is_written_when_no_more_events_come(worker: Worker, clock: FakeClock) -> None:
    """The flusher's round goes on by itself until the episode is written."""
    one = worker()
    live(clock, 30, one)
    live(clock, 4, one, bad=8)
    store = one.store
    assert isinstance(store, WriteBehindStore)
    # Each minute one round of its thread.
    rounds = []
    for _ in range(3 + SETTLED_SECONDS // 60 + 8):
        clock.advance(60)
        rounds.append(store._round())

    assert len(kept(one)) == 1
    assert rounds[0]
    assert not store._delivery.episodes.is_waiting


def test_causes_and_marks_are_frozen_into_it(worker: Worker, clock: FakeClock) -> None:
    """What failed during the episode, and what changed in the hour before."""
    one = worker()
    live(clock, 30, one)
    one.annotate("migration 0042", at=clock.now - 30)
    one.annotate("long before", at=clock.now - 2 * HOUR)
    tracker = one["checkout"]
    for _ in range(5):
        for cause in ["POST /pay"] * 6 + ["GET /cart"] * 2:
            try:
                with tracker.track(cause=cause):
                    raise ValueError
            except ValueError:
                pass
        count(one, 2)
        clock.advance(60)
        one.flush()
    live(clock, 20, one)

    (episode,) = kept(one)

    assert [(each.where, each.outcome, each.bad) for each in episode.causes] == [
        ("POST /pay", "ValueError", 30),
        ("GET /cart", "ValueError", 10),
    ]
    assert [mark.text for mark in episode.marks] == ["migration 0042"]


def test_where_nothing_is_bad_the_store_is_not_asked(tmp_path: Path, clock: FakeClock) -> None:
    """Each SLO is looked at once, when the process begins; then only bad events lead to another look."""
    asked: list[str] = []

    class Watched(SQLiteBucketStore):
        def series(self, queries):  # type: ignore[no-untyped-def]
            asked.extend(query.slo for query in queries)
            return super().series(queries)

    registry = SLORegistry(
        WriteBehindStore(Watched(tmp_path / "slo.db", clock=clock), clock=clock, flush_interval=3600.0), clock=clock
    )
    registry.define(SLO)
    live(clock, 10, registry)
    assert asked == ["checkout"]

    live(clock, 1, registry, bad=1)
    live(clock, 10, registry)

    assert asked == ["checkout"] * 2
    registry.close()


def test_a_store_that_fails_is_asked_again(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events are handed over all the same, and the episode is written a minute later."""
    buckets = SQLiteBucketStore(tmp_path / "slo.db", clock=clock)
    registry = SLORegistry(WriteBehindStore(buckets, clock=clock, flush_interval=3600.0), clock=clock)
    registry.define(SLO)
    live(clock, 30, registry)
    live(clock, 4, registry, bad=8)

    def fail(slo: str, episodes: object) -> None:
        raise OSError("secret")

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR, "slo"):
        patch.setattr(buckets, "keep_episodes", fail)
        live(clock, 15, registry)
        assert registry.flush()
    assert "incidents could not be written" in caplog.text
    assert "secret" not in caplog.text
    live(clock, 3, registry)

    assert len(kept(registry)) == 1
    registry.close()
