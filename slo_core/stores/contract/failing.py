"""Recent failures: kept as well as it goes, and in bounds."""

from __future__ import annotations

from slo_core.budgets.causes import Cause
from slo_core.budgets.recent_failures import MOST_RECENT_FAILURES, RecentFailure
from slo_core.stores.buckets import BucketStore, DeletingStore
from slo_core.stores.contract.batches import batch_of, declared
from slo_core.stores.contract.store_content import now_of
from slo_core.stores.recent_failures import FAILURES_KEPT_SECONDS, RecentFailureStore

__all__ = ["FailuresContract"]


class FailuresContract:
    """
    The newest bad events of an SLO are kept one by one.

    A store that is no `RecentFailureStore` keeps none: these tests pass without it.
    """

    def test_recent_failures_are_kept_as_they_are(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """Each value comes back, the newest failure first, in every process; other SLOs and services do not see it."""
        one, other = _failure_store(make_store), _failure_store(make_store)
        if one is None or other is None:
            return
        now = float(now_of(make_store()))
        failures = [
            RecentFailure(now - 2.25),
            RecentFailure(now - 1.5, Cause('GET /it\'s/"x"/\\ ±支{id}', "503"), 0.123456, "ab" * 16, "a:b/c+d=e@f._-"),
            RecentFailure(now - 1, Cause("task", "ValueError")),
        ]

        one.add_recent_failures({"a": failures[:2], "b: ±支": failures[2:]}, most=50)
        other.add_recent_failures({"a": failures[2:]}, most=50)

        both = one.recent_failures(["a", "missing", "b: ±支"], most=50)
        assert both == [(failures[2], failures[1], failures[0]), (), (failures[2],)]
        assert other.recent_failures(["a"], most=2) == [(failures[2], failures[1])]
        assert other.recent_failures([], most=2) == []
        assert make_store("other").recent_failures(["a"], most=50) == [()]

    def test_the_newest_failures_are_kept(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """So many of an SLO as was said, whoever adds them; also where all are of one moment."""
        store = _failure_store(make_store)
        if store is None:
            return
        now = float(now_of(make_store()))
        for start in range(0, 40, 8):
            store.add_recent_failures({"a": [RecentFailure(now - 40 + start + step) for step in range(8)]}, most=10)
        store.add_recent_failures({"b": [RecentFailure(now)] * 30}, most=10)
        store.add_recent_failures({"b": [RecentFailure(now)] * 30}, most=10)

        newest, same = store.recent_failures(["a", "b"], most=MOST_RECENT_FAILURES)

        assert [failure.at - now for failure in newest] == list(range(-1, -11, -1))
        assert len(same) == 10

    def test_old_failures_are_not_shown(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """After eight days a failure is history; pruning deletes it."""
        store = _failure_store(make_store)
        if store is None:
            return
        now = float(now_of(make_store()))
        old = RecentFailure(now - FAILURES_KEPT_SECONDS - 5)
        store.add_recent_failures({"a": [old, RecentFailure(now)]}, most=50)

        make_store().prune()

        assert store.recent_failures(["a"], most=50) == [(RecentFailure(now),)]

    def test_a_deleted_slo_has_no_failures(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """They go with everything else of it; those of others stay."""
        store: BucketStore = make_store()
        failures = _failure_store(make_store)
        if failures is None or not isinstance(store, DeletingStore):
            return
        now = now_of(store)
        for slo in ("a", "b"):
            store.apply([batch_of([(now, 0, 1)], number=1, slo=slo, declaration=declared(now))])
        failures.add_recent_failures({"a": [RecentFailure(float(now))], "b": [RecentFailure(float(now))]}, most=50)

        assert store.delete_slo("a", not_seen_since=float("inf"))

        assert failures.recent_failures(["a", "b"], most=50) == [(), (RecentFailure(float(now)),)]


def _failure_store(make_store) -> RecentFailureStore | None:  # type: ignore[no-untyped-def]
    store: BucketStore = make_store()
    return store if isinstance(store, RecentFailureStore) else None
