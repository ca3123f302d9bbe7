"""The promises of a `BucketStore`, as tests to run over a store of your own."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections.abc import Iterable, Sequence

from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import rolling_span
from slo_core.stores.buckets import Batch, BucketRange, BucketStore, Declaration, Query, SLORecord
from slo_core.stores.layout import ReadPlan, kept_from, spread

__all__ = ["StoreContract", "batch_of", "declared"]

_DAYS_30 = 30 * 86_400


def declared(since: float, *, fingerprint: str = "f1", keeps_seconds: int = _DAYS_30) -> Declaration:
    """A declaration, as a process sends it with its first batch."""
    return Declaration(definition="{}", fingerprint=fingerprint, keeps_seconds=keeps_seconds, since=since)


def batch_of(
    events: Iterable[tuple[int, int, int]],
    *,
    number: int,
    writer: str = "a" * 32,
    slo: str = "availability",
    declaration: Declaration | None = None,
    dropped: int = 0,
    errors: int = 0,
) -> Batch:
    """
    A batch of events.

    Args:
        events: (second, good, bad), each second once.
        number: Of the batch.
        writer: Its writer's id.
        slo: Name of the SLO.
        declaration: With a writer's first batch.
        dropped: Events that the writer gave up.
        errors: Failures that the writer reports.
    """
    listed = list(events)
    seconds = [second for second, _, _ in listed]
    return Batch(
        writer=writer,
        slo=slo,
        number=number,
        increments=spread(listed),
        good=sum(good for _, good, _ in listed),
        bad=sum(bad for _, _, bad in listed),
        earliest=min(seconds, default=None),
        newest=max(seconds, default=None),
        dropped=dropped,
        errors=errors,
        declaration=declaration,
    )


class StoreContract:
    """
    What every shared store must do; inherit it in a test module of your own and give it a fixture.

    The fixture `make_store` is a function `make_store(service="shop") -> BucketStore`; all stores that it makes in one
    test share their events, as those of several processes do. The store must be empty at the start of each test and be
    reachable. Events are recorded around the store's own clock.

    ```python
    class TestMyStore(StoreContract):
        @pytest.fixture
        def make_store(self, tmp_path):
            return lambda service="shop": MyStore(tmp_path / "slo", service=service)
    ```
    """

    def test_a_batch_is_added_once(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """Sent again, by the same object or another one, it is noted already."""
        store = make_store()
        now = _now(store)
        batch = batch_of([(now, 3, 1)], number=1, declaration=declared(now))

        first, again = store.apply([batch]), store.apply([batch])
        other = make_store().apply([batch])

        assert (first.noted, again.noted, other.noted) == ((1,), (1,), (1,))
        assert _totals(store) == EventCounts(3, 1)
        assert _window(store, now, 3600) == EventCounts(3, 1)

    def test_batches_are_added_in_their_order(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """After a gap nothing is applied, and the answer says what is noted."""
        store = make_store()
        now = _now(store)
        store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])

        gap = store.apply([batch_of([(now, 0, 5)], number=3)])
        joined = [store.apply([batch_of([(now, 0, 1)], number=number)]).noted for number in (2, 3)]

        assert gap.noted == (1,)
        assert joined == [(2,), (3,)]
        assert _totals(store) == EventCounts(1, 2)

    def test_an_unknown_writer_has_nothing_noted(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Its batch 2 is a gap, also where nobody has declared the SLO."""
        store = make_store()
        now = _now(store)

        assert store.apply([batch_of([(now, 1, 0)], number=2)]).noted == (0,)
        assert store.read([Query("availability")])[0].record is None

    def test_an_older_number_is_ignored(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """A copy that was under way for long changes nothing."""
        store = make_store()
        now = _now(store)
        first = batch_of([(now, 1, 0)], number=1, declaration=declared(now))
        store.apply([first])
        store.apply([batch_of([(now, 1, 0)], number=2)])

        assert store.apply([first]).noted[0] >= 1
        assert _totals(store) == EventCounts(2, 0)

    def test_writers_and_slos_have_numbers_of_their_own(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """One call may bring batches of many SLOs; one with a gap does not stop the others."""
        store = make_store()
        now = _now(store)
        for writer in ("a" * 32, "b" * 32):
            store.apply(
                [batch_of([(now, 1, 0)], number=1, writer=writer, slo=slo, declaration=declared(now)) for slo in "xy"]
            )

        noted = store.apply(
            [batch_of([(now, 0, 1)], number=7, slo="x"), batch_of([(now, 0, 1)], number=2, slo="y")]
        ).noted

        assert noted == (1, 2)
        assert (_totals(store, "x"), _totals(store, "y")) == (EventCounts(2, 0), EventCounts(2, 1))
        assert store.names() == ["x", "y"]

    def test_concurrent_writers_lose_nothing(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Four writers with a store object each add to the same buckets."""
        now = _now(make_store())
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
        assert _totals(make_store()) == EventCounts(60, 60)
        assert _window(make_store(), now, 86_400) == EventCounts(60, 60)

    def test_windows_are_those_of_a_list_of_events(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Whatever the window, within the bucket that its far edge cuts."""
        store = make_store()
        now = _now(store)
        chance = random.Random(7)  # noqa: S311  # the same in every run
        events = [
            (now - int(chance.expovariate(1 / 200_000)), chance.randrange(3), chance.randrange(2)) for _ in range(400)
        ]
        events = [event for event in events if event[0] > now - _DAYS_30]
        for number, part in enumerate(_parts(events, 8), start=1):
            store.apply([batch_of(_merged(part), number=number, declaration=declared(now) if number == 1 else None)])

        for window in (60, 300, 3600, 7200, 21_600, 86_400, 259_200, _DAYS_30):
            width = 1 if window <= 3600 else 60 if window <= 86_400 else 900
            first = (now - window) // width * width
            expected = EventCounts(
                sum(good for second, good, _ in events if second >= first),
                sum(bad for second, _, bad in events if second >= first),
            )
            assert _window(store, now, window) == expected, window

    def test_events_older_than_everything_kept_are_dropped(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """And counted as dropped; how far back is kept is seen from the newest event."""
        store = make_store()
        now = _now(store)
        ancient = now - _DAYS_30 - 86_400
        store.apply([batch_of([(now, 5, 0)], number=1, declaration=declared(now))])
        store.apply([batch_of([(ancient, 2, 1), (now, 1, 0)], number=2, dropped=4)])

        record = _record(store)
        assert (record.good, record.bad, record.dropped) == (6, 0, 7)
        assert record.data_since == now

    def test_it_is_measured_since_the_earliest_event_that_is_kept(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Whatever older ones were dropped with it; to the quarter of an hour where its batch tells no more."""
        store = make_store()
        now = _now(store)
        kept = now - 10 * 86_400
        events = [(now - 40 * 86_400, 0, 1), (kept, 1, 0), (kept + 1, 1, 0)]
        batch = batch_of([*events, (now, 1, 0)], number=1, slo="coarse", declaration=declared(now))
        first = {width: kept_from(width, newest=now, keeps_seconds=_DAYS_30) for width in (1, 60)}
        store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])

        store.apply([batch_of(events, number=2)])
        store.apply([dataclasses.replace(batch, increments=spread([*events, (now, 1, 0)], first=first))])

        fine, coarse = _record(store), _record(store, "coarse")
        assert (fine.good, fine.bad, fine.dropped) == (coarse.good, coarse.bad, coarse.dropped) == (3, 0, 1)
        assert (fine.data_since, coarse.data_since) == (kept, kept // 900 * 900)

    def test_old_streams_can_be_replayed(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Nothing new keeps them out."""
        store = make_store()
        now = _now(store)
        then = now - 300 * 86_400
        store.apply([batch_of([(then, 2, 1), (then - 60, 1, 0)], number=1, declaration=declared(now))])

        record = _record(store)
        assert (record.good, record.bad, record.dropped, record.last_event_at) == (3, 1, 0, then)
        assert record.data_since == then - 60
        assert _window(store, then, 3600) == EventCounts(3, 1)

    def test_a_clock_far_ahead_pushes_nobody_out(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """A host that lives in next year does not make everybody else's events too old."""
        store = make_store()
        now = _now(store)
        store.apply([batch_of([(now + 400 * 86_400, 1, 0)], number=1, writer="b" * 32, declaration=declared(now))])
        store.apply([batch_of([(now, 2, 0)], number=1, declaration=declared(now))])

        record = _record(store)
        assert (record.good, record.dropped) == (3, 0)
        assert _window(store, now, 3600) == EventCounts(2, 0)

    def test_a_record_says_what_was_declared(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """The last definition, the longest window, the earliest start, and when the SLO was made another."""
        store = make_store()
        now = _now(store)
        store.apply([batch_of([], number=1, declaration=declared(now - 50.5), errors=2)])
        before = _record(store)
        later = Declaration(definition='{"é": 1}', fingerprint="f2", keeps_seconds=86_400, since=now)
        store.apply([batch_of([], number=1, writer="b" * 32, declaration=later, errors=1)])
        after = _record(store)

        assert (before.definition, before.fingerprint) == ("{}", "f1")
        assert before.definition_changed_at is before.last_event_at is None
        assert (after.definition, after.fingerprint, after.keeps_seconds) == ('{"é": 1}', "f2", _DAYS_30)
        assert after.data_since == before.data_since == now - 50.5
        assert after.errors == 3
        assert after.definition_changed_at is not None
        assert abs(after.definition_changed_at - now) < 600

    def test_names_are_exact(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Upper and lower case, spaces at the end, quotes, braces and any script tell SLOs apart."""
        store = make_store()
        now = _now(store)
        names = ["a", "A", "a ", "á", "{a}", "a/b", 'it\'s "x"\n\\', "%41", "支払い", "x" * 300]
        for count, name in enumerate(names, start=1):
            store.apply([batch_of([(now, count, 0)], number=1, slo=name, declaration=declared(now))])

        assert store.names() == sorted(names)
        assert [_totals(store, name).good for name in names] == list(range(1, len(names) + 1))

    def test_services_are_kept_apart(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """An SLO of the same name in another service is another one; all services of a store are known."""
        shop, post = make_store("shop"), make_store("post/office {1}")
        now = _now(shop)
        shop.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
        post.apply([batch_of([(now, 0, 2)], number=1, writer="b" * 32, declaration=declared(now))])

        assert (_totals(shop), _totals(post)) == (EventCounts(1, 0), EventCounts(0, 2))
        assert shop.services() == ["post/office {1}", "shop"]
        assert shop.names() == ["availability"]

    def test_an_unknown_slo_has_no_events(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Nor a record."""
        store = make_store()
        (stored,) = store.read([Query("nobody", (BucketRange(1, 0, 9), BucketRange(60, 0, 9)))])
        assert stored.record is None
        assert stored.sums == (EventCounts(), EventCounts())
        assert store.series("nobody", BucketRange(1, 0, 9)) == []

    def test_a_series_is_what_the_buckets_hold(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Oldest first, those without events left out."""
        store = make_store()
        minute = _now(store) // 60
        store.apply(
            [batch_of([(minute * 60 - 120, 1, 0), (minute * 60, 2, 3)], number=1, declaration=declared(minute * 60))]
        )

        assert store.series("availability", BucketRange(60, minute - 9, minute)) == [
            (60, minute - 2, 1, 0),
            (60, minute, 2, 3),
        ]
        assert store.series("availability", BucketRange(60, minute - 1, minute - 1)) == []

    def test_the_identity_stays(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """The same for everybody, also after closing; its clock is near ours by the store's own account."""
        store, other = make_store("shop"), make_store("other")
        identity = store.identity()
        store.close()

        applied = store.apply([])

        assert other.identity() == store.identity() == applied.identity == identity
        assert len(identity.store_id) == 32
        assert abs(identity.created - applied.now) < 600

    def test_pruning_keeps_what_windows_read(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Old buckets may go; totals, the record and every window stay as they were."""
        store = make_store()
        now = _now(store)
        events = [(now - age, 1, 1) for age in (0, 59, 3599, 3700, 8_000, 86_000, 90_000, _DAYS_30 - 60)]
        store.apply([batch_of(_merged(events), number=1, declaration=declared(now))])
        windows = (300, 3600, 86_400, 259_200, _DAYS_30)
        before = [_window(store, now, window) for window in windows]

        store.prune()

        assert [_window(store, now, window) for window in windows] == before
        assert _totals(store) == EventCounts(8, 8)
        assert store.apply([batch_of([(now, 1, 0)], number=2)]).noted == (2,)

    def test_a_batch_may_leave_out_what_is_too_old_to_be_kept(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """After an outage: old events come without their seconds and minutes, and count all the same."""
        store = make_store()
        now = _now(store)
        ages = range(0, 3 * 86_400, 1_777)
        events = _merged([(now - age, 2, 1) for age in ages])
        first = {width: kept_from(width, newest=now, keeps_seconds=_DAYS_30) for width in (1, 60)}
        batch = batch_of(events, number=1, declaration=declared(now))
        store.apply([dataclasses.replace(batch, increments=spread(events, first=first))])

        assert _totals(store) == EventCounts(2 * len(ages), len(ages))
        for window in (3600, 86_400, _DAYS_30):
            width = 1 if window == 3600 else 60 if window == 86_400 else 900
            inside = sum((now - window) // width <= (now - age) // width for age in ages)
            assert _window(store, now, window) == EventCounts(2 * inside, inside)

    def test_large_counts_are_exact(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Beyond 32 bits."""
        store = make_store()
        now = _now(store)
        huge = 2**40 + 1
        store.apply([batch_of([(now, huge, 1)], number=1, declaration=declared(now))])
        store.apply([batch_of([(now, huge, 0)], number=2)])

        assert _totals(store) == EventCounts(2 * huge, 1)
        assert _window(store, now, _DAYS_30) == EventCounts(2 * huge, 1)

    def test_it_may_be_forgotten_and_used_again(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """As in a forked child, which opens connections of its own."""
        store = make_store()
        now = _now(store)
        store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
        store.forget()
        store.apply([batch_of([(now, 1, 0)], number=2)])
        store.close()

        assert _totals(store) == EventCounts(2, 0)


def _now(store: BucketStore) -> int:
    """The store's clock, in whole seconds, a minute ago: no event lies in the future."""
    return int(store.apply([]).now) - 60


def _record(store: BucketStore, slo: str = "availability") -> SLORecord:
    (stored,) = store.read([Query(slo)])
    assert stored.record is not None
    return stored.record


def _totals(store: BucketStore, slo: str = "availability") -> EventCounts:
    record = _record(store, slo)
    return EventCounts(record.good, record.bad)


def _window(store: BucketStore, at: int, seconds: int, slo: str = "availability") -> EventCounts:
    plan = ReadPlan([rolling_span(seconds, at=float(at), until=float(at))])
    (stored,) = store.read([Query(slo, plan.ranges)])
    return plan.counts(stored.sums)[0]


def _merged(events: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    merged: dict[int, tuple[int, int]] = {}
    for second, good, bad in events:
        before = merged.get(second, (0, 0))
        merged[second] = (before[0] + good, before[1] + bad)
    return [(second, good, bad) for second, (good, bad) in merged.items()]


def _parts(events: Sequence[tuple[int, int, int]], count: int) -> list[Sequence[tuple[int, int, int]]]:
    return [events[start::count] for start in range(count)]


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
