"""The slots of a spool: each counts the events of one thread, SLO and second at a time."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence

from slo_core.objectives.window import LATEST_TIME
from slo_core.stores.spool.entries import MOST_SLOS, Settle, SpoolDamageError
from slo_core.stores.spool.file_layout import SLOT_WORDS, Area, Cells, SpoolMemory, slot_area
from slo_core.stores.spool.state import SlotTag, SpoolState, fresh_events

__all__ = ["BAD", "GOOD", "Slot", "SpoolSlots", "unsettled"]

# Words of a slot.
TAG, SECOND, GOOD, BAD = range(SLOT_WORDS)


class Slot:
    """
    One slot, which its own thread writes.

    Its totals only grow, whatever it counts. It counts something else only after all of them are in the log.

    Args:
        number: Of the slot.
        cells: Its words.

    Attributes:
        number: Of the slot.
        cells: Its words; `cells[GOOD] += 1` counts a good event.
    """

    __slots__ = ("cells", "number")

    def __init__(self, number: int, cells: Cells) -> None:
        self.number = number
        self.cells = cells

    def begin(self, slo: int, second: int, *, is_live: bool = True) -> None:
        """Count other events from now on. All of those before must be in the log."""
        self.cells[TAG] = SlotTag(slo, is_live).word
        self.cells[SECOND] = second

    def settle(self) -> Settle:
        """The entry that says what it holds now. Its thread may go on counting."""
        return _settle_of(self.number, self.cells[0:SLOT_WORDS])


def _settle_of(number: int, words: Sequence[int]) -> Settle:
    tag = SlotTag.of(words[TAG])
    return Settle(number, tag.slo, words[SECOND], words[GOOD], words[BAD], tag.is_live)


class SpoolSlots:
    """
    All slots of a file that its own process counts in.

    Any thread or signal handler may take one at any moment, and no two get the same.

    Args:
        memory: The file.
    """

    __slots__ = ("_count", "_free", "_memory", "_segments")

    def __init__(self, memory: SpoolMemory) -> None:
        self._memory = memory
        self._free: deque[Slot] = deque()
        self._segments = self._count = 0
        self.extend()

    def extend(self) -> None:
        """Use the slots of segments that have been added."""
        while self._segments < self._memory.segment_count:
            area = slot_area(self._segments)
            for start in range(area.start, area.start + area.size, SLOT_WORDS):
                cells = self._memory.cells(Area(self._segments, start, SLOT_WORDS))
                self._free.append(Slot(self._count, cells))
                self._count += 1
            self._segments += 1

    def take(self) -> Slot | None:
        """A slot of which all events are in the log; None where none is free."""
        try:
            return self._free.popleft()
        except IndexError:
            return None

    def give_back(self, slot: Slot) -> None:
        """Nobody counts in the slot any more, and all of its events are in the log."""
        self._free.append(slot)


def unsettled(memory: SpoolMemory, state: SpoolState) -> tuple[list[Settle], list[str]]:
    """
    What the slots of a dead process hold beyond its log.

    Args:
        memory: Its file. It may hold anything.
        state: What its log says.

    Returns:
        An entry for each slot with events that are not in the log; and what is wrong with slots that hold nonsense.
    """
    fresh: list[Settle] = []
    damage: list[str] = []
    number = 0
    for segment in range(memory.segment_count):
        area = slot_area(segment)
        words = array("q", memory.cells(area)[: area.size])
        for at in range(0, area.size, SLOT_WORDS):
            baseline = state.baselines.get(number, (0, 0))
            if (words[at + GOOD], words[at + BAD]) != baseline:
                entry = _settle_of(number, words[at : at + SLOT_WORDS])
                trouble = _trouble(entry, baseline, state)
                if trouble is None:
                    fresh.append(entry)
                else:
                    damage.append(f"slot {number}: {trouble}")
            number += 1
    return fresh, damage


def _trouble(entry: Settle, baseline: tuple[int, int], state: SpoolState) -> str | None:
    if not 0 <= entry.slo <= MOST_SLOS or entry.slo not in state.slos:
        return f"SLO number {entry.slo} was never declared"
    if not 0 <= entry.second <= LATEST_TIME:
        return f"it counts in second {entry.second}"
    try:
        fresh_events(entry, baseline)
    except SpoolDamageError as exc:
        return str(exc)
    return None
