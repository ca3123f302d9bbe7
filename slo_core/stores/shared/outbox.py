"""One SLO's events on their way to a shared store: merged, numbered, frozen, kept for a while."""

from __future__ import annotations

import dataclasses
import secrets
from collections import deque

from slo_core.objectives.window import HOUR
from slo_core.stores.buckets import Batch, Declaration
from slo_core.stores.layout import NOTES_KEPT_SECONDS, spread
from slo_core.stores.shared.clock_reading import ClockReading
from slo_core.stores.shared.pending_events import PendingEvents

__all__ = ["KEPT_SECONDS", "MOST_INCREMENTS", "GapOutcome", "Outbox", "new_writer"]

# Confirmed batches are kept so long, to be sent again if the store loses what it had confirmed (a failover).
KEPT_SECONDS = 120.0

# A batch that was not confirmed for so long is given up: the store forgets its notes in time, and then does not know
# any more whether it has added the batch.
GIVEN_UP_SECONDS = NOTES_KEPT_SECONDS / 2

# A writer that has sent nothing for so long takes a new id before the store forgets its notes.
WRITER_SECONDS = NOTES_KEPT_SECONDS - HOUR

# A batch holds no more; the rest goes into the next. A batch never changes once it was sent, so it must be one that
# a slow store still takes within its time-outs: PostgreSQL adds 5,000 increments in less than a tenth of a second.
MOST_INCREMENTS = 5_000


def new_writer() -> str:
    """A random writer id, 128 bits in hexadecimal."""
    return secrets.token_hex(16)


@dataclasses.dataclass(frozen=True, slots=True)
class GapOutcome:
    """
    How an outbox closes a gap.

    Attributes:
        resent: Batches that the store had confirmed and lost, and that it will be sent again.
        missing: Batches that it had confirmed and lost, and that are not kept any more.
    """

    resent: int
    missing: int


