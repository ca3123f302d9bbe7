"""Whatever store of a word was a process's last, another process hands over exactly what it had counted."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest

from slo_core.errors import StoreError
from slo_core.stores.buckets import Batch, Declaration, Note
from slo_core.stores.layout import spread
from slo_core.stores.shared.writer_id import writer_from
from slo_core.stores.spool.adoption import Adopted, Adoption
from slo_core.stores.spool.entries import Pending
from slo_core.stores.spool.file_layout import COMMIT
from slo_core.stores.spool.header import SpoolHeader
from slo_core.stores.spool.process_spool import ProcessSpool
from slo_core.stores.spool.slots import BAD, GOOD, Slot
from spool_memory import ModelStore, NotedMemory

WRITER = "0123456789abcdef" * 2
NOW = 1000.0
SLOS = ("orders", "search")


class Journal:
    """Everything that happens to a file and a store, in order, so that each prefix can be made again."""

    def __init__(self, memory: NotedMemory, store: ModelStore) -> None:
        self.start = memory.copy(), store.copy()
        self.steps: list[tuple[Any, ...]] = []
        self.first = 0  # step from which on it becomes interesting
        self.counting: tuple[str, int, int] | None = None
        self.after_store: Callable[[], None] = lambda: None
        memory.on_store = self._stored
        memory.on_grow = lambda: self.steps.append(("grow",))
        store.on_apply = lambda batches: self.steps.append(("apply", tuple(batches)))

    def switches(self) -> list[int]:
        """The steps after which another half of the log counts."""
        commits = [
            (number, step[3] >> 32) for number, step in enumerate(self.steps) if step[:3] == ("store", 0, COMMIT)
        ]
        return [number for (_, before), (number, half) in pairwise(commits) if half != before]

    def cut(self, number: int, *, before: int, after: int) -> None:
        """Take the prefixes around one step only."""
        self.first = max(0, number - before)
        del self.steps[number + after :]

    def _stored(self, *place: int) -> None:
        self.steps.append(("store", *place, self.counting))
        self.after_store()

    def prefixes(self) -> Iterator[tuple[NotedMemory, ModelStore, dict[str, tuple[int, int]]]]:
        """After each step: the file, the store, and what had been counted by then."""
        memory, store = self.start
        counted: Counter[tuple[str, bool]] = Counter()
        for number, (kind, *rest) in enumerate(self.steps):
            if kind == "store":
                segment, index, word, event = rest
                memory.segments[segment][index] = word
                if event is not None:
                    slo, good, bad = event
                    counted[slo, True] += good
                    counted[slo, False] += bad
            elif kind == "grow":
                assert memory.grow()
            else:
                store.apply(rest[0])
            if number < self.first:
                continue
            expected = {slo: (counted[slo, True], counted[slo, False]) for slo in SLOS}
            yield memory.copy(), store.copy(), {slo: counts for slo, counts in expected.items() if any(counts)}


@dataclass
class Sent:
    """A batch that the store has not confirmed, and its events by second."""

    batch: Batch
    counted: tuple[tuple[int, int, int], ...]


class Process:
    """
    A process with a spool, in the way in which counters and outboxes use it; two of its threads count.

    One thread counts where a history says so, the other one whenever a word is stored, also in the middle of everything.
    """

    def __init__(self, *, most_segments: int = 3, is_calm: bool = False) -> None:
        self.memory, self.store = NotedMemory(most_segments=most_segments), ModelStore(now=NOW)
        self.journal = Journal(self.memory, self.store)
        self.spool = ProcessSpool(self.memory, SpoolHeader(WRITER, 1000))
        self.numbers = {}
        self.known: dict[str, Note] = {}
        self.slots: dict[tuple[int, str], Slot] = {}
        self.left: deque[Slot] = deque()
        self.seen: Counter[tuple[int, int]] = Counter()
        self.pending: dict[str, Counter[tuple[int, bool]]] = {slo: Counter() for slo in SLOS}
        self.sent: dict[str, list[Sent]] = {slo: [] for slo in SLOS}
        self.writers = dict.fromkeys(SLOS, WRITER)
        self.batches = Counter[str]()
        self.nonces = 0
        self.second = 990
        self.stores = 0
        self.is_inside = False
        self.is_calm = is_calm  # the other thread counts nothing
        self.journal.after_store = self._other_thread
        for slo in SLOS:
            declaration = Declaration(f'{{"name": "{slo}"}}', "f" * 8, 3600, 900.0)
            number = self.spool.declare(slo, declaration)
            assert number is not None
            self.numbers[slo] = number
            applied = self.store.apply((Batch(WRITER, slo, 0, declaration=declaration),))
            assert applied.notes[0] is not None
            self.known[slo] = applied.notes[0]

    def count(self, slo: str, *, is_good: bool = True, thread: int = 0) -> None:
        slot = self.slots.get((thread, slo))
        if slot is None or slot.cells[1] != self.second:
            fresh = self.spool.take_slot(self.numbers[slo], self.second)
            if fresh is None:
                return
            if slot is not None:
                self.left.append(slot)
            slot = self.slots[thread, slo] = fresh
        self.journal.counting = slo, int(is_good), int(not is_good)
        word = GOOD if is_good else BAD
        inside, self.is_inside = self.is_inside, True
        slot.cells[word] += 1
        self.journal.counting = None
        self.is_inside = inside

    def _other_thread(self) -> None:
        self.stores += 1
        if not self.is_inside and not self.is_calm and self.numbers:
            self.is_inside = True
            slo = tuple(self.numbers)[self.stores % len(self.numbers)]
            self.count(slo, is_good=self.stores % 5 != 0, thread=1)
            self.second += self.stores % 23 == 0
            self.is_inside = False

    def drain(self) -> None:
        left = [self.left.popleft() for _ in range(len(self.left))]
        busy = list(self.slots.values())
        read = [(slot, slot.cells[0] >> 1, slot.cells[1], slot.cells[GOOD], slot.cells[BAD]) for slot in (*left, *busy)]
        self.spool.settle(busy, left)
        assert self.spool.is_up, self.spool.trouble
        for slot, number, second, good, bad in read:
            for word, total in ((GOOD, good), (BAD, bad)):
                fresh = total - self.seen[slot.number, word]
                self.seen[slot.number, word] = total
                self.pending[SLOS[number]][second, word == GOOD] += fresh

    def freeze(self, slo: str, *, most: int = 100) -> None:
        pending = self.pending[slo]
        seconds = sorted({second for second, _ in pending if pending[second, True] or pending[second, False]})[:most]
        counted = tuple((second, pending.pop((second, True), 0), pending.pop((second, False), 0)) for second in seconds)
        if not counted:
            return
        self.batches[slo] += 1
        self.nonces += 1
        batch = Batch(
            self.writers[slo], slo, self.batches[slo], f"{self.nonces:016x}", spread(counted),
            sum(good for _, good, _ in counted), sum(bad for _, _, bad in counted), seconds[0], seconds[-1],
            after=self.known[slo] if self.batches[slo] == 1 else None, is_live=True,
        )  # fmt: skip
        self.sent[slo].append(Sent(batch, counted))
        assert self.spool.freeze(
            batch, counted, slo=self.numbers[slo], at=NOW, store_id=self.store.identity.store_id, known=self.known[slo]
        )

    def send(self, slo: str, *, is_answered: bool = True) -> None:
        if self.sent[slo]:
            batch = self.sent[slo][0].batch
            (note,) = self.store.apply((batch,)).notes
            if is_answered:
                assert note is not None
                assert (note.number, note.nonce) == (batch.number, batch.nonce)
                self.known[slo] = note
                self.sent[slo].pop(0)
                assert self.spool.confirm(self.numbers[slo], batch.writer, batch.number)

    def renumber(self, slo: str) -> None:
        """The store has lost what it had confirmed: what was not goes on under another writer."""
        before = [sent.batch for sent in self.sent[slo]]
        self.writers[slo] = writer_from(before[0].nonce)
        self.batches[slo] = 0
        for sent in self.sent[slo]:
            self.batches[slo] += 1
            sent.batch = sent.batch._replace(writer=self.writers[slo], number=self.batches[slo], after=None)
        again = [(sent.batch, sent.counted) for sent in self.sent[slo]]
        known = Note(generation=self.known[slo].generation, swept=self.known[slo].swept)
        assert self.spool.replace(
            self.numbers[slo], before, again, at=NOW, store_id=self.store.identity.store_id, known=known
        )


def adopt(memory: NotedMemory, store: ModelStore, *, now: float = NOW) -> Adopted:
    return Adoption(memory, store.apply, now=now).run()


def a_quiet_life() -> Process:
    """It counts, hands over, and ends in order."""
    process = Process()
    for _ in range(2):
        for slo in SLOS:
            process.count(slo)
        process.second += 1
        process.drain()
        for slo in SLOS:
            process.freeze(slo)
            process.send(slo)
    process.is_calm = True
    process.drain()
    for slo in SLOS:
        process.freeze(slo)
        process.send(slo)
    return process


def a_long_life() -> Process:
    """The log is written into its other half, and then back."""
    process = Process(most_segments=1)
    process.is_calm = True
    for turn in range(30):
        if turn % 14 == 13:
            process.is_calm = False
        elif turn % 14 == 1:
            process.is_calm = True
        process.count("orders", is_good=turn % 3 != 0)
        process.second += 1
        process.drain()
        if turn % 2:
            process.freeze("orders")
            process.send("orders")
    process.journal.cut(process.journal.switches()[1], before=500, after=200)
    return process


def an_outage() -> Process:
    """A batch is sent again and again, events pile up, the file grows, and what is old goes out in parts."""
    process = Process()
    process.is_calm = True
    process.count("orders")
    process.drain()
    process.freeze("orders")
    process.send("orders", is_answered=False)
    for _ in range(75):
        process.count("orders")
        process.second += 1
        process.drain()
    for _ in range(5):
        process.count("orders")
        process.second += 1
        process.drain()
    process.send("orders", is_answered=False)
    process.send("orders")
    process.is_calm = False
    for _ in range(2):
        process.freeze("orders", most=20)
        process.send("orders")
    process.journal.cut(process.journal.switches()[0], before=700, after=300)
    return process


def lost_by_the_store() -> Process:
    """What was sent under one writer goes on under another."""
    process = Process()
    process.count("orders")
    process.drain()
    process.freeze("orders")
    process.send("orders")
    process.count("orders", is_good=False)
    process.drain()
    process.freeze("orders")
    process.renumber("orders")
    process.send("orders", is_answered=False)
    process.drain()
    process.send("orders")
    process.freeze("orders")
    process.send("orders")
    return process


HISTORIES = [a_quiet_life, a_long_life, an_outage, lost_by_the_store]


@pytest.mark.parametrize("history", HISTORIES)
def test_after_any_store_everything_is_counted_once(history: Callable[[], Process]) -> None:
    """A process that is killed after any step of its life has lost nothing, and counted nothing twice."""
    process = history()
    points = 0

    for memory, store, expected in process.journal.prefixes():
        adopted = adopt(memory, store)
        points += 1
        assert (points, adopted.is_empty, adopted.damage, adopted.dropped) == (points, True, [], 0)
        assert (points, store.events()) == (points, expected)

    assert points > 200


def test_histories_are_what_they_should_be() -> None:
    """A log has gone from one half into the other and back, and another one into a new segment."""
    assert len(a_long_life().journal.switches()) == 2
    assert an_outage().memory.segment_count > 1


@pytest.mark.parametrize(("history", "every"), [(a_quiet_life, 251), (an_outage, 499)])
def test_an_heir_may_die_too(history: Callable[[], Process], every: int) -> None:
    """Another process goes on after any step of the one that has adopted the file."""
    for number, (memory, store, expected) in enumerate(history().journal.prefixes()):
        if number % every:
            continue
        first = Journal(memory, store)
        adopt(memory, store)
        for left, store_then, _ in first.prefixes():
            assert adopt(left, store_then).is_empty
            assert store_then.events() == expected


def test_an_answer_may_be_lost_at_every_call_of_an_heir() -> None:
    """The store has taken the batch, and nobody knows: the next heir sends it again, and it counts once."""
    process = an_outage()
    memory, store, expected = list(process.journal.prefixes())[-200]
    for call in range(12):
        left, store_then = memory.copy(), store.copy()
        calls = iter(range(100))

        def apply(batches: Any, *, store_then: ModelStore = store_then, calls: Any = calls, call: int = call) -> Any:
            answer = store_then.apply(batches)
            if next(calls) == call:
                raise StoreError("no answer")
            return answer

        try:
            Adoption(left, apply, now=NOW).run()
        except StoreError:
            adopt(left, store_then)
        assert store_then.events() == expected


def test_after_an_end_in_order_nothing_is_left() -> None:
    """The file can go: the store has everything, and an heir would send nothing."""
    process = a_quiet_life()
    before = process.store.events()
    process.store.on_apply = lambda batches: pytest.fail(f"sent {batches}")

    assert process.spool.waiting == 0
    assert adopt(process.memory, process.store) == Adopted(is_empty=True)
    assert process.store.events() == before


def frozen_life() -> tuple[NotedMemory, ModelStore, Process]:
    """A process that has had a batch confirmed, frozen and sent another one, and counted one event more."""
    process = Process(is_calm=True)
    for number in range(2):
        process.count("orders")
        process.drain()
        process.freeze("orders")
        process.send("orders", is_answered=number == 0)
    process.count("orders", is_good=False)
    return process.memory.copy(), process.store.copy(), process


def unsent(store: ModelStore) -> None:
    """As if the last batch had never reached the store."""
    record = store.records["orders"]
    record.good, record.applied, record.notes[WRITER] = 1, 1, (1, "0" * 15 + "1", 1)


def test_a_frozen_batch_that_never_arrived_is_sent() -> None:
    """With its number and nonce."""
    memory, store, _ = frozen_life()
    unsent(store)

    assert adopt(memory, store).events == 2
    assert store.events() == {"orders": (2, 1)}
    assert store.records["orders"].notes[WRITER][:2] == (2, "0" * 15 + "2")


def test_an_old_frozen_batch_is_given_up_and_counted() -> None:
    """The store may have forgotten whether it has it; what was never frozen may be of any age."""
    memory, store, _ = frozen_life()
    unsent(store)

    adopted = adopt(memory, store, now=NOW + 13 * 3600)

    assert (adopted.is_empty, adopted.dropped) == (True, 1)
    assert store.events() == {"orders": (1, 1)}
    assert store.records["orders"].dropped == 1


def test_another_store_gets_what_was_never_sent() -> None:
    """Nothing of what the old one may have."""
    memory, _, _ = frozen_life()
    another = ModelStore("7" * 32)

    assert adopt(memory, another).is_empty
    assert another.events() == {"orders": (0, 1)}


def test_a_store_that_was_set_back_gets_what_it_lacks() -> None:
    """Its note is lower than the batch before: the frozen one goes under another writer."""
    memory, store, _ = frozen_life()
    record = store.records["orders"]
    record.good, record.applied, record.notes = 0, 0, {}

    assert adopt(memory, store).is_empty
    assert store.events() == {"orders": (1, 1)}


def test_a_removed_note_decides_nothing() -> None:
    """The store may have the batch: it is not sent again, and counts as dropped."""
    memory, store, _ = frozen_life()
    record = store.records["orders"]
    record.notes.clear()
    record.swept, record.swept_at = record.applied, NOW

    assert adopt(memory, store).dropped == 1
    assert store.events() == {"orders": (2, 1)}
    assert record.dropped == 1


def test_a_store_that_has_lost_the_slo_is_told_of_it() -> None:
    """It declares the SLO as the process did."""
    memory, store, _ = frozen_life()
    store.records.clear()
    declared: list[Batch] = []
    store.on_apply = lambda batches: declared.extend(batch for batch in batches if batch.declaration is not None)
    store.generations = 7

    assert adopt(memory, store).is_empty
    assert store.events() == {"orders": (1, 1)}
    assert declared[0].declaration == Declaration('{"name": "orders"}', "f" * 8, 3600, 900.0)


def test_a_clone_that_has_gone_on_is_not_counted_twice() -> None:
    """Another batch of the same number is there: this one goes under another writer."""
    memory, store, _ = frozen_life()
    unsent(store)
    store.records["orders"].notes[WRITER] = 2, "c" * 16, 2

    assert adopt(memory, store).is_empty
    assert store.events() == {"orders": (2, 1)}


def test_a_store_that_refuses_keeps_the_file() -> None:
    """It comes again, and is complete then."""
    memory, store, _ = frozen_life()
    unsent(store)

    def refusing(batches: Any) -> Any:
        applied = ModelStore().apply(())
        return replace(applied, identity=store.identity, notes=(None,) * len(batches))

    assert not Adoption(memory, refusing, now=NOW).run().is_empty
    assert adopt(memory, store).is_empty
    assert store.events() == {"orders": (2, 1)}


def test_thousands_of_seconds_go_in_several_batches() -> None:
    """An outage of a day has ended with the process; old seconds are one by then, and no event is lost."""
    process = Process(most_segments=12, is_calm=True)
    for second in range(9000):
        process.spool._log.append(Pending(0, second * 10, 1, 2))
    calls: list[int] = []
    process.store.on_apply = lambda batches: calls.append(sum(len(batch.increments) for batch in batches))

    assert adopt(process.memory, process.store, now=90_000.0).is_empty
    assert process.store.events() == {"orders": (9000, 18_000)}
    assert max(calls) <= 5_000
    assert process.memory.segment_count < 10
