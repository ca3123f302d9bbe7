"""Sums of buckets that are over, kept from one read to the next for as long as nothing is added to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from slo_core.sli import EventCounts
from slo_core.stores.buckets import BucketRange
from slo_django.bucket_sums import read_sums
from slo_django.exchange import Exchange

__all__ = ["ClosedSums", "Wanted"]

# Every event that is counted is in one of these buckets; they are kept for a day at least.
_QUARTER_HOUR = 900

# Beyond every bucket: a host whose clock runs ahead has its events there.
_NO_END = 2**62


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What to read of one SLO.

    Attributes:
        slo: Its key in the tables.
        lifetime: Events ever counted, as the same transaction sees them.
        since: Since when it is measured.
        newest: When its newest event happened, in seconds since the epoch; None before the first.
        ranges: Buckets to be added up, each range for itself.
    """

    slo: int
    lifetime: EventCounts
    since: float
    newest: int | None
    ranges: Sequence[BucketRange]


@dataclass(frozen=True, slots=True)
class _Known:
    """
    What is kept of one SLO.

    Attributes:
        since: Since when it was measured.
        open_from: The quarter of an hour that the newest event was in.
        closed: Events ever counted that happened before that.
        sums: Of ranges that end before it.
    """

    since: float
    open_from: int
    closed: EventCounts = field(default_factory=EventCounts)
    sums: dict[BucketRange, EventCounts] = field(default_factory=dict)


class ClosedSums:
    """
    Adds up buckets, those that are over only once.

    Late events come from any process at any time. Each is added to its SLO's total in the transaction that adds it to
    its buckets, so what the total holds beyond the buckets that are still open grows with every event that is added to
    one that is over; and nothing makes it shrink. As long as it is what it was, the sums hold. Else they are read again.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def read(self, exchange: Exchange, vendor: str, wanted: Sequence[Wanted]) -> list[tuple[EventCounts, ...]]:
        """
        The events of each range of each SLO: one statement, and another one where something was added late.

        Args:
            exchange: Of a transaction whose statements all see the same moment.
            vendor: Of the database, as Django calls it.
            wanted: The SLOs.
        """
        asked = [(each, self._known_of(each)) for each in wanted if each.ranges]
        found = read_sums(
            exchange,
            vendor,
            [(each.slo, (*_missing(each, known), *_open_ranges(each, known))) for each, known in asked],
        )
        late: dict[int, tuple[BucketRange, ...]] = {
            each.slo: tuple(known.sums)
            for each, known in asked
            if known.sums and known.closed != _beyond(each.lifetime, *found.of(each.slo, [_open_from(known.open_from)]))
        }
        again = read_sums(exchange, vendor, late.items())
        answers: dict[int, dict[BucketRange, EventCounts]] = {}
        for each, known in asked:
            missing, stale = _missing(each, known), late.get(each.slo, ())
            sums = answers.setdefault(each.slo, {})
            sums |= known.sums
            sums |= zip(missing, found.of(each.slo, missing), strict=True)
            sums |= zip(stale, again.of(each.slo, stale), strict=True)
            open_from = _newest_open_from(each, known)
            self._known[each.slo] = _Known(
                since=each.since,
                open_from=open_from,
                closed=_beyond(each.lifetime, *found.of(each.slo, [_open_from(open_from)])),
                sums={
                    one: sums[one]
                    for one in each.ranges
                    if (one.last + 1) * one.width_seconds <= open_from * _QUARTER_HOUR
                },
            )
        return [tuple([answers[each.slo][one] for one in each.ranges]) for each in wanted]

    def _known_of(self, each: Wanted) -> _Known:
        known = self._known.get(each.slo)
        if known is None or known.since != each.since:  # keys may be given again in tables that were emptied
            return _Known(each.since, (each.newest or 0) // _QUARTER_HOUR)
        return known


def _missing(each: Wanted, known: _Known) -> list[BucketRange]:
    return [one for one in each.ranges if one not in known.sums]


def _newest_open_from(each: Wanted, known: _Known) -> int:
    return max(known.open_from, (each.newest or 0) // _QUARTER_HOUR)


def _open_ranges(each: Wanted, known: _Known) -> set[BucketRange]:
    """By the first is told whether the known sums hold, by the second whether those of this read do, next time."""
    return {_open_from(known.open_from), _open_from(_newest_open_from(each, known))}


def _open_from(quarter_hour: int) -> BucketRange:
    return BucketRange(_QUARTER_HOUR, quarter_hour, _NO_END)


def _beyond(lifetime: EventCounts, still_open: EventCounts) -> EventCounts:
    return EventCounts(lifetime.good - still_open.good, lifetime.bad - still_open.bad)
