"""When alert rules fired, against the evaluator itself."""

from __future__ import annotations

import random

import pytest

from slo_core import AlertRule, SLODefinition, SLOTracker
from slo_core.budgets.firing_spans import (
    FINE_SECONDS,
    JOINED_SECONDS,
    MINUTE,
    FiringSpan,
    deciding_buckets,
    firing_spans,
)
from slo_core.budgets.timeline import Timeline
from slo_core.objectives.window import DAY, HOUR
from slo_core.testing import FakeClock

NOW = 1_800_000_000.0  # a whole minute, hour and quarter of an hour of the epoch

RULES = (
    AlertRule("1h", "5m", severity="page", burn_rate=14.4),
    AlertRule("6h", "30m", severity="page", burn_rate=6),
    AlertRule("3d", "6h", severity="ticket", burn_rate=1),
    AlertRule("20m", "90s", severity="quick", burn_rate=10, min_failures=5),
)


def made(start: float, rules: tuple[AlertRule, ...] = RULES) -> tuple[SLOTracker, FakeClock]:
    definition = SLODefinition("a", 0.99, window_seconds=30 * DAY, alert_rules=rules)
    clock = FakeClock(start)
    return SLOTracker(definition, clock=clock), clock


def spans_of(tracker: SLOTracker, at: float | None = None) -> list[FiringSpan]:
    snapshot = tracker.snapshot()
    return firing_spans(
        tracker.definition, tracker.internals.timeline(), at=at or snapshot.at, data_since=snapshot.data_since
    )


def joined(edges: list[int], last: int) -> list[tuple[int, int | None]]:
    """Spans of the minutes at whose ends a rule fired."""
    spans: list[tuple[int, int | None]] = []
    for edge in edges:
        if spans and edge - spans[-1][1] < JOINED_SECONDS:  # type: ignore[operator]
            spans[-1] = (spans[-1][0], edge + MINUTE)
        else:
            spans.append((edge, edge + MINUTE))
    return [(start, None if end == last + MINUTE else end) for start, end in spans]


@pytest.mark.parametrize("seed", range(3))
def test_spans_are_what_the_evaluator_says_minute_by_minute(seed: int) -> None:
    """Random incidents: at the end of each minute the snapshot of that instant is asked whether the rule fires."""
    chance = random.Random(seed)
    tracker, clock = made(NOW - 10 * HOUR)
    fired: dict[tuple[str, int, int], list[int]] = {rule.key: [] for rule in RULES}
    share = 0.0
    for minute in range(10 * 60):
        if chance.random() < 0.06:
            share = chance.choice([0.0, 0.0, 0.0, 0.005, 0.02, 0.2, 1.0])
        # Never in the first second of a minute: a window that ends there has no event at either edge.
        for second in sorted(chance.sample(range(1, 60), 4)):
            at = NOW - 10 * HOUR + 60 * minute + second
            for _ in range(5):
                tracker.record(chance.random() >= share, at=at)
        clock.advance(60)
        snapshot = tracker.snapshot(at=clock.now)
        for rule, alert in zip(RULES, snapshot.alerts, strict=True):
            # Windows of less than two minutes begin with a second there, with a minute here.
            if alert.is_firing and rule.severity != "quick":
                fired[rule.key].append(int(clock.now))

    spans = spans_of(tracker)

    for rule in RULES[:3]:
        own = [(span.start, span.end) for span in spans if span.rule == rule]
        assert own == joined(fired[rule.key], int(NOW)), rule
    assert any(fired.values())


@pytest.mark.parametrize("seed", range(4))
def test_every_worker_gets_the_same_at_any_time(seed: int) -> None:
    """Hours later, with other buckets of the past, and from the few buckets that decide."""
    chance = random.Random(seed)
    tracker, clock = made(NOW - 9 * HOUR)
    share = 0.3
    for second in range(0, 3 * HOUR, 7):
        if chance.random() < 0.01:
            share = chance.choice([0.0, 0.03, 0.3])
        clock.now = NOW - 9 * HOUR + second
        tracker.record(chance.random() >= share)
    before: list[FiringSpan] | None = None
    for hours in (4.5, 5.01, 6.3, 8.99):
        clock.now = NOW - 9 * HOUR + hours * HOUR
        spans = [span for span in spans_of(tracker) if span.rule.long_window <= HOUR]
        first = int(clock.now) // 60 * 60 - FINE_SECONDS
        ranges = deciding_buckets(tracker.definition, since=first, at=clock.now)
        recent = Timeline((each, tracker.internals.series(each)) for each in ranges)
        few = firing_spans(
            tracker.definition, recent, at=clock.now, data_since=tracker.snapshot().data_since, since=first
        )
        assert [span for span in few if span.rule.long_window <= HOUR] == spans
        assert before is None or spans == before
        before = spans
    assert before


def test_what_began_long_ago_is_exact_to_a_quarter_of_an_hour() -> None:
    """A rule that has fired for a day: its minutes are gone, its beginning is not."""
    tracker, clock = made(NOW - 2 * DAY, RULES[:1])
    for minute in range(2 * 24 * 60):
        at = clock.now = NOW - 2 * DAY + 60 * minute + 30
        for number in range(10):
            tracker.record(number >= 5 or at < NOW - DAY - 20 * MINUTE, at=at)
    clock.now = NOW

    (span,) = spans_of(tracker)

    assert span.end is None
    assert span.start % (15 * 60) == 0
    assert 0 <= span.start - (NOW - DAY - 20 * MINUTE) <= 30 * MINUTE


def test_a_pause_of_less_than_five_minutes_is_no_end() -> None:
    """An alert that flaps is one incident; one that comes back after five minutes is another."""
    rule = AlertRule("4m", "2m", severity="page", burn_rate=10)
    tracker, clock = made(NOW - 2 * HOUR, (rule,))

    for minute in range(120):
        clock.now = NOW - 2 * HOUR + 60 * minute
        tracker.record_success()
        for _ in range(10 if minute in (30, 36, 60) else 0):
            tracker.record_failure()
    clock.now = NOW

    spans = [(span.start - (NOW - 2 * HOUR), span.end) for span in spans_of(tracker)]

    assert [start / 60 for start, _ in spans] == [31, 61]


def test_without_events_nothing_fires() -> None:
    """And an SLO without rules has no spans."""
    tracker, _ = made(NOW)
    bare, _ = made(NOW, ())
    bare.record_failure()

    assert spans_of(tracker) == spans_of(bare) == []
