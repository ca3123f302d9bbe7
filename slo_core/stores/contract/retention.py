"""How long events are kept, and what becomes of those that are older."""

from __future__ import annotations

import dataclasses

from slo_core.budgets.events import EventCounts
from slo_core.budgets.snapshot import SnapshotPlan
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.contract.batches import DAYS_30, batch_of, declared, merged
from slo_core.stores.contract.store_content import now_of, record_of, totals_of, window_of
from slo_core.stores.layout import kept_from, spread
from slo_core.stores.shared.read_only import ReadOnlyStore

__all__ = ["RetentionContract"]


class RetentionContract:
    """Every window finds its buckets; events that are older than everything kept are counted as dropped."""

    def test_events_older_than_everything_kept_are_dropped(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """And counted as dropped; how far back is kept is seen from the newest event."""
        store = make_store()
        now = now_of(store)
        ancient = now - DAYS_30 - 86_400
        store.apply([batch_of([(now, 5, 0)], number=1, declaration=declared(now))])
        store.apply([batch_of([(ancient, 2, 1), (now, 1, 0)], number=2, dropped=4)])

        record = record_of(store)
        assert (record.good, record.bad, record.dropped) == (6, 0, 7)
        assert record.data_since == now

    def test_live_events_of_a_clock_that_is_weeks_behind_count_in_the_totals(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """They are in no window, and nothing is dropped."""
        store = make_store()
        now = now_of(store)
        store.apply([batch_of([(now, 5, 0)], number=1, declaration=declared(now))])
        behind = batch_of([(now - 40 * 86_400, 2, 1)], number=1, writer="b" * 32, declaration=declared(now))
        store.apply([behind._replace(is_live=True)])

        record = record_of(store)
        assert (record.good, record.bad, record.dropped) == (7, 1, 0)
        assert window_of(store, now, DAYS_30) == EventCounts(5, 0)

    def test_it_is_measured_since_the_earliest_event_that_is_kept(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Whatever older ones were dropped with it; to the quarter of an hour where its batch tells no more."""
        store = make_store()
        now = now_of(store)
        kept = now - 10 * 86_400
        events = [(now - 40 * 86_400, 0, 1), (kept, 1, 0), (kept + 1, 1, 0)]
        batch = batch_of([*events, (now, 1, 0)], number=1, slo="coarse", declaration=declared(now))
        first = {width: kept_from(width, newest=now, keeps_seconds=DAYS_30) for width in (1, 60)}
        store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])

        store.apply([batch_of(events, number=2)])
        store.apply([batch._replace(increments=spread([*events, (now, 1, 0)], first=first))])

        fine, coarse = record_of(store), record_of(store, "coarse")
        assert (fine.good, fine.bad, fine.dropped) == (coarse.good, coarse.bad, coarse.dropped) == (3, 0, 1)
        assert (fine.data_since, coarse.data_since) == (kept, kept // 900 * 900)

    def test_a_longer_window_reaches_no_further_back_than_was_kept_before(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """The record says since when counts are kept, also in a copy; a shorter window changes nothing."""
        store = make_store()
        now, week = now_of(store), 7 * 86_400
        store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now, keeps_seconds=week))])
        before = record_of(store)
        for number, keeps in enumerate((DAYS_30, week, DAYS_30), 1):
            store.apply(
                [batch_of([], number=1, writer=f"{number}" * 32, declaration=declared(now, keeps_seconds=keeps))]
            )
        after = record_of(store)
        copy = dataclasses.replace(declared(now), kept_since=900 * (now // 900))
        store.apply([batch_of([(now, 1, 0)], number=1, slo="copy", declaration=copy)])

        assert before.kept_since is None
        assert after.kept_since == kept_from(900, newest=now, keeps_seconds=week) * 900
        assert record_of(store, "copy").kept_since == copy.kept_since

    def test_old_streams_can_be_replayed(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Nothing new keeps them out."""
        store = make_store()
        now = now_of(store)
        then = now - 300 * 86_400
        store.apply([batch_of([(then, 2, 1), (then - 60, 1, 0)], number=1, declaration=declared(now))])

        record = record_of(store)
        assert (record.good, record.bad, record.dropped, record.last_event_at) == (3, 1, 0, then)
        assert record.data_since == then - 60
        assert window_of(store, then, 3600) == EventCounts(3, 1)

    def test_a_clock_far_ahead_pushes_nothing_out(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """A host that lives in next year does not make the events of all others too old."""
        store = make_store()
        now = now_of(store)
        store.apply([batch_of([(now + 400 * 86_400, 1, 0)], number=1, writer="b" * 32, declaration=declared(now))])
        store.apply([batch_of([(now, 2, 0)], number=1, declaration=declared(now))])

        record = record_of(store)
        assert (record.good, record.dropped) == (3, 0)
        assert window_of(store, now, 3600) == EventCounts(2, 0)

    def test_a_batch_may_leave_out_what_is_too_old_to_be_kept(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """After an outage: old events come without their seconds and minutes, and count all the same."""
        store = make_store()
        now = now_of(store)
        ages = range(0, 3 * 86_400, 1_777)
        events = merged([(now - age, 2, 1) for age in ages])
        first = {width: kept_from(width, newest=now, keeps_seconds=DAYS_30) for width in (1, 60)}
        batch = batch_of(events, number=1, declaration=declared(now))
        store.apply([batch._replace(increments=spread(events, first=first))])

        assert totals_of(store) == EventCounts(2 * len(ages), len(ages))
        for window in (3600, 86_400, DAYS_30):
            width = 1 if window == 3600 else 60 if window == 86_400 else 900
            inside = sum((now - window) // width <= (now - age) // width for age in ages)
            assert window_of(store, now, window) == EventCounts(2 * inside, inside)

    def test_pruning_keeps_what_windows_read(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Old buckets may go; totals, the record and every window stay as they were."""
        store = make_store()
        now = now_of(store)
        events = [(now - age, 1, 1) for age in (0, 59, 3599, 3700, 8_000, 86_000, 90_000, DAYS_30 - 60)]
        store.apply([batch_of(merged(events), number=1, declaration=declared(now))])
        windows = (300, 3600, 86_400, 259_200, DAYS_30)
        before = [window_of(store, now, window) for window in windows]

        store.prune()

        assert [window_of(store, now, window) for window in windows] == before
        assert totals_of(store) == EventCounts(8, 8)
        assert store.apply([batch_of([(now, 1, 0)], number=2)]).noted == (2,)

    def test_windows_of_the_past_are_whole_or_say_that_they_are_not(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Each reading of a window that is called whole holds every event, before and after pruning; live ones all do."""
        store = make_store()
        now = now_of(store)
        # Three events a day for 45 days, the oldest first; none within half an hour of a window's edge.
        events = [(now - 12_600 - 28_800 * age, 1, age % 2) for age in reversed(range(135))]
        for number, start in enumerate(range(0, 135, 27), start=1):
            declaration = declared(now - 45 * 86_400) if number == 1 else None
            store.apply([batch_of(events[start : start + 27], number=number, declaration=declaration)])
        plan = SnapshotPlan(SLODefinition("availability", 0.999))
        ledger = ReadOnlyStore(store, clock=lambda: float(now)).ledger(plan.definition)

        seen = []
        for _ in range(2):
            for days in (0, 2, 10, 29):
                at, until = float(now - days * 86_400), float(now - days * 86_400 + (0 if days else 60))
                spans = plan.spans(at=at, until=until)
                for window, sample in plan.samples(ledger.read(spans), at=at, spans=spans).items():
                    inside = [event for event in events if sample.covered_since <= event[0] <= until]
                    assert sample.counts == EventCounts(len(inside), sum(bad for _, _, bad in inside)), (days, window)
                    assert sample.is_complete == (sample.covered_since == at - window)
                    seen.append((days, window // 86_400, sample.is_complete))
            store.prune()

        assert {whole for days, window, whole in seen if days == 0} == {True}
        assert [whole for days, window, whole in seen if (days, window) == (2, 30)] == [False, False]
        assert [whole for days, window, whole in seen if (days, window) == (10, 3)] == [True, True]
        assert [whole for days, window, whole in seen if (days, window) == (29, 3)] == [False, False]
