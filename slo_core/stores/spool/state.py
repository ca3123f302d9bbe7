"""What a spool holds: the log from its beginning to its end, and what the slots hold beyond it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from slo_core.objectives.window import DAY, HOUR, QUARTER_HOUR
from slo_core.stores.spool.entries import (
    MOST_EVENTS,
    Baseline,
    Confirm,
    Counted,
    Declare,
    Drop,
    Entry,
    Freeze,
    Frozen,
    Pending,
    Settle,
    Spoke,
    SpoolDamageError,
)

__all__ = ["SlotTag", "SpoolState", "SpooledSLO"]


# So few are not worth merging.
_FEW_SECONDS = 256

_MINUTE = 60


class SlotTag(NamedTuple):
    """
    The first word of a slot: whose events it counts.

    Attributes:
        slo: Number of the SLO.
        is_live: They are counted when they happen.
    """

    slo: int
    is_live: bool

    @property
    def word(self) -> int:
        """The word."""
        return self.slo << 1 | self.is_live

    @classmethod
    def of(cls, word: int) -> SlotTag:
        """From the word, which may be anything."""
        return cls(word >> 1, bool(word & 1))


@dataclass(slots=True)
class SpooledSLO:
    """
    One SLO in a spool.

    Attributes:
        declared: As it was declared last.
        frozen_count: How many batches of it were ever frozen.
        dropped: Events that were given up, and that the store has not been told of.
        is_live: Whether all pending events were counted when they happened.
        pending: By second, the good and bad events that no batch holds.
        frozen: The batches that the store has not confirmed, in the order in which they are sent.
    """

    declared: Declare
    frozen_count: int = 0
    dropped: int = 0
    is_live: bool = True
    pending: dict[int, tuple[int, int]] = field(default_factory=dict)
    frozen: list[Frozen] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        """How many events the store has not confirmed."""
        return sum(good + bad for good, bad in self.pending.values()) + sum(map(events_of, self.frozen))

    def add(self, second: int, good: int, bad: int) -> None:
        """More events are pending."""
        before_good, before_bad = self.pending.get(second, (0, 0))
        self.pending[second] = before_good + good, before_bad + bad

    def take(self, counted: Counted) -> None:
        """
        The events of a batch are pending no more.

        Raises:
            SpoolDamageError: The batch holds more events than are pending.
        """
        for second, good, bad in counted:
            self._take(second, good, bad)
        if not self.pending:
            self.is_live = True

    def _take(self, second: int, good: int, bad: int) -> None:
        there = self.pending.get(second, (0, 0))
        if there == (good, bad):
            self.pending.pop(second, None)
            return
        # A batch may hold old seconds as one, under the first of them. Those that it was made of follow.
        for each in [second, *sorted(self.pending, key=lambda other: (other < second, other))]:
            if not (good or bad):
                return
            there_good, there_bad = self.pending.pop(each, (0, 0))
            left = max(0, there_good - good), max(0, there_bad - bad)
            good, bad = max(0, good - there_good), max(0, bad - there_bad)
            if any(left):
                self.pending[each] = left
        if good or bad:
            raise SpoolDamageError(f"a batch of SLO {self.declared.name!r} holds events that were never counted")


class SpoolState:
    """
    What follows from the entries of a log, in their order.

    Args:
        entries: The entries.

    Attributes:
        slos: By number.
        baselines: By the number of a slot, the totals up to which everything is in the log.
        store_id: Of the store that was spoken to last; empty before.

    Raises:
        SpoolDamageError: They do not fit together.
    """

    __slots__ = ("baselines", "slos", "store_id")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.slos: dict[int, SpooledSLO] = {}
        self.baselines: dict[int, tuple[int, int]] = {}
        self.store_id = ""
        for entry in entries:
            self.apply(entry)

    @property
    def waiting(self) -> int:
        """How many events the store has not confirmed; those that the slots hold beyond the log are not among them."""
        return sum(slo.waiting for slo in self.slos.values())

    def apply(self, entry: Entry) -> None:
        """
        One more entry.

        Raises:
            SpoolDamageError: It does not fit those before it.
        """
        match entry:
            case Settle():
                self._settle(entry)
            case Freeze():
                slo = self._slo(entry.slo)
                slo.take(entry.counted)
                slo.dropped = max(0, slo.dropped - entry.dropped)
                slo.frozen_count += 1
                slo.frozen.append(Frozen(*entry))
            case Frozen():
                self._slo(entry.slo).frozen.append(entry)
            case Confirm() | Drop():
                self._end_batch(entry)
            case Baseline():
                self.baselines[entry.slot] = entry.good, entry.bad
            case Pending():
                self._slo(entry.slo).add(entry.second, entry.good, entry.bad)
            case Declare():
                self._declare(entry)
            case Spoke():
                self.store_id = entry.store_id

    def _slo(self, number: int) -> SpooledSLO:
        slo = self.slos.get(number)
        if slo is None:
            raise SpoolDamageError(f"SLO number {number} was never declared")
        return slo

    def _declare(self, entry: Declare) -> None:
        slo = self.slos.get(entry.slo)
        if slo is None:
            self.slos[entry.slo] = SpooledSLO(entry, entry.frozen_count, entry.dropped, entry.is_live)
        else:
            slo.declared = entry

    def _settle(self, entry: Settle) -> None:
        slo = self._slo(entry.slo)
        fresh = fresh_events(entry, self.baselines.get(entry.slot, (0, 0)))
        self.baselines[entry.slot] = entry.good, entry.bad
        if any(fresh):
            slo.add(entry.second, *fresh)
            slo.is_live = slo.is_live and entry.is_live

    def _end_batch(self, entry: Confirm | Drop) -> None:
        slo = self._slo(entry.slo)
        for index, batch in enumerate(slo.frozen):
            if (batch.writer, batch.number) == (entry.writer, entry.number):
                del slo.frozen[index]
                if isinstance(entry, Drop) and entry.is_counted:
                    slo.dropped += events_of(batch) + batch.dropped
                return
        raise SpoolDamageError(f"batch {entry.number} of SLO {slo.declared.name!r} was never frozen")

    def entries(self) -> Iterator[Entry]:
        """The shortest log that says the same."""
        if self.store_id:
            yield Spoke(self.store_id)
        for number, slo in self.slos.items():
            yield slo.declared._replace(frozen_count=slo.frozen_count, dropped=slo.dropped, is_live=slo.is_live)
            for second, (good, bad) in _merged(slo.pending).items():
                yield Pending(number, second, good, bad)
            yield from slo.frozen
        for slot, totals in self.baselines.items():
            if any(totals):
                yield Baseline(slot, *totals)


def _merged(pending: dict[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """The same events; old seconds are one, as in the store."""
    if len(pending) <= _FEW_SECONDS:
        return pending
    newest = max(pending)
    merged: dict[int, tuple[int, int]] = {}
    for second, (good, bad) in pending.items():
        age = newest - second
        width = 1 if age < HOUR + _MINUTE else _MINUTE if age < 2 * DAY else QUARTER_HOUR
        start = second // width * width
        before_good, before_bad = merged.get(start, (0, 0))
        merged[start] = before_good + good, before_bad + bad
    return merged


def fresh_events(entry: Settle, baseline: tuple[int, int]) -> tuple[int, int]:
    """
    What a slot has grown by.

    Raises:
        SpoolDamageError: It has shrunk.
    """
    good, bad = entry.good - baseline[0], entry.bad - baseline[1]
    if good < 0 or bad < 0 or entry.good > MOST_EVENTS or entry.bad > MOST_EVENTS:
        raise SpoolDamageError(f"slot {entry.slot} holds {entry.good} and {entry.bad} events, after {baseline}")
    return good, bad


def events_of(batch: Frozen) -> int:
    """How many events a batch holds."""
    return sum(good + bad for _, good, bad in batch.counted)
