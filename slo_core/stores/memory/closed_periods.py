"""The days and calendar periods of one SLO that are over, kept in memory."""

from __future__ import annotations

import math
from collections.abc import Sequence

from slo_core.budgets.closed_period import (
    CLOSES_AFTER_SECONDS,
    KEPT_SECONDS,
    ClosedPeriod,
    earliest_start,
    expected_events,
    is_final,
    last_periods,
    one_of_each,
)
from slo_core.budgets.events import EventCounts
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.period import Period, ended_periods, next_midnight, period_of_span
from slo_core.objectives.window import DAY, HOUR, Span
from slo_core.stores.closed_periods import buckets_of
from slo_core.stores.memory.tiers import BucketTiers
from slo_core.stores.stored_definition import fingerprint_of

__all__ = ["MemoryPeriods"]

# Between two midnights lies less, so a later instant is one of a clock that was wrong.
_LONGEST_WAIT_SECONDS = 3 * DAY

# The first and the last second in which events have come late.
_NONE_LATE = (math.inf, -math.inf)


class MemoryPeriods:
    """
    The closed periods of one SLO. Not thread-safe: its ledger holds the lock.

    Args:
        definition: The SLO.

    Attributes:
        closed_until: The end of the last period that is closed, in seconds since the epoch.
        due_at: When the next one is to be closed.
    """

    __slots__ = ("_definition", "_expected", "_fingerprint", "_late", "_rows", "closed_until", "due_at")

    def __init__(self, definition: SLODefinition) -> None:
        self._definition = definition
        self._fingerprint = fingerprint_of(definition)
        self.reset()

    def reset(self) -> None:
        """Start empty."""
        self._rows: dict[Period, ClosedPeriod] = {}
        self.due_at = self.closed_until = -math.inf
        self._late = _NONE_LATE
        self._expected: int | None = None

    def is_due(self, now: float) -> bool:
        """Whether a period may have ended since the last look, or was changed by late events."""
        return self._late is not _NONE_LATE or not now < self.due_at < now + _LONGEST_WAIT_SECONDS

    def close(self, tiers: BucketTiers, *, now: float, since: float, kept_since: float) -> None:
        """
        Close the periods that ended 15 minutes ago or earlier.

        Args:
            tiers: What was counted.
            now: In seconds since the epoch.
            since: Since when the SLO is measured.
            kept_since: Since when its counts are kept.
        """
        definition = self._definition
        until = now - CLOSES_AFTER_SECONDS
        earliest = max(kept_since, earliest_start(definition, until))
        try:
            periods = ended_periods(definition, since=earliest, until=until)
            self.due_at = next_midnight(definition, until) + CLOSES_AFTER_SECONDS
        except ValueError:  # a clock that is beyond all calendars
            self.due_at = now + HOUR
            return
        first_late, last_late = self._late
        self._late = _NONE_LATE
        latest = {period.kind: period for period in periods}
        for period in periods:
            row = self._rows.get(period)
            final = is_final(period.start, now=now, keeps_seconds=definition.kept_seconds)
            is_worth_keeping = period.start <= tiers.newest or latest[period.kind] == period
            if row is None:
                if period.end > since and is_worth_keeping:
                    self._rows[period] = self._counted(period, tiers, since=since, final=final)
            elif not row.is_final and (final or (period.start <= last_late and first_late < period.end)):
                self._rows[period] = self._counted(period, tiers, since=since, final=final)
        self.closed_until = max((period.end for period in periods), default=self.closed_until)
        self._rows = {period: row for period, row in self._rows.items() if period.start >= now - KEPT_SECONDS}
        self._expected = expected_events(definition, self._rows.get, last=last_periods(definition, until))

    def note_late(self, second: int) -> None:
        """Note a second in which events have come late: closed periods that hold it are counted again with the next `close`."""
        first, last = self._late
        self._late = (min(first, second), max(last, second))

    def _counted(self, period: Period, tiers: BucketTiers, *, since: float, final: bool) -> ClosedPeriod:
        definition = self._definition
        counts = [tiers.sum(buckets) for buckets in buckets_of(period)]
        return ClosedPeriod(
            slo=definition.name,
            kind=period.kind,
            start=period.start,
            end=period.end,
            good=sum(good for good, _ in counts),
            bad=sum(bad for _, bad in counts),
            target=definition.target,
            fingerprint=self._fingerprint,
            measured_since=max(period.start, math.floor(since)),
            is_final=final,
        )

    @property
    def expected(self) -> int | None:
        """As `Reading.expected_events`."""
        return self._expected

    def all(self) -> tuple[ClosedPeriod, ...]:
        """All of them, in the order of their ends."""
        return one_of_each(self._rows.values(), fingerprint=self._fingerprint)

    def of_spans(self, spans: Sequence[Span], *, kept_since: float) -> dict[int, EventCounts]:
        """
        The windows that are closed periods whose buckets are gone: by their places, the events in them.

        Args:
            spans: The windows.
            kept_since: Since when counts are kept.
        """
        counts = {}
        for place, span in enumerate(spans):
            period = period_of_span(self._definition, span)
            if period is not None and period.start < kept_since and period in self._rows:
                counts[place] = self._rows[period].counts
        return counts
