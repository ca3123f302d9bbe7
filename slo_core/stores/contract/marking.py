"""Marks of a service: releases, deploys, notes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from slo_core.budgets.marks import Mark
from slo_core.stores.buckets import BucketStore, DeletingStore
from slo_core.stores.contract.batches import batch_of, declared
from slo_core.stores.contract.store_content import now_of
from slo_core.stores.marks import GONE_AFTER_SECONDS, MOST_MARKS, MarkStore

__all__ = ["MarkingContract"]


class MarkingContract:
    """
    Marks are kept once, in order of time, for the service.

    A store that is no `MarkStore` keeps none: these tests pass without it.
    """

    def test_marks_are_kept_once_and_in_order(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """Each is kept once, however many processes add it; other services do not see it."""
        one, other = _mark_store(make_store), _mark_store(make_store)
        if one is None or other is None:
            return
        now = float(now_of(make_store()))
        marks = [Mark(now, "note", "a"), Mark(now - 5.25, "deploy", 'it\'s "x" \\ ±支'), Mark(now, "note", "A")]

        one.add_marks(marks)
        other.add_marks(marks[:2])
        other.add_marks([Mark(now + 1, "note", "a")])

        expected = (marks[1], marks[2], marks[0], Mark(now + 1, "note", "a"))
        assert one.marks(0) == other.marks(0) == expected
        assert one.marks(now) == expected[1:]
        assert make_store("other").marks(0) == ()

    def test_a_release_is_one_mark(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """The earliest time stays; two releases that run side by side write one each; one that comes back is another."""
        store = _mark_store(make_store)
        if store is None:
            return
        now = float(now_of(make_store())) - 10 * GONE_AFTER_SECONDS
        adding = [(100, "1"), (50, "1"), (400, "1"), (500, "2"), (600, "1"), (700, "2"), (850, "1"), (2_000, "1")]
        for seconds, text in adding:
            store.add_marks([Mark(now + seconds, "release", text)])

        shown = [(mark.at - now, mark.text) for mark in store.marks(0)]

        assert shown == [(50, "1"), (500, "2"), (2_000, "1")]

    def test_workers_that_start_together_add_one_release(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Each of them adds it, at the same moment."""
        if _mark_store(make_store) is None:
            return
        now = float(now_of(make_store()))
        stores = [make_store() for _ in range(4)]

        def add(number: int) -> None:
            stores[number].add_marks([Mark(now + number, "release", "4.2")])

        with ThreadPoolExecutor(len(stores)) as threads:
            list(threads.map(add, range(len(stores))))

        assert stores[0].marks(0) == (Mark(now, "release", "4.2"),)
        for store in stores:
            store.close()

    def test_the_newest_marks_are_kept(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """At most 1,000 of a service."""
        store = _mark_store(make_store)
        if store is None:
            return
        now = float(now_of(make_store()))
        store.add_marks([Mark(now - number, "note", f"note {number}") for number in range(MOST_MARKS + 5)])

        marks = store.marks(0)

        assert len(marks) == MOST_MARKS
        assert (marks[0].text, marks[-1].text) == (f"note {MOST_MARKS - 1}", "note 0")

    def test_marks_are_the_services(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """They stay while it has an SLO, and go with the last one."""
        store: BucketStore = make_store()
        marks, deleting = _mark_store(make_store), store if isinstance(store, DeletingStore) else None
        if marks is None or deleting is None:
            return
        now = now_of(store)
        for slo in ("a", "b"):
            store.apply([batch_of([(now, 1, 0)], number=1, slo=slo, declaration=declared(now))])
        marks.add_marks([Mark(float(now), "note", "x")])

        deleting.delete_slo("a", not_seen_since=float("inf"))
        store.prune()
        assert len(marks.marks(0)) == 1

        deleting.delete_slo("b", not_seen_since=float("inf"))
        assert marks.marks(0) == ()


def _mark_store(make_store) -> MarkStore | None:  # type: ignore[no-untyped-def]
    store: BucketStore = make_store()
    return store if isinstance(store, MarkStore) else None
