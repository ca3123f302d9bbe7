"""What a store notes of its writers, and what becomes of it."""

from __future__ import annotations

import unittest
from collections.abc import Sequence
from typing import Any

from slo_core.budgets.events import EventCounts
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.buckets import Applied, Batch, BucketStore, Note
from slo_core.stores.contract.batches import batch_of, declared
from slo_core.stores.contract.store_content import now_of, totals_of, window_of
from slo_core.stores.shared.write_behind import WriteBehindStore

__all__ = ["NotingContract"]

_ASKING = 2**40


class NotingContract:
    """
    Notes are part of the record: a store that loses one loses both, and says so.

    A class may give three methods more, for what can happen to its store; the tests of those it lacks are skipped.
    """

    def lose_notes(self, store: Any) -> None:
        """Delete all notes of the store's service and nothing else, as another program may."""
        raise unittest.SkipTest("no other hand can delete notes alone")

    def lose_record(self, store: Any, slo: str) -> None:
        """Delete the record of an SLO and leave its buckets, where the store keeps them apart."""
        raise unittest.SkipTest("a record and its buckets go together")

    def saved(self, store: Any) -> Any:
        """What a backup of the whole store holds, for `set_back`."""
        raise unittest.SkipTest("the store cannot be set back")

    def set_back(self, store: Any, saved: Any) -> None:
        """Restore what was saved."""
        raise NotImplementedError

    def test_a_note_tells_which_batch_it_is_of(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """Its number, its nonce, and how many batches of all writers the record had taken in with it."""
        store = make_store()
        now = now_of(store)
        store.apply([batch_of([(now, 1, 0)], number=1, nonce="1a", declaration=declared(now))])
        store.apply([batch_of([(now, 1, 0)], number=1, nonce="1b", writer="b" * 32)])
        added = _note(store, batch_of([(now, 1, 0)], number=2, nonce="2a"))
        asked = _note(store, _asking())
        again = _note(store, batch_of([(now, 1, 0)], number=2, nonce="2a"))

        assert added == asked == again
        assert (added.number, added.nonce, added.applied, added.swept) == (2, "2a", 3, 0)
        assert added.generation

    def test_a_declaration_is_not_noted(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """An SLO without events has a record, and no note of a writer; batch 1 comes after batch 0."""
        store = make_store()
        now = now_of(store)
        declaration = _note(store, batch_of([], number=0, declaration=declared(now)))

        assert (declaration.number, declaration.applied) == (0, 0)
        assert store.names() == ["availability"]
        assert _note(store, _asking()).number == 0
        first = batch_of([(now, 1, 0)], number=1, nonce="1a", after=declaration)
        assert store.apply([first]).noted == (1,)
        assert totals_of(store) == EventCounts(1, 0)

    def test_a_batch_of_a_copied_process_is_told_apart(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Two clones have one writer id and go on from the same number: the second is answered with the nonce of the first."""
        store = make_store()
        now = now_of(store)
        store.apply([batch_of([(now, 1, 0)], number=1, nonce="1a", declaration=declared(now))])
        first = _note(store, batch_of([(now, 2, 0)], number=2, nonce="2a"))
        second = _note(store, batch_of([(now, 4, 0)], number=2, nonce="2b"))

        assert (first.nonce, second.number, second.nonce) == ("2a", 2, "2a")
        assert totals_of(store) == EventCounts(3, 0)

    def test_a_writer_that_leaves_takes_its_note(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Only its own, by its nonce; the record remembers up to where notes may be missing."""
        store = make_store()
        now = now_of(store)
        store.apply([batch_of([(now, 1, 0)], number=1, nonce="1a", declaration=declared(now))])
        other = _note(store, _asking(nonce="1b", leaves=True))
        assert _note(store, _asking()).number == other.number == 1
        left = _note(store, _asking(nonce="1a", leaves=True))
        after = _note(store, _asking())

        assert (left.number, after.number) == (1, 0)
        assert after.swept >= left.applied
        assert after.generation == left.generation
        assert store.apply([batch_of([(now, 1, 0)], number=2, nonce="2a")]).noted == (0,)
        assert totals_of(store) == EventCounts(1, 0)

    def test_a_first_batch_is_left_if_its_note_may_have_gone(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """It may have been added before: it says what had been swept when it was frozen."""
        store = make_store()
        now = now_of(store)
        declaration = _note(store, batch_of([], number=0, declaration=declared(now)))
        store.apply([batch_of([(now, 1, 0)], number=1, nonce="1a")])
        store.apply([_asking(nonce="1a", leaves=True)])
        swept = _note(store, _asking())

        late = batch_of([(now, 2, 0)], number=1, nonce="1b", writer="b" * 32, after=declaration._replace(swept_at=0.0))
        fresh = batch_of(
            [(now, 4, 0)], number=1, nonce="1c", writer="c" * 32, after=swept._replace(swept_at=now + 999.0)
        )
        assert store.apply([fresh]).noted == (1,)
        assert store.apply([late]).noted == (0,)
        assert totals_of(store) == EventCounts(5, 0)

    def test_a_delayed_duplicate_counts_once(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Also one that arrives after its process has closed in order: its note stays until nothing can be under way."""
        store = make_store()
        now = now_of(store)
        network = _Network(store)
        with_events = WriteBehindStore(network, clock=lambda: float(now), flush_interval=3600.0)
        ledger = with_events.ledger(SLODefinition("availability", 0.9))
        for second in range(3):
            ledger.add(now - second, 1, 0, live=True)
            network.answers = second > 0
            with_events.flush()
            network.answers = True
            with_events.flush()
        with_events.close()

        for batch in network.sent:
            store.apply([batch])
        assert totals_of(store) == EventCounts(3, 0)
        assert window_of(store, now, 3600) == EventCounts(3, 0)

    def test_a_process_that_ends_in_order_leaves_no_note(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Every batch of it was answered when it was first sent: nothing of it is under way."""
        store = make_store()
        now = now_of(store)
        network = _Network(store)
        with_events = WriteBehindStore(network, clock=lambda: float(now), flush_interval=3600.0)
        with_events.ledger(SLODefinition("quiet", 0.9))
        with_events.ledger(SLODefinition("availability", 0.9)).add(now, 1, 0, live=True)
        with_events.flush()
        (writer,) = {batch.writer for batch in network.sent}
        assert _note(store, _asking(writer=writer)).number == 1
        assert _note(store, _asking(writer=writer, slo="quiet")).number == 0
        with_events.close()

        assert _note(store, _asking(writer=writer)).number == 0
        assert totals_of(store) == EventCounts(1, 0)

    def test_notes_that_vanish_double_nothing(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """The store notices that they are gone: it tells it from having been set back."""
        store = make_store()
        now = now_of(store)
        with_events = WriteBehindStore(make_store(), clock=lambda: float(now), flush_interval=3600.0)
        ledger = with_events.ledger(SLODefinition("availability", 0.9))
        for second in range(5):
            ledger.add(now - second, 10, 0, live=True)
            with_events.flush()
        self.lose_notes(store)
        for second in (5, 6):
            ledger.add(now - second, 1, 0, live=True)
            with_events.flush()

        assert totals_of(store) == EventCounts(52, 0)
        with_events.close()
        assert totals_of(store) == EventCounts(52, 0)

    def test_a_record_that_is_lost_takes_its_buckets_with_it(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """What is made in its place has another generation, and begins empty; nothing is doubled."""
        store = make_store()
        now = now_of(store)
        with_events = WriteBehindStore(make_store(), clock=lambda: float(now), flush_interval=3600.0)
        ledger = with_events.ledger(SLODefinition("availability", 0.9))
        ledger.add(now - 100, 10, 0, live=True)
        with_events.flush()
        before = _note(store, _asking()).generation
        self.lose_record(store, "availability")
        assert store.apply([batch_of([(now, 1, 0)], number=2)]).noted == (0,)
        ledger.add(now, 1, 0, live=True)
        with_events.flush()

        # What was confirmed in the last two minutes is sent again.
        assert totals_of(store) == EventCounts(11, 0)
        assert window_of(store, now, 3600) == EventCounts(11, 0)
        assert _note(store, _asking()).generation != before
        with_events.close()

    def test_a_store_that_was_set_back_is_healed_for_quiet_slos_too(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """By the first contact of another SLO, or at the end of the process; also what the backup did not hold at all."""
        store = make_store()
        now = now_of(store)
        for name, expected in (("live", (17, 18, 7)), ("end", (17, 17, 7))):
            with_events = WriteBehindStore(make_store(), clock=lambda: float(now), flush_interval=3600.0)
            quiet, busy, young = (
                with_events.ledger(SLODefinition(f"{name}-{which}", 0.9)) for which in ("quiet", "busy", "young")
            )
            quiet.add(now, 10, 0, live=True)
            busy.add(now, 10, 0, live=True)
            with_events.flush()
            saved = self.saved(store)
            for ledger in (quiet, busy, young):
                ledger.add(now - 1, 7, 0, live=True)
            with_events.flush()
            self.set_back(store, saved)
            if name == "live":
                busy.add(now - 2, 1, 0, live=True)
                with_events.flush()
                with_events.flush()
            else:
                with_events.close()

            names = [f"{name}-{which}" for which in ("quiet", "busy", "young")]
            assert tuple(totals_of(store, one).good for one in names) == expected
            with_events.close()
            assert tuple(totals_of(store, one).good for one in names) == expected


class _Network:
    """Between a writer and a store; it may lose an answer."""

    def __init__(self, store: BucketStore) -> None:
        self._store = store
        self.answers = True
        self.sent: list[Batch] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def apply(self, batches: Sequence[Batch]) -> Applied:
        applied = self._store.apply(batches)
        with_content = [batch for batch in batches if 0 < batch.number < _ASKING]
        self.sent += with_content
        if with_content and not self.answers:
            raise TimeoutError("no answer")
        return applied


def _note(store: BucketStore, batch: Batch) -> Note:
    (note,) = store.apply([batch]).notes
    assert note is not None
    return note


def _asking(*, writer: str = "a" * 32, slo: str = "availability", nonce: str = "", leaves: bool = False) -> Batch:
    return Batch(writer=writer, slo=slo, number=_ASKING, nonce=nonce, leaves=leaves)
