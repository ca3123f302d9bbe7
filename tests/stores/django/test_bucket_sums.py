"""
Reads of many SLOs: in as few statements and messages as of one.

Buckets that are over are added up once, and again as soon as anything is added to them.
"""

from __future__ import annotations

import random

import pytest
from django.db import connections

from database_servers import PostgreSQL
from django_databases import django_database
from django_store import emptied, filled, noted_statements
from slo_core.budgets.events import EventCounts
from slo_core.stores.buckets import BucketRange, Query
from slo_core.testing import batch_of, declared
from slo_django.store.bucket_store import DjangoBucketStore, open_django


def test_a_list_of_many_slos_takes_as_many_statements_as_one(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for what is known of them, one for their sums; a page that lists 200 does not ask 200 times."""
    names = [f"slo-{place}" for place in range(200)]
    store, now = filled(alias, names)
    statements = noted_statements(store, monkeypatch)
    ranges = (BucketRange(1, now - 4, now), BucketRange(1, now - 9, now - 5), BucketRange(60, now // 60, now // 60))
    store.read([Query("slo-0", ranges)])
    of_one = list(statements)
    statements.clear()

    answers = store.read([Query(name, ranges) for name in names])

    assert [stored.sums[0] for stored in answers] == [EventCounts(5 * place, 5) for place in range(200)]
    assert len(statements) == len(of_one)
    assert len([sql for sql in statements if "slo_django_" in sql]) == 2


def test_slos_with_ranges_of_their_own_are_read_together(alias: str) -> None:
    """Each gets the sums that it asked for, in its order; one that was never declared gets none."""
    store, now = filled(alias, ["none", "few", "many"])
    last, earlier, before = BucketRange(1, now, now), BucketRange(1, now - 3, now), BucketRange(1, now - 99, now - 90)

    answers = store.read(
        [
            Query("many", (earlier, last)),
            Query("nobody", (last, earlier)),
            Query("few", (before, last, before)),
            Query("none"),
            Query("many", (before,)),
        ]
    )

    assert [stored.sums for stored in answers] == [
        (EventCounts(8, 4), EventCounts(2, 1)),
        (EventCounts(), EventCounts()),
        (EventCounts(), EventCounts(1, 1), EventCounts()),
        (),
        (EventCounts(),),
    ]
    assert [stored.record and stored.record.good for stored in answers] == [20, None, 10, 0, 20]


def test_there_may_be_more_ranges_than_one_statement_takes(alias: str) -> None:
    """SQLite joins 500 at most; SLOs whose windows all differ may need more."""
    store, now = filled(alias, ["none", "few"])
    ranges = tuple(BucketRange(1, now - second, now) for second in range(1200))

    (stored,) = store.read([Query("few", ranges)])

    assert stored.sums == tuple(EventCounts(min(second + 1, 10), min(second + 1, 10)) for second in range(1200))


def test_a_server_is_asked_in_few_messages(postgres: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three for a reading and two for a flush, however many SLOs: each is a way to the server and back."""
    names = [f"slo-{place}" for place in range(20)]
    store, now = filled(emptied("postgres"), names)
    messages = noted_statements(store, monkeypatch)

    store.read([Query(name, (BucketRange(1, now - 4, now),)) for name in names])
    of_reading = len(messages)
    store.apply([batch_of([(now, 1, 0)], number=2, slo=name) for name in names])

    assert (of_reading, len(messages) - of_reading) == (3, 2)


def test_the_projects_options_change_nothing(postgres: PostgreSQL) -> None:
    """Bound by the server, values allow no more than one statement at a time."""
    options = {"server_side_binding": True}
    emptied("postgres")
    with django_database("bound", {**postgres.settings, "OPTIONS": options}, migrate=False):
        store, now = filled("bound", ["none", "one"])

        (stored,) = store.read([Query("one", (BucketRange(1, now - 4, now),))])

        assert stored.sums == (EventCounts(5, 5),)


def two_days(alias: str) -> tuple[DjangoBucketStore, int, tuple[BucketRange, ...]]:
    """A store with an event of each quarter of an hour of the last two days; the last second, and ranges of any age."""
    store = open_django(f"django://{alias}", service="shop")
    now = int(store.apply([]).now) // 900 * 900 - 1
    events = [(now - quarter * 900, 1, 0) for quarter in range(192)]
    store.apply([batch_of(events, number=1, declaration=declared(float(now)))])
    quarter = now // 900
    return store, now, (BucketRange(900, quarter - 191, quarter - 4), BucketRange(900, quarter - 3, quarter + 1))


def sums_of(store: DjangoBucketStore, ranges: tuple[BucketRange, ...]) -> list[EventCounts]:
    """The events in each range."""
    (stored,) = store.read([Query("availability", ranges)])
    return list(stored.sums)


def test_a_second_reading_asks_for_the_open_buckets_only(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the same result as the first."""
    store, _, ranges = two_days(alias)
    first = sums_of(store, ranges)
    statements = noted_statements(store, monkeypatch)

    assert sums_of(store, ranges) == first == [EventCounts(188, 0), EventCounts(4, 0)]

    (sums,) = [sql for sql in statements if "slo_django_bucket" in sql]
    assert str(ranges[1].first) in sums
    assert str(ranges[0].first) not in sums


def test_late_events_of_other_processes_are_in_the_next_reading(alias: str) -> None:
    """However old they are, in whatever order they come, while newer ones come too."""
    reader, now, ranges = two_days(alias)
    writer = open_django(f"django://{alias}", service="shop")
    good, bad = [188, 4], [0, 0]
    randomly = random.Random(1)
    for number in range(1, 40):
        # Two may come between two readings, and the newest event wanders through the next quarters of an hour.
        ages = randomly.choices((172_000, 90_000, 3600, 2700, 900, 0, -450 - 20 * number), k=randomly.choice((1, 2, 2)))
        events = {now - age: (randomly.randrange(3), randomly.randrange(2)) for age in ages}
        writer.apply(
            [
                batch_of(
                    [(second, *counts) for second, counts in events.items()],
                    number=number,
                    writer="b" * 32,
                    declaration=declared(float(now)),
                )
            ]
        )
        for second, counts in events.items():
            for place, (width, first, last) in enumerate(ranges):
                if first <= second // width <= last:
                    good[place] += counts[0]
                    bad[place] += counts[1]

        assert sums_of(reader, ranges) == [EventCounts(*counts) for counts in zip(good, bad, strict=True)]


def test_nothing_is_kept_of_a_store_that_was_emptied(alias: str) -> None:
    """Also where another SLO has been given the same key."""
    reader, now, ranges = two_days(alias)
    sums_of(reader, ranges)
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT id FROM slo_django_slo")
        (key,) = cursor.fetchone()
    emptied(alias)
    writer = open_django(f"django://{alias}", service="shop")

    assert sums_of(reader, ranges) == [EventCounts(), EventCounts()]
    writer.apply([batch_of([(now, 3, 1)], number=1, declaration=declared(now + 1.0))])
    with connections[alias].cursor() as cursor:
        cursor.execute("UPDATE slo_django_bucket SET slo_id = %s", [key])
        cursor.execute("UPDATE slo_django_slo SET id = %s", [key])
    assert sums_of(reader, ranges) == [EventCounts(), EventCounts(3, 1)]
