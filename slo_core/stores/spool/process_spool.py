"""The spool of the running process: what it counts is in a file before it is anywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from slo_core.process.arrivals import Arrivals
from slo_core.stores.buckets import Batch, Declaration, Note
from slo_core.stores.spool.entries import MOST_SLOS, Confirm, Counted, Declare, Drop, Entry, Freeze, Frozen, Spoke
from slo_core.stores.spool.file_layout import HEADER_WORDS, MAGIC, Area, SpoolMemory
from slo_core.stores.spool.header import SpoolHeader, write_header
from slo_core.stores.spool.log import SpoolLog
from slo_core.stores.spool.slots import Slot, SpoolSlots

__all__ = ["ProcessSpool"]


class ProcessSpool:
    """
    What one process writes into its own file.

    Any thread may call it, and a signal handler that interrupts any of its methods. Where the file fails, it is made to hold
    nothing, and the process goes on without it: `is_up` is False from then on.

    Args:
        memory: A file of zeros.
        header: Whose it is.

    Attributes:
        is_up: The file takes what is written.
        trouble: Why it does not; empty while it does.
    """

    __slots__ = ("__weakref__", "_arrivals", "_log", "_memory", "_numbers", "_slots", "is_up", "trouble")

    def __init__(self, memory: SpoolMemory, header: SpoolHeader) -> None:
        self._memory = memory
        write_header(memory, header)
        self._log = SpoolLog(memory)
        self._slots = SpoolSlots(memory)
        self._numbers: dict[str, int] = {}
        self._arrivals = Arrivals(self._write)
        self.is_up = True
        self.trouble = ""

    def _write(self, arrival: tuple[tuple[Entry, ...], tuple[Slot, ...], tuple[Slot, ...]]) -> None:
        """Append entries, and those of slots as they are now; slots that nobody counts in any more are free then."""
        entries, busy, left = arrival
        if not self.is_up:
            return
        try:
            settled = [slot.settle() for slot in (*left, *busy)]
            self._log.append(*settled, *entries)
            for slot in left:
                self._slots.give_back(slot)
            self._slots.extend()
        except Exception as exc:  # the disk is full, the folder is gone, something does not fit
            self._abandon(f"{type(exc).__name__}: {exc}")

    def _abandon(self, trouble: str) -> None:
        self.is_up, self.trouble = False, trouble
        self._memory.cells(Area(0, 0, HEADER_WORDS))[MAGIC] = 0

    def _commit(self, *entries: Entry) -> bool:
        """Append entries; False where that cannot be now, because a signal handler has interrupted another append."""
        with self._arrivals:
            if self._arrivals.is_nested:
                return False
            self._write((entries, (), ()))
        return True

    def declare(self, name: str, declaration: Declaration) -> int | None:
        """
        The number of an SLO in this file; None where it cannot be declared now.

        Args:
            name: Name of the SLO.
            declaration: As the store gets it.
        """
        with self._arrivals:
            if self._arrivals.is_nested or not self.is_up or len(self._numbers) >= MOST_SLOS:
                return None
            number = self._numbers.get(name)
            if number is None:
                number = len(self._numbers)
                about = declaration.definition, declaration.fingerprint, declaration.keeps_seconds, declaration.since
                self._write(((Declare(number, name, *about),), (), ()))
                if not self.is_up:
                    return None
                self._numbers[name] = number
            return number

    def take_slot(self, slo: int, second: int, *, is_live: bool = True) -> Slot | None:
        """
        A slot for the events of one SLO and second, which nobody else counts in; None where there is none.

        Never waits.
        """
        slot = self._slots.take() if self.is_up else None
        if slot is not None:
            slot.begin(slo, second, is_live=is_live)
        return slot

    def settle(self, busy: Sequence[Slot] = (), left: Sequence[Slot] = ()) -> None:
        """
        Write down what slots hold; never waits.

        Args:
            busy: Slots whose threads go on counting in them.
            left: Slots that nobody counts in any more: others may take them.
        """
        if busy or left:
            self._arrivals.add(((), tuple(busy), tuple(left)))

    def freeze(self, batch: Batch, counted: Counted, *, slo: int, at: float, store_id: str, known: Note) -> bool:
        """
        Write down a batch before it is sent first; False where that cannot be now: then it must not be sent.

        All of its events must have been settled.

        Args:
            batch: The batch.
            counted: Its events by second.
            slo: Number of the SLO.
            at: Seconds since the epoch.
            store_id: Of the store that it goes to; empty where that is not known.
            known: What the store has answered last about the SLO and this writer.
        """
        return self._commit(Freeze(*_fields(batch, counted, slo=slo, at=at, store_id=store_id, known=known)))

    def confirm(self, slo: int, writer: str, number: int) -> bool:
        """The store has a batch; False where that cannot be written down now."""
        return self._commit(Confirm(slo, writer, number))

    def replace(
        self,
        slo: int,
        before: Iterable[Batch],
        after: Iterable[tuple[Batch, Counted]],
        *,
        at: float,
        store_id: str,
        known: Note,
    ) -> bool:
        """
        Batches go on under other numbers, or are given up.

        Args:
            slo: Number of the SLO.
            before: All that were frozen.
            after: Those that go on, with their events.
            at: As for `freeze`.
            store_id: As for `freeze`.
            known: As for `freeze`.
        """
        drops = [Drop(slo, batch.writer, batch.number, is_counted=False) for batch in before]
        again = [
            Frozen(*_fields(batch, counted, slo=slo, at=at, store_id=store_id, known=known)) for batch, counted in after
        ]
        return self._commit(*drops, *again)

    def spoke_to(self, store_id: str) -> bool:
        """The store has answered."""
        return self._commit(Spoke(store_id))

    def compact(self) -> None:
        """Make the log as short as can be."""
        with self._arrivals:
            if self.is_up and not self._arrivals.is_nested:
                self._log.compact()

    @property
    def waiting(self) -> int:
        """How many events the file says that the store has not; those not settled yet are not among them."""
        with self._arrivals:
            return self._log.state().waiting if self.is_up else 0


def _fields(
    batch: Batch, counted: Counted, *, slo: int, at: float, store_id: str, known: Note
) -> tuple[int, str, int, str, float, str, str, int, float, int, int, int, bool, Counted]:
    newest = -1 if batch.newest is None else batch.newest
    return (
        slo, batch.writer, batch.number, batch.nonce, at, store_id, known.generation, known.swept, known.swept_at,
        batch.dropped, batch.errors, newest, batch.is_live, counted,
    )  # fmt: skip
