"""Delivers the batches of one process to its store, and reads the store: one thread at a time."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from slo_core.errors import DamagedError, StoreError
from slo_core.process.forks import LazyLock
from slo_core.stores.buckets import Applied, BucketStore, StoreIdentity
from slo_core.stores.shared.attempts import Attempts
from slo_core.stores.shared.clock_reading import ClockReading
from slo_core.stores.shared.deferred_log import DeferredLog
from slo_core.stores.shared.episode_keeping import EpisodeKeeping
from slo_core.stores.shared.failure_sending import FailureSending
from slo_core.stores.shared.flush_round import BatchGroup, FlushRound
from slo_core.stores.shared.ledger import SharedLedger
from slo_core.stores.shared.outbox import Outbox
from slo_core.stores.shared.outcome import AS_EXPECTED, Outcome
from slo_core.stores.shared.period_closing import PeriodClosing
from slo_core.stores.shared.release_marking import ReleaseMarking
from slo_core.stores.shared.set_aside import SetAside
from slo_core.stores.shared.store_lock import StoreLock

__all__ = ["LOCK_SECONDS", "Delivery"]

T = TypeVar("T")

# How long a reader or an ending process waits while another thread talks to the store.
LOCK_SECONDS = 2.0

# How long events are handed over at a stretch; what is left then comes after a short pause.
_SENDING_SECONDS = 2.0


class Delivery:
    """
    Every call of a `BucketStore` that a process makes, under one lock; failures are noted, and logged once it is released.

    Args:
        buckets: The store.
        ledgers: By name, those of all SLOs; more may be added.
        attempts: How the calls went.
        clock: Returns seconds since the epoch.
        monotonic: Measures how long something takes.

    Attributes:
        lock: Held while talking to the store.
        log: What happened.
        identity: Of the store, as it last answered; None before.
        clock_skew_seconds: How far this process's clock is ahead of the store's.
        losses: How often the store no longer had what it had confirmed, counted by SLO.
        periods: Closes days and calendar periods.
        releases: Marks the release.
        episodes: Writes what the firing of alert rules was.
        failures: Hands recent failures over.
    """

    def __init__(
        self,
        buckets: BucketStore,
        ledgers: Mapping[str, SharedLedger],
        attempts: Attempts,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._buckets = buckets
        self._ledgers = ledgers
        self._attempts = attempts
        self._clock = clock
        self._monotonic = monotonic
        self.lock = LazyLock(StoreLock)
        self._batches = SetAside(buckets.apply, self._set_aside)
        self.log = DeferredLog()
        self.periods = PeriodClosing(buckets, ledgers, self.log, clock=clock)
        self.releases = ReleaseMarking(buckets, self.log, clock=clock, monotonic=monotonic)
        self.episodes = EpisodeKeeping(buckets, ledgers, self.log, clock=clock)
        self.failures = FailureSending(buckets, ledgers, self.log, monotonic=monotonic)
        self.identity: StoreIdentity | None = None
        self.clock_skew_seconds = 0.0
        self.losses = 0

    @property
    def outboxes(self) -> list[Outbox]:
        """Those of all SLOs."""
        return [ledger.outbox for ledger in tuple(self._ledgers.values())]

    @property
    def has_work(self) -> bool:
        """Whether there is anything to send."""
        now = self._now()
        return any(outbox.has_work(now) for outbox in self.outboxes)

    def drain(self) -> None:
        """Have everything put into the outboxes that was counted elsewhere."""
        for ledger in tuple(self._ledgers.values()):
            ledger.drain()

    def send_all(
        self, *, wait_seconds: float, seconds: float = _SENDING_SECONDS, may_log: bool = True, is_last: bool = False
    ) -> bool:
        """
        Send everything that is pending, until the store has all of it or fails; whether it has.

        Args:
            wait_seconds: How long to wait for the lock.
            seconds: How long to go on; other threads that wait for the lock get it in between. Unless the process ends,
                looking for periods to be closed takes nothing of it.
            may_log: False where this may be a signal handler, and a logging handler may wait for a lock for ever; what
                happened is then logged with the next flush or read.
            is_last: The process ends: it closes no periods, but those to which it hands over late events.
        """
        lock = self.lock.get()
        flush_round: FlushRound | None = None
        until = math.inf
        while lock.acquire(wait_seconds):
            try:
                if flush_round is None:
                    flush_round, until = self._begin(), self._monotonic() + seconds
                    # Before newer events push out what is to be closed.
                    has_looked = self.periods.has_looked
                    if may_log and (not has_looked or (self._attempts.is_up and not is_last)):
                        self.periods.run(is_read=is_last)
                    if not is_last:
                        until = self._monotonic() + seconds
                self._send(flush_round, until=until)
                if may_log and self.periods.is_late:
                    self.periods.run(is_last=is_last)
                if may_log:
                    self.releases.run()
                if may_log and not is_last:
                    self.episodes.run()
                if flush_round.is_over:
                    self.failures.run()
            except Exception as exc:  # whatever a store raises: the events stay here, and are sent again
                self._failed(exc)
                return False
            finally:
                lock.release()
                if may_log:
                    self.log.write()
            if flush_round.is_over or self._monotonic() >= until:
                return flush_round.is_complete
            lock.yield_to_waiters()
        return False

    def read(self, ask: Callable[[], T], *, sends_first: bool = True) -> T:
        """
        Send everything that is pending, then ask the store.

        Args:
            ask: Calls the store.
            sends_first: False where the answer does not depend on events: nothing is sent then.

        Raises:
            StoreError: The store is out of reach.
        """
        lock = self.lock.get()
        if not lock.acquire(LOCK_SECONDS):
            raise StoreError(f"the store {self._buckets.backend} is busy: another thread has been waiting for it")
        try:
            if sends_first:
                flush_round = self._begin()
                self.periods.run(is_read=True)
                self._send(flush_round, until=self._monotonic() + _SENDING_SECONDS)
                if self.periods.is_late:
                    self.periods.run()
            return ask()
        except DamagedError:
            raise  # the store has answered
        except Exception as exc:  # whatever a store raises, readers get one kind of error
            self._failed(exc)
            if isinstance(exc, StoreError):
                raise
            raise StoreError(f"the store {self._buckets.backend} cannot be read: {_in_one_line(exc)}") from exc
        finally:
            lock.release()
            self.log.write()

    @property
    def is_unable(self) -> bool:
        """Whether events wait that the store cannot take."""
        return any(self.why_unable(slo) for slo in tuple(self._batches.unable))

    def why_unable(self, slo: str) -> str | None:
        """Why the store cannot take events of an SLO that wait; None if none wait for this reason."""
        return self._batches.unable.get(slo) if self._ledgers[slo].outbox.has_unconfirmed else None

    def prune(self) -> None:
        """Have the store delete what is old. A failure is logged: old buckets only take space, the next time will do."""
        self._logged(self._buckets.prune, "pruned")

    def close(self) -> None:
        """Release the store. A failure is logged: nothing is lost by it."""
        self._logged(self._buckets.close, "closed")

    def _logged(self, call: Callable[[], object], done: str) -> None:
        lock = self.lock.get()
        if not lock.acquire(LOCK_SECONDS):
            return
        try:
            call()
        except Exception as exc:  # whatever a store raises
            self.log.note(logging.ERROR, f"the store {self._buckets.backend} could not be {done}", _in_one_line(exc))
        finally:
            lock.release()
            self.log.write()

    def _begin(self) -> FlushRound:
        self.drain()
        return FlushRound(self.outboxes)

    def _send(self, flush_round: FlushRound, *, until: float) -> None:
        """
        Send group after group, one at least, until the time is over or another thread wants the lock.

        Args:
            flush_round: What is to be sent, or what is left of it.
            until: The monotonic clock.

        Raises:
            StoreError: The store has not applied what it should have; everything else has been sent. Not where it cannot
                take the events of an SLO: these wait, and the store is not away.
        """
        error: StoreError | None = None
        while group := flush_round.next_group(now=self._now(), take_errors=self._attempts.take_unreported):
            before = self._clock()
            applied = self._batches.apply(group)
            after = self._clock()
            self.clock_skew_seconds = (before + after) / 2 - applied.now
            refused = self._note(group, applied)
            flush_round.answered(group, refused=refused)
            self.periods.note([batch for _, batch in group])
            self.episodes.note([batch for outbox, batch in group if outbox not in refused])
            if self.releases.release is not None:
                self.releases.note([batch for outbox, batch in group if outbox not in refused])
            unable = {batch.slo for outbox, batch in group if outbox in refused} & self._batches.unable.keys()
            if unable:
                self._report_unable(unable)
            if len(refused) > len(unable):
                reason = applied.trouble or "it gives no reason"
                error = StoreError(
                    f"the store {self._buckets.backend} has not applied a batch of {len(refused)} SLOs: {reason}"
                )
            elif error is None:
                self._attempts.succeeded()
            if self._monotonic() >= until or self.lock.get().is_wanted:
                break
        if error is not None:
            raise error

    def _now(self) -> ClockReading:
        """Both clocks."""
        return ClockReading(self._monotonic(), self._clock())

    def leave(self, *, wait_seconds: float) -> bool:
        """
        Ask for the last time whether the store has everything, and have it forget this writer; False to try again.

        Everything must have been sent before.

        Args:
            wait_seconds: How long to wait for the lock.
        """
        lock = self.lock.get()
        if not lock.acquire(wait_seconds):
            return False
        group: BatchGroup = []
        try:
            now = self._now()
            asking = [(outbox, outbox.farewell(now=now)) for outbox in self.outboxes]
            group = [(outbox, batch) for outbox, batch in asking if batch is not None]
            if group:
                self._note(group, self._buckets.apply([batch for _, batch in group]))
            return not any(outbox.has_unconfirmed for outbox, _ in group)
        except Exception as exc:  # whatever a store raises
            for outbox, batch in group:
                if batch.leaves:
                    outbox.leave()
            self._failed(exc)
            return False
        finally:
            lock.release()
            self.log.write()

    def _note(self, group: BatchGroup, applied: Applied) -> set[Outbox]:
        """Note in the outboxes what the store has answered; the outboxes whose batch was refused without a gap."""
        now = self._now()
        known = self.identity
        is_another = known is not None and known.store_id != applied.identity.store_id
        outcomes: dict[Outbox, Outcome] = {}
        for (outbox, batch), note in zip(group, applied.notes, strict=True):
            # What another store lacks is not asked: nothing of the old store's is sent to it again.
            if not is_another or (note is not None and note.number == batch.number):
                outcome = outbox.answered(batch, note, now=now, store_now=applied.now)
                if outcome is not AS_EXPECTED:
                    outcomes[outbox] = outcome
        store = f"the store {self._buckets.backend}"
        if is_another:
            for outbox in self.outboxes:
                outbox.restart(since=now.wall)
            self.losses += len(self._ledgers)
            trouble = f"{store} is not the one written to before: its history is lost, totals start over"
            detail = f"store_id {known and known.store_id}, now {applied.identity.store_id}"
            self.log.note(logging.WARNING, trouble, detail)
        # Not before every outbox has started over.
        self.identity = applied.identity
        if applied.damage is not None:
            trouble = f"{store} held damaged causes or latencies: they begin again, every event is counted"
            self.log.note(logging.WARNING, trouble, applied.damage)
        self._report(store, outcomes.values())
        losses = sum(outcome.is_loss for outcome in outcomes.values())
        if losses:
            self.losses += losses
            for outbox in self.outboxes:
                outbox.ask_soon()
        return {outbox for outbox, outcome in outcomes.items() if outcome.is_refused}

    def _report(self, store: str, outcomes: Collection[Outcome]) -> None:
        """Say what the store has lost."""
        lost = f"{store} had lost batches that it had confirmed"
        for trouble, count in (
            (f"{lost}; they are sent again", sum(outcome.resent for outcome in outcomes)),
            (f"{lost}, and they are too old to be sent again", sum(outcome.missing for outcome in outcomes)),
            (
                f"{store} has forgotten which batches it had confirmed; in case it still has them they are not sent again",
                sum(outcome.unsure for outcome in outcomes),
            ),
        ):
            if count:
                self.log.note(logging.WARNING, trouble, f"{count} batches")
        renewed = sum(outcome.is_new_record for outcome in outcomes)
        if renewed:
            trouble = f"{store} has lost everything of an SLO (has it been evicted?): its totals start over"
            self.log.note(logging.WARNING, trouble, f"{renewed} SLOs")
        given_up = sum(outcome.given_up for outcome in outcomes)
        if given_up:
            trouble = (
                f"{store} does not know any more whether it has a batch: it is not sent again, and counts as dropped"
            )
            self.log.note(logging.WARNING, trouble, f"{given_up} events")

    def _report_unable(self, slos: Collection[str]) -> None:
        trouble = f"the store {self._buckets.backend} cannot take events of an SLO: they wait; those of other SLOs are written"
        detail = "; ".join(f"SLO {slo!r}: {self._batches.unable[slo]}" for slo in sorted(slos))
        self.log.note(logging.ERROR, trouble, detail)

    def _set_aside(self, events: int, exc: Exception) -> None:
        trouble = (
            f"the store {self._buckets.backend} cannot take a batch: it is set aside, and its events count as dropped"
        )
        self.log.note(logging.ERROR, trouble, f"{events} events, {_in_one_line(exc)}")

    def _failed(self, exc: Exception) -> None:
        self._attempts.failed()
        for outbox in self.outboxes:
            outbox.ask_soon()  # it may come back without its last writes
        trouble = f"the store {self._buckets.backend} cannot be reached; events wait in memory, none is lost"
        self.log.note(logging.ERROR, trouble, _in_one_line(exc))


def _in_one_line(exc: BaseException) -> str:
    """An exception in one line fit for a log: the text of a `StoreError`, the type of any other."""
    text = " ".join(str(exc).split())
    # The text of others may hold a password.
    return text if isinstance(exc, StoreError) and text else type(exc).__name__
