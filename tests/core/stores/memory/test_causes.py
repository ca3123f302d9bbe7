"""Causes in memory, against a count of every event by hand."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from slo_core import SLODefinition, SLOTracker
from slo_core.budgets.causes import Cause
from slo_core.objectives.window import DAY, HOUR
from slo_core.testing import FakeClock

SPANS = (60, HOUR, 6 * HOUR, DAY, 3 * DAY, 8 * DAY, 30 * DAY)
EDGES = {60: 300, HOUR: 300, 6 * HOUR: 300, DAY: 900, 30 * DAY: DAY}


@pytest.mark.parametrize("seed", range(6))
def test_causes_of_any_stretch_are_those_of_its_bad_events(seed: int) -> None:
    """Of 40 days, with late events: at most 32 causes, so each is exact; since the bucket that the answer names."""
    chance, clock = random.Random(seed), FakeClock()
    tracker = SLOTracker(SLODefinition("a", 0.9), clock=clock)
    truth: list[tuple[int, str | None]] = []
    for _ in range(400):
        clock.advance(chance.choice([0.4, 1, 60, 900, 20_000]))
        cause = chance.choice([None, *(f"job-{number}" for number in range(20))])
        at = chance.choice([None, None, clock() - chance.choice([10, 400, 5000, 90_000])])
        tracker.record_failure(at=at, cause=cause)
        tracker.record(True)
        truth.append((int(clock() if at is None else at), cause))
    assert len(tracker._ledger._causes._blocks) < 35  # type: ignore[attr-defined]
    read = zip(SPANS, tracker.internals.causes(SPANS) or (), strict=True)

    for seconds, breakdown in read:
        expected = Counter(cause for second, cause in truth if second >= breakdown.since)
        assert (
            clock() - seconds - {60: 300, HOUR: 300, 6 * HOUR: 300, DAY: 900, 30 * DAY: DAY}.get(seconds, HOUR)
            < breakdown.since
        )
        assert breakdown.since <= clock() - seconds
        assert breakdown.events.bad == sum(expected.values())
        rows = {each.where: each.bad for each in breakdown.causes}
        assert rows == expected
        assert all(each.outcome == ("unknown" if each.where is None else "failed") for each in breakdown.causes)


def test_a_cardinality_attack_stays_within_bounds(clock: FakeClock) -> None:
    """Four thousand causes over two days: under 256 KiB of text, the sum exact, and a late outage has its name."""
    tracker = SLOTracker(SLODefinition("a", 0.9), clock=clock)
    for number in range(4_000):
        tracker.internals.record_cause(tracker, Cause(f"GET /{number}" + "x" * 90, f"Error{number}"))
        clock.advance(43)
    for _ in range(500):
        tracker.record_failure(cause="pay")

    (breakdown,) = tracker.internals.causes((3 * DAY,)) or ()
    blocks = tracker._ledger._causes._blocks  # type: ignore[attr-defined]
    assert sum(len(block.text()) for block in blocks.values()) < 256 * 1024
    assert sum(each.bad for each in breakdown.causes) == 4_500
    assert (breakdown.causes[0].outcome, breakdown.causes[1].where) == ("other", "pay")
    assert breakdown.causes[1].bad == 500
