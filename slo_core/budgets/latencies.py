"""How long the events of a latency SLO took: cells between fixed edges, and what they say of percentiles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from slo_core.budgets.causes import Cause
from slo_core.budgets.events import EventCounts

__all__ = [
    "CELLS",
    "Latencies",
    "LatencyRange",
    "cell_of",
    "cells_of",
    "edges_of",
    "latencies_of",
]

# Two cells for each doubling of the time; the threshold is the edge between the two in the middle.
CELLS = 16
_CELLS_A_DOUBLING = 2
_MIDDLE = CELLS // 2

# A threshold from anywhere but a checked definition: beyond these its edges would not be numbers.
_LEAST, _MOST = 1e-9, 1e12


@lru_cache(maxsize=256)
def edges_of(threshold: float) -> tuple[float, ...]:
    """
    The edges between the cells: `threshold * 2**((i - 8) / 2)` for i from 1 to 15, in seconds.

    An event that took exactly as long as an edge lies in the cell below it, as one that took exactly as long as the threshold
    is good.

    Args:
        threshold: Within so many seconds an event is good.
    """
    return tuple(threshold * 2 ** ((edge - _MIDDLE) / _CELLS_A_DOUBLING) for edge in range(1, CELLS))


@lru_cache(maxsize=256)
def cells_of(threshold: float) -> tuple[Cause, ...]:
    """
    The names by which stores keep the cells of a threshold.

    They lie in the same kind of table as causes: `where` is the threshold, `outcome` the number of the cell. Cells that have
    lost their threshold there (see `CauseBlock`) are not known any more.
    """
    return tuple(Cause(repr(float(threshold)), str(cell)) for cell in range(CELLS))


@lru_cache(maxsize=1024)
def cell_of(name: Cause) -> tuple[float, int] | None:
    """
    The threshold and the number of a cell; None for a name that is none.

    Args:
        name: As `cells_of` has it.
    """
    if not name.where or not (name.outcome.isascii() and name.outcome.isdecimal() and len(name.outcome) <= 2):
        return None
    try:
        threshold = float(name.where)
    except ValueError:
        return None
    cell = int(name.outcome)
    return (threshold, cell) if _LEAST <= threshold <= _MOST and cell < CELLS else None


@dataclass(frozen=True, slots=True)
class LatencyRange:
    """
    Two edges between which a time lies.

    Attributes:
        low: It is longer than this, in seconds; None where no edge is below it.
        high: It is at most this, in seconds; None where no edge is above it.
    """

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Latencies:
    """
    How long the events of a stretch of time took.

    Attributes:
        since: Its first second, since the epoch: the stretch begins with a whole bucket, and ends now.
        threshold_seconds: Within so many seconds an event is good, as the SLO is defined now.
        edges_seconds: The edges between the cells; the threshold is one of them.
        counts: The events of each cell, one more than there are edges. Together with `unknown` they are the events.
        unknown: Events of which no time is kept: added by hand, counted by an older version, or lost with their process.
        events: The good and bad events of the stretch, read at the same moment.
        counted_against: The edges that stand for the threshold in `counts`, ascending: the threshold alone, or those nearest
            to it in older counts, which were kept for the edges of another threshold.
        is_approximate: Some counts are those of another threshold: each of their cells was added to the nearest one.
        percentiles: Between which edges 50 %, 95 % and 99 % lie, by `0.5`, `0.95` and `0.99`; exact also where the counts
            are approximate. Empty without an event of which the time is known.
        at_target: The same for the target of the SLO: its `high` is a threshold that would have been met.
        trouble: What the store holds is damaged in part, and how; that part is `unknown`. None else.
    """

    since: int
    threshold_seconds: float
    edges_seconds: tuple[float, ...]
    counts: tuple[int, ...]
    unknown: int
    events: EventCounts
    counted_against: tuple[float, ...]
    is_approximate: bool
    percentiles: dict[float, LatencyRange]
    at_target: LatencyRange | None
    trouble: str | None = None

    @property
    def known(self) -> int:
        """How many events there are of which the time is known."""
        return sum(self.counts)

    @property
    def within_threshold(self) -> int:
        """How many of those took no longer than the threshold; of older counts no longer than `counted_against`."""
        return sum(self.counts[:_MIDDLE])


def latencies_of(
    counts: Iterable[tuple[Cause, int]],
    *,
    threshold: float,
    target: float,
    events: EventCounts,
    since: int,
    trouble: str | None = None,
) -> Latencies:
    """
    Add up the cells of a stretch of time.

    Args:
        counts: Cells with their events; a cell may come several times.
        threshold: Within so many seconds an event is good, as the SLO is defined now.
        target: The share of events that have to be good.
        events: The events of the stretch. Those that are in no cell are `unknown`.
        since: Its first second.
        trouble: As in `Latencies`.
    """
    totals: dict[tuple[float, int], int] = {}
    left = events.good + events.bad
    for name, count in counts:
        cell = cell_of(name)
        taken = min(count, left)  # a clock that is far ahead may leave more in cells than there are events
        if cell is not None and taken > 0:
            totals[cell] = totals.get(cell, 0) + taken
            left -= taken
    cells = [0] * CELLS
    nearest: set[float] = set()
    for (of, number), count in totals.items():
        shift = _shift(of, threshold)
        cells[min(max(number + shift, 0), CELLS - 1)] += count
        # The edge of the older threshold that lies nearest to this one; the outermost where all lie further away.
        nearest.add(threshold if of == threshold else edges_of(of)[min(max(_MIDDLE - 1 - shift, 0), CELLS - 2)])
    return Latencies(
        since=since,
        threshold_seconds=threshold,
        edges_seconds=edges_of(threshold),
        counts=tuple(cells),
        unknown=left,
        events=events,
        counted_against=tuple(sorted(nearest)) or (threshold,),
        is_approximate=any(of != threshold for of, _ in totals),
        percentiles={share: _percentile(totals, share) for share in (0.5, 0.95, 0.99)} if totals else {},
        at_target=_percentile(totals, target) if totals else None,
        trouble=trouble,
    )


def _shift(of: float, threshold: float) -> int:
    """How many cells the edges of one threshold lie above those of another, to the nearest."""
    return round(_CELLS_A_DOUBLING * math.log2(of / threshold))


def _percentile(totals: dict[tuple[float, int], int], share: float) -> LatencyRange:
    """Between which edges the time lies within which so large a share of the events was over."""
    ranges = [(_range(*cell), count) for cell, count in totals.items()]
    known = sum(totals.values())
    # The first event that so many are not longer than; rounded first, because 0.99 * 100 is a little above 99.
    rank = min(max(math.ceil(round(share * known, 6)), 1), known)
    lows = sorted((-math.inf if each.low is None else each.low, count) for each, count in ranges)
    highs = sorted((math.inf if each.high is None else each.high, count) for each, count in ranges)
    low, high = _at_rank(lows, rank), _at_rank(highs, rank)
    return LatencyRange(None if low == -math.inf else low, None if high == math.inf else high)


def _range(threshold: float, cell: int) -> LatencyRange:
    edges = edges_of(threshold)
    return LatencyRange(edges[cell - 1] if cell else None, edges[cell] if cell < len(edges) else None)


def _at_rank(values: Sequence[tuple[float, int]], rank: int) -> float:
    """The value of the event at that place, from values in ascending order with their numbers of events."""
    reached = 0
    for value, count in values:
        reached += count
        if reached >= rank:
            return value
    raise AssertionError("unreachable: there are at least so many events")
