"""The closed periods of one SLO, as one process knows them: which are to be counted, and what becomes of the counts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

from slo_core.budgets.closed_period import (
    ClosedPeriod,
    expected_events,
    is_about_to_go,
    one_of_each,
    periods_to_close,
)
from slo_core.budgets.events import EventCounts
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.period import KINDS, Period
from slo_core.objectives.window import DAY, HOUR
from slo_core.stores.buckets import SLORecord
from slo_core.stores.shared.kept import horizon, kept_since
from slo_core.stores.stored_definition import fingerprint_of

__all__ = ["EndedPeriods", "KnownPeriods"]

# A process that lives is heard of once an hour.
_HEARD_SECONDS = 2 * HOUR


class EndedPeriods:
    """
    The periods that have ended; SLOs are mostly alike, and so are their periods.

    Args:
        until: They end at this instant or earlier, in seconds since the epoch.
    """

    __slots__ = ("_known", "_until")

    def __init__(self, until: float) -> None:
        self._until = until
        self._known: dict[tuple[str, str | None, int, float], list[Period]] = {}

    def of(self, known: KnownPeriods) -> list[Period]:
        """
        Those of an SLO that may still be counted, and those that tell how many events are expected; by their ends.

        None by a clock that is beyond all calendars.
        """
        definition, kept, until = known.definition, known.keeps_seconds, self._until
        newest = min(until, known.newest)
        if newest >= until - DAY:
            newest = until
        key = (definition.timezone, definition.window, kept, newest)
        periods = self._known.get(key)
        if periods is None:
            try:
                periods = periods_to_close(definition, newest=newest, until=until, keeps_seconds=kept)
            except ValueError:
                periods = []
            self._known[key] = periods
        return periods


class KnownPeriods:
    """
    The closed periods of one SLO, as this process knows them.

    Args:
        definition: The SLO.
        since: Since when this process measures it, in seconds since the epoch.

    Attributes:
        definition: The SLO.
        keeps_seconds: How long its buckets are kept.
        newest: The instant from which kept buckets are counted back, at the first look; infinity after it.
        is_met: Its record was read, before this process wrote anything.
        rows: By period, its rows in the store; none where its buckets were gone, or it was not measured. None before they were
            read. Those of another time zone or window are among them.
        due_at: When there is something to do, in seconds since the epoch.
        closed_until: The end of the last period that is closed.
        expected: As `Reading.expected_events`.
    """

    __slots__ = (
        "_counted_until",
        "_data_since",
        "_fingerprint",
        "_goes_at",
        "_heard_until",
        "_late",
        "_others",
        "_recount",
        "_since",
        "closed_until",
        "definition",
        "due_at",
        "expected",
        "is_met",
        "keeps_seconds",
        "newest",
        "rows",
    )  # fmt: skip

    def __init__(self, definition: SLODefinition, *, since: float) -> None:
        self.definition = definition
        self._since = since
        self._data_since = self._heard_until = self.newest = math.inf
        self.is_met = False
        self._others: frozenset[Period] = frozenset()
        self.keeps_seconds = definition.kept_seconds
        self._fingerprint = fingerprint_of(definition)
        self.rows: dict[Period, tuple[ClosedPeriod, ...]] | None = None
        self.due_at = self.closed_until = self._counted_until = -math.inf
        self._goes_at = self._late = math.inf
        self._recount: set[Period] = set()
        self.expected: int | None = None

    def note_late(self, earliest: int) -> None:
        """Note events that were handed over after their period was closed, the earliest of that second."""
        self._late = min(self._late, earliest)
        self.due_at = -math.inf

    def meet(self, record: SLORecord | None, *, now: float) -> None:
        """
        Take in what the store says of the SLO, before this process has written anything.

        Args:
            record: Of the SLO; None in a store that does not know it.
            now: In seconds since the epoch.
        """
        self.is_met = True
        if record is None:
            return
        self.keeps_seconds = max(self.keeps_seconds, record.keeps_seconds)
        self._data_since = record.data_since
        newest = horizon(record, now=now)
        self.newest = math.inf if newest is None else newest
        heard_at = record.last_event_at if record.seen_at is None else record.seen_at
        self._heard_until = -math.inf if heard_at is None else heard_at + _HEARD_SECONDS

    def look_anew(self) -> None:
        """Read everything again: the process has slept."""
        self.rows = None
        self.is_met = False

    def has_slept(self, now: float) -> bool:
        """Whether so long has passed since the newest event that the next one may push out a whole day."""
        return self.newest < now - DAY

    def is_urgent(self, ended: Sequence[Period], *, now: float) -> bool:
        """
        Whether a period is to be counted that loses its buckets with the next event.

        Args:
            ended: All that have ended.
            now: In seconds since the epoch.
        """
        return self.has_slept(now) and any(
            each.start <= self.newest and is_about_to_go(each.start, now=now, keeps_seconds=self.keeps_seconds)
            for each in self.to_count(ended, now=now)
        )

    def take_stored(self, stored: Iterable[ClosedPeriod], ended: Sequence[Period]) -> None:
        """Take in the rows that other processes have written, at the first look."""
        wanted = set(ended)
        until = ended[-1].end if ended else math.inf
        first = min(self.newest, until) - self.keeps_seconds - 2 * DAY
        rows: dict[Period, tuple[ClosedPeriod, ...]] = {}
        for row in stored:
            if (period := row.period) in wanted or (row.kind in KINDS and row.end > first):
                rows[period] = (*rows.get(period, ()), row)
        self.rows = rows
        self._others = frozenset(rows.keys() - wanted)
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
        if self._late == math.inf and not self._recount and now < self._goes_at:
            new = []
            for period in reversed(ended):  # nearly always: only the last day
                if period.end <= self._counted_until:
                    break
                new.append(period)
            return tuple(reversed(new))
        return tuple(period for period in (*ended, *sorted(self._others)) if self._is_to_count(period, now))

    def _is_to_count(self, period: Period, now: float) -> bool:
        rows = (self.rows or {}).get(period)
        is_late = period.end > self._late or period in self._recount
        if not rows:  # one that is known to have none was looked at before
            return rows is None or is_late
        return any(
            not row.is_final and (is_late or is_about_to_go(row.start, now=now, keeps_seconds=self.keeps_seconds))
            for row in rows
        )

    def may_overlap(self, ended: Sequence[Period]) -> bool:
        """
        Whether there may be rows of another time zone, which were not asked for: some of this zone are missing, or begin late.

        Args:
            ended: All that have ended.
        """
        rows = self.rows or {}
        for period in ended:
            if period.end <= self._data_since or period.start > self.newest:
                continue
            if not rows.get(period) or any(
                row.total and row.measured_since > max(row.start, math.floor(self._data_since)) for row in rows[period]
            ):
                return True
        return False

    def counted_part(self, period: Period) -> Period:
        """The part of a period that is in no other row of its kind."""
        rows = self.rows or {}
        if not self._others:
            return period
        start = period.start
        for other in rows if period in self._others else self._others:
            if other.kind == period.kind and other != period and other.end > start:
                for row in rows.get(other, ()):
                    if max(row.start, row.measured_since) < period.end:
                        start = other.end
        return period._replace(start=start)

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
        since = max(self.counted_part(period).start, math.floor(record.data_since))
        if before:
            return tuple(
                row
                if row.is_final or row.total > counts.total
                else dataclasses.replace(
                    row, good=counts.good, bad=counts.bad, measured_since=since if counts.total else row.measured_since
                )
                for row in before
            )
        if not counts.total:
            since = max(since, self._measured_from(period))
        if since >= period.end:
            return ()
        is_after_all_events = record.last_event_at is None or period.start > record.last_event_at
        if is_after_all_events and not _is_last(period, ended):
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
        )
        return (row,)

    def _measured_from(self, period: Period) -> int:
        """
        Since when a process has measured a period in which there are no events; its end where none is known to have.

        Events would say so. Without them it is known of this process; and of the one before it, which the store has heard of
        lately, where the period before was measured.
        """
        goes_on = self._heard_until >= self._since and any(
            other.kind == period.kind and other.end == period.start for other, rows in (self.rows or {}).items() if rows
        )
        if self._since <= period.start or (goes_on and self._since < period.end):
            return period.start
        return math.floor(self._since)

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
        self.newest = math.inf
        if self.rows is not None and len(self.rows) > len(ended):
            first = due_at - self.keeps_seconds - 4 * DAY
            self._others = frozenset(period for period in self._others if period.end > first)
            wanted = self._others.union(ended)
            self.rows = {period: rows for period, rows in self.rows.items() if period in wanted}
        starts = [row.start for rows in (self.rows or {}).values() for row in rows if not row.is_final]
        # `is_about_to_go` asks for an hour less.
        self._goes_at = min(starts, default=math.inf) + self.keeps_seconds - 2 * DAY
        self._look_back(ended)

    def _look_back(self, ended: Sequence[Period]) -> None:
        self.closed_until = max((period.end for period in ended[-1:]), default=-math.inf)
        self.expected = expected_events(self.definition, self._row_of, last=ended)

    def _row_of(self, period: Period) -> ClosedPeriod | None:
        rows = (self.rows or {}).get(period, ())
        if len(rows) > 1:
            rows = one_of_each(rows, fingerprint=self._fingerprint)
        return rows[0] if rows else None


def _is_last(period: Period, ended: Sequence[Period]) -> bool:
    """Whether no period of the same kind ended later."""
    return not any(other.kind == period.kind and other.end > period.end for other in ended)
