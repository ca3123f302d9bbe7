"""One SLO's events on their way to a shared store: merged, numbered, frozen, kept for a while."""

from __future__ import annotations

import dataclasses
import math
import secrets
from collections import deque

from slo_core.objectives.window import HOUR
from slo_core.stores.buckets import Batch, Declaration, Note
from slo_core.stores.layout import NOTES_KEPT_SECONDS, is_forgotten, is_outdated
from slo_core.stores.shared.clock_reading import ClockReading
from slo_core.stores.shared.outcome import AS_EXPECTED, Outcome
from slo_core.stores.shared.packed_increments import increments_of
from slo_core.stores.shared.pending_events import KnownCauses, PendingEvents
from slo_core.stores.shared.writer_id import WriterId, new_writer, writer_from

__all__ = ["ASK_SECONDS", "DECLARED_AGAIN_SECONDS", "KEPT_SECONDS", "MOST_INCREMENTS", "Outbox"]

# Confirmed batches are kept so long, to be sent again if the store loses what it had confirmed (a failover).
KEPT_SECONDS = 120.0

# While some are kept, the store is asked so often whether it still has them; each answer to a batch says so too.
ASK_SECONDS = 10.0

# A batch that was not confirmed for so long is given up: the store forgets its notes in time, and then does not know
# any more whether it has added the batch.
GIVEN_UP_SECONDS = NOTES_KEPT_SECONDS / 2

# Without events the SLO is declared again so often: one that no process declares retires, see `slo_core.tracking.retirement`.
DECLARED_AGAIN_SECONDS = float(HOUR)

# A writer that has sent nothing for so long takes a new id before the store forgets its notes.
WRITER_SECONDS = NOTES_KEPT_SECONDS - HOUR

# A batch holds no more; the rest goes into the next. A batch never changes once it was sent, so it must be one that
# a slow store still takes within its time-outs: PostgreSQL adds 5,000 increments in less than a tenth of a second.
MOST_INCREMENTS = 5_000

# The first batch after one was given up holds no more: the store may be away for another twelve hours, and what is frozen
# is not merged.
_MOST_AFTER_GIVING_UP = 250

# A number that no writer reaches: a store answers what it has noted, and adds nothing.
_ASKING = 2**40