class Outbox:
    """
    Events of one SLO that the store has not confirmed, and those that it has confirmed lately.

    At most one batch is on its way; its content is frozen when it is sent first, and what comes meanwhile goes into the
    next. `add` may be called from any thread; everything else is for the thread that holds the store's lock.

    Args:
        slo: Name of the SLO.
        declaration: Sent with the first batch.
        writer: Id of this process.
    """

    __slots__ = (
        "_confirmed_at", "_declaration", "_declare", "_dropped", "_frozen_at", "_kept", "_number", "_pending", "_sent", "_slo",
        "_unconfirmed", "_writer", "has_rest",
    )  # fmt: skip

    def __init__(self, slo: str, declaration: Declaration, *, writer: str) -> None:
        self._slo = slo
        self._declaration = declaration
        self.start_empty(writer, declaration.since)

    def start_empty(self, writer: str, since: float) -> None:
        """Forget everything, in a forked child: what the parent holds is the parent's to send."""
        self._declaration = dataclasses.replace(self._declaration, since=since)
        # A new one, with a lock of its own: a thread of the parent may hold the old one.
        self._pending = PendingEvents(self._declaration.keeps_seconds)
        self._dropped = 0
        self._unconfirmed: deque[Batch] = deque()
        self._frozen_at = ClockReading(0.0, 0.0)
        self.has_rest = False  # the last batch was full: there is more that is as old
        self._sent: float | None = None  # when the oldest event among the unconfirmed was added
        self._kept: deque[tuple[float, Batch]] = deque()
        self._confirmed_at: ClockReading | None = None
        self._start_numbering(writer)

    def _start_numbering(self, writer: str) -> None:
        self._writer = writer
        self._number = 0
        self._declare = True

    def add(self, second: int, good: int, bad: int, *, now: float) -> None:
        """
        Take in events of one second.

        Args:
            second: When they happened, whole seconds since the epoch.
            good: Good events.
            bad: Bad events.
            now: The monotonic clock.
        """
        self._pending.add(second, good, bad, now=now)

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
    def has_work(self) -> bool:
        """Whether there is anything to send."""
        return bool(self._unconfirmed or self._pending or self._declare or self._dropped)

    def next_batch(self, *, now: ClockReading, errors: int = 0) -> Batch | None:
        """
        The batch to be sent now: the unconfirmed one as it is, else a new one of what is pending; None without any.

        A new one holds `MOST_INCREMENTS` at most, the oldest first; `has_rest` is then True if there is more.

        Args:
            now: By both clocks.
            errors: Failures to be reported, if a new batch is made: there is none unconfirmed.
        """
        if self._unconfirmed and now.seconds_since(self._frozen_at) > GIVEN_UP_SECONDS:
            self._give_up()
        if self._unconfirmed:
            return self._unconfirmed[0]
        if self._confirmed_at is not None and now.seconds_since(self._confirmed_at) > WRITER_SECONDS:
            self._start_numbering(new_writer())
        if not (self._pending or self._declare or self._dropped or errors):
            return None
        self._sent = self._pending.since  # before the events are taken: the oldest one waits without a break
        taken = self._pending.take(MOST_INCREMENTS, now=now.wall)
        self._sent = taken.since
        self.has_rest = taken.has_rest
        dropped, self._dropped = self._dropped + taken.impossible, 0
        seconds = taken.seconds
        batch = Batch(
            writer=self._writer,
            slo=self._slo,
            number=self._number + 1,
            increments=spread([(second, good, bad) for second, (good, bad) in seconds.items()], first=taken.first),
            good=sum([good for good, _ in seconds.values()]),
            bad=sum([bad for _, bad in seconds.values()]),
            earliest=taken.earliest,
            newest=taken.newest,
            dropped=dropped,
            errors=errors,
            declaration=self._declaration if self._declare else None,
        )
        self._number += 1
        self._declare = False
        self._frozen_at = now
        self._unconfirmed.append(batch)
        return batch

    def confirm(self, *, now: ClockReading) -> None:
        """Note that the store has the first unconfirmed batch."""
        batch = self._unconfirmed.popleft()
        self._kept.append((now.monotonic, batch))
        self._confirmed_at = self._frozen_at = now
        if not self._unconfirmed:
            self._sent = None
        self.drop_kept(now=now.monotonic)

    def drop_kept(self, *, now: float) -> None:
        """Forget confirmed batches that are too old for a failover to lose them."""
        while self._kept and now - self._kept[0][0] > KEPT_SECONDS:
            self._kept.popleft()

    def gap(self, noted: int) -> GapOutcome:
        """
        Close a gap: the store has applied nothing, because it lacks batches that it had confirmed.

        They are sent again where they are still kept. Where the store lacks older ones too, numbering starts at 1 under
        another writer id: no batch that is sent then can be in the store already.

        Args:
            noted: The highest number the store has.
        """
        again = [batch for _, batch in self._kept if batch.writer == self._writer and batch.number > noted]
        first = self._unconfirmed[0].number
        missing = first - 1 - noted - len(again)
        self._kept.clear()
        self._unconfirmed = deque([*again, *self._unconfirmed])
        if missing > 0:
            self._renumber()
        return GapOutcome(resent=len(again), missing=missing)

    def restart(self) -> None:
        """Start over with another store: it is sent what the old one had not confirmed, and nothing else."""
        self._kept.clear()
        self._renumber()

    def _renumber(self) -> None:
        self._start_numbering(new_writer())
        renumbered: deque[Batch] = deque()
        for batch in self._unconfirmed:
            self._number += 1
            renumbered.append(
                dataclasses.replace(
                    batch,
                    writer=self._writer,
                    number=self._number,
                    declaration=self._declaration if self._declare else None,
                )
            )
            self._declare = False
        self._unconfirmed = renumbered

    def _give_up(self) -> None:
        """Give up a batch that the store may or may not have: it is not sent again, and counts as dropped."""
        batch = self._unconfirmed.popleft()
        self._dropped += batch.good + batch.bad + batch.dropped
        self._renumber()
        if not self._unconfirmed:
            self._sent = None
