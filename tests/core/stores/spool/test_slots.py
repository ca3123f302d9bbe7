"""Slots count, one thread each, and what they hold beyond the log is found."""

from __future__ import annotations

from slo_core.stores.spool.entries import Baseline, Declare, Settle
from slo_core.stores.spool.file_layout import slot_count
from slo_core.stores.spool.slots import BAD, GOOD, SpoolSlots, unsettled
from slo_core.stores.spool.state import SpoolState
from spool_memory import NotedMemory

ORDERS = Declare(0, "orders", "{}", "f", 3600, 900.0)


def test_no_two_get_the_same_slot() -> None:
    """Until all are taken; a segment more brings more."""
    memory = NotedMemory()
    slots = SpoolSlots(memory)
    taken = []
    while (slot := slots.take()) is not None:
        taken.append(slot)
    memory.grow()
    slots.extend()
    while (slot := slots.take()) is not None:
        taken.append(slot)
    for slot in taken:
        slot.cells[GOOD] = slot.number + 1

    assert [slot.number for slot in taken] == list(range(slot_count(2)))
    assert [slot.cells[GOOD] for slot in taken] == [slot.number + 1 for slot in taken]
    slots.give_back(taken[5])
    assert slots.take() is taken[5]


def test_what_is_not_in_the_log_is_found() -> None:
    """Of the slots that hold more than the log says."""
    memory = NotedMemory()
    slots = SpoolSlots(memory)
    for good, bad in ((5, 1), (7, 0), (0, 0), (2, 2)):
        slot = slots.take()
        assert slot is not None
        slot.begin(0, 995, is_live=good != 2)
        slot.cells[GOOD], slot.cells[BAD] = good, bad

    fresh, damage = unsettled(memory, SpoolState([ORDERS, Baseline(0, 5, 1), Baseline(1, 6, 0)]))

    assert fresh == [Settle(1, 0, 995, 7, 0), Settle(3, 0, 995, 2, 2, is_live=False)]
    assert damage == []


def test_slots_may_hold_anything() -> None:
    """Each is told of, and none is taken."""
    memory = NotedMemory()
    slots = SpoolSlots(memory)
    for words in ((0, 1, -1, 0), (9, 1, 1, 0), (0, -5, 1, 0), (0, 2**50, 1, 0), (0, 1, 2**60, 0), (-1, 1, 1, 1)):
        slot = slots.take()
        assert slot is not None
        for index, word in enumerate(words):
            slot.cells[index] = word

    fresh, damage = unsettled(memory, SpoolState([ORDERS]))

    assert (fresh, len(damage)) == ([], 6)
