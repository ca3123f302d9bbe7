"""Closes the days and calendar periods of a process's SLOs in their store, in passing, when it hands events over."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from slo_core.budgets.closed_period import CLOSES_AFTER_SECONDS, ClosedPeriod, buckets_of
from slo_core.budgets.events import EventCounts
from slo_core.errors import StoreError
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.period import DAY_KIND, KINDS, Period, next_midnight
from slo_core.objectives.window import DAY, HOUR
from slo_core.stores.buckets import Batch, BucketRange, BucketStore, Query, Stored
from slo_core.stores.closed_periods import PeriodQuery, PeriodStore, StoredPeriods, damage_in_periods
from slo_core.stores.shared.damage import damage_in_record, damage_in_sums
from slo_core.stores.shared.deferred_log import DeferredLog
from slo_core.stores.shared.known_periods import EndedPeriods, KnownPeriods
from slo_core.stores.shared.ledger import SharedLedger

__all__ = ["PeriodClosing"]

# Of so many SLOs the periods of one are counted with a flush; those of the others with the next ones. It is a small part of
# what the flush itself takes, and all are closed after so many.
_SLOS_FOR_EACH = 20

_RETRY_SECONDS = 60.0

# Between two midnights lies less, so a later instant is one of a clock that was wrong.
_LONGEST_WAIT_SECONDS = 3 * DAY


class _Counting(NamedTuple):
    """
    Periods of one SLO that are counted.

    Attributes:
        known: The SLO.
        ended: All of its periods that have ended.
        wanted: Those that are counted.
    """

    known: KnownPeriods
    ended: list[Period]
    wanted: tuple[Period, ...]

    @property
    def ranges(self) -> tuple[BucketRange, ...]:
        """The buckets of all of them."""
        return tuple([buckets for period in self.wanted for buckets in self._buckets_of(period)])

    def counts(self, stored: Stored) -> Iterator[tuple[Period, EventCounts]]:
        """Each period with its events, from the sums of `ranges`."""
        sums = iter(stored.sums)
        for period in self.wanted:
            events = [next(sums) for _ in self._buckets_of(period)]
            yield period, EventCounts(sum([good for good, _ in events]), sum([bad for _, bad in events]))

    def _buckets_of(self, period: Period) -> tuple[BucketRange, ...]:
        return buckets_of(self.known.counted_part(period))


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
        has_looked: There was a look at the store before this process has handed anything over.
    """

    __slots__ = (
        "_buckets", "_clock", "_closed_until", "_due_at", "_ended", "_has_failed", "_ledgers", "_log", "_queue", "_since",
        "_slos", "_store", "has_looked", "is_late",
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
        self._since = self._clock()
        self._slos: dict[str, KnownPeriods] = {}
        self._queue: deque[KnownPeriods] = deque()
        self._ended = EndedPeriods(-math.inf)
        self._closed_until = -math.inf
        self.is_late = self._has_failed = self.has_looked = False
        self.look_again()

    def look_again(self) -> None:
        """Look for periods to be closed with the next flush."""
        self._due_at = -math.inf

    def expected_events(self, slo: str) -> int | None:
        """As `Reading.expected_events`, of an SLO, as last seen."""
        known = self._slos.get(slo)
        return None if known is None else known.expected

    def run(self, *, is_read: bool = False, is_last: bool = False) -> None:
        """
        Close what is to be closed; usually nothing.

        Args:
            is_read: A reader waits: the first look, which takes longer, is left to the next flush. But what the events that
                are handed over now would push out is counted.
            is_last: No flush comes after this: everything is counted now.

        Raises:
            Exception: A reader waits, and the store cannot read the records. It is the store's own exception: a second attempt
                would raise it again.
        """
        now = self._clock()
        if now < self._due_at < now + _LONGEST_WAIT_SECONDS or self._store is None:
            return
        self.is_late = False
        if is_read:
            self._meet(now)
        if is_last:
            self._queue.clear()  # it may be of an earlier look: begin with what has ended by now
        try:
            at_once = math.inf if is_last else max(1, len(self._ledgers) // _SLOS_FOR_EACH)
            self._close(self._store, now, at_once=at_once, is_read=is_read)
            self._has_failed = False
        except Exception as exc:  # from any store and its content: events are handed over all the same
            self._due_at = now + _RETRY_SECONDS
            # Once: the store may be away, which the flush is about to notice, and says.
            has_failed, self._has_failed = self._has_failed, True
            if not has_failed:
                return
            detail = " ".join(str(exc).split()) if isinstance(exc, StoreError) else type(exc).__name__
            trouble = f"the store {self._buckets.backend}: days and months could not be closed; they are closed later"
            self._log.note(logging.ERROR, trouble, detail)

    def note(self, batches: Sequence[Batch]) -> None:
        """Note batches that the store has taken: late ones change periods that are closed already."""
        if self._store is None:
            return
        # Where a period has ended since the last look, or there was none, other processes may have closed it meanwhile.
        now = self._clock()
        unseen_until = now - CLOSES_AFTER_SECONDS if now >= self._due_at else -math.inf
        until = max(self._closed_until, unseen_until)
        for batch in batches:
            if batch.earliest is not None and batch.earliest < until:
                known = self._known(batch.slo)
                if batch.earliest < max(known.closed_until, unseen_until):
                    known.note_late(batch.earliest)
                    self.is_late = True
        if self.is_late:
            self.look_again()

    def _known(self, slo: str) -> KnownPeriods:
        known = self._slos.get(slo)
        if known is None:
            known = self._slos[slo] = KnownPeriods(self._ledgers[slo].definition, since=self._since)
        return known

    def _close(self, store: PeriodStore, now: float, *, at_once: float, is_read: bool) -> None:
        self._meet(now)
        self.has_looked = True
        if is_read and not any(known.has_slept(now) or known.rows is not None for known in self._slos.values()):
            return
        if not self._queue:
            self._ended = EndedPeriods(now - CLOSES_AFTER_SECONDS)
            for known in self._slos.values():
                if not now < known.due_at < now + _LONGEST_WAIT_SECONDS:
                    self._queue.append(known)
            self._read_rows(store)
            # First those that lose counts with the next event.
            urgent = [known for known in self._queue if known.is_urgent(self._ended.of(known), now=now)]
            if urgent:
                self._queue = deque([*urgent, *(known for known in self._queue if known not in urgent)])
        done: list[KnownPeriods] = []
        counting: list[_Counting] = []
        left = at_once
        while self._queue and (left > 0 or self._queue[0].is_urgent(self._ended.of(self._queue[0]), now=now)):
            known = self._queue.popleft()
            done.append(known)
            ended = self._ended.of(known)
            wanted = () if known.rows is None else known.to_count(ended, now=now)
            if wanted:
                counting.append(_Counting(known, ended, wanted))
                left -= 1
        if counting:
            self._count(store, counting, now)
        for known in done:
            known.finish(self._ended.of(known), due_at=_next_due(known.definition, now))
        self._closed_until = max((known.closed_until for known in self._slos.values()), default=-math.inf)
        dues = (known.due_at for known in self._slos.values())
        self._due_at = -math.inf if self._queue else min(dues, default=math.inf)

    def _meet(self, now: float) -> None:
        """Read the records of SLOs that are new here, and of those that have slept."""
        for name in tuple(self._ledgers):
            known = self._known(name)
            if known.rows is not None and now > known.due_at + DAY > -math.inf:
                known.look_anew()
        unmet = [known for known in self._slos.values() if not known.is_met]
        if not unmet:
            return
        answers = self._buckets.read([Query(known.definition.name) for known in unmet])
        for known, stored in zip(unmet, answers, strict=True):
            trouble = stored.trouble or (stored.record and damage_in_record(stored.record))
            known.meet(None if trouble else stored.record, now=now)

    def _read_rows(self, store: PeriodStore) -> None:
        """Read what other processes have closed, at the first look."""
        unread = [(known, self._ended.of(known)) for known in self._queue if known.rows is None]
        if not unread:
            return
        queries = [PeriodQuery(known.definition.name, _with_other_kinds(ended)) for known, ended in unread]
        self._take_rows(unread, store.read_periods(queries))
        unsure = [(known, ended) for known, ended in unread if known.rows is not None and known.may_overlap(ended)]
        if unsure:
            self._take_rows(unsure, store.read_periods([PeriodQuery(known.definition.name) for known, _ in unsure]))

    def _take_rows(self, unread: Sequence[tuple[KnownPeriods, list[Period]]], answers: Sequence[StoredPeriods]) -> None:
        for (known, ended), stored in zip(unread, answers, strict=True):
            trouble = stored.trouble or damage_in_periods(stored.periods)
            if trouble is not None:
                known.rows = None
                self._note_damage(known, trouble)
            else:
                known.take_stored(stored.periods, ended)

    def _count(self, store: PeriodStore, counting: Sequence[_Counting], now: float) -> None:
        answers = self._buckets.read(
            [Query(each.known.definition.name, each.ranges, is_once=True) for each in counting]
        )
        writing: list[ClosedPeriod] = []
        counted: list[tuple[KnownPeriods, dict[Period, tuple[ClosedPeriod, ...]]]] = []
        for each, stored in zip(counting, answers, strict=True):
            known, record = each.known, stored.record
            trouble = (
                stored.trouble or (record and damage_in_record(record)) or damage_in_sums(stored, len(each.ranges))
            )
            if trouble:
                self._note_damage(known, trouble)
                continue
            rows = {
                period: known.counted(period, counts, record, each.ended, now=now)
                for period, counts in each.counts(stored)
            }
            before = known.rows or {}
            writing += [row for period, after in rows.items() for row in after if row not in before.get(period, ())]
            counted.append((known, rows))
        if writing:
            store.keep_periods(writing)
        for known, rows in counted:
            known.rows = {**(known.rows or {}), **rows}

    def _note_damage(self, known: KnownPeriods, trouble: str) -> None:
        detail = f"SLO {known.definition.name!r}: {trouble}"
        self._log.note(
            logging.ERROR, f"the store {self._buckets.backend}: closed periods of an SLO are damaged", detail
        )


def _with_other_kinds(ended: Sequence[Period]) -> tuple[Period, ...]:
    """Also those of other calendar windows, which the SLO may have had before: late events change them, too."""
    days = [period for period in ended if period.kind == DAY_KIND]
    others = [day._replace(kind=kind) for day in days for kind in KINDS if kind != DAY_KIND]
    return (*ended, *others)


def _next_due(definition: SLODefinition, now: float) -> float:
    try:
        return next_midnight(definition, now - CLOSES_AFTER_SECONDS) + CLOSES_AFTER_SECONDS
    except ValueError:
        return now + HOUR
