"""Each batch counts exactly once."""

from __future__ import annotations

import threading

from slo_core.budgets.events import EventCounts
from slo_core.stores.buckets import Batch, BucketStore, Query
from slo_core.stores.contract.batches import DAYS_30, batch_of, declared
from slo_core.stores.contract.store_content import now_of, totals_of, window_of

__all__ = ["ApplyingContract"]


class ApplyingContract:
    """Batches are added in the order of their numbers, each once, whatever other writers do."""

    def test_a_batch_is_added_once(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """Sent again, by the same object or another one, it is noted already."""
        store = make_store()
        now = now_of(store)
        batch = batch_of([(now, 3, 1)], number=1, declaration=declared(now))

        first, again = store.apply([batch]), store.apply([batch])
        other = make_store().apply([batch])

        assert (first.noted, again.noted, other.noted) == ((1,), (1,), (1,))
        assert totals_of(store) == EventCounts(3, 1)
        assert window_of(store, now, 3600) == EventCounts(3, 1)

    def test_batches_are_added_in_their_order(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """After a gap nothing is applied, and the answer says what is noted."""
        store = make_store()
        now = now_of(store)
        store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])

        gap = store.apply([batch_of([(now, 0, 5)], number=3)])
        joined = [store.apply([batch_of([(now, 0, 1)], number=number)]).noted for number in (2, 3)]

        assert gap.noted == (1,)
        assert joined == [(2,), (3,)]
        assert totals_of(store) == EventCounts(1, 2)

    def test_an_unknown_writer_has_nothing_noted(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Its batch 2 is a gap, also where the SLO was never declared."""
        store = make_store()
        now = now_of(store)

        assert store.apply([batch_of([(now, 1, 0)], number=2)]).noted == (0,)
        assert store.read([Query("availability")])[0].record is None

    def test_an_older_number_is_ignored(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """A copy that was under way for long changes nothing."""
        store = make_store()
        now = now_of(store)
        first = batch_of([(now, 1, 0)], number=1, declaration=declared(now))
        store.apply([first])
        store.apply([batch_of([(now, 1, 0)], number=2)])

        assert store.apply([first]).noted[0] >= 1
        assert totals_of(store) == EventCounts(2, 0)

    def test_writers_and_slos_have_numbers_of_their_own(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """One call may bring batches of many SLOs; one with a gap does not stop the others."""
        store = make_store()
        now = now_of(store)
        for writer in ("a" * 32, "b" * 32):
            store.apply(
                [batch_of([(now, 1, 0)], number=1, writer=writer, slo=slo, declaration=declared(now)) for slo in "xy"]
            )

        noted = store.apply(
            [batch_of([(now, 0, 1)], number=7, slo="x"), batch_of([(now, 0, 1)], number=2, slo="y")]
        ).noted

        assert noted == (1, 2)
        assert (totals_of(store, "x"), totals_of(store, "y")) == (EventCounts(2, 0), EventCounts(2, 1))
        assert store.names() == ["x", "y"]

    def test_concurrent_writers_lose_nothing(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Four writers with a store object each add to the same buckets."""
        now = now_of(make_store())
        errors: list[BaseException] = []

        def write(writer: str) -> None:
            try:
                store = make_store()
                for number in range(1, 16):
                    declaration = declared(now) if number == 1 else None
                    sent = batch_of(
                        [(now - number, 1, 0), (now, 0, 1)], number=number, writer=writer, declaration=declaration
                    )
                    _apply_stubbornly(store, sent)
                store.close()
            except BaseException as exc:
                errors.append(exc)

        threads = [threading.Thread(target=write, args=(letter * 32,)) for letter in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert errors == []
        assert totals_of(make_store()) == EventCounts(60, 60)
        assert window_of(make_store(), now, 86_400) == EventCounts(60, 60)

    def test_large_counts_are_exact(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Beyond 32 bits."""
        store = make_store()
        now = now_of(store)
        huge = 2**40 + 1
        store.apply([batch_of([(now, huge, 1)], number=1, declaration=declared(now))])
        store.apply([batch_of([(now, huge, 0)], number=2)])

        assert totals_of(store) == EventCounts(2 * huge, 1)
        assert window_of(store, now, DAYS_30) == EventCounts(2 * huge, 1)

    def test_it_may_be_forgotten_and_used_again(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """As in a forked child, which opens connections of its own."""
        store = make_store()
        now = now_of(store)
        store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
        store.forget()
        store.apply([batch_of([(now, 1, 0)], number=2)])
        store.close()

        assert totals_of(store) == EventCounts(2, 0)


def _apply_stubbornly(store: BucketStore, batch: Batch) -> None:
    """As the writer does it: a store under load may refuse an attempt, never half of it."""
    for attempt in range(20):
        try:
            if store.apply([batch]).noted[0] >= batch.number:
                return
        except Exception:
            if attempt == 19:
                raise
    raise AssertionError(f"batch {batch.number} was not applied")
