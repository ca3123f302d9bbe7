"""Closes the days and calendar periods of a process's SLOs in their store, in passing, when it hands events over."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from slo_core.budgets.closed_period import (
    CLOSES_AFTER_SECONDS,
    ClosedPeriod,
    expected_events,
    is_final,
    one_of_each,
)
from slo_core.budgets.events import EventCounts
from slo_core.errors import StoreError
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.period import DAY_KIND, Period, ended_periods, next_midnight
from slo_core.objectives.window import DAY, HOUR
from slo_core.stores.buckets import Batch, BucketRange, BucketStore, Query, SLORecord, Stored
from slo_core.stores.closed_periods import (
    PeriodQuery,
    PeriodStore,
    buckets_of,
    damage_in_periods,
    is_whole_in_buckets,
)
from slo_core.stores.shared.damage import damage_in_record, damage_in_sums
from slo_core.stores.shared.deferred_log import DeferredLog
from slo_core.stores.shared.ledger import SharedLedger
from slo_core.stores.stored_definition import fingerprint_of

__all__ = ["PeriodClosing"]

# So many periods are counted with one flush; those of the other SLOs with the next ones.
_PERIODS_AT_ONCE = 24

_RETRY_SECONDS = 60.0

# Between two midnights lies less, so a later instant is one of a clock that was wrong.
_LONGEST_WAIT_SECONDS = 3 * DAY


class _SLOPeriods:
    """
    The closed periods of one SLO, as this process knows them.

    Attributes:
        definition: The SLO.
        fingerprint: Of what it counts.
        rows: By period, its rows in the store; None before they were read. No rows: it cannot be counted any more.
        due_at: When there is something to do, in seconds since the epoch.
        closed_until: The end of the last period that is closed.
        late: The earliest event that came after its period was closed; infinity without one.
        recount: Periods to be counted again.
        expected: As `Reading.expected_events`.
    """

    __slots__ = ("closed_until", "definition", "due_at", "expected", "fingerprint", "late", "recount", "rows")

    def __init__(self, definition: SLODefinition) -> None:
        self.definition = definition
        self.fingerprint = fingerprint_of(definition)
        self.rows: dict[Period, tuple[ClosedPeriod, ...]] | None = None
        self.due_at = self.closed_until = -math.inf
        self.late = math.inf
        self.recount: set[Period] = set()
        self.expected: int | None = None


class _Counting(NamedTuple):
    """
    Periods of one SLO that are counted.

    Attributes:
        known: The SLO.
        periods: All of its periods that have ended.
        wanted: Those that are counted.
    """

    known: _SLOPeriods
    periods: list[Period]
    wanted: tuple[Period, ...]

    @property
    def ranges(self) -> tuple[BucketRange, ...]:
        """The buckets of all of them."""
        return tuple(buckets for period in self.wanted for buckets in buckets_of(period))

    def counts(self, stored: Stored) -> Iterator[tuple[Period, EventCounts]]:
        """Each period with its events, from the sums of `ranges`."""
        sums = iter(stored.sums)
        for period in self.wanted:
            events = [next(sums) for _ in buckets_of(period)]
            yield period, EventCounts(sum(good for good, _ in events), sum(bad for _, bad in events))

    def is_latest(self, period: Period) -> bool:
        """Whether no later period of its kind has ended."""
        return all(other.end <= period.end for other in self.periods if other.kind == period.kind)


class _EndedPeriods:
    """The periods that have ended by now; SLOs are mostly alike, and so are their periods."""

    __slots__ = ("_known", "_now")

    def __init__(self, now: float) -> None:
        self._now = now
        self._known: dict[tuple[str, str | None, int], list[Period]] = {}

    def of(self, definition: SLODefinition) -> list[Period]:
        """
        Those of an SLO that may still be counted, and those that tell how many events are expected.

        None by a clock that is beyond all calendars.
        """
        now, kept = self._now, definition.kept_seconds
        key = (definition.timezone, definition.window, kept)
        periods = self._known.get(key)
        if periods is None:
            longest = 0 if definition.period is None else definition.period.longest_seconds
            try:
                periods = ended_periods(definition, since=now - kept - longest - DAY, until=now - CLOSES_AFTER_SECONDS)
            except ValueError:
                periods = []
            periods = [each for each in periods if each.kind != DAY_KIND or each.start >= now - kept - DAY]
            self._known[key] = periods
        return periods


class PeriodClosing:
    """
    Closes periods 15 minutes after their end, counted from the buckets of the store: the same in every process.

    Each process counts a period once when it has ended, and again when it has handed over late events of it. That changes
    the row in the store until its buckets are gone. Called with the lock of the store held, and never by a request. It
    raises nothing: a period that could not be closed is closed with a later flush.

    Args:
        buckets: The store. Nothing is closed in one that is no `PeriodStore`.
        ledgers: By name, those of all SLOs; more may be added: then call `look_again`.
        log: What happened.
        clock: Returns seconds since the epoch.

    Attributes:
        is_late: Events have been handed over that change periods that are closed.
    """

    __slots__ = (
        "_buckets", "_clock", "_closed_until", "_due_at", "_ledgers", "_log", "_queue", "_slos", "_store", "is_late",
    )  # fmt: skip

    def __init__(
        self,
        buckets: BucketStore,
        ledgers: Mapping[str, SharedLedger],
        log: DeferredLog,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._buckets = buckets
        self._store = buckets if isinstance(buckets, PeriodStore) else None
        self._ledgers = ledgers
        self._log = log
        self._clock = clock
        self.start_empty()

    def start_empty(self) -> None:
        """Know nothing, in a forked child."""
        self._slos: dict[str, _SLOPeriods] = {}
        self._queue: deque[_SLOPeriods] = deque()
        self._closed_until = -math.inf
        self.is_late = False
        self.look_again()

    def look_again(self) -> None:
        """Look for periods to be closed with the next flush."""
        self._due_at = -math.inf

    def expected_events(self, slo: str) -> int | None:
        """As `Reading.expected_events`, of an SLO, as last seen."""
        known = self._slos.get(slo)
        return None if known is None else known.expected

    def run(self) -> None:
        """Close what is to be closed; usually nothing."""
        now = self._clock()
        if now < self._due_at < now + _LONGEST_WAIT_SECONDS or self._store is None:
            return
        self.is_late = False
        try:
            self._close(self._store, now)
        except Exception as exc:  # from any store and its content: events are handed over all the same
            self._due_at = now + _RETRY_SECONDS
            detail = " ".join(str(exc).split()) if isinstance(exc, StoreError) else type(exc).__name__
            trouble = f"the store {self._buckets.backend}: days and months could not be closed; they are closed later"
            self._log.note(logging.ERROR, trouble, detail)

    def note(self, batches: Sequence[Batch]) -> None:
        """Note batches that the store has taken: late ones change periods that are closed already."""
        for batch in batches:
            if batch.earliest is not None and batch.earliest < self._closed_until:
                known = self._slos.get(batch.slo)
                if known is not None and batch.earliest < known.closed_until:
                    known.late = min(known.late, batch.earliest)
                    known.due_at = -math.inf
                    self.is_late = True
                    self.look_again()

    def _close(self, store: PeriodStore, now: float) -> None:
        for name, ledger in tuple(self._ledgers.items()):
            if name not in self._slos:
                self._slos[name] = _SLOPeriods(ledger.definition)
        if not self._queue:
            for known in self._slos.values():
                if not now < known.due_at < now + _LONGEST_WAIT_SECONDS:
                    self._queue.append(known)
        ended = _EndedPeriods(now)
        self._read_rows(store, [(known, ended.of(known.definition)) for known in self._queue if known.rows is None])
        counting: list[_Counting] = []
        periods_left = _PERIODS_AT_ONCE
        done = []
        while self._queue and periods_left > 0:
            known = self._queue.popleft()
            done.append(known)
            if known.rows is not None:
                periods = ended.of(known.definition)
                wanted = tuple(period for period in periods if _is_to_count(known, known.rows, period, now))
                known.rows = {period: rows for period, rows in known.rows.items() if period in set(periods)}
                if wanted:
                    counting.append(_Counting(known, periods, wanted))
                    periods_left -= len(wanted)
        if counting:
            self._count(store, counting, now)
        for known in done:
            known.recount.clear()
            known.late = math.inf
            known.due_at = _next_due(known.definition, now)
            self._expect(known, ended.of(known.definition))
        self._closed_until = max((known.closed_until for known in self._slos.values()), default=-math.inf)
        self._due_at = (
            -math.inf if self._queue else min((known.due_at for known in self._slos.values()), default=math.inf)
        )

    def _read_rows(self, store: PeriodStore, unread: Sequence[tuple[_SLOPeriods, list[Period]]]) -> None:
        """Read what other processes have closed, at the first look."""
        if not unread:
            return
        answers = store.read_periods([PeriodQuery(known.definition.name, tuple(periods)) for known, periods in unread])
        for (known, periods), stored in zip(unread, answers, strict=True):
            trouble = stored.trouble or damage_in_periods(stored.periods)
            if trouble is not None:
                self._note_damage(known, trouble)
                continue
            wanted = set(periods)
            rows: dict[Period, tuple[ClosedPeriod, ...]] = {}
            for row in stored.periods:
                if row.period in wanted:
                    rows[row.period] = (*rows.get(row.period, ()), row)
            known.rows = rows
            # Another process may have ended between handing over a late event and counting its period again.
            known.recount.update({period.kind: period for period in periods}.values())
            self._expect(known, periods)

    def _expect(self, known: _SLOPeriods, periods: Sequence[Period]) -> None:
        known.closed_until = max((period.end for period in periods), default=-math.inf)
        rows = (row for rows in (known.rows or {}).values() for row in rows)
        known.expected = expected_events(
            known.definition, one_of_each(rows, fingerprint=known.fingerprint), last=periods
        )

    def _count(self, store: PeriodStore, counting: Sequence[_Counting], now: float) -> None:
        answers = self._buckets.read([Query(each.known.definition.name, each.ranges) for each in counting])
        writing: list[ClosedPeriod] = []
        counted: list[tuple[_SLOPeriods, dict[Period, tuple[ClosedPeriod, ...]]]] = []
        for each, stored in zip(counting, answers, strict=True):
            known, record = each.known, stored.record
            trouble = (
                stored.trouble or (record and damage_in_record(record)) or damage_in_sums(stored, len(each.ranges))
            )
            if trouble:
                self._note_damage(known, trouble)
                continue
            rows = dict(known.rows or {})
            for period, counts in each.counts(stored):
                before = rows.get(period, ())
                after = () if record is None else _rows(each, period, before, counts, record, now)
                rows[period] = after
                writing += [row for row in after if row not in before]
            counted.append((known, rows))
        if writing:
            store.keep_periods(writing)
        for known, rows in counted:
            known.rows = rows

    def _note_damage(self, known: _SLOPeriods, trouble: str) -> None:
        detail = f"SLO {known.definition.name!r}: {trouble}"
        self._log.note(
            logging.ERROR, f"the store {self._buckets.backend}: closed periods of an SLO are damaged", detail
        )


def _next_due(definition: SLODefinition, now: float) -> float:
    try:
        return next_midnight(definition, now - CLOSES_AFTER_SECONDS) + CLOSES_AFTER_SECONDS
    except ValueError:
        return now + HOUR


def _is_to_count(
    known: _SLOPeriods, rows_of: Mapping[Period, tuple[ClosedPeriod, ...]], period: Period, now: float
) -> bool:
    rows = rows_of.get(period)
    is_late = period.end > known.late or period in known.recount
    if not rows:  # one without rows was looked at before
        return rows is None or is_late
    keeps = known.definition.kept_seconds
    return any(not row.is_final and (is_late or is_final(row.start, now=now, keeps_seconds=keeps)) for row in rows)


def _rows(
    counting: _Counting,
    period: Period,
    before: tuple[ClosedPeriod, ...],
    counts: EventCounts,
    record: SLORecord,
    now: float,
) -> tuple[ClosedPeriod, ...]:
    """The rows of a period as they are to be, from what its buckets hold now."""
    if not is_whole_in_buckets(period, record, now=now):
        # A part of it would look like the whole.
        return tuple(dataclasses.replace(row, is_final=True) for row in before)
    known, definition = counting.known, counting.known.definition
    good, bad = counts
    since = max(period.start, math.floor(record.data_since))
    final = is_final(period.start, now=now, keeps_seconds=max(record.keeps_seconds, definition.kept_seconds))
    if before:
        return tuple(
            row
            if row.is_final or row.total > good + bad
            else dataclasses.replace(row, good=good, bad=bad, measured_since=since, is_final=final)
            for row in before
        )
    has_events_since = record.last_event_at is not None and period.start <= record.last_event_at
    if period.end <= record.data_since or not (has_events_since or counting.is_latest(period)):
        return ()
    row = ClosedPeriod(
        slo=definition.name,
        kind=period.kind,
        start=period.start,
        end=period.end,
        good=good,
        bad=bad,
        target=definition.target,
        fingerprint=known.fingerprint,
        measured_since=since,
        is_final=final,
    )
    return (row,)
