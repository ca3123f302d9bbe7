"""Episodes in the memory of one process."""

from __future__ import annotations

import pytest

from slo_core import AlertRule, SLODefinition, SLORegistry
from slo_core.testing import FakeClock

RULE = AlertRule("10m", "2m", severity="page", burn_rate=10)


@pytest.fixture
def registry(clock: FakeClock) -> SLORegistry:
    clock.now = 1_800_000_000.0
    registry = SLORegistry(clock=clock)
    registry.define(SLODefinition("a", 0.99, alert_rules=(RULE,)))
    return registry


def live(registry: SLORegistry, clock: FakeClock, minutes: int, bad: int = 0) -> None:
    for _ in range(minutes):
        for success in [True] * (10 - bad) + [False] * bad:
            registry["a"].record(success)
        clock.advance(60)


def test_an_episode_stays_when_its_buckets_are_gone(registry: SLORegistry, clock: FakeClock) -> None:
    """It was asked for while minutes told of it; so it is kept, with its marks."""
    live(registry, clock, 30)
    registry.annotate("deploy 7")
    live(registry, clock, 5, bad=8)
    live(registry, clock, 60 * 10)
    assert len(registry["a"].incidents()) == 1
    live(registry, clock, 60 * 38)

    (episode,) = registry["a"].incidents()

    assert episode.bad == 40
    assert episode.end is not None
    assert [mark.text for mark in episode.marks] == ["deploy 7"]


def test_episodes_last_and_end(registry: SLORegistry, clock: FakeClock) -> None:
    """First without an end, then with one; a second one is another."""
    tracker = registry["a"]
    live(registry, clock, 30)
    assert tracker.incidents() == ()
    live(registry, clock, 5, bad=8)
    (first,) = tracker.incidents()
    assert first.end is None
    live(registry, clock, 15)
    (ended,) = tracker.incidents()
    assert (ended.start, ended.end is None) == (first.start, False)
    live(registry, clock, 5, bad=8)

    second, earlier = tracker.incidents()

    assert (earlier, second.end) == (ended, None)
    assert tracker.incidents(since=ended.start + 1) == (second,)
