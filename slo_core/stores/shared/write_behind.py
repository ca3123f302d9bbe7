"""A store over any shared store: events wait in memory and are handed over in batches, each exactly once."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence

from slo_core.budgets.cause_shares import CauseBreakdown
from slo_core.budgets.closed_period import ClosedPeriod
from slo_core.budgets.latencies import Latencies
from slo_core.conventions import DEFAULT_SERVICE
from slo_core.errors import DamagedError, StoreError
from slo_core.objectives.definition import SLODefinition
from slo_core.process.end import ProcessEnd
from slo_core.process.forks import ForkWatch
from slo_core.stores.base import CauseRequest, Reading, ReadRequest, StoreHealth, StoreScope
from slo_core.stores.buckets import BucketRange, BucketStore, Declaration, Series, SLORecord, Stored
from slo_core.stores.shared.attempts import Attempts
from slo_core.stores.shared.cause_reader import read_causes
from slo_core.stores.shared.damage import whole_series
from slo_core.stores.shared.delivery import LOCK_SECONDS, Delivery
from slo_core.stores.shared.flusher import Flusher
from slo_core.stores.shared.latency_reader import keeps_latencies, read_latencies
from slo_core.stores.shared.ledger import SharedLedger
from slo_core.stores.shared.outbox import Outbox
from slo_core.stores.shared.past_periods import read_closed_periods
from slo_core.stores.shared.reader import read_series, read_series_of_all, read_windows, reading_of
from slo_core.stores.shared.shared_episodes import SharedEpisodes
from slo_core.stores.shared.shared_failures import SharedFailures
from slo_core.stores.shared.writer_id import WriterId
from slo_core.stores.stored_definition import fingerprint_of, stored_definition

__all__ = ["WriteBehindStore"]

# The pause until the next batches where the store has not kept up.
_BEHIND_PAUSE_SECONDS = 0.05

# How long `close` tries to hand over what is left.
_CLOSE_SECONDS = 2.0

_PRUNE_SECONDS = 600.0


class WriteBehindStore(SharedEpisodes, SharedFailures):
    """
    A `Store` over a `BucketStore`: recording touches memory only, a thread hands batches over.

    Each batch is numbered, frozen when it is first sent, and sent until the store has it, so that it counts exactly once
    whatever fails. Reads hand over this process's own events first and then show what the store holds: nothing
    unconfirmed is ever shown.

    Args:
        buckets: The store.
        clock: Returns seconds since the epoch.
        flush_interval: Seconds between two batches; None leaves it to the store.
        monotonic: Measures how long something takes or lies back.
    """

    def __init__(
        self,
        buckets: BucketStore,
        *,
        clock: Callable[[], float] = time.time,
        flush_interval: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._buckets = buckets
        self._clock = clock
        self._interval = buckets.default_flush_interval if flush_interval is None else flush_interval
        self.monotonic = monotonic
        self._writer = WriterId()
        self._ledgers: dict[str, SharedLedger] = {}
        self._flusher = Flusher(self._round, pause=self._pause, rearm=self._rearm)
        self._attempts = Attempts(interval=self._interval, monotonic=monotonic)
        self._delivery = Delivery(buckets, self._ledgers, self._attempts, clock=clock, monotonic=monotonic)
        self._is_retired = False
        self._totals_causes = False
        self._must_declare = False  # the store was read, and does not know an SLO
        self._start()
        # In a child whose fork called no hooks (uWSGI) the first call notices it.
        self._fork = ForkWatch(self._forked)
        self._end = ProcessEnd(self.close_at_exit)

    def _start(self) -> None:
        self._writer.renew()
        self._is_behind = False  # there was more to be handed over than could be at a stretch
        self._errors: dict[str, int] = {}  # of every process, by SLO, as last read
        self._lost_blocks: dict[str, int] = {}  # likewise
        self._seen_lost = 0  # how often they were more than before
        self._prune_at = self.monotonic() + _PRUNE_SECONDS * random.uniform(0.0, 1.0)  # noqa: S311

    # --- which store it is

    @property
    def buckets(self) -> BucketStore:
        """The store behind it."""
        return self._buckets

    @property
    def backend(self) -> str:
        """The scheme of its URL."""
        return self._buckets.backend

    @property
    def scope(self) -> StoreScope:
        """Whose events it holds."""
        return self._buckets.scope

    @property
    def store_id(self) -> str | None:
        """Random, from the store's creation; None until it was first reached."""
        identity = self._delivery.identity
        return None if identity is None else identity.store_id

    @property
    def created(self) -> float:
        """When the store was created; 0 until it was first reached."""
        identity = self._delivery.identity
        return 0.0 if identity is None else identity.created

    def ledger(self, definition: SLODefinition) -> SharedLedger:
        """The ledger of an SLO: one for each name."""
        ledger = self._ledgers.get(definition.name)
        if ledger is None:
            declaration = Declaration(
                definition=stored_definition(definition),
                fingerprint=fingerprint_of(definition),
                keeps_seconds=definition.kept_seconds,
                since=self._clock(),
            )
            outbox = Outbox(definition.name, declaration, writer=self._writer)
            outbox.totals_causes = self._totals_causes
            # Another thread, or a signal handler, may have been faster.
            made = SharedLedger(definition, outbox, self, most_failures=self._most_failures)
            ledger = self._ledgers.setdefault(definition.name, made)
            self._delivery.periods.look_again()
        return ledger

    def use_cause_totals(self) -> None:
        """Count bad events by their causes from now on, and read them with the others."""
        self._totals_causes = True
        for ledger in tuple(self._ledgers.values()):
            ledger.outbox.totals_causes = True

    def health(self) -> StoreHealth:
        """How this process gets on with it, without asking it."""
        since = self._oldest_since()
        return StoreHealth(
            is_up=self._attempts.is_up,
            flush_lag_seconds=0.0 if since is None else max(0.0, self.monotonic() - since),
            clock_skew_seconds=self._delivery.clock_skew_seconds,
            errors=sum(self._errors.values()),
            losses=self._delivery.losses + self._seen_lost,
        )

    def _oldest_since(self) -> float | None:
        """Since when the oldest event waits, by the monotonic clock; None when none does."""
        waiting = (outbox.oldest_since for outbox in self._delivery.outboxes)
        return min((since for since in waiting if since is not None), default=None)

    # --- handing over

    def wake(self) -> None:
        """Events come: start the thread where there is none, or do its work where there cannot be one."""
        self.notice_fork()
        self._end.notice_child()
        if not self._flusher.wake() and self._is_overdue():
            # In passing, in the middle of a request: no waiting, and one group will do.
            self._delivery.send_all(wait_seconds=0.0, seconds=0.0, may_log=False)

    def _is_overdue(self) -> bool:
        since = self._oldest_since()
        return since is not None and self.monotonic() - since >= 2 * self._interval and self._attempts.is_due

    def flush(self) -> bool:
        """
        Hand over what is still in memory, within a bounded time.

        Returns:
            True when the store has every event that was recorded before the call. False when it has not, or no answer
            came: the events wait in memory and are sent again; the failure is logged and counted, not raised.
        """
        self.notice_fork()
        return self._delivery.send_all(wait_seconds=LOCK_SECONDS)

    def close(self) -> bool:
        """
        Hand over what is left, for two seconds at most, and release the store.

        What the store has lost of the last two minutes is sent once more.

        Returns:
            True when the store has every event. The number of those that it has not is logged; they stay in memory, for
            as long as the process lives.
        """
        self.notice_fork()
        deadline = time.monotonic() + _CLOSE_SECONDS
        while (left := deadline - time.monotonic()) > 0 and not (
            self._delivery.send_all(wait_seconds=left, seconds=left, is_last=True)
            and self._delivery.leave(wait_seconds=left)
        ):
            time.sleep(0.05)
        self._writer.renew()
        self._flusher.stop()
        waiting = sum(outbox.waiting for outbox in self._delivery.outboxes)
        if waiting:
            self._delivery.log.note(
                logging.ERROR,
                f"{waiting} events could not be handed over to the store {self.backend} before it was closed",
            )
            self._delivery.log.write()
        self._delivery.close()
        return not waiting

    def close_at_exit(self) -> None:
        """
        Close it at the end of the interpreter; but reach for no store that was not used.

        A process that has only loaded the application (a command, the build of an image) has nothing to declare, and there
        may be no store where it runs.
        """
        self.notice_fork()
        self._delivery.drain()
        if self._delivery.identity is not None or any(outbox.waiting for outbox in self._delivery.outboxes):
            self.close()

    def retire(self) -> None:
        """
        No registry uses the store any more: release it as soon as everything is handed over.

        Waits for nothing, because the garbage collector calls it. Trackers may go on using the store.
        """
        self._is_retired = True
        self._flusher.retire()

    def _round(self) -> bool:
        """One round of the flusher's thread; whether there was any work."""
        if not self._attempts.is_due:
            return True
        self._is_behind = False
        # In the first round there is something to declare, even without events.
        self._delivery.drain()
        has_work = self._delivery.has_work
        if has_work or self._delivery.episodes.is_due:
            is_complete = self._delivery.send_all(wait_seconds=LOCK_SECONDS)
            self._is_behind = not is_complete and self._attempts.is_up and not self._delivery.is_unable
        if self.monotonic() >= self._prune_at and self._attempts.is_up:
            self._prune_at = self.monotonic() + _PRUNE_SECONDS * random.uniform(0.75, 1.25)  # noqa: S311
            self._delivery.prune()
        if self._is_retired and not has_work:
            self._delivery.leave(wait_seconds=0.0)
            self._delivery.close()
        return has_work or self._delivery.episodes.is_waiting

    def _pause(self) -> float:
        if not self._attempts.is_up:
            return self._attempts.pause_seconds
        return min(self._interval, _BEHIND_PAUSE_SECONDS) if self._is_behind else self._interval

    def _rearm(self) -> None:
        for ledger in tuple(self._ledgers.values()):
            ledger.rearm()

    # --- reading

    def read(self, requests: Sequence[ReadRequest]) -> list[Reading | StoreError]:
        """
        The events of several SLOs; an error where one of them is damaged.

        Raises:
            StoreError: It is out of reach.
        """
        self.notice_fork()
        readings = self._delivery.read(lambda: self._read(requests))
        if self._must_declare:
            self._must_declare = False
            self._flusher.wake()
        return readings

    def series(self, definition: SLODefinition, ranges: Sequence[BucketRange]) -> Series:
        """
        For each range the buckets of an SLO that hold events, oldest first.

        Raises:
            StoreError: The store is out of reach, or the SLO is damaged.
        """
        self.notice_fork()
        series = self._delivery.read(lambda: read_series(self._buckets, definition.name, ranges))
        error = self._unable_error(definition.name)
        if error is not None:
            raise error
        return whole_series(definition.name, series)

    def series_of_all(self, definitions: Sequence[SLODefinition], buckets: BucketRange) -> list[Series | StoreError]:
        """
        The buckets of one range that hold events, of several SLOs in one round trip; an error where one is damaged.

        Raises:
            StoreError: The store is out of reach.
        """
        self.notice_fork()
        names = [definition.name for definition in definitions]
        return self._delivery.read(lambda: read_series_of_all(self._buckets, names, buckets))

    def closed_periods(self, definition: SLODefinition) -> tuple[ClosedPeriod, ...]:
        """
        The days and calendar periods of an SLO that are over, in the order of their ends.

        Raises:
            StoreError: The store is out of reach, or the SLO is damaged.
        """
        self.notice_fork()
        return self._delivery.read(lambda: read_closed_periods(self._buckets, definition, now=self._clock()))

    def causes(self, requests: Sequence[CauseRequest]) -> list[CauseBreakdown | StoreError] | None:
        """
        What caused the bad events of several SLOs, in one round trip; an error where one is damaged.

        Returns:
            None when the store keeps no causes.

        Raises:
            StoreError: The store is out of reach.
        """
        self.notice_fork()
        asked = [(_ledger_of(request).definition, request.seconds) for request in requests]
        return self._delivery.read(lambda: read_causes(self._buckets, asked, now=self._clock()))

    @property
    def keeps_latencies(self) -> bool:
        """Whether the store keeps how long events took."""
        return keeps_latencies(self._buckets)

    def latencies(self, definition: SLODefinition, spans: Sequence[int]) -> list[Latencies] | None:
        """How long the events of an SLO took, for each span; None where the store does not keep it."""
        self.notice_fork()
        return self._delivery.read(lambda: read_latencies(self._buckets, definition, spans, now=self._clock()))

    def _read(self, requests: Sequence[ReadRequest]) -> list[Reading | StoreError]:
        definitions = [_ledger_of(request).definition for request in requests]
        now = self._clock()
        answers = read_windows(self._buckets, definitions, requests, now=now, cause_totals=self._totals_causes)
        for stored, request in zip(answers, requests, strict=True):
            if stored.record is not None:
                self._errors[stored.record.slo] = stored.record.errors
                self._report_lost(stored.record)
            elif stored.trouble is None:
                _ledger_of(request).outbox.declare_again()
                self._must_declare = True
        return [self._reading(definition.name, stored) for definition, stored in zip(definitions, answers, strict=True)]

    def _reading(self, slo: str, stored: Stored) -> Reading | StoreError:
        expected = self._delivery.periods.expected_events(slo)
        reading = reading_of(slo, stored, now=self._clock(), expected_events=expected)
        return reading if isinstance(reading, StoreError) else self._unable_error(slo) or reading

    def _unable_error(self, slo: str) -> DamagedError | None:
        reason = self._delivery.why_unable(slo)
        text = f"SLO {slo!r}: the store {self.backend} cannot take its last events: {reason}"
        return DamagedError(text) if reason else None

    def _report_lost(self, record: SLORecord) -> None:
        """Say so when the store has thrown away counts that it had written."""
        if record.lost_blocks > self._lost_blocks.get(record.slo, 0):
            self._seen_lost += 1
            trouble = f"the store {self.backend} has thrown counts away that it had written (is it evicting?)"
            self._delivery.log.note(logging.ERROR, trouble, f"SLO {record.slo}, {record.lost_blocks} times so far")
        self._lost_blocks[record.slo] = record.lost_blocks

    def notice_fork(self) -> None:
        """Start empty in a child, also in one whose fork called no hooks (uWSGI)."""
        self._fork.notice()

    def _forked(self) -> None:
        self._start()
        self._attempts.reset()
        self._delivery.clock_skew_seconds = 0.0
        self._delivery.losses = 0
        self._delivery.periods.start_empty()
        self._delivery.releases.start_empty()
        self._delivery.episodes.start_empty()
        self._delivery.failures.start_empty()
        self._flusher.reset()
        now = self._clock()
        for outbox in self._delivery.outboxes:
            outbox.start_empty(now)
        self._buckets.forget()

    def __repr__(self) -> str:
        service = self._buckets.service
        return f"WriteBehindStore({self.backend!r}{'' if service == DEFAULT_SERVICE else f', service={service!r}'})"


def _ledger_of(request: ReadRequest | CauseRequest) -> SharedLedger:
    ledger = request.ledger
    assert isinstance(ledger, SharedLedger)  # a store is asked for its own ledgers only
    return ledger