class Outbox:
    """
    Events of one SLO that the store has not confirmed, and those that it has confirmed lately.

    At most one batch is on its way; its content is frozen when it is sent first, and what comes meanwhile goes into the
    next. `add` may be called from any thread; everything else is for the thread that holds the store's lock.

    Args:
        slo: Name of the SLO.
        declaration: Sent before the first batch.
        writer: Id of this process.

    Attributes:
        totals_causes: Batches say that their causes are to be added to the totals.
    """

    __slots__ = (
        "_asks_soon", "_checked_at", "_confirmed_at", "_declaration", "_declared", "_declares", "_dropped", "_frozen_at",
        "_is_clean", "_is_derived", "_is_unknown", "_kept", "_last", "_noted_at", "_number", "_pending", "_process", "_seen_at",
        "_sends", "_sent", "_slo", "_unconfirmed", "_writer", "has_rest", "totals_causes",
    )  # fmt: skip

    def __init__(self, slo: str, declaration: Declaration, *, writer: WriterId) -> None:
        self._slo = slo
        self._declaration = declaration
        self._process = writer
        self.totals_causes = False
        self.start_empty(declaration.since)

    def start_empty(self, since: float) -> None:
        """Forget everything, in a forked child: what the parent holds is the parent's to send."""
        self._declaration = dataclasses.replace(self._declaration, since=since)
        # A new one, with a lock of its own: a thread of the parent may hold the old one.
        self._pending = PendingEvents(self._declaration.keeps_seconds)
        self._dropped = 0
        self._unconfirmed: deque[Batch] = deque()
        self._frozen_at = self._checked_at = ClockReading(0.0, 0.0)
        self.has_rest = False  # the last batch was full: there is more that is as old
        self._sent: float | None = None  # when the oldest event among the unconfirmed was added
        self._kept: deque[tuple[float, Batch, int]] = deque()  # when it was confirmed, and its `applied`
        self._confirmed_at: ClockReading | None = None
        self._is_unknown = True  # the store is told of an SLO without events, too
        self._seen_at = math.inf  # when the store last heard that the SLO is declared, by the monotonic clock
        self._start_numbering(None)

    def _start_numbering(self, writer: str | None) -> None:
        """
        Begin with batch 1.

        Args:
            writer: The id; None for that of the process.
        """
        self._writer = writer
        self._is_derived = False  # from the nonce of batch 1
        self._number = 0
        self._last: Note | None = None  # as the store has noted it, under this id
        self._noted_at = 0.0  # when it was, by the store's clock
        self._declares = True
        self._declared = Note()  # what the store answered to the declaration, with its clock as `swept_at`
        self._is_clean = True  # every batch under this id was answered when it was first sent
        self._sends = 0  # how often the first unconfirmed batch was sent since the last answer
        self._asks_soon = False

    def add(self, second: int, good: int, bad: int, *, now: float, live: bool = True, **known: KnownCauses) -> None:
        """Take in events of one second, as `PendingEvents.add` does; `now` is the monotonic clock."""
        self._pending.add(second, good, bad, now=now, live=live, **known)

    @property
    def oldest_since(self) -> float | None:
        """When the oldest event that the store has not confirmed was added, by the monotonic clock."""
        return self._sent if self._sent is not None else self._pending.since

    @property
    def waiting(self) -> int:
        """How many events the store has not confirmed."""
        # A copy: another thread may confirm one meanwhile.
        return self._pending.count + sum(batch.good + batch.bad for batch in tuple(self._unconfirmed))

    @property
    def has_unconfirmed(self) -> bool:
        """Whether a batch is on its way."""
        return bool(self._unconfirmed)

    @property
    def is_declared(self) -> bool:
        """Whether the store knows the SLO and this writer begins with batch 1, or is past it."""
        return not self._declares

    def has_work(self, now: ClockReading) -> bool:
        """Whether there is anything to send."""
        has_content = self._unconfirmed or self._pending or self._is_unknown or self._dropped
        return bool(has_content) or self._is_silent(now) or self._is_ask_due(now)

    def ask_soon(self) -> None:
        """The store may have lost something: ask it whether it still has what is kept."""
        self._asks_soon = True

    def declare_again(self) -> None:
        """The store has no record of the SLO any more: it was deleted there, or has expired."""
        self._seen_at = -math.inf

    def question(self, *, now: ClockReading) -> Batch | None:
        """What the store is to be asked before any events: a batch without content; None where nothing is."""
        if self._unconfirmed and self._is_given_up(now):
            self.set_aside()
        has_events = bool(self._pending) or self._dropped > 0
        if has_events and not self._unconfirmed and self._is_stale(self._confirmed_at, now):
            if self._kept and self._is_stale(self._checked_at, now):
                return self._asking()  # for the last time under this id
            self._confirmed_at = None
            self._kept.clear()
            self._start_numbering(new_writer())
        if self._declares and (self._is_unknown or self._unconfirmed or has_events):
            return Batch(writer=self._writer_id(), slo=self._slo, number=0, declaration=self._declaration)
        if self._unconfirmed or has_events:
            return None  # the answer to a batch says as much
        if self._is_silent(now):
            declaration = dataclasses.replace(self._declaration, since=now.wall)  # if its record was lost
            return Batch(writer=self._writer_id(), slo=self._slo, number=0, declaration=declaration)
        return self._asking() if self._is_ask_due(now) else None

    def _is_given_up(self, now: ClockReading) -> bool:
        # After a sleep the note of the batch before says whether the store has it.
        earlier, is_first = self._frozen_at, self._unconfirmed[0].number == 1
        return (now.seconds_since(earlier) if is_first else now.monotonic - earlier.monotonic) > GIVEN_UP_SECONDS

    def _is_silent(self, now: ClockReading) -> bool:
        return now.monotonic - self._seen_at > DECLARED_AGAIN_SECONDS

    @staticmethod
    def _is_stale(then: ClockReading | None, now: ClockReading) -> bool:
        return then is not None and now.seconds_since(then) > WRITER_SECONDS

    def _is_ask_due(self, now: ClockReading) -> bool:
        # Once more when they get too old.
        self._drop_kept(now.monotonic - 2 * ASK_SECONDS)
        if self._asks_soon:
            return self._last is not None  # where nothing is kept any more, for the sake of a report
        return bool(self._kept) and now.seconds_since(self._checked_at) >= ASK_SECONDS

    def _asking(self, *, leaves: bool = False) -> Batch:
        nonce = "" if self._last is None else self._last.nonce
        return Batch(writer=self._writer_id(), slo=self._slo, number=_ASKING, nonce=nonce, leaves=leaves)

    def farewell(self, *, now: ClockReading) -> Batch | None:
        """What the store is to be asked when the process ends: whether it still has everything; None for nothing."""
        self._drop_kept(now.monotonic - 2 * ASK_SECONDS)
        if self._last is None or self._unconfirmed or self._pending:
            return None
        return self._asking(leaves=self._is_clean) if self._is_clean or self._kept else None

    def leave(self) -> None:
        """The note may be gone from now on: what comes after goes under another id."""
        self._kept.clear()
        self._start_numbering(None)

    def _writer_id(self) -> str:
        if self._writer is None:
            self._writer = self._process.get()
        return self._writer

    def next_batch(self, *, now: ClockReading, errors: int = 0) -> Batch | None:
        """
        The batch to be sent now: the unconfirmed one as it is, else a new one of what is pending; None without any.

        A new one holds `MOST_INCREMENTS` at most, the oldest first; `has_rest` is then True if there is more. `question`
        comes first.

        Args:
            now: By both clocks.
            errors: Failures to be reported, if a new batch is made: there is none unconfirmed.
        """
        if not self._unconfirmed and not self._freeze(now=now, errors=errors):
            return None
        self._sends += 1
        if self._sends > 1:
            self._is_clean = False  # one may still be under way
        return self._unconfirmed[0]

    def _freeze(self, *, now: ClockReading, errors: int) -> bool:
        """Make a batch of what is pending, if anything is."""
        if not (self._pending or self._dropped or errors):
            return False
        self._sent = self._pending.since  # before the events are taken: the oldest one waits without a break
        most = _MOST_AFTER_GIVING_UP if self._dropped else MOST_INCREMENTS
        taken = self._pending.take(most, now=now.wall)
        self._sent = taken.since
        self.has_rest = taken.has_rest
        dropped, self._dropped = self._dropped + taken.impossible, 0
        # By their order: by their names it takes twice as long, and that twenty times a second.
        batch = Batch(
            self._writer_id(), self._slo, self._number + 1, secrets.token_hex(8),
            increments_of(taken.counted, first=taken.first),
            sum([good for _, good, _ in taken.counted]), sum([bad for _, _, bad in taken.counted]),
            taken.earliest, taken.newest, dropped, errors, None, self._declared if self._number == 0 else None, taken.is_live,
            False, taken.causes, (), self.totals_causes, taken.latencies,
        )  # fmt: skip
        self._number += 1
        self._frozen_at = now
        self._unconfirmed.append(batch)
        return True

    def answered(self, batch: Batch, note: Note | None, *, now: ClockReading, store_now: float) -> Outcome:
        """Note what the store, whose clock stands at `store_now`, has answered to a batch."""
        if note is None:
            return Outcome(is_refused=True)
        if batch.number == 0:
            self._declares = self._is_unknown = False
            self._seen_at = now.monotonic
            self._declared = note._replace(swept_at=store_now)
            self._renew_first()
            return AS_EXPECTED
        self._checked_at, self._asks_soon = now, False
        is_head = bool(self._unconfirmed) and batch is self._unconfirmed[0]
        # Sent before, without an answer: the store may have had it then.
        is_doubtful = is_head and self._sends > 1
        self._sends = 0
        number, nonce = (0, "") if self._last is None else (self._last.number, self._last.nonce)
        # An id that was made from the nonce of its first batch: whoever has begun under it began with that batch.
        is_derived = is_head and self._is_derived
        if is_head and (
            (note.number == batch.number and note.nonce in ("", batch.nonce))
            or (is_derived and note.number > batch.number == 1)
        ):
            if note[:2] != (batch.number, batch.nonce):
                note = note._replace(number=batch.number, nonce=batch.nonce)
            self._confirm(note, now=now, store_now=store_now)
            return AS_EXPECTED
        if note.number > number or (note.number == number > 0 and note.nonce not in ("", nonce)):
            # A copy of this process has gone on under the same id; it has this batch too, if that was frozen before.
            may_be_there = (is_doubtful or is_derived) and note.number > batch.number
            return self._renumbered(given_up=self._drop_head() if may_be_there else 0, is_copy=True)
        if note.number == number > 0:
            if self._last is not None and note.generation != self._last.generation:
                self._last, self._noted_at = note, store_now  # a copy of this process has sent it to a new record
            self._drop_kept(now.monotonic)
            if batch.leaves:
                self.leave()
            return Outcome(is_refused=is_head)
        if is_head and number == 0 and note.generation == self._declared.generation:
            return self._refused(batch, note, store_now=store_now, is_doubtful=is_doubtful)
        return self._recovered(note, now=now, store_now=store_now, is_doubtful=is_doubtful)

    def _refused(self, batch: Batch, note: Note, *, store_now: float, is_doubtful: bool) -> Outcome:
        """The first batch was left, and no note is there."""
        if not is_outdated(batch, generation=note.generation, swept=note.swept, swept_at=note.swept_at):
            self._declares = True
            return Outcome(is_refused=True)
        if is_doubtful:
            return self._renumbered(given_up=self._drop_head())
        self._declared = note._replace(swept_at=store_now)
        self._renew_first()
        return Outcome()

    def _renew_first(self) -> None:
        """Batch 1 has not been sent, or has been refused: what was swept until now is not its note."""
        if self._unconfirmed and self._unconfirmed[0].number == 1 and not self._sends:
            self._unconfirmed[0] = self._unconfirmed[0]._replace(after=self._declared)

    def _confirm(self, note: Note, *, now: ClockReading, store_now: float) -> None:
        """The store has the first unconfirmed batch."""
        self._kept.append((now.monotonic, self._unconfirmed.popleft(), note.applied))
        self._last, self._noted_at = note, store_now
        self._confirmed_at = self._frozen_at = now
        self._seen_at = now.monotonic
        if not self._unconfirmed:
            self._sent = None
        self._drop_kept(now.monotonic)

    def _drop_kept(self, now: float) -> None:
        """Forget confirmed batches that are too old for a failover to lose them."""
        while self._kept and now - self._kept[0][0] > KEPT_SECONDS:
            self._kept.popleft()

    def _recovered(self, note: Note, *, now: ClockReading, store_now: float, is_doubtful: bool) -> Outcome:
        """
        Go on where the store does not know of batches that it had confirmed; it has added nothing.

        They are sent again where they are kept, and it is certain that they do not count. Where the store lacks older ones
        too, numbering starts at 1 under another writer id: no batch that is sent then can be in the store already.
        """
        self._drop_kept(now.monotonic - 2 * ASK_SECONDS)
        last = self._last
        is_new_record = note.generation != (self._declared if last is None else last).generation
        swept = 0 if is_new_record or note.number else note.swept
        # Without a note it may have those that it had taken in when it swept a note.
        added = max([note.number, *(batch.number for _, batch, applied in self._kept if applied <= swept)])
        unsure = sum(note.number < batch.number <= added for _, batch, _ in self._kept)
        lacking = [batch for _, batch, _ in self._kept if batch.number > added]
        if last is not None and last.applied <= swept:
            # Its note is gone, and everything else may be there: all of it, if the writer was silent for long.
            if is_forgotten(note, noted_at=self._noted_at, now=store_now):
                unsure = 0
            return self._renumbered(given_up=self._drop_head() if is_doubtful else 0, unsure=unsure)
        missing = (0 if last is None else last.number) - added - len(lacking)
        self._unconfirmed.extendleft(reversed(lacking))
        self._frozen_at = now
        if is_new_record:
            self._declaration = dataclasses.replace(self._declaration, since=now.wall)
        if is_new_record or missing > 0 or unsure:
            return self._renumbered(resent=len(lacking), missing=missing, unsure=unsure, is_new_record=is_new_record)
        self._kept.clear()
        self._last = note if note.number else None
        self._declares, self._is_clean = True, False
        return Outcome(resent=len(lacking))

    def restart(self, *, since: float) -> None:
        """
        Start over with another store: it is sent what the old one had not confirmed, and nothing else.

        Args:
            since: Since when it is measured there.
        """
        self._declaration = dataclasses.replace(self._declaration, since=since)
        self._renumbered()

    def _renumbered(
        self,
        *,
        given_up: int = 0,
        unsure: int = 0,
        resent: int = 0,
        missing: int = 0,
        is_new_record: bool = False,
        is_copy: bool = False,
    ) -> Outcome:
        """Number what is unconfirmed from 1, under another writer id."""
        self._kept.clear()
        if self._unconfirmed and not is_copy:
            self._start_numbering(writer_from(self._unconfirmed[0].nonce))
            self._is_derived = True
        else:
            self._start_numbering(new_writer())
        renumbered: deque[Batch] = deque()
        for batch in self._unconfirmed:
            self._number += 1
            renumbered.append(batch._replace(writer=self._writer_id(), number=self._number))
        self._unconfirmed = renumbered
        return Outcome(is_new_record=is_new_record, resent=resent, missing=missing, unsure=unsure, given_up=given_up)

    def _drop_head(self) -> int:
        """Give up a batch that the store may or may not have: it is not sent again, and counts as dropped."""
        batch = self._unconfirmed.popleft()
        self._dropped += batch.good + batch.bad + batch.dropped
        if not self._unconfirmed:
            self._sent = None
        return batch.good + batch.bad

    def set_aside(self) -> int:
        """Give up the first unconfirmed batch, and go on under another writer id; how many events it held."""
        return self._renumbered(given_up=self._drop_head()).given_up
