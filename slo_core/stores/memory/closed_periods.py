"""The days and calendar periods of one SLO that are over, kept in memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from slo_core.budgets.closed_period import (
    CLOSES_AFTER_SECONDS,
    KEPT_SECONDS,
    ClosedPeriod,
    buckets_of,
    expected_events,
    last_periods,
    one_of_each,
    periods_to_close,
)
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.period import Period, next_midnight, period_of_span
from slo_core.objectives.window import DAY, HOUR, QUARTER_HOUR, Span
from slo_core.stores.memory.tiers import BucketTiers

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
        self._fingerprint: str | None = None  # worked out with the first row
        self.reset()

    def reset(self) -> None:
        """Start empty."""
        self._rows: dict[Period, ClosedPeriod] = {}
        self.due_at = self.closed_until = -math.inf
        self._late = _NONE_LATE
        self._expected: int | None = None

    def is_due_before(self, second: int, *, newest: float) -> bool:
        """
        Whether periods are to be closed before an event is counted: it may push out what they are counted from.

        Args:
            second: Of the event.
            newest: Of the newest one before it.
        """
        if second >= self.due_at:
            return True
        if self._late is _NONE_LATE:
            return False
        # While an old stream is replayed, every event is late and the newest: there once a day will do.
        width = QUARTER_HOUR if newest >= self.closed_until else DAY
        return second // width > newest // width

    def is_due(self, now: float) -> bool:
        """Whether a period may have ended since the last look, or was changed by late events."""
        return self._late is not _NONE_LATE or not now < self.due_at < now + _LONGEST_WAIT_SECONDS

    def close(self, tiers: BucketTiers, *, now: float, since: float, measured_since: float, kept_since: float) -> None:
        """
        Close the periods that ended 15 minutes ago or earlier.

        Args:
            tiers: What was counted.
            now: In seconds since the epoch.
            since: Since when the SLO is measured, by its events.
            measured_since: Since when this process measures it.
            kept_since: Since when its counts are kept.
        """
        definition = self._definition
        until = now - CLOSES_AFTER_SECONDS
        newest = until if tiers.newest == -math.inf else min(until, tiers.newest)
        try:
            periods = [
                each for each in periods_to_close(definition, newest=newest, until=until) if each.start >= kept_since
            ]
            self.due_at = next_midnight(definition, until) + CLOSES_AFTER_SECONDS
        except ValueError:  # a clock that is beyond all calendars
            self.due_at = now + HOUR
            return
        first_late, last_late = self._late
        self._late = _NONE_LATE
        latest = {period.kind: period for period in periods}
        for period in periods:
            row = self._rows.get(period)
            is_late = period.start <= last_late and first_late < period.end
            is_worth_keeping = period.start <= tiers.newest or latest[period.kind] == period
            if is_late or (row is None and period.end > since and is_worth_keeping):
                counted = self._counted(period, tiers, since=since)
                # Without events only this process says that it was measured.
                measured_from = since if counted.total or row is not None else max(since, measured_since)
                if period.end > measured_from:
                    start = max(period.start, math.floor(measured_from))
                    self._rows[period] = replace(counted, measured_since=start)
        self.closed_until = max((period.end for period in periods), default=self.closed_until)
        self._rows = {period: row for period, row in self._rows.items() if period.start >= now - KEPT_SECONDS}
        self._expected = expected_events(definition, self._rows.get, last=last_periods(definition, until))

    def note_late(self, second: int) -> None:
        """Note a second in which events have come late: closed periods that hold it are counted again with the next `close`."""
        first, last = self._late
        self._late = (min(first, second), max(last, second))

    def _counted(self, period: Period, tiers: BucketTiers, *, since: float) -> ClosedPeriod:
        definition = self._definition
        if self._fingerprint is None:
            # Here: its modules take 3 ms, which tests and short commands need not pay.
            from slo_core.stores.stored_definition import fingerprint_of

            self._fingerprint = fingerprint_of(definition)
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
        )

    @property
    def expected(self) -> int | None:
        """As `Reading.expected_events`."""
        return self._expected

    def all(self, *, kept_since: float) -> tuple[ClosedPeriod, ...]:
        """
        All of them, in the order of their ends.

        Args:
            kept_since: Since when counts are kept: late events change no period that began earlier.
        """
        rows = one_of_each(self._rows.values(), fingerprint=self._fingerprint or "")
        return tuple(replace(row, is_final=True) if row.start < kept_since else row for row in rows)

    def of_spans(self, spans: Sequence[Span], *, kept_since: float) -> dict[int, ClosedPeriod]:
        """
        The windows that are closed periods whose buckets are gone, by their places.

        Args:
            spans: The windows.
            kept_since: Since when counts are kept.
        """
        closed = {}
        for place, span in enumerate(spans):
            period = period_of_span(self._definition, span)
            if period is not None and period.start < kept_since and period in self._rows:
                closed[place] = self._rows[period]
        return closed
