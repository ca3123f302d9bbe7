"""What can be read of an SLO."""

from __future__ import annotations

import random

from slo_core.budgets.events import EventCounts
from slo_core.stores.buckets import BucketRange, Declaration, Query
from slo_core.stores.contract.batches import DAYS_30, batch_of, declared, merged
from slo_core.stores.contract.store_content import now_of, record_of, series_of, window_of

__all__ = ["ReadingContract"]


class ReadingContract:
    """Windows, series and the record of an SLO agree with the batches that were applied."""

    def test_windows_are_those_of_a_list_of_events(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """Whatever the window, within the bucket that its far edge cuts."""
        store = make_store()
        now = now_of(store)
        chance = random.Random(7)  # noqa: S311  # the same in every run
        events = [
            (now - int(chance.expovariate(1 / 200_000)), chance.randrange(3), chance.randrange(2)) for _ in range(400)
        ]
        events = [event for event in events if event[0] > now - DAYS_30]
        for number, part in enumerate((events[start::8] for start in range(8)), start=1):
            store.apply([batch_of(merged(part), number=number, declaration=declared(now) if number == 1 else None)])

        for window in (60, 300, 3600, 7200, 21_600, 86_400, 259_200, DAYS_30):
            width = 1 if window <= 3600 else 60 if window <= 86_400 else 900
            first = (now - window) // width * width
            expected = EventCounts(
                sum(good for second, good, _ in events if second >= first),
                sum(bad for second, _, bad in events if second >= first),
            )
            assert window_of(store, now, window) == expected, window

    def test_each_of_many_ranges_has_its_own_sum(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """In the order of the query, also where they overlap, repeat, or hold no event."""
        store = make_store()
        now = now_of(store)
        events = [(now - second, second, second % 3) for second in range(20)]
        store.apply([batch_of(events, number=1, declaration=declared(now))])
        ranges = [BucketRange(1, now - second - second % 4, now - second) for second in (*range(40), *range(30), 7, 7)]

        (stored,) = store.read([Query("availability", tuple(ranges))])

        assert stored.sums == tuple(
            EventCounts(
                sum(good for second, good, _ in events if first <= second <= last),
                sum(bad for second, _, bad in events if first <= second <= last),
            )
            for _, first, last in ranges
        )

    def test_a_series_is_what_the_buckets_hold(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Oldest first, those without events left out."""
        store = make_store()
        minute = now_of(store) // 60
        store.apply(
            [batch_of([(minute * 60 - 120, 1, 0), (minute * 60, 2, 3)], number=1, declaration=declared(minute * 60))]
        )

        assert series_of(store, "availability", BucketRange(60, minute - 9, minute)) == [
            (60, minute - 2, 1, 0),
            (60, minute, 2, 3),
        ]
        assert series_of(store, "availability", BucketRange(60, minute - 1, minute - 1)) == []

    def test_several_series_are_read_together(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Of several SLOs, an unknown one among them, and of ranges that overlap, repeat, or hold no event."""
        store = make_store()
        minute = now_of(store) // 60
        first, second = minute * 60 - 120, minute * 60
        store.apply([batch_of([(first, 1, 0), (second, 2, 3)], number=1, declaration=declared(second))])
        store.apply([batch_of([(second, 0, 4)], number=1, slo="other", declaration=declared(second))])
        recent, past, last = (
            BucketRange(60, minute - 9, minute), BucketRange(60, minute - 9, minute - 5), BucketRange(1, second, second),
        )  # fmt: skip

        series = store.series(
            [
                Query("availability", (recent, past, last, recent)),
                Query("unknown", (recent,)),
                Query("other", (last, recent)),
            ]
        )

        assert [list(each) for each in series] == [
            [
                [(60, minute - 2, 1, 0), (60, minute, 2, 3)],
                [],
                [(1, second, 2, 3)],
                [(60, minute - 2, 1, 0), (60, minute, 2, 3)],
            ],
            [[]],
            [[(1, second, 0, 4)], [(60, minute, 0, 4)]],
        ]
        assert store.series([]) == []
        assert [list(each) for each in store.series([Query("availability")])] == [[]]

    def test_an_unknown_slo_has_no_events(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Nor a record."""
        store = make_store()
        (stored,) = store.read([Query("unknown", (BucketRange(1, 0, 9), BucketRange(60, 0, 9)))])
        assert stored.record is None
        assert stored.sums == (EventCounts(), EventCounts())
        assert series_of(store, "unknown", BucketRange(1, 0, 9)) == []

    def test_a_record_says_what_was_declared(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """The last definition, the longest window, the earliest start, and when the SLO was made another."""
        store = make_store()
        now = now_of(store)
        store.apply([batch_of([], number=1, declaration=declared(now - 50.5), errors=2)])
        before = record_of(store)
        later = Declaration(definition='{"é": 1}', fingerprint="f2", keeps_seconds=86_400, since=now)
        store.apply([batch_of([], number=1, writer="b" * 32, declaration=later, errors=1)])
        after = record_of(store)

        assert (before.definition, before.fingerprint) == ("{}", "f1")
        assert before.definition_changed_at is before.last_event_at is None
        assert (after.definition, after.fingerprint, after.keeps_seconds) == ('{"é": 1}', "f2", DAYS_30)
        assert after.data_since == before.data_since == now - 50.5
        assert after.errors == 3
        assert after.definition_changed_at is not None
        assert abs(after.definition_changed_at - now) < 600
