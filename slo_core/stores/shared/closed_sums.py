"""Sums of buckets that are over, kept from one read to the next for as long as nothing is added to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import QUARTER_HOUR
from slo_core.stores.buckets import BucketRange, SLORecord

__all__ = ["ClosedSums", "WantedSums"]

# Has the database add up buckets: of SLOs, by their key in the tables, with their ranges. Returns for each SLO the events
# of each of its ranges.
ReadSums = Callable[[Sequence[tuple[int, Sequence[BucketRange]]]], Sequence[Sequence[EventCounts]]]

# Beyond every bucket: a host whose clock runs ahead has its events there.
_NO_END = 2**62


@dataclass(frozen=True, slots=True)
class WantedSums:
    """
    What to read of one SLO.

    Attributes:
        slo: Its key in the tables.
        record: As the same transaction reads it.
        ranges: Buckets to be added up, each range for itself.
    """

    slo: int
    record: SLORecord
    ranges: Sequence[BucketRange]


@dataclass(frozen=True, slots=True)
class _Known:
    """
    What is kept of one SLO.

    Attributes:
        since: Since when it was measured.
        open_from: The quarter of an hour of its newest event.
        closed: All events that happened before that.
        sums: Of ranges that end before it.
    """

    since: float
    open_from: int
    closed: EventCounts = field(default_factory=EventCounts)
    sums: dict[BucketRange, EventCounts] = field(default_factory=dict)

    def missing(self, ranges: Sequence[BucketRange]) -> list[BucketRange]:
        """The ranges that must be read."""
        return [each for each in ranges if each not in self.sums]


class ClosedSums:
    """
    Adds up buckets, those that are over only once.

    Late events may come from any process at any time. The transaction that adds one to its buckets also adds it to the
    total of its SLO, and no total ever shrinks. So the total less the buckets that are still open grows with every event
    that is added to an older bucket. While that difference stays the same, the kept sums hold; after a change they are
    read again.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def read(self, read_sums: ReadSums, wanted: Sequence[WantedSums]) -> list[tuple[EventCounts, ...]]:
        """
        The events of each range of each SLO: one statement, and a second one where events came late.

        Args:
            read_sums: In a transaction whose statements all see the same moment; called once or twice.
            wanted: The SLOs.
        """
        known = [self._known_of(each) for each in wanted]
        open_ranges = [_open_from(max(old.open_from, _newest(each))) for each, old in zip(wanted, known, strict=True)]
        ranges = [
            (*old.missing(each.ranges), _open_from(old.open_from), still_open) if each.ranges else ()
            for each, old, still_open in zip(wanted, known, open_ranges, strict=True)
        ]
        sums = _read(read_sums, [each.slo for each in wanted], ranges)
        late = [
            tuple(old.sums)
            if old.sums and each.ranges and old.closed != _closed(each, of_slo[_open_from(old.open_from)])
            else ()
            for each, old, of_slo in zip(wanted, known, sums, strict=True)
        ]
        again = _read(read_sums, [each.slo for each in wanted], late) if any(late) else [{}] * len(wanted)
        for each, old, still_open, of_slo, of_late in zip(wanted, known, open_ranges, sums, again, strict=True):
            if each.ranges:
                of_slo.update({one: old.sums[one] for one in each.ranges if one in old.sums} | of_late)
                end = still_open.first * QUARTER_HOUR
                self._known[each.slo] = _Known(
                    since=each.record.data_since,
                    open_from=still_open.first,
                    closed=_closed(each, of_slo[still_open]),
                    sums={one: of_slo[one] for one in each.ranges if (one.last + 1) * one.width_seconds <= end},
                )
        return [tuple([of_slo[one] for one in each.ranges]) for each, of_slo in zip(wanted, sums, strict=True)]

    def _known_of(self, each: WantedSums) -> _Known:
        known = self._known.get(each.slo)
        if known is None or known.since != each.record.data_since:  # tables that were emptied give their keys again
            return _Known(each.record.data_since, _newest(each))
        return known


def _read(
    read_sums: ReadSums, slos: Sequence[int], ranges: Sequence[Sequence[BucketRange]]
) -> list[dict[BucketRange, EventCounts]]:
    """For each SLO its ranges with their sums."""
    sums = read_sums(list(zip(slos, ranges, strict=True)))
    return [dict(zip(asked, counts, strict=True)) for asked, counts in zip(ranges, sums, strict=True)]


def _newest(each: WantedSums) -> int:
    return (each.record.last_event_at or 0) // QUARTER_HOUR


def _open_from(quarter_hour: int) -> BucketRange:
    # Every counted event is in a bucket of this width; they are kept for a day at least.
    return BucketRange(QUARTER_HOUR, quarter_hour, _NO_END)


def _closed(each: WantedSums, still_open: EventCounts) -> EventCounts:
    return EventCounts(each.record.good - still_open.good, each.record.bad - still_open.bad)
