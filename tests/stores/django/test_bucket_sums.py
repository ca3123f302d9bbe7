"""Reads of many SLOs: in as few statements and messages as of one."""

from __future__ import annotations

import pytest

from database_servers import PostgreSQL
from django_databases import django_database
from django_store import emptied, filled, noted_statements
from slo_core.budgets.events import EventCounts
from slo_core.stores.buckets import BucketRange, Query
from slo_core.testing import batch_of


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
