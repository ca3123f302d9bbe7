"""Machines that sleep, processes that are frozen, clocks that leap: nothing is lost by it, and none is reported."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Sequence
from typing import Any

from slo_core.budgets.events import EventCounts
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import DAY, HOUR
from slo_core.stores.buckets import Applied, Batch, Note
from slo_core.stores.contract.store_content import now_of, record_of, totals_of
from slo_core.stores.shared.write_behind import WriteBehindStore

__all__ = ["SleepingContract"]

_NAME = "availability"


class SleepingContract:
    """
    Notes of a writer that comes back after days, and of the others that were silent meanwhile or were not.

    A class may give a method more; without it these tests are skipped. The last one needs `set_back` of `NotingContract`, too.
    """

    def let_pass(self, store: Any, seconds: float) -> None:
        """Make everything that the store has noted so many seconds older: its clock then stands that much later."""
        raise unittest.SkipTest("the store's notes cannot be made older")

    def test_processes_that_slept_for_days_lose_nothing(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """The first to wake sweeps no note of the others, even if it takes another id; also a batch under way counts once."""
        times = _Times(self.let_pass, make_store)
        first, second, third = times.process(), times.process(), times.process()
        for _ in range(3):
            for process in (first, second, third):
                process.flush(1)
        third.network.answers = False
        third.flush(1)
        third.network.answers = True
        for hours in (30, 100):
            times.sleep(hours * HOUR)
            for process in (first, second, third, times.process()) * 2:
                process.flush(1)

        assert totals_of(times.store) == EventCounts(10 + 2 * 8, 0)
        assert record_of(times.store).dropped == 0
        assert [process.losses for process in (first, second, third)] == [0, 0, 0]

    def test_a_process_that_was_forgotten_while_it_slept_reports_no_loss(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """The others went on, and swept its note by rule: what it had sent is there."""
        times = _Times(self.let_pass, make_store)
        awake, frozen = times.process(), times.process()
        for _ in range(3):
            frozen.flush(1)
            awake.flush(1)
        times.let_go_on(awake, hours=40)
        assert frozen.is_forgotten
        for _ in range(2):
            frozen.flush(1)

        assert totals_of(times.store) == EventCounts(6 + 4 + 2, 0)
        assert record_of(times.store).dropped == 0
        assert (awake.losses, frozen.losses) == (0, 0)

    def test_a_clock_that_leaps_ahead_and_back_loses_nothing(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """A writer under the wrong time removes no note of a writer under the right one."""
        times = _Times(self.let_pass, make_store)
        leaping, quiet = times.process(), times.process()
        for _ in range(2):
            leaping.flush(1)
            quiet.flush(1)
        times.sleep(3 * DAY)
        leaping.flush(1)
        times.sleep(-3 * DAY)
        for process in (quiet, leaping) * 2:
            process.flush(1)

        assert totals_of(times.store) == EventCounts(4 + 1 + 4, 0)
        assert record_of(times.store).dropped == 0
        assert (leaping.losses, quiet.losses) == (0, 0)

    def test_a_loss_during_a_sleep_is_healed_and_reported(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """The store was set back meanwhile: with its note there still, or swept as it was before."""
        for goes_on in (False, True):
            times = _Times(self.let_pass, make_store)
            awake, frozen = times.process(), times.process()
            before = totals_of(times.store).good if goes_on else 0
            awake.flush(1)
            frozen.flush(1)
            saved = self.saved(times.store)  # type: ignore[attr-defined]
            frozen.flush(1)
            self.set_back(times.store, saved)  # type: ignore[attr-defined]
            if goes_on:
                times.let_go_on(awake, hours=40)
                assert frozen.is_forgotten
            else:
                times.sleep(40 * HOUR)
            frozen.flush(1)
            frozen.flush(0)

            assert totals_of(times.store) == EventCounts(before + 4 + 4 * goes_on, 0)
            assert record_of(times.store).dropped == 0
            assert frozen.losses == 1


class _Times:
    """A store, the time that passes, and processes."""

    def __init__(self, let_pass: Callable[[Any, float], None], make_store: Callable[[], Any]) -> None:
        self._let_pass = let_pass
        self._make_store = make_store
        self.store = make_store()
        self.now = now_of(self.store)
        self.later = 0.0

    def process(self) -> _Process:
        return _Process(self, _Network(self._make_store(), self))

    def sleep(self, seconds: float) -> None:
        """Monotonic clocks stand still meanwhile."""
        self._let_pass(self.store, seconds)
        self.later += seconds

    def let_go_on(self, process: _Process, *, hours: int) -> None:
        """All others sleep; it declares its SLO, and sends an event, four times."""
        for _ in range(4):
            self.sleep(hours * HOUR / 4)
            process.awake += hours * HOUR / 4
            process.flush(0)
            process.flush(1)


class _Process:
    """A process with a monotonic clock of its own."""

    def __init__(self, times: _Times, network: _Network) -> None:
        self._times = times
        self.network = network
        self.awake = 0.0
        self.store = WriteBehindStore(
            network, clock=lambda: times.now + times.later, monotonic=lambda: self.awake, flush_interval=3600.0
        )
        self._ledger = self.store.ledger(SLODefinition(_NAME, 0.9))

    def flush(self, events: int) -> None:
        self.awake += 1.0
        if events:
            self._ledger.add(self._times.now, events, 0, live=True)
        self.store.flush()

    @property
    def losses(self) -> int:
        return self.store.health().losses

    @property
    def is_forgotten(self) -> bool:
        asking = Batch(writer=self.network.sent[-1].writer, slo=_NAME, number=2**40)
        (note,) = self.network.apply([asking]).notes
        return note is not None and note.number == 0


class _Network:
    """Between a process and a store whose clock stands later; it may lose an answer."""

    def __init__(self, store: Any, times: _Times) -> None:
        self._store = store
        self._times = times
        self.answers = True
        self.sent: list[Batch] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def apply(self, batches: Sequence[Batch]) -> Applied:
        later = self._times.later
        applied: Applied = self._store.apply(
            [batch if batch.after is None else batch._replace(after=_moved(batch.after, -later)) for batch in batches]
        )
        self.sent += [batch for batch in batches if 0 < batch.number < 2**40]
        if not self.answers:
            raise TimeoutError("no answer")
        notes = tuple(None if note is None else _moved(note, later) for note in applied.notes)
        return Applied(applied.identity, applied.now + later, notes)


def _moved(note: Note, seconds: float) -> Note:
    return note._replace(swept_at=note.swept_at + seconds)
