"""Rows that no window reads again."""

from __future__ import annotations

import io
from collections.abc import Sequence

from django.db import connections

from database_servers import PostgreSQL
from django_store import emptied
from slo_core.stores.buckets import BucketRange, Query
from slo_core.testing import batch_of, declared
from slo_django.store.bucket_store import DjangoBucketStore, open_django


def outdated(alias: str, buckets: Sequence[int]) -> DjangoBucketStore:
    """A store with an event now, and those seconds, counted from a second long ago, that no window reads again."""
    store = open_django(f"django://{alias}", service="shop")
    now = int(store.apply([]).now)
    store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(float(now)))])
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT id FROM slo_django_slo")
        (key,) = cursor.fetchone()
        long_ago = now - 90 * 86_400
        cursor.executemany(
            "INSERT INTO slo_django_bucket (slo_id, width, bucket, good, bad) VALUES (%s, 1, %s, 1, 0)",
            [(key, long_ago + bucket) for bucket in buckets],
        )
    connections[alias].close()
    return store


def test_pruning_goes_on_where_it_stopped(alias: str) -> None:
    """A portion at a time, over gaps of any length, and never into what windows read."""
    store = outdated(alias, [0, 1, 999, 1000, 86_400 * 80, 86_400 * 80 + 1])

    portions = [store.prune(seconds=0.0) for _ in range(4)]

    assert portions == [3, 1, 2, 0]
    (stored,) = store.read([Query("availability")])
    assert stored.record is not None
    ((seconds, days),) = store.series(
        [Query("availability", (BucketRange(1, 0, 2**40), BucketRange(86_400, 0, 2**40)))]
    )
    assert (len(seconds), len(days)) == (1, 1)


def test_old_notes_are_pruned_in_portions(alias: str) -> None:
    """A day's notes of workers that live for minutes are many; those of the last day stay; the SLO remembers which went."""
    store = outdated(alias, [])
    now = store.apply([]).now
    with connections[alias].cursor() as cursor:
        cursor.executemany(
            "INSERT INTO slo_django_note (writer, slo_id, number, applied, noted_at) "
            "VALUES (%s, (SELECT id FROM slo_django_slo), 1, %s, %s)",
            [(f"{place:032x}", place, now - age) for place, age in enumerate((*range(100_000, 100_700), 86_000))],
        )
    connections[alias].close()

    assert [store.prune(seconds=0.0) for _ in range(3)] == [500, 200, 0]
    assert store.apply([batch_of([], number=9, writer="9" * 32)]).notes[0].swept == 699
    assert store.apply([batch_of([(int(now), 1, 0)], number=2)]).noted == (2,)


def test_a_large_backlog_is_pruned_on_a_slow_server(postgres: PostgreSQL) -> None:
    """A statement may take two seconds, and what is to be deleted takes longer; a worker does its share of it."""
    from django.core.management import call_command
    from django.test import override_settings

    store = outdated(emptied("postgres"), ())
    postgres.query(
        "INSERT INTO slo_django_bucket SELECT id, 1, second, 1, 0 FROM slo_django_slo, generate_series(1, 12000) second;"
        "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF old.bucket % 100 = 0 THEN PERFORM pg_sleep(0.02); END IF; RETURN old; END';"
        "CREATE TRIGGER slowly BEFORE DELETE ON slo_django_bucket FOR EACH ROW EXECUTE FUNCTION slowly()"
    )
    out = io.StringIO()
    try:
        deleted = store.prune()
        with override_settings(SLO_STORE="django://postgres"):
            call_command("slo_prune", stdout=out)
    finally:
        postgres.query("DROP FUNCTION slowly CASCADE")

    assert 0 < deleted < 12_000
    assert out.getvalue() == f"django://postgres: {12_000 - deleted} rows deleted.\n"
    assert postgres.query("SELECT count(*) FROM slo_django_bucket WHERE width = 1") == "1"
