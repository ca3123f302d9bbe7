"""The closed periods of one SLO, as one process knows them: which are to be counted, and what becomes of the counts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

from slo_core.budgets.closed_period import ClosedPeriod, earliest_start, expected_events, is_final, one_of_each
from slo_core.budgets.events import EventCounts
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.period import DAY_KIND, Period, ended_periods
from slo_core.objectives.window import DAY
from slo_core.stores.buckets import SLORecord
from slo_core.stores.shared.kept import kept_since
from slo_core.stores.stored_definition import fingerprint_of

__all__ = ["EndedPeriods", "KnownPeriods"]


class EndedPeriods:
    """
    The periods that have ended; SLOs are mostly alike, and so are their periods.

    Args:
        until: They end at this instant or earlier, in seconds since the epoch.
    """

    __slots__ = ("_known", "_until")

    def __init__(self, until: float) -> None:
        self._until = until
        self._known: dict[tuple[str, str | None, int], list[Period]] = {}

    def of(self, known: KnownPeriods) -> list[Period]:
        """
        Those of an SLO that may still be counted, and those that tell how many events are expected; by their ends.

        None by a clock that is beyond all calendars.
        """
        definition, kept, until = known.definition, known.keeps_seconds, self._until
        key = (definition.timezone, definition.window, kept)
        periods = self._known.get(key)
        if periods is None:
            try:
                periods = ended_periods(definition, since=earliest_start(definition, until), until=until)
            except ValueError:
                periods = []
            periods = [each for each in periods if each.kind != DAY_KIND or each.start >= until - kept - DAY]
            self._known[key] = periods
        return periods


class KnownPeriods:
    """
    The closed periods of one SLO, as this process knows them.

    Args:
        definition: The SLO.

    Attributes:
        definition: The SLO.
        keeps_seconds: How long its buckets are kept.
        rows: By period, its rows in the store; none where its buckets were gone, or it was not measured. None before they were
            read.
        due_at: When there is something to do, in seconds since the epoch.
        closed_until: The end of the last period that is closed.
        expected: As `Reading.expected_events`.
    """

    __slots__ = (
        "_counted_until",
        "_final_at",
        "_fingerprint",
        "_late",
        "_recount",
        "closed_until",
        "definition",
        "due_at",
        "expected",
        "keeps_seconds",
        "rows",
    )  # fmt: skip

    def __init__(self, definition: SLODefinition) -> None:
        self.definition = definition
        self.keeps_seconds = definition.kept_seconds
        self._fingerprint = fingerprint_of(definition)
        self.rows: dict[Period, tuple[ClosedPeriod, ...]] | None = None
        self.due_at = self.closed_until = self._counted_until = -math.inf
        self._final_at = self._late = math.inf
        self._recount: set[Period] = set()
        self.expected: int | None = None

    def note_late(self, earliest: int) -> None:
        """Note events that were handed over after their period was closed, the earliest of that second."""
        self._late = min(self._late, earliest)
        self.due_at = -math.inf

    def take_stored(self, stored: Iterable[ClosedPeriod], ended: Sequence[Period]) -> None:
        """Take in the rows that other processes have written, at the first look."""
        wanted = set(ended)
        rows: dict[Period, tuple[ClosedPeriod, ...]] = {}
        for row in stored:
            if (period := row.period) in wanted:
                rows[period] = (*rows.get(period, ()), row)
        self.rows = rows
        # Another process may have ended between handing over a late event and counting its period again.
        self._recount.update({period.kind: period for period in ended}.values())
        self._look_back(ended)

    def to_count(self, ended: Sequence[Period], *, now: float) -> tuple[Period, ...]:
        """
        The periods that are to be counted.

        Args:
            ended: All that have ended, by their ends.
            now: In seconds since the epoch.
        """
        if self._late == math.inf and not self._recount and now < self._final_at:
            new = []
            for period in reversed(ended):  # nearly always: only the last day
                if period.end <= self._counted_until:
                    break
                new.append(period)
            return tuple(reversed(new))
        return tuple(period for period in ended if self._is_to_count(period, now))

    def _is_to_count(self, period: Period, now: float) -> bool:
        rows = (self.rows or {}).get(period)
        is_late = period.end > self._late or period in self._recount
        if not rows:  # one that is known to have none was looked at before
            return rows is None or is_late
        return any(
            not row.is_final and (is_late or is_final(row.start, now=now, keeps_seconds=self.keeps_seconds))
            for row in rows
        )

    def counted(
        self, period: Period, counts: EventCounts, record: SLORecord | None, ended: Sequence[Period], *, now: float
    ) -> tuple[ClosedPeriod, ...]:
        """
        The rows of a period as they are to be.

        Args:
            period: The period.
            counts: What its buckets hold.
            record: Of the SLO; None in a store that does not know it.
            ended: All that have ended, by their ends.
            now: In seconds since the epoch.
        """
        before = (self.rows or {}).get(period, ())
        if record is None:
            return before
        if kept_since(record, now=now) > period.start:
            # A part of it would look like the whole.
            return tuple(dataclasses.replace(row, is_final=True) for row in before)
        since = max(period.start, math.floor(record.data_since))
        final = is_final(period.start, now=now, keeps_seconds=max(record.keeps_seconds, self.keeps_seconds))
        if before:
            return tuple(
                row
                if row.is_final or row.total > counts.total
                else dataclasses.replace(row, good=counts.good, bad=counts.bad, measured_since=since, is_final=final)
                for row in before
            )
        if period.end <= record.data_since:
            return ()
        is_after_all_events = record.last_event_at is None or period.start > record.last_event_at
        if is_after_all_events and any(other.kind == period.kind and other.end > period.end for other in ended):
            return ()  # nothing happened in it, and nothing since: only the last one of its kind says so
        row = ClosedPeriod(
            slo=self.definition.name,
            kind=period.kind,
            start=period.start,
            end=period.end,
            good=counts.good,
            bad=counts.bad,
            target=self.definition.target,
            fingerprint=self._fingerprint,
            measured_since=since,
            is_final=final,
        )
        return (row,)

    def finish(self, ended: Sequence[Period], *, due_at: float) -> None:
        """
        All that was to be counted is.

        Args:
            ended: All that have ended, by their ends.
            due_at: When the next one is to be closed.
        """
        self.due_at = due_at
        self._recount.clear()
        self._late = math.inf
        self._counted_until = max((period.end for period in ended[-1:]), default=-math.inf)
        if self.rows is not None and len(self.rows) > len(ended):
            wanted = set(ended)
            self.rows = {period: rows for period, rows in self.rows.items() if period in wanted}
        starts = [row.start for rows in (self.rows or {}).values() for row in rows if not row.is_final]
        # `is_final` asks for an hour less.
        self._final_at = min(starts, default=math.inf) + self.keeps_seconds - DAY
        self._look_back(ended)

    def _look_back(self, ended: Sequence[Period]) -> None:
        self.closed_until = max((period.end for period in ended[-1:]), default=-math.inf)
        self.expected = expected_events(self.definition, self._row_of, last=ended)

    def _row_of(self, period: Period) -> ClosedPeriod | None:
        rows = (self.rows or {}).get(period, ())
        if len(rows) > 1:
            rows = one_of_each(rows, fingerprint=self._fingerprint)
        return rows[0] if rows else None
