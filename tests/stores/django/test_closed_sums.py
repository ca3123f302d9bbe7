"""Buckets that are over are added up once, and again as soon as anything is added to them."""

from __future__ import annotations

import random

import pytest
from django.db import connections

from django_store import emptied, noted_statements
from slo_core.budgets.events import EventCounts
from slo_core.stores.buckets import BucketRange, Query
from slo_core.testing import batch_of, declared
from slo_django.store.bucket_store import DjangoBucketStore, open_django


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
