"""Everything that shared stores have in common: events wait in memory and are handed over in batches, each exactly once."""

from __future__ import annotations

import atexit
import logging
import math
import random
import time
import weakref
from collections.abc import Callable, Sequence
from typing import TypeVar

from slo_core.conventions import DEFAULT_SERVICE
from slo_core.errors import StoreError
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import Span
from slo_core.process.forks import ForkWatch, LazyLock
from slo_core.process.internal_errors import InternalErrors
from slo_core.stores.base import Reading, ReadRequest, StoreHealth, StoreScope
from slo_core.stores.buckets import Applied, BucketRange, BucketStore, Declaration, Increment, StoreIdentity
from slo_core.stores.shared.flush_round import BatchGroup, FlushRound
from slo_core.stores.shared.flusher import Flusher
from slo_core.stores.shared.outbox import ClockReading, Outbox, new_writer
from slo_core.stores.shared.reader import read_windows, reading_of
from slo_core.stores.shared.store_lock import StoreLock
from slo_core.stores.stored_definition import fingerprint_of, stored_definition

__all__ = ["SharedLedger", "WriteBehindStore"]

T = TypeVar("T")

# Failed attempts are repeated after a pause that doubles up to this.
_LONGEST_PAUSE_SECONDS = 30.0

# How long a reader or an ending process waits for somebody else who is talking to the store.
_TURN_SECONDS = 2.0

# How long events are handed over at a stretch; what is left then comes after a short pause.
_SENDING_SECONDS = 2.0
_BEHIND_PAUSE_SECONDS = 0.05

# How long `close` tries to hand over what is left.
_CLOSE_SECONDS = 2.0

_PRUNE_SECONDS = 600.0


class SharedLedger:
    """One SLO's events: those of this process on their way, those of everybody in the store."""

    __slots__ = ("__weakref__", "_drain", "_outbox", "_store", "definition")

    def __init__(self, definition: SLODefinition, outbox: Outbox, store: WriteBehindStore) -> None:
        self.definition = definition
        self._outbox = outbox
        self._store = store
        self._drain: list[Callable[[], None]] = []

    @property
    def outbox(self) -> Outbox:
        """What this process has not handed over yet."""
        return self._outbox

    def attach_counter(self, drain: Callable[[], None], rearm: Callable[[], None]) -> None:
        """Before events are handed over, `drain` is called to have them added; see `EventCounter`."""
        self._drain.append(drain)
        self._store.rearm_with(rearm)

    def drain(self) -> None:
        """Have everything added that has been counted."""
        for drain in self._drain:
            drain()

    def add(self, second: int, good: int, bad: int, *, live: bool) -> None:
        """Take in events of one second; the store decides whether they are too old."""
        self._outbox.add(second, good, bad, now=self._store.monotonic())

    def wake(self) -> None:
        """Events come: see to it that they are handed over."""
        self._store.wake()

    def read(self, spans: Sequence[Span]) -> Reading:
        """What the store has, this process's own events handed over first."""
        return self._store.read((ReadRequest(self, spans),))[0]

    def series(self, buckets: BucketRange) -> list[Increment]:
        """What the store has, this process's own events handed over first."""
        return self._store.series(self.definition, buckets)

    def reset(self) -> None:
        """In a forked child: what the parent has not handed over is the parent's."""
        self._store.notice_fork()


