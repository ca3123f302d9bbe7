"""Hands over to the store what a dead process has left in its spool, each event once."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS, HOUR
from slo_core.stores.buckets import Applied, Batch, Declaration, Note
from slo_core.stores.layout import NOTES_KEPT_SECONDS, WIDTHS, kept_from
from slo_core.stores.shared.outbox import MOST_INCREMENTS
from slo_core.stores.shared.packed_increments import increments_of
from slo_core.stores.shared.pending_events import PendingEvents
from slo_core.stores.shared.writer_id import writer_from
from slo_core.stores.spool.entries import Confirm, Drop, Entry, Freeze, Frozen, Spoke
from slo_core.stores.spool.file_layout import SpoolMemory
from slo_core.stores.spool.header import read_header
from slo_core.stores.spool.log import SpoolLog
from slo_core.stores.spool.slots import unsettled
from slo_core.stores.spool.state import SpooledSLO, events_of

__all__ = ["Adopted", "Adoption", "batch_of"]

# The store may have forgotten whether it has a batch that is older.
_GIVEN_UP_SECONDS = NOTES_KEPT_SECONDS / 2

# A number that no writer reaches: the store answers what it has noted, and adds nothing.
_ASKING = 2**40

# A store that refuses batches under one writer after the other is asked again later.
_MOST_RENUMBERED = 8


@dataclass(slots=True)
class Adopted:
    """
    What has become of a spool.

    Attributes:
        is_empty: Nothing is left in it: the file can go.
        events: Events that the store has now.
        dropped: Events that were given up; they count as dropped.
        damage: What is wrong with parts of the file that were left out, fit for a log.
    """

    is_empty: bool = False
    events: int = 0
    dropped: int = 0
    damage: list[str] = field(default_factory=list)


class Adoption:
    """
    The spool of a dead process, of which the calling process is the owner now.

    Every step is in the file before it is taken: another process may go on after any of them.

    Args:
        memory: The file.
        apply: `BucketStore.apply`.
        now: Seconds since the epoch.

    Raises:
        NewerSpoolError: A newer version has written the file.
        SpoolDamageError: The file cannot be read.
    """

    __slots__ = ("_adopted", "_apply", "_log", "_memory", "_now", "_own", "_state", "_writer")

    def __init__(self, memory: SpoolMemory, apply: Callable[[Sequence[Batch]], Applied], *, now: float) -> None:
        self._memory = memory
        self._apply = apply
        self._now = now
        self._adopted = Adopted()
        self._own: set[tuple[int, str]] = set()  # SLO and writer of batches that were frozen here
        header = read_header(memory)
        if header is not None:
            self._writer = header.writer
            self._log = SpoolLog(memory)
            self._state = self._log.state()
        self._adopted.is_empty = header is None

    def run(self) -> Adopted:
        """
        Hand everything over. What the store refuses for now stays in the file.

        Raises:
            SpoolFullError: The file cannot take the next step; it holds what it held.
            StoreError: The store is out of reach. It may raise anything.
        """
        if self._adopted.is_empty:
            return self._adopted
        fresh, self._adopted.damage = unsettled(self._memory, self._state)
        if fresh:
            self._append(*fresh)
        for number, slo in self._state.slos.items():
            if slo.waiting or slo.dropped:
                self._hand_over(number, slo)
        self._adopted.is_empty = not any(slo.waiting or slo.dropped for slo in self._state.slos.values())
        return self._adopted

    def _append(self, *entries: Entry) -> None:
        self._log.append(*entries)
        for entry in entries:
            self._state.apply(entry)

    def _hand_over(self, number: int, slo: SpooledSLO) -> None:
        renumbered = 0
        if self._ask(slo) is None:  # for the sake of the declaration, and of `Applied.identity`
            return
        while renumbered < _MOST_RENUMBERED:
            if slo.frozen:
                before = slo.frozen[0]
                if not self._send(number, slo, before):
                    return
                renumbered += bool(slo.frozen) and slo.frozen[-1].nonce == before.nonce
            elif not (slo.pending or slo.dropped) or not self._freeze(number, slo):
                return

    def _ask(self, slo: SpooledSLO, writer: str | None = None) -> Note | None:
        """What the store knows of an SLO and a writer; the SLO is declared to it where it knows none."""
        declared = slo.declared
        writer = writer or self._writer
        applied = self._applied(Batch(writer, declared.name, _ASKING))
        note = applied.notes[0]
        if note is not None and not note.generation:
            declaration = Declaration(declared.definition, declared.fingerprint, declared.keeps_seconds, declared.since)
            applied = self._applied(Batch(writer, declared.name, 0, declaration=declaration))
            note = applied.notes[0]
        return None if note is None else note._replace(swept_at=applied.now)

    def _applied(self, batch: Batch) -> Applied:
        """The store's answer to a batch. Another store gets nothing that may be in the one before."""
        applied = self._apply((batch,))
        store_id = applied.identity.store_id
        if store_id != self._state.store_id:
            drops = [
                Drop(number, frozen.writer, frozen.number, is_counted=False)
                for number, slo in self._state.slos.items()
                for frozen in slo.frozen
                if (frozen.store_id or self._state.store_id or store_id) != store_id
            ]
            self._append(*drops, Spoke(store_id))
        return applied

    def _freeze(self, number: int, slo: SpooledSLO) -> bool:
        """
        Make a batch of what is pending, under a writer of its own: what the store has forgotten of others does not matter.

        Copies of one file make the same batches: they count once.
        """
        events = PendingEvents(slo.declared.keeps_seconds)
        for second in sorted(slo.pending):
            events.add(second, *slo.pending[second], now=0.0, live=slo.is_live)
        taken = events.take(MOST_INCREMENTS, now=self._now)
        counted = tuple(taken.counted)
        nonce = self._nonce(slo, counted)
        writer = writer_from(nonce)
        known = self._ask(slo, writer)
        if known is None:
            return False
        self._append(
            Freeze(
                number, writer, 1, nonce, self._now, self._state.store_id, known.generation, known.swept, known.swept_at,
                slo.dropped, 0, -1 if taken.newest is None else taken.newest, taken.is_live, counted,
            )
        )  # fmt: skip
        self._own.add((number, writer))
        return True

    def _nonce(self, slo: SpooledSLO, counted: Sequence[tuple[int, int, int]]) -> str:
        digest = hashlib.sha256(f"{self._writer} {slo.declared.name} {slo.frozen_count} {slo.dropped} ".encode())
        digest.update(array("q", chain.from_iterable(counted)).tobytes())
        return digest.hexdigest()[:16]

    def _send(self, number: int, slo: SpooledSLO, frozen: Frozen) -> bool:
        """Send the first batch; whether the next may follow."""
        if self._now - frozen.at > _GIVEN_UP_SECONDS:
            self._drop(number, frozen)
            return True
        note = self._applied(batch_of(frozen, slo, now=self._now)).notes[0]
        if frozen not in slo.frozen:  # it was another store's
            return True
        if note is None:
            return False
        if _is_noted(frozen, note):
            self._append(Confirm(number, frozen.writer, frozen.number))
            self._adopted.events += events_of(frozen)
            return True
        if not self._is_certainly_missing(number, frozen, note):
            self._drop(number, frozen)
            return True
        return self._renumber(number, slo, frozen)

    def _is_certainly_missing(self, number: int, frozen: Frozen, note: Note) -> bool:
        """Whether the store cannot have the batch, which it has just left."""
        if note.number > frozen.number:
            return False  # this process, or a copy of it, has gone on
        if note.number or (number, frozen.writer) in self._own:
            # A lower number is noted; or the same, of a batch that a copy of the process has made.
            return True
        # Without a note: the record is another one, or none that was ever removed can have been this writer's.
        return bool(frozen.generation) and (note.generation != frozen.generation or note.swept <= frozen.swept)

    def _renumber(self, number: int, slo: SpooledSLO, frozen: Frozen) -> bool:
        """Have it sent as batch 1 of another writer, which has sent nothing before; whether that can be."""
        writer = writer_from(frozen.nonce)
        if writer == frozen.writer:
            writer = writer_from(f"{frozen.nonce} {writer}")
        known = self._ask(slo, writer)
        if known is None or frozen not in slo.frozen:
            return False
        again = frozen._replace(
            writer=writer, number=1, generation=known.generation, swept=known.swept, swept_at=known.swept_at
        )
        self._append(Drop(number, frozen.writer, frozen.number, is_counted=False), again)
        self._own.add((number, writer))
        return True

    def _drop(self, number: int, frozen: Frozen) -> None:
        self._append(Drop(number, frozen.writer, frozen.number, is_counted=True))
        self._adopted.dropped += events_of(frozen)


