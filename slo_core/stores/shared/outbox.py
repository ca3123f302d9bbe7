"""One SLO's events on their way to a shared store: merged, numbered, frozen, kept for a while."""

from __future__ import annotations

import dataclasses
import math
import secrets
import threading
from collections import deque

from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS, HOUR
from slo_core.stores.buckets import Batch, Declaration
from slo_core.stores.layout import NOTES_KEPT_SECONDS, WIDTHS, cut_to_fit, kept_from, spread
from slo_core.stores.shared.clock_reading import ClockReading

__all__ = ["KEPT_SECONDS", "MOST_INCREMENTS", "GapOutcome", "Outbox", "new_writer"]

# Confirmed batches are kept so long, to be sent again if the store loses what it had confirmed (a failover).
KEPT_SECONDS = 120.0

# A batch that was not confirmed for so long is given up: the store forgets its notes in time, and then does not know
# any more whether it has added the batch.
GIVEN_UP_SECONDS = NOTES_KEPT_SECONDS / 2

# A writer that has sent nothing for so long takes a new id before the store forgets its notes.
WRITER_SECONDS = NOTES_KEPT_SECONDS - HOUR

# So many distinct seconds wait one by one; with more, old ones are merged that share all buckets still kept of them.
_SECONDS_BEFORE_MERGE = 8_000

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
        "_confirmed_at", "_declaration", "_declare", "_dropped", "_earliest", "_frozen_at", "_kept", "_lock", "_newest",
        "_number", "_pending", "_sent", "_since", "_slo", "_unconfirmed", "_writer", "has_rest",
    )  # fmt: skip

    def __init__(self, slo: str, declaration: Declaration, *, writer: str) -> None:
        self._slo = slo
        self._declaration = declaration
        self.start_empty(writer, declaration.since)

    def start_empty(self, writer: str, since: float) -> None:
        """Forget everything, in a forked child: what the parent holds is the parent's to send."""
        self._lock = threading.Lock()  # a thread of the parent may hold the old one; held for memory work only
        self._declaration = dataclasses.replace(self._declaration, since=since)
        self._pending: dict[int, list[int]] = {}
        self._earliest: int | None = None
        self._newest: int | None = None
        self._since: float | None = None  # when the oldest pending event was added, by the monotonic clock
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
        with self._lock:
            counts = self._pending.setdefault(second, [0, 0])
            counts[0] += good
            counts[1] += bad
            if self._earliest is None or second < self._earliest:
                self._earliest = second
            if self._newest is None or second > self._newest:
                self._newest = second
            if self._since is None:
                self._since = now
            if len(self._pending) > _SECONDS_BEFORE_MERGE:
                self._merge()

    def _merge(self) -> None:
        """Merge old seconds, which the store merges too: memory is bounded, however long an outage lasts."""
        assert self._newest is not None
        keeps = self._declaration.keeps_seconds
        first = [kept_from(width, newest=self._newest, keeps_seconds=keeps) * width for width in WIDTHS[:3]]
        merged: dict[int, list[int]] = {}
        for second, (good, bad) in self._pending.items():
            width = WIDTHS[0] if second >= first[0] else WIDTHS[1] if second >= first[1] else WIDTHS[2]
            # Beyond everything kept, one bucket is as good as another: the store drops and counts it.
            start = second // width * width if second >= first[2] else (first[2] - 1) // WIDTHS[2] * WIDTHS[2]
            counts = merged.setdefault(start, [0, 0])
            counts[0] += good
            counts[1] += bad
        self._pending = merged

    @property
    def oldest_since(self) -> float | None:
        """When the oldest event that the store has not confirmed was added, by the monotonic clock."""
        return self._sent if self._sent is not None else self._since

    @property
    def waiting(self) -> int:
        """How many events the store has not confirmed."""
        with self._lock:
            pending = sum(good + bad for good, bad in self._pending.values())
        # A copy: another thread may confirm one meanwhile.
        return pending + sum(batch.good + batch.bad for batch in tuple(self._unconfirmed))

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
        with self._lock:
            if not (self._pending or self._declare or self._dropped or errors):
                return None
            earliest, newest = self._earliest, self._newest
            first = self._first_kept(now.wall)
            taken = self._take(first)
            self._sent = self._since
            if not self._pending:
                self._earliest = self._newest = self._since = None
            elif earliest is not None:
                self._earliest = max(earliest, min(self._pending))
            self.has_rest = bool(self._pending)
            dropped, self._dropped = self._dropped, 0
        batch = Batch(
            writer=self._writer,
            slo=self._slo,
            number=self._number + 1,
            increments=spread([(second, good, bad) for second, (good, bad) in taken.items()], first=first),
            good=sum([good for good, _ in taken.values()]),
            bad=sum([bad for _, bad in taken.values()]),
            earliest=earliest,
            # Of the rest too: what the store keeps is seen from the newest event.
            newest=newest,
            dropped=dropped,
            errors=errors,
            declaration=self._declaration if self._declare else None,
        )
        self._number += 1
        self._declare = False
        self._frozen_at = now
        self._unconfirmed.append(batch)
        return batch

    def _first_kept(self, wall: float) -> dict[int, int]:
        """From where on the finer buckets are of use: after an outage most of them are too old to be kept."""
        earliest, newest = self._earliest, self._newest
        if earliest is None or newest is None or newest - earliest <= HOUR:
            return {}
        # An event from a clock that was ahead for a while does not make all others old.
        reference = min(newest, math.floor(wall) + FUTURE_TOLERANCE_SECONDS)
        keeps = self._declaration.keeps_seconds
        return {width: kept_from(width, newest=reference, keeps_seconds=keeps) for width in WIDTHS[:2]}

    def _take(self, first: dict[int, int]) -> dict[int, list[int]]:
        """As many of the pending seconds as fit into a batch; the caller holds the lock."""
        pending = self._pending
        if len(pending) * len(WIDTHS) <= MOST_INCREMENTS:
            self._pending = {}
            return pending
        seconds = sorted(pending)
        taken = seconds[: cut_to_fit(seconds, first=first, increments=MOST_INCREMENTS)]
        return {second: pending.pop(second) for second in taken}

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
