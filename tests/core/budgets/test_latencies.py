"""How long events took: cells between edges, percentiles that contain the true ones, and a threshold that changed."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo_core.budgets.causes import OTHER, Cause
from slo_core.budgets.events import EventCounts
from slo_core.budgets.latencies import CELLS, Latencies, LatencyRange, cell_of, cells_of, edges_of, latencies_of

TIMES = st.floats(1e-4, 1e3)


def counted(times: list[float], *, of: float, now: float | None = None, target: float = 0.99) -> Latencies:
    """Events that took so long, counted for one threshold, and read for another."""
    cells = Counter(cells_of(of)[bisect_left(edges_of(of), each)] for each in times)
    events = EventCounts(len(times), 0)
    return latencies_of(cells.items(), threshold=now or of, target=target, events=events, since=0)


def test_the_edges_are_half_doublings_around_the_threshold() -> None:
    """Fifteen between sixteen cells; the threshold is one of them, exactly."""
    edges = edges_of(0.3)

    assert len(edges) == CELLS - 1
    assert (edges[7], edges[5], edges[9]) == (0.3, 0.15, 0.6)
    assert [math.log2(high / low) for low, high in zip(edges, edges[1:], strict=False)] == pytest.approx([0.5] * 14)


def test_exactly_at_the_threshold_is_within_it() -> None:
    """As such an event is good."""
    latencies = counted([0.3, math.nextafter(0.3, 1)], of=0.3)

    assert latencies.within_threshold == 1
    assert (latencies.counts[7], latencies.counts[8]) == (1, 1)


@settings(deadline=None)
@given(times=st.lists(TIMES, min_size=1, max_size=80), threshold=TIMES, target=st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_percentiles_lie_between_their_edges(times: list[float], threshold: float, target: float) -> None:
    """The time of the first event that so many are not longer than, by hand."""
    latencies = counted(times, of=threshold, target=target)

    assert sum(latencies.counts) == latencies.known == len(times)
    for share, between in [*latencies.percentiles.items(), (target, latencies.at_target)]:
        assert between is not None
        true = sorted(times)[max(math.ceil(round(share * len(times), 6)), 1) - 1]
        assert (between.low or 0) < true <= (between.high or math.inf)
        assert between.low in {*latencies.edges_seconds, None}
        assert between.high in {*latencies.edges_seconds, None}


@settings(deadline=None)
@given(groups=st.lists(st.tuples(TIMES, st.lists(TIMES, min_size=1, max_size=20)), min_size=1, max_size=4), now=TIMES)
def test_percentiles_of_several_thresholds_contain_the_true_ones_too(
    groups: list[tuple[float, list[float]]], now: float
) -> None:
    """Each cell with the edges it was counted for, not those it is shown in; and no event is lost in any."""
    cells = [(cells_of(of)[bisect_left(edges_of(of), each)], 1) for of, times in groups for each in times]
    times = sorted(each for _, of_group in groups for each in of_group)

    latencies = latencies_of(cells, threshold=now, target=0.9, events=EventCounts(len(times), 0), since=0)

    assert (sum(latencies.counts), latencies.unknown) == (len(times), 0)
    assert latencies.is_approximate == any(of != now for of, _ in groups)
    for share, between in latencies.percentiles.items():
        true = times[max(math.ceil(round(share * len(times), 6)), 1) - 1]
        assert (between.low or 0) < true <= (between.high or math.inf)


def test_a_changed_threshold_is_answered_from_the_nearest_edge() -> None:
    """0.4 s became 0.3 s: of the edges of 0.4 the nearest is 283 ms. 250 ms was within it, 290 ms and 350 ms were not."""
    latencies = counted([0.25, 0.29, 0.35], of=0.4, now=0.3)

    assert latencies.is_approximate
    assert latencies.counted_against == (pytest.approx(0.2828, abs=1e-4),)
    assert latencies.within_threshold == 1
    assert counted([0.25], of=0.4).counted_against == (0.4,)


def test_a_threshold_far_away_is_answered_from_the_last_edge() -> None:
    """A hundred times as long: all that is known is which events were over the longest edge that was kept."""
    latencies = counted([0.1, 50.0], of=0.3, now=30.0)

    assert latencies.counted_against == (edges_of(0.3)[-1],)
    assert (latencies.within_threshold, latencies.known) == (2, 2)


def test_events_without_a_time_are_unknown() -> None:
    """Also those whose cell has lost its threshold, or is damaged; together they are the events, never more."""
    (cell, *_) = cells_of(0.3)
    names = [(cell, 3), (Cause("", "7"), 2), (OTHER, 1), (Cause("nan", "1"), 1), (Cause("0.3", "16"), 1), (cell, 1)]

    latencies = latencies_of(names, threshold=0.3, target=0.9, events=EventCounts(5, 4), since=7)
    ahead = latencies_of([(cell, 9)], threshold=0.3, target=0.9, events=EventCounts(5, 0), since=7)

    assert (latencies.known, latencies.unknown) == (4, 5)
    assert (ahead.known, ahead.unknown) == (5, 0)


def test_without_an_event_no_percentile_is_claimed() -> None:
    """And events of which no time is known are none."""
    latencies = latencies_of([], threshold=0.3, target=0.9, events=EventCounts(2, 0), since=0)

    assert (latencies.percentiles, latencies.at_target, latencies.unknown) == ({}, None, 2)


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        (Cause("0.3", "15"), (0.3, 15)),
        (Cause("0.3", "-1"), None),
        (Cause("0.3", "²"), None),
        (Cause("0.3", "9" * 5000), None),
        (Cause("inf", "1"), None),
        (Cause("-1", "1"), None),
        (Cause("0", "1"), None),
        (Cause("1e-300", "1"), None),
        (Cause("GET /", "503"), None),
    ],
)
def test_a_cell_from_a_store_is_checked(name: Cause, cell: object) -> None:
    """What is none is left out, and the events are unknown."""
    assert cell_of(name) == cell


def test_beyond_the_last_edge_there_is_none() -> None:
    """The longest events have no upper edge, the shortest no lower one."""
    assert counted([1000.0], of=0.3).percentiles[0.99] == LatencyRange(edges_of(0.3)[-1], None)
    assert counted([0.0001], of=0.3).percentiles[0.5] == LatencyRange(None, edges_of(0.3)[0])
