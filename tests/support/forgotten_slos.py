"""What a store promises that can delete one SLO: a mixin for the tests of a store."""

from __future__ import annotations

import math
from collections.abc import Callable

from slo_core.budgets.closed_period import ClosedPeriod
from slo_core.budgets.events import EventCounts
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import DAY
from slo_core.stores.buckets import BucketRange, BucketStore, DeletingStore, Query
from slo_core.stores.closed_periods import PeriodQuery, PeriodStore
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.testing import batch_of, declared

__all__ = ["ForgottenSLOs", "period_of"]


class ForgottenSLOs:
    """Over a fixture `make_store(service)`, whose stores share one place."""

    def test_a_record_says_when_a_process_was_heard_of(self, make_store: Callable[..., BucketStore]) -> None:
        """By the store's clock: with a declaration, though no event ever came, and with each batch."""
        store = make_store("shop")
        now = store.apply([]).now

        assert seen_at_of(store, "quiet") is None
        store.apply([batch_of([], number=0, slo="quiet", declaration=declared(now - 10_000))])
        store.apply([batch_of([(int(now) - 5_000, 1, 0)], number=1, slo="busy", declaration=declared(now - 10_000))])

        for slo in ("quiet", "busy"):
            seen_at = seen_at_of(store, slo)
            assert seen_at is not None
            assert now - 1 <= seen_at <= store.apply([]).now
        store.close()

    def test_what_is_deleted_is_gone_and_nothing_else(self, make_store: Callable[..., BucketStore]) -> None:
        """Its record, its buckets and its name; not those of its neighbour, nor of the same name in another service."""
        shop, till = make_store("shop"), make_store("till")
        now = int(shop.apply([]).now)
        for store, slo in ((shop, "old"), (shop, "new"), (till, "old")):
            store.apply([batch_of([(now, 3, 1)], number=1, slo=slo, declaration=declared(now))])
            keeping(store).keep_periods([period_of(slo, now)])

        assert deleting(shop).delete_slo("old", not_seen_since=math.inf)

        assert (shop.names(), till.names()) == (["new"], ["old"])
        assert events_of(shop, "old", now) is None
        assert events_of(shop, "new", now) == events_of(till, "old", now) == (4, EventCounts(3, 1))
        assert (periods_of(shop, "new"), periods_of(till, "old")) == (1, 1)
        shop.apply([batch_of([(now, 1, 0)], number=1, slo="old", writer="b" * 32, declaration=declared(now))])
        assert periods_of(shop, "old") == 0
        assert deleting(shop).delete_slo("old", not_seen_since=math.inf)
        assert deleting(shop).delete_slo("old", not_seen_since=math.inf)  # a second time: nothing is there
        shop.close()
        till.close()

    def test_what_is_declared_again_begins_at_nothing(self, make_store: Callable[..., BucketStore]) -> None:
        """No bucket and no note of before is seen; a writer that goes on has a gap, and says so."""
        store = make_store("shop")
        now = int(store.apply([]).now)
        store.apply([batch_of([(now, 3, 1)], number=1, declaration=declared(now))])
        assert events_of(store, "availability", now) == (
            4,
            EventCounts(3, 1),
        )  # what is kept of a read is of no use then
        assert deleting(store).delete_slo("availability", not_seen_since=math.inf)

        assert store.apply([batch_of([(now, 5, 0)], number=2)]).noted == (0,)
        store.apply([batch_of([(now, 0, 2)], number=1, writer="b" * 32, declaration=declared(now))])

        assert events_of(store, "availability", now) == (2, EventCounts(0, 2))
        store.close()

    def test_a_living_process_declares_again_what_was_deleted(self, make_store: Callable[..., BucketStore]) -> None:
        """With the next flush after a read, also without events: it is measured from then on, not from each read."""
        store, process = make_store("shop"), WriteBehindStore(make_store("shop"), flush_interval=3600.0)
        idle, busy = (process.ledger(SLODefinition(name, 0.9)) for name in ("idle", "busy"))
        busy.add(int(store.apply([]).now), 1, 0, live=True)
        process.flush()
        assert deleting(store).delete_slo("idle", not_seen_since=math.inf)
        assert deleting(store).delete_slo("busy", not_seen_since=math.inf)

        for ledger in (idle, busy):
            ledger.read(())
        process.flush()

        assert set(store.names()) == {"idle", "busy"}
        since = idle.read(()).data_since
        assert idle.read(()).data_since == since
        assert busy.read(()).lifetime == EventCounts(0, 0)
        busy.add(int(store.apply([]).now), 0, 1, live=True)
        assert busy.read(()).lifetime == EventCounts(1, 1)  # the batches of the last two minutes are sent again, once
        process.close()
        store.close()

    def test_an_slo_that_was_heard_of_since_is_left_alone(self, make_store: Callable[..., BucketStore]) -> None:
        """Whether it was declared or counted."""
        store = make_store("shop")
        now = int(store.apply([]).now)
        store.apply([batch_of([], number=0, slo="declared", declaration=declared(now))])
        store.apply([batch_of([(now, 1, 0)], number=1, slo="counted", declaration=declared(now))])

        for slo in ("declared", "counted"):
            assert not deleting(store).delete_slo(slo, not_seen_since=now - 60)
            assert slo in store.names()
            assert deleting(store).delete_slo(slo, not_seen_since=now + 60)

        assert store.names() == []
        store.close()

    def test_a_service_goes_with_its_last_slo(self, make_store: Callable[..., BucketStore]) -> None:
        """And not before."""
        store = make_store("shop")
        now = int(store.apply([]).now)
        for slo in ("a", "b"):
            store.apply([batch_of([(now, 1, 0)], number=1, slo=slo, declaration=declared(now))])

        deleting(store).delete_slo("a", not_seen_since=math.inf)
        assert store.services() == ["shop"]
        deleting(store).delete_slo("b", not_seen_since=math.inf)

        assert store.services() == []
        store.close()


def deleting(store: BucketStore) -> DeletingStore:
    assert isinstance(store, DeletingStore)
    return store


def keeping(store: BucketStore) -> PeriodStore:
    assert isinstance(store, PeriodStore)
    return store


def period_of(slo: str, now: int) -> ClosedPeriod:
    """A day that is over."""
    start = now // DAY * DAY - DAY
    return ClosedPeriod(
        slo=slo, kind="day", start=start, end=start + DAY, good=3, bad=1, target=0.9, fingerprint="f1",
        measured_since=start, is_final=True,
    )  # fmt: skip


def periods_of(store: BucketStore, slo: str) -> int:
    """How many are kept."""
    return len(keeping(store).read_periods([PeriodQuery(slo)])[0].periods)


def seen_at_of(store: BucketStore, slo: str) -> float | None:
    record = store.read([Query(slo)])[0].record
    return None if record is None else record.seen_at


def events_of(store: BucketStore, slo: str, second: int) -> tuple[int, EventCounts] | None:
    """The events of its record, and those of its bucket of that second; None without a record."""
    (stored,) = store.read([Query(slo, (BucketRange(1, second, second),))])
    return None if stored.record is None else (stored.record.good + stored.record.bad, stored.sums[0])
