"""Days and calendar periods that are over are kept."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

from slo_core.budgets.closed_period import KEPT_SECONDS, ClosedPeriod
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.period import Period
from slo_core.stores.buckets import BucketStore
from slo_core.stores.closed_periods import PeriodQuery, PeriodStore, StoredPeriods
from slo_core.stores.contract.batches import batch_of, declared
from slo_core.stores.contract.store_content import now_of
from slo_core.stores.shared.ledger import SharedLedger
from slo_core.stores.shared.write_behind import WriteBehindStore

__all__ = ["ClosingContract"]


class ClosingContract:
    """
    Closed periods are written once, changed while they are not final, and kept for 25 months.

    A store that is no `PeriodStore` keeps none: these tests pass without it.
    """

    def test_a_period_is_kept_once(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """However many writers close it; each finds the row of the other."""
        one, other = _period_store(make_store), _period_store(make_store)
        if one is None or other is None:
            return
        row = _row(one, good=10, bad=1)

        one.keep_periods([row])
        other.keep_periods([row, dataclasses.replace(row, kind="month", end=row.end + 86_400)])

        month = dataclasses.replace(row, kind="month", end=row.end + 86_400)
        assert set(_kept(one)) == set(_kept(other)) == {row, month}
        assert len(_kept(one)) == 2
        assert _kept(one, (row.period,)).count(row) == 1

    def test_late_events_change_a_period(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Whole, if they are more than before; fewer are of a store that has lost some. The target stays as it was."""
        store = _period_store(make_store)
        if store is None:
            return
        row = _row(store, good=10, bad=1)
        store.keep_periods([row])

        store.keep_periods([dataclasses.replace(row, good=13, bad=0, measured_since=row.start - 60, target=0.5)])
        store.keep_periods([dataclasses.replace(row, good=2, bad=0)])

        assert _kept(store) == [dataclasses.replace(row, good=13, bad=0, measured_since=row.start - 60)]

    def test_a_final_period_stays_as_it_is(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Its buckets are gone: whatever is counted in them now is a part of it."""
        store = _period_store(make_store)
        if store is None:
            return
        row = _row(store, good=10, bad=1)
        final = dataclasses.replace(row, is_final=True)
        store.keep_periods([row])
        store.keep_periods([final])

        store.keep_periods([dataclasses.replace(row, good=100)])

        assert _kept(store) == [final]

    def test_periods_outlive_pruning(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """For 25 months after their start."""
        store = _period_store(make_store)
        if store is None:
            return
        row = _row(store, good=10, bad=1)
        old = dataclasses.replace(
            row, start=row.start - KEPT_SECONDS + 5 * 86_400, end=row.end - KEPT_SECONDS + 5 * 86_400
        )
        store.keep_periods([row, old])

        _bucket_store(store).prune()

        assert sorted(_kept(store), key=lambda each: each.start) == [old, row]

    def test_rows_of_a_changed_definition_stand_beside_the_others(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """And so do those of a kind that this version does not know."""
        store = _period_store(make_store)
        if store is None:
            return
        row = _row(store, good=10, bad=1)
        rows = {
            row,
            dataclasses.replace(row, fingerprint="f2", good=7),
            dataclasses.replace(row, kind="correction-1", good=3),
        }

        store.keep_periods(sorted(rows, key=lambda each: each.good))

        assert set(_kept(store)) == rows

    def test_periods_of_slos_and_services_are_kept_apart(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Whatever they are called; several SLOs are read together, in the order of the queries."""
        shop, post = _period_store(make_store), make_store("post/office {1}")
        if shop is None or not isinstance(post, PeriodStore):
            return
        row = _row(shop, good=10, bad=1)
        other = _row(shop, good=5, bad=0, slo="a/{b} ")
        far = _row(post, good=1, bad=1)
        shop.keep_periods([row, other])
        post.keep_periods([far])

        names = (other.slo, "nothing", row.slo)
        assert shop.read_periods([PeriodQuery(name) for name in names]) == [
            StoredPeriods((other,)), StoredPeriods(()), StoredPeriods((row,)),
        ]  # fmt: skip
        assert post.read_periods([PeriodQuery(far.slo, (far.period,))]) == [StoredPeriods((far,))]
        assert shop.read_periods([]) == []

    def test_days_of_a_changed_time_zone_follow_those_of_the_one_before(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """
        The first one begins where the last one before ends, and says so. No second is in two rows, and none in no row.

        Late events still change the days of the zone before.
        """
        store = _period_store(make_store)
        if store is None:
            return
        first = now_of(_bucket_store(store)) // 86_400 * 86_400 - 6 * 86_400
        at = [float(first)]
        ledgers: list[SharedLedger] = []
        processes: list[WriteBehindStore] = []
        for hour in range(5 * 24 + 4):
            at[0] = first + hour * 3600 + 1800.0
            if hour % 50 == 0:
                for before in processes[-1:]:
                    before.flush()
                zone = ("UTC", "Asia/Tokyo", "America/Bogota")[hour // 50]
                processes.append(WriteBehindStore(make_store(), clock=lambda: at[0], flush_interval=3600.0))
                ledgers.append(processes[-1].ledger(SLODefinition("availability", 0.9, timezone=zone)))
            ledgers[-1].add(int(at[0]), 1, 0, live=True)
            if hour % 12 == 2:
                processes[-1].flush()
        processes[-1].flush()
        ledgers[-1].add(first + 1, 0, 1, live=False)
        days = ledgers[-1].closed_periods()

        assert (days[0].start, days[0].measured_since, days[0].good, days[0].bad) == (first, first + 1, 24, 1)
        for earlier, day in pairwise(days):
            assert day.measured_since == earlier.end
            assert day.total == (day.end - day.measured_since) // 3600
            assert day.end - day.start == 86_400
        assert [day.is_whole for day in days[1:]] == [True, False, True, False]
        for process in processes:
            process.close()

    def test_an_event_ahead_of_the_clock_closes_no_day_for_late_ones(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """A host is half a minute fast when yesterday is about to be closed. An event of yesterday after it counts."""
        store = _period_store(make_store)
        if store is None:
            return
        midnight = now_of(_bucket_store(store)) // 86_400 * 86_400 - 86_400
        at = [midnight - 60.0]
        process = WriteBehindStore(make_store(), clock=lambda: at[0], flush_interval=3600.0)
        ledger = process.ledger(SLODefinition("availability", 0.9))
        ledger.add(midnight - 60, 1, 0, live=True)
        process.flush()
        at[0] = midnight + 899.0
        ledger.add(midnight + 929, 1, 0, live=True)
        ledger.add(midnight - 1, 0, 1, live=False)
        process.flush()
        at[0] = midnight + 901.0
        process.flush()

        assert [(day.end, day.good, day.bad) for day in ledger.closed_periods()] == [(midnight, 1, 1)]
        process.close()

    def test_two_years_of_days_are_kept(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Each of them can be asked for, alone and with all others."""
        store = _period_store(make_store)
        if store is None:
            return
        first = _row(store, good=0, bad=0)
        days = [
            dataclasses.replace(first, start=first.start - 86_400 * age, end=first.end - 86_400 * age, good=age)
            for age in range(740)
        ]
        for start in range(0, len(days), 37):
            store.keep_periods(days[start : start + 37])

        assert sorted(_kept(store), key=lambda each: each.good) == days
        assert set(days[100:103]) <= set(_kept(store, tuple(day.period for day in days[100:103])))


def _period_store(make_store) -> PeriodStore | None:  # type: ignore[no-untyped-def]
    store = make_store()
    return store if isinstance(store, PeriodStore) else None


def _bucket_store(store: PeriodStore) -> BucketStore:
    assert isinstance(store, BucketStore)
    return store


def _row(store: PeriodStore, *, good: int, bad: int, slo: str = "availability") -> ClosedPeriod:
    """The day before yesterday, of an SLO that is declared."""
    buckets = _bucket_store(store)
    now = now_of(buckets)
    buckets.apply([batch_of([(now, 1, 0)], number=1, slo=slo, declaration=declared(now))])
    start = now // 86_400 * 86_400 - 2 * 86_400
    return ClosedPeriod(
        slo=slo,
        kind="day",
        start=start,
        end=start + 86_400,
        good=good,
        bad=bad,
        target=0.999,
        fingerprint="f1",
        measured_since=start,
    )


def _kept(store: PeriodStore, periods: tuple[Period, ...] | None = None) -> list[ClosedPeriod]:
    (stored,) = store.read_periods([PeriodQuery("availability", periods)])
    assert stored.trouble is None
    return list(stored.periods)
