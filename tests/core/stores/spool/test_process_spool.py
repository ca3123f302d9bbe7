"""A process writes into its spool from any thread, and never breaks by it."""

from __future__ import annotations

from slo_core.stores.buckets import Batch, Declaration, Note
from slo_core.stores.spool.adoption import Adoption
from slo_core.stores.spool.header import SpoolHeader
from slo_core.stores.spool.process_spool import ProcessSpool
from slo_core.stores.spool.slots import GOOD
from spool_memory import ModelStore, NotedMemory

DECLARATION = Declaration("{}", "f", 3600, 900.0)


def a_spool(**options: int) -> tuple[NotedMemory, ProcessSpool]:
    memory = NotedMemory(**options)
    return memory, ProcessSpool(memory, SpoolHeader("a" * 32, 1000))


def test_an_slo_is_declared_once() -> None:
    """It keeps its number."""
    _, spool = a_spool()

    assert [spool.declare(name, DECLARATION) for name in ("a", "b", "a")] == [0, 1, 0]


def test_where_the_file_fails_it_holds_nothing() -> None:
    """Events that the process hands over itself from then on are in no spool: no heir counts them again."""
    memory, spool = a_spool(most_segments=1)
    number = spool.declare("orders", DECLARATION)
    assert number == 0
    second = 0
    while spool.is_up and second < 1000:
        second += 1
        slot = spool.take_slot(number, second)
        if slot is None:
            break
        slot.cells[GOOD] += 1
        spool.settle(left=[slot])

    assert (spool.is_up, "SpoolFullError" in spool.trouble) == (False, True)
    assert spool.take_slot(number, 1) is None
    assert spool.declare("another", DECLARATION) is None
    assert Adoption(memory, ModelStore().apply, now=1000.0).run().is_empty
    assert spool.waiting == 0


def test_a_slot_is_free_only_when_its_events_are_in_the_log() -> None:
    """Another thread would count other events in it."""
    memory, spool = a_spool()
    assert spool.declare("orders", DECLARATION) == 0
    slots = []
    while (slot := spool.take_slot(0, 1)) is not None:
        slots.append(slot)
    slots[5].cells[GOOD] += 7
    taken: list[tuple[bool, int]] = []

    def another_thread(*_: int) -> None:
        if not taken:
            slot = spool.take_slot(0, 2)
            if slot is not None:
                taken.append((slot is slots[5], spool._log.state().waiting))

    memory.on_store = another_thread
    spool.settle(left=[slots[5]])
    another_thread()

    assert taken == [(True, 7)]


def test_a_signal_handler_waits_for_nothing() -> None:
    """It interrupts an append: its own settling is done after it, a batch is not frozen, and the order is kept."""
    memory, spool = a_spool()
    number = spool.declare("orders", DECLARATION)
    assert number == 0
    first, second = spool.take_slot(0, 1), spool.take_slot(0, 2)
    assert first is not None
    assert second is not None
    first.cells[GOOD] += 1
    second.cells[GOOD] += 5
    answers: list[object] = []

    def handler(*_: int) -> None:
        memory.on_store = lambda *_: None
        spool.settle(busy=[second])
        answers.append(spool.declare("another", DECLARATION))
        batch = Batch("a" * 32, "orders", 1, "b" * 16, good=6)
        counted = ((1, 1, 0), (2, 5, 0))
        answers.append(spool.freeze(batch, counted, slo=0, at=1.0, store_id="", known=Note()))

    memory.on_store = handler
    spool.settle(left=[first])

    assert answers == [None, False]
    assert spool.is_up
    assert spool.waiting == 6
