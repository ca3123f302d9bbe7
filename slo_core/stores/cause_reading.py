"""Which buckets answer a question for the causes of the last so many seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from slo_core.budgets.bucket import BucketRange
from slo_core.budgets.cause_shares import CauseBreakdown, CauseTimes, cause_breakdown
from slo_core.budgets.causes import Cause
from slo_core.objectives.window import DAY, FUTURE_TOLERANCE_SECONDS, HOUR, MINUTES, QUARTER_HOUR, Span
from slo_core.stores.causes import FINEST_SECONDS, SPANS, CauseQuery, StoredCauses, cause_times, total_causes, width_for
from slo_core.stores.layout import ReadPlan

__all__ = ["CauseReading", "PastCauses", "cause_reading", "past_causes"]


class CauseReading(NamedTuple):
    """
    How to read the causes of the last so many seconds of one SLO.

    Attributes:
        since: The first second that is read.
        query: What to ask the store.
        until: The instant that is looked back from.
    """

    since: int
    query: CauseQuery
    until: float

    def breakdown(self, stored: StoredCauses) -> CauseBreakdown:
        """The causes, from the store's answer."""
        counts = total_causes(stored, self.query)
        times = CauseTimes(self.query.width_seconds, self.until, partial(cause_times, stored, self.query))
        return cause_breakdown(counts, events=stored.sums, since=self.since, trouble=stored.trouble, times=times)


class PastCauses(NamedTuple):
    """
    How to read the causes of a stretch of time that may be over.

    Attributes:
        query: What to ask the store.
        last: The last bucket that counts.
    """

    query: CauseQuery
    last: int

    def counts(self, stored: StoredCauses) -> list[tuple[Cause, int]]:
        """The causes, from the store's answer, in whole buckets; a cause may come several times."""
        return list(total_causes(stored, self.query, last=self.last))


def past_causes(slo: str, start: float, end: float, *, now: float) -> PastCauses:
    """
    The buckets of causes to read of a stretch of time: those of five minutes for a day, then those of an hour, then of a day.

    Args:
        slo: The name of the SLO.
        start: Its first instant.
        end: Its last instant.
        now: The instant from which buckets are kept.
    """
    width = width_for(now - start)
    first = math.floor(start / width)
    return PastCauses(CauseQuery(slo, width, first), max(first, math.ceil(end / width) - 1))


def cause_reading(
    slo: str, seconds: int, *, now: float, keeps_seconds: int, what: str = "causes(seconds)"
) -> CauseReading:
    """
    The buckets to read.

    Args:
        slo: The name of the SLO.
        seconds: How far back; not further than is kept.
        now: The instant to look back from.
        keeps_seconds: The longest that any window of the SLO can ever be.
        what: Where the seconds were given, for the message.

    Raises:
        ValueError: `seconds` is not a positive number.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
        raise ValueError(f"{what}: expected a positive number of seconds, got {seconds!r}")
    seconds = min(seconds, keeps_seconds)
    width = width_for(seconds)
    edge = _edge_seconds(seconds)
    since = math.floor((now - seconds) / edge) * edge
    return CauseReading(since, CauseQuery(slo, width, since // width, tuple(_ranges(since, edge, now))), now)


def _edge_seconds(seconds: float) -> int:
    """
    A stretch begins with a whole bucket of that many seconds: of one of causes, and of events that are kept for so long.

    Minutes of events are kept for a day and a little, quarters of an hour for as long as any window.
    """
    if seconds + FINEST_SECONDS <= MINUTES.span_seconds:
        return FINEST_SECONDS
    if seconds <= DAY:
        return QUARTER_HOUR
    return HOUR if seconds <= SPANS[HOUR] else DAY


def _ranges(since: int, edge: int, now: float) -> Sequence[BucketRange]:
    """The buckets of events; the coarsest that begin with `since`, and the finest that are up to date."""
    reach = MINUTES.span_seconds if edge == FINEST_SECONDS else 2 * DAY
    return ReadPlan([Span(float(since), now, now + FUTURE_TOLERANCE_SECONDS, reach)]).ranges
