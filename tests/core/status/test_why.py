"""What fails, for a terminal."""

from __future__ import annotations

import pytest

from slo_core import SLORegistry
from slo_core.budgets.causes import Cause
from slo_core.errors import SLOError
from slo_core.status.why import causes_in, latencies_in, why_lines


def lines_of(registry, **options):
    return why_lines([("shop", registry.internals.read_all())], causes_in(registry), **options)


def shop(clock):
    registry = SLORegistry.from_config({"checkout": {"target": "99%"}, "calm": {"target": "99%"}}, clock=clock)
    for _ in range(10):
        clock.advance(minutes=1)
        for _ in range(10):
            registry["checkout"].record(True)
            registry["calm"].record(True)
    return registry


def test_nothing_burns(clock):
    """One line."""
    assert lines_of(shop(clock)) == ["Nothing burns."]


def test_what_burns_has_its_five_largest_causes(clock):
    """The rest is added up; what came without a cause is said to be not known."""
    registry = shop(clock)
    tracker = registry["checkout"]
    for bad in range(1, 7):
        for _ in range(bad * 2):
            tracker.internals.record_cause(tracker, Cause(f"GET /{bad}", "503"))
    for _ in range(7):
        tracker.record(False)

    assert lines_of(registry) == [
        "checkout, paging: 49 bad of 149 events in the last hour",
        "  24.4%  12  GET /6 503",
        "  20.4%  10  GET /5 503",
        "  16.3%   8  GET /4 503",
        "  14.2%   7  cause not known: recorded without a cause, counted by an older version, or lost with their process",
        "  12.2%   6  GET /3 503",
        "          6  2 smaller causes",
    ]


def test_one_slo_is_shown_whether_it_burns_or_not(clock):
    """By its name; a wrong name gets the nearest one."""
    registry = shop(clock)

    assert lines_of(registry, slo="calm") == ["calm, no alert fires: no bad event in the last hour"]
    with pytest.raises(SLOError, match='did you mean "calm"'):
        lines_of(registry, slo="clam")


def test_names_of_causes_reach_no_terminal_as_they_are(clock):
    """An escape sequence is written out."""
    registry = shop(clock)
    tracker = registry["calm"]
    tracker.internals.record_cause(tracker, Cause("GET /\x1b[2J", "5\n03"))

    assert lines_of(registry, slo="calm")[1] == r"  100.0%  1  GET /\x1b[2J 5\n03"


def test_more_than_are_kept_apart_are_lower_bounds(clock):
    """Marked, and explained."""
    registry = shop(clock)
    tracker = registry["calm"]
    for number in range(40):
        for _ in range(40 - number):
            tracker.internals.record_cause(tracker, Cause(f"GET /{number}", "503"))

    lines = lines_of(registry, slo="calm")

    assert lines[1] == "  4.8%+  40+  GET /0 503"
    assert lines[-1] == "  + is at least: only the largest causes are kept apart"


def test_where_no_numbers_are_nothing_is_said_of_causes(clock):
    """Neither that nothing burns, nor that the name is wrong: the store is away, and that is said elsewhere."""
    registry = SLORegistry(clock=clock)

    assert lines_of(registry) == lines_of(registry, slo="checkout") == []


def test_a_latency_slo_says_how_slow(clock):
    """Below its causes; an SLO without a threshold says nothing of it."""
    registry = SLORegistry.from_config({"a": {"target": 0.9, "latency": "300ms"}, "b": {"target": 0.9}}, clock=clock)
    for _ in range(10):
        registry["a"].internals.record_good(registry["a"], 0.1)
        registry["b"].record(True)
    services = [("default", registry.internals.read_all())]

    lines = {
        slo: why_lines(services, causes_in(registry), slo=slo, latencies=latencies_in(registry)) for slo in ("a", "b")
    }

    assert lines["a"][1:] == [
        "  The median lies between 75 ms and 106 ms, 95% between 75 ms and 106 ms, 99% between 75 ms and 106 ms.",
        "  90% would have met a threshold of 106 ms.",
    ]
    assert lines["b"][1:] == []