class WriteBehindStore:
    """
    A `Store` over a `BucketStore`: recording touches memory only, a thread hands batches over.

    Each batch is numbered, frozen when it is first sent, and sent until the store has it, so that it counts exactly once
    whatever fails. Reads hand over this process's own events first and then show what the store has: nothing
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
        self._ledgers: dict[str, SharedLedger] = {}
        self._rearms: list[Callable[[], None]] = []
        self._flusher = Flusher(self._round, pause=self._pause, rearm=self._rearm)
        self._identity: StoreIdentity | None = None
        self._internal_errors = InternalErrors()
        # What is to be logged once the turn is given back: a logging handler is somebody else's code.
        self._news: list[tuple[int, str, str]] = []
        self._turn = LazyLock(StoreLock)  # held while talking to the store
        self._start_anew()
        # In a child whose fork called no hooks (uWSGI) it is noticed by whoever comes first.
        self._fork = ForkWatch(self._forked)
        _at_exit(self)

    def _start_anew(self) -> None:
        self._writer = new_writer()
        self._is_behind = False  # there was more to be handed over than could be at a stretch
        self._failures = 0  # in a row
        self._unreported = 0
        self._errors: dict[str, int] = {}  # of every process, by SLO, as last read
        self._next_attempt = -math.inf
        self._is_up = True
        self._skew = 0.0
        self._prune_at = self.monotonic() + _PRUNE_SECONDS * random.uniform(0.0, 1.0)  # noqa: S311

    # --- what the store is

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
        return None if self._identity is None else self._identity.store_id

    @property
    def created(self) -> float:
        """When the store was created; 0 until it was first reached."""
        return 0.0 if self._identity is None else self._identity.created

    def ledger(self, definition: SLODefinition) -> SharedLedger:
        """The ledger of an SLO: one for each name."""
        found = self._ledgers.get(definition.name)
        if found is None:
            declaration = Declaration(
                definition=stored_definition(definition),
                fingerprint=fingerprint_of(definition),
                keeps_seconds=definition.longest_seconds,
                since=self._clock(),
            )
            outbox = Outbox(definition.name, declaration, writer=self._writer)
            found = self._ledgers[definition.name] = SharedLedger(definition, outbox, self)
        return found

    def health(self) -> StoreHealth:
        """How this process gets on with it, without asking it."""
        since = [found for ledger in self._every_ledger() if (found := ledger.outbox.oldest_since) is not None]
        lag = max(0.0, self.monotonic() - min(since)) if since else 0.0
        errors = sum(self._errors.values())
        return StoreHealth(is_up=self._is_up, flush_lag_seconds=lag, clock_skew_seconds=self._skew, errors=errors)

    # --- handing over

    def wake(self) -> None:
        """Events come: start the thread where there is none, or do its work where there cannot be one."""
        self.notice_fork()
        if not self._flusher.wake() and self._is_overdue():
            # In passing, in the middle of somebody's request: no waiting, and one slice will do.
            self._attempt(wait_seconds=0.0, seconds=0.0)

    def _is_overdue(self) -> bool:
        now = self.monotonic()
        since = [found for ledger in self._every_ledger() if (found := ledger.outbox.oldest_since) is not None]
        return bool(since) and now - min(since) >= 2 * self._interval and now >= self._next_attempt

    def flush(self) -> None:
        """Hand over what is still in memory, within a bounded time; a failure is logged and counted, not raised."""
        self.notice_fork()
        self._attempt(wait_seconds=_TURN_SECONDS)

    def close(self) -> None:
        """
        Hand over what is left, for two seconds at most, and release the store.

        What could not be delivered is logged; it stays in memory, for as long as the process lives.
        """
        self.notice_fork()
        deadline = time.monotonic() + _CLOSE_SECONDS
        while (left := deadline - time.monotonic()) > 0 and not self._attempt(wait_seconds=left, seconds=left):
            time.sleep(0.05)
        self._flusher.stop()
        waiting = sum(ledger.outbox.waiting for ledger in self._every_ledger())
        if waiting:
            self._internal_errors.report(
                f"{waiting} events could not be handed over to the store {self.backend} before it was closed"
            )
        turn = self._turn.get()
        if turn.take(_TURN_SECONDS):
            try:
                self._buckets.close()
            except Exception as exc:  # it is being let go of: nothing is lost by that
                self._hear(logging.ERROR, f"the store {self.backend} could not be closed", _said(exc))
            finally:
                turn.give_back()
        self._tell()

    def _round(self) -> bool:
        """One round of the flusher's thread."""
        if self.monotonic() < self._next_attempt:
            return True
        self._is_behind = False
        # In the first round there is something to declare, even without events.
        self._drain_all()
        has_work = any(ledger.outbox.has_work for ledger in self._every_ledger())
        if has_work:
            self._is_behind = not self._attempt(wait_seconds=_TURN_SECONDS) and self._is_up
        if self.monotonic() >= self._prune_at and self._is_up:
            self._prune()
        return has_work

    def _pause(self) -> float:
        if self._failures:
            return max(self._interval, self._next_attempt - self.monotonic())
        return min(self._interval, _BEHIND_PAUSE_SECONDS) if self._is_behind else self._interval

    def _attempt(self, *, wait_seconds: float, seconds: float = _SENDING_SECONDS) -> bool:
        """
        Send what there is, until the store has it all or fails; True when it has.

        Args:
            wait_seconds: How long to wait for the turn.
            seconds: How long to go on; whoever else wants the turn gets it in between.
        """
        turn = self._turn.get()
        flush_round: FlushRound | None = None
        until = math.inf
        while turn.take(wait_seconds):
            try:
                if flush_round is None:
                    flush_round, until = self._begin(), self.monotonic() + seconds
                self._send(flush_round, until=until)
            except Exception as exc:  # whatever a store raises: the events stay here, and are sent again
                self._failed(exc)
                return False
            finally:
                turn.give_back()
                self._tell()
            if flush_round.is_over or self.monotonic() >= until:
                return flush_round.is_over
            turn.let_pass()
        return False

    def _begin(self) -> FlushRound:
        self._drain_all()
        return FlushRound(ledger.outbox for ledger in self._every_ledger())

    def _send(self, flush_round: FlushRound, *, until: float) -> None:
        """
        Send slice after slice, one at least, until the time is over or somebody else wants the turn.

        Args:
            flush_round: What is to be sent, or what is left of it.
            until: The monotonic clock.

        Raises:
            StoreError: It has not taken what it should have; what else there was has been sent.
        """
        stuck: StoreError | None = None
        while sending := flush_round.next_group(now=self._moment(), take_errors=self._take_errors):
            before = self._clock()
            applied = self._buckets.apply([batch for _, batch in sending])
            after = self._clock()
            self._skew = (before + after) / 2 - applied.now
            left = self._note(sending, applied)
            flush_round.answered(sending, left=left)
            if left:
                reason = applied.trouble or "it gives no reason"
                stuck = StoreError(f"the store {self.backend} has not applied a batch of {len(left)} SLOs: {reason}")
            elif stuck is None:
                self._succeeded()
            if self.monotonic() >= until or self._turn.get().is_wanted:
                break
        if stuck is not None:
            raise stuck

    def _moment(self) -> ClockReading:
        return ClockReading(self.monotonic(), self._clock())

    def _take_errors(self) -> int:
        errors, self._unreported = self._unreported, 0
        return errors

    def _note(self, sending: BatchGroup, applied: Applied) -> set[Outbox]:
        """Take in what the store has answered; whose batches it has left, though it lacks none before them."""
        now = self._moment()
        known = self._identity
        is_another = known is not None and known.store_id != applied.identity.store_id
        resent = missing = 0
        left: set[Outbox] = set()
        for (outbox, batch), noted in zip(sending, applied.noted, strict=True):
            if noted >= batch.number:
                outbox.confirm(now=now)
            elif is_another:
                continue  # it is not asked what it lacks: nothing of the old store's is sent to it again
            elif noted == batch.number - 1:
                left.add(outbox)
            else:
                outcome = outbox.gap(noted)
                resent += outcome.resent
                missing += outcome.missing
        if is_another:
            for ledger in self._every_ledger():
                ledger.outbox.restart()
            trouble = (
                f"the store {self.backend} is not the one written to before: its history is lost, totals start anew"
            )
            self._hear(
                logging.WARNING, trouble, f"store_id {known and known.store_id}, now {applied.identity.store_id}"
            )
        # Not before everything has been started anew that has to be.
        self._identity = applied.identity
        lost = f"the store {self.backend} had lost batches that it had confirmed"
        if resent:
            self._hear(logging.WARNING, f"{lost}; they are sent again", f"{resent} batches")
        if missing:
            self._hear(logging.WARNING, f"{lost}, and they are too old to be sent again", f"{missing} batches")
        return left

    def _succeeded(self) -> None:
        self._failures = 0
        self._next_attempt = -math.inf
        self._is_up = True

    def _failed(self, exc: Exception) -> None:
        self._failures += 1
        self._unreported += 1
        self._is_up = False
        pause = min(_LONGEST_PAUSE_SECONDS, self._interval * 2 ** min(self._failures - 1, 10))
        # Jitter, so that a fleet does not come back all at once.
        self._next_attempt = self.monotonic() + pause * random.uniform(0.5, 1.0)  # noqa: S311
        trouble = f"the store {self.backend} cannot be reached; events wait in memory, none is lost"
        self._hear(logging.ERROR, trouble, _said(exc))

    def _prune(self) -> None:
        self._prune_at = self.monotonic() + _PRUNE_SECONDS * random.uniform(0.75, 1.25)  # noqa: S311
        turn = self._turn.get()
        if not turn.take(_TURN_SECONDS):
            return
        try:
            self._buckets.prune()
        except Exception as exc:  # old buckets only take space: the next time will do
            self._hear(logging.ERROR, f"the store {self.backend} could not be pruned", _said(exc))
        finally:
            turn.give_back()
            self._tell()

    def _hear(self, level: int, trouble: str, detail: str) -> None:
        self._news.append((level, trouble, detail))

    def _tell(self) -> None:
        """Log what has happened; holding no lock."""
        while self._news:
            try:
                level, trouble, detail = self._news.pop(0)
            except IndexError:  # another thread was faster
                return
            self._internal_errors.report(trouble, detail=detail, level=level)

    def _drain_all(self) -> None:
        for ledger in self._every_ledger():
            ledger.drain()

    def rearm_with(self, rearm: Callable[[], None]) -> None:
        """Remember how to make a tally call `wake` with its next event."""
        self._rearms.append(rearm)

    def _rearm(self) -> None:
        for rearm in self._rearms:
            rearm()

    def _every_ledger(self) -> tuple[SharedLedger, ...]:
        return tuple(self._ledgers.values())

    # --- reading

    def read(self, requests: Sequence[ReadRequest]) -> list[Reading]:
        """
        What the store has of several SLOs.

        Raises:
            StoreError: It is out of reach.
        """
        return self._ask(lambda: self._read(requests))

    def series(self, definition: SLODefinition, buckets: BucketRange) -> list[Increment]:
        """
        The buckets of an SLO's range that hold events, oldest first.

        Raises:
            StoreError: The store is out of reach.
        """
        return self._ask(lambda: self._buckets.series(definition.name, buckets))

    def _ask(self, question: Callable[[], T]) -> T:
        """Hand over this process's own events, then ask the store."""
        self.notice_fork()
        turn = self._turn.get()
        if not turn.take(_TURN_SECONDS):
            raise StoreError(f"the store {self.backend} is busy: another thread has been waiting for it")
        try:
            self._send(self._begin(), until=self.monotonic() + _SENDING_SECONDS)
            return question()
        except Exception as exc:  # whatever a store raises, readers get one kind of error
            self._failed(exc)
            if isinstance(exc, StoreError):
                raise
            raise StoreError(f"the store {self.backend} cannot be read: {_said(exc)}") from exc
        finally:
            turn.give_back()
            self._tell()

    def _read(self, requests: Sequence[ReadRequest]) -> list[Reading]:
        answers = read_windows(self._buckets, [_ledger_of(request).definition for request in requests], requests)
        for stored in answers:
            if stored.record is not None:
                self._errors[stored.record.slo] = stored.record.errors
        return [reading_of(stored, now=self._clock()) for stored in answers]

    # --- forks

    def notice_fork(self) -> None:
        """Start anew in a child, also in one whose fork called no hooks (uWSGI)."""
        self._fork.notice()

    def _forked(self) -> None:
        self._start_anew()
        self._flusher.reset()
        now = self._clock()
        for ledger in self._every_ledger():
            ledger.outbox.start_empty(self._writer, now)
        self._buckets.forget()

    def __repr__(self) -> str:
        service = self._buckets.service
        return f"WriteBehindStore({self.backend!r}{'' if service == DEFAULT_SERVICE else f', service={service!r}'})"


def _ledger_of(request: ReadRequest) -> SharedLedger:
    ledger = request.ledger
    assert isinstance(ledger, SharedLedger)  # a store is asked for its own ledgers only
    return ledger


def _said(exc: BaseException) -> str:
    """What an exception says, in one line fit for a log."""
    text = " ".join(str(exc).split())
    # What others say may hold a password, and this ends in a log.
    return text if isinstance(exc, StoreError) and text else type(exc).__name__


def _at_exit(store: WriteBehindStore) -> None:
    """Close a store when the interpreter ends, if it is still there, and in the process that uses it."""
    reference = weakref.ref(store)

    def close() -> None:
        found = reference()
        if found is not None:
            found.close()

    atexit.register(close)
    weakref.finalize(store, atexit.unregister, close).atexit = False
