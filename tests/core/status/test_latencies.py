"""How long events took, in words and in JSON."""

from __future__ import annotations

import json

import pytest

from slo_core import HTTPRule, SLODefinition, SLORegistry, SLOTracker
from slo_core.budgets.events import EventCounts
from slo_core.budgets.latencies import Latencies, LatencyRange, cells_of, latencies_of
from slo_core.errors import StoreError
from slo_core.status.latencies import latency_json, latency_lines, range_text, read_latencies, time_text
from slo_core.testing import FakeClock

TIMED = SLODefinition("a", 0.999, http=HTTPRule(latency_seconds=0.3))


def shop(clock: FakeClock, *times: float, definition: SLODefinition = TIMED) -> SLOTracker:
    tracker = SLORegistry(clock=clock).define(definition)
    for each in times:
        tracker.internals.record_good(tracker, each)
    return tracker


def cells(*counts: tuple[float, int, int], threshold: float = 0.3) -> Latencies:
    """(threshold, cell, events)"""
    events = EventCounts(sum(count for *_, count in counts), 0)
    named = [(cells_of(of)[cell], count) for of, cell, count in counts]
    return latencies_of(named, threshold=threshold, target=0.999, events=events, since=0)


def test_every_span_has_its_cells_and_percentiles(clock: FakeClock) -> None:
    """With null where there is no edge; the document is JSON."""
    tracker = shop(clock, *[0.1] * 90, *[0.25] * 9, 99.0)
    tracker.record(True)

    document = json.loads(json.dumps(latency_json(read_latencies(tracker, tracker.snapshot()))))

    assert document["latency_note"] is None
    assert document["latency"].keys() == {"1h", "6h", "1d", "window"}
    hour = document["latency"]["1h"]
    assert hour["counts"] == [0, 0, 0, 0, 90, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1]
    assert (hour["unknown"], hour["within_threshold"], hour["threshold_seconds"]) == (1, 99, 0.3)
    assert (hour["p50"], hour["p95"]) == ([hour["edges_seconds"][3], hour["edges_seconds"][4]],
                                          [hour["edges_seconds"][6], 0.3])  # fmt: skip
    assert (hour["p99"], hour["at_target"]) == ([hour["edges_seconds"][6], 0.3], [hour["edges_seconds"][14], None])
    assert (hour["is_approximate"], hour["counted_against_seconds"]) == (False, [0.3])


def test_an_slo_without_a_threshold_has_none(clock: FakeClock) -> None:
    """None, not an empty histogram."""
    tracker = shop(clock, 0.1, definition=SLODefinition("a", 0.9))

    assert latency_json(read_latencies(tracker, tracker.snapshot())) == {"latency": None, "latency_note": None}


def test_what_cannot_be_read_is_told(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other numbers are shown all the same."""
    tracker = shop(clock, 0.1)

    def away(spans: object) -> None:
        raise StoreError("gone")

    monkeypatch.setattr(type(tracker.internals), "latencies", lambda internals, spans: away(spans))

    document = latency_json(read_latencies(tracker, tracker.snapshot()))

    assert document["latency"] == {}
    assert "they cannot be read: " in document["latency_note"]
    assert "gone" in document["latency_note"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.3, "300 ms"),
        (0.0265165, "26.5 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (1.697, "1.7 s"),
        (3394.1, "3,390 s"),
    ],
)
def test_a_time_has_three_digits(seconds: float, text: str) -> None:
    """In the unit that is read at a glance."""
    assert time_text(seconds) == text


def test_a_range_is_named_by_its_edges() -> None:
    """Also where it has one only."""
    assert range_text(LatencyRange(0.2, 0.3)) == "between 200 ms and 300 ms"
    assert range_text(LatencyRange(None, 0.3)) == "at most 300 ms"
    assert range_text(LatencyRange(0.3, None)) == "longer than 300 ms"


def test_the_sentences_say_where_percentiles_lie_and_what_would_have_been_met() -> None:
    """By hand: 50 % at most 106 ms, 95 % and 99.9 % up to 424 ms."""
    assert latency_lines(cells((0.3, 0, 60), (0.3, 8, 40)), 0.999) == [
        "The median lies at 26.5 ms or below, 95% between 300 ms and 424 ms, 99% between 300 ms and 424 ms.",
        "99.9% would have met a threshold of 424 ms.",
    ]
    assert latency_lines(cells((0.3, 15, 1)), 0.999)[1] == "99.9% would have met no threshold up to 3.39 s."
    assert latency_lines(cells(), 0.9) == ["Of no event it is known how long it took."]


def test_a_changed_threshold_is_said_with_the_edge_that_was_used() -> None:
    """283 ms is the edge of 400 ms that lies nearest to 300 ms."""
    (_, _, sentence) = latency_lines(cells((0.4, 3, 8), (0.4, 7, 2)), 0.999)

    assert sentence == (
        "The threshold was another one before: 8 of 10 events were within 300 ms, counted against 283 ms, the nearest that "
        "was kept."
    )
