"""When a burn began, what changed before it, and how an SLO does before and after the last release."""

from __future__ import annotations

import pytest

from slo_core import SLORegistry
from slo_core.budgets.changes import LastRelease, MarkBefore, burn_began, last_release, mark_before_burn
from slo_core.budgets.marks import Mark
from slo_core.testing import FakeClock


@pytest.fixture
def registry(clock: FakeClock) -> SLORegistry:
    """One SLO of 99 %, measured for two hours without a failure."""
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock)
    count(registry, clock, minutes=120)
    return registry


def count(registry: SLORegistry, clock: FakeClock, *, minutes: int, bad: int = 0) -> None:
    """Ten events a minute, of which some are bad."""
    for _ in range(minutes):
        for number in range(10):
            registry["a"].record(number >= bad)
        clock.advance(seconds=60)


def began(registry: SLORegistry, *marks: Mark) -> MarkBefore | None:
    tracker = registry["a"]
    return mark_before_burn(tracker.definition, tracker.snapshot(), tracker.internals.timeline(), marks)


def release_of(registry: SLORegistry, *marks: Mark) -> LastRelease | None:
    tracker = registry["a"]
    return last_release(tracker.snapshot(), tracker.internals.timeline(), marks, most_seconds=30 * 86_400)


def test_a_burn_began_with_its_first_failures(registry: SLORegistry, clock: FakeClock) -> None:
    """Not when the rule began to fire, 16 minutes later: in the second minute 8 of 50 events were bad."""
    start = clock()
    count(registry, clock, minutes=20, bad=5)

    tracker = registry["a"]
    at = burn_began(tracker.definition, tracker.snapshot(), tracker.internals.timeline())

    assert at is not None
    assert start <= at <= start + 61


def test_the_last_mark_of_the_hour_before_is_what_changed(registry: SLORegistry, clock: FakeClock) -> None:
    """Neither an older one nor one after the burn began."""
    marks = [
        Mark(clock() - 3700, "note", "old"),
        Mark(clock() - 500, "deploy", "blue"),
        Mark(clock() - 60, "release", "4.2"),
    ]
    late = Mark(clock() + 300, "note", "rolled back")
    count(registry, clock, minutes=20, bad=5)

    assert str(began(registry, *marks, late)) == "began 2 minutes after release 4.2"
    assert began(registry, marks[0], late) is None
    assert began(registry) is None


def test_without_a_burn_nothing_is_explained(registry: SLORegistry, clock: FakeClock) -> None:
    """A release of a minute ago is no news then."""
    assert began(registry, Mark(clock() - 60, "release", "4.2")) is None


def test_equal_spans_are_compared(registry: SLORegistry, clock: FakeClock) -> None:
    """18 minutes with a failure in each, and the 18 before with none."""
    mark = Mark(clock(), "release", "4.2")
    count(registry, clock, minutes=18, bad=1)

    release = release_of(registry, Mark(mark.at - 50, "release", "4.1"), mark, Mark(mark.at + 9, "note", "x"))

    assert release is not None
    assert release.mark == mark
    assert release.counts_text == "18m ago: 18 of 180 failed since, 0 of 180 in the 18m before"


def test_a_span_that_is_not_measured_is_not_compared(registry: SLORegistry, clock: FakeClock) -> None:
    """The release is older than half of what is measured."""
    mark = Mark(clock(), "release", "4.2")
    count(registry, clock, minutes=121)

    release = release_of(registry, mark)
    assert release is not None
    assert release.counts_text == "2h1m ago: 0 of 1,210 failed since"
    assert release_of(registry, Mark(clock() + 30, "release", "5")) is None