def _is_noted(frozen: Frozen, note: Note) -> bool:
    """Whether the store has the batch."""
    if note.number == frozen.number:
        return note.nonce in ("", frozen.nonce)
    # A writer made from the nonce of its first batch: whoever has begun under it began with that batch.
    return note.number > frozen.number == 1 and frozen.writer == writer_from(frozen.nonce)


def batch_of(frozen: Frozen, slo: SpooledSLO, *, now: float) -> Batch:
    """
    The batch that was frozen, without the causes of its events, which have died with the process.

    Args:
        frozen: As it stands in the log.
        slo: Its SLO.
        now: Seconds since the epoch.
    """
    counted = sorted(frozen.counted)
    after = None
    if frozen.number == 1 and frozen.generation:
        after = Note(generation=frozen.generation, swept=frozen.swept, swept_at=frozen.swept_at)
    return Batch(
        frozen.writer, slo.declared.name, frozen.number, frozen.nonce,
        increments_of(counted, first=_first_kept(frozen, slo, now=now)),
        sum(good for _, good, _ in counted), sum(bad for _, _, bad in counted),
        counted[0][0] if counted else None, None if frozen.newest < 0 else frozen.newest,
        frozen.dropped, frozen.errors, None, after, frozen.is_live,
    )  # fmt: skip


def _first_kept(frozen: Frozen, slo: SpooledSLO, *, now: float) -> dict[int, int]:
    """From where on the finer buckets are of use, as in `PendingEvents`."""
    if not frozen.counted or frozen.newest - min(frozen.counted)[0] <= HOUR:
        return {}
    newest = min(frozen.newest, math.floor(now) + FUTURE_TOLERANCE_SECONDS)
    return {width: kept_from(width, newest=newest, keeps_seconds=slo.declared.keeps_seconds) for width in WIDTHS[:2]}
