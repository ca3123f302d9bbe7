"""Causes in Redis: damaged, in a store of the version before, and in one whose keys have no generation."""

from __future__ import annotations

import pytest
import redis

from redis_servers import RedisServer
from slo_core.budgets.causes import Cause, CauseIncrement
from slo_core.objectives.window import DAY
from slo_core.stores.buckets import Batch, Query
from slo_core.stores.causes import CauseQuery, total_causes
from slo_core.stores.redis.store import RedisBucketStore, open_redis
from slo_core.testing import batch_of, declared

QUERY = CauseQuery("availability", DAY, 0)


def caused(at: int, *, number: int) -> Batch:
    batch = batch_of([(at, 0, 2)], number=number, declaration=declared(at - DAY) if number == 1 else None)
    return batch._replace(causes=(CauseIncrement(at // 300, Cause("GET /", "503"), 2),))


def causes_key(client: redis.Redis) -> str:
    (key,) = client.keys("*:causes")
    return str(key)


def bad_in(store: RedisBucketStore) -> int:
    return sum(bad for _, bad in total_causes(store.read_causes([QUERY])[0], QUERY))


@pytest.mark.parametrize(
    "content", ["[[", "17", '5666666 -5 ["GET /","503"]', '5666666 1 ["GET /"]', '["GET /"]', "", None]
)
def test_damaged_causes_begin_again_and_every_event_counts(
    server: RedisServer, client: redis.Redis, content: str | None
) -> None:
    """The answer says so, and a reader too; a key of another type loses all of them, and is replaced."""
    store = open_redis(server.url, service="shop")
    now = int(store.apply([]).now) - 900
    store.apply([caused(now, number=1), caused(now, number=1)._replace(slo="other")][:1])
    store.apply([caused(now + 300, number=2)])
    key = causes_key(client)
    if content is None:
        client.delete(key)
        client.set(key, "text")
    else:
        client.hset(key, "0:0", content)

    trouble = store.read_causes([QUERY])[0].trouble
    applied = store.apply([caused(now + 301, number=3)])

    assert trouble is not None
    assert (applied.noted, applied.trouble, applied.damage) == ((3,), None, "SLO 'availability'")
    assert bad_in(store) == (2 if content is None else 4)
    assert store.apply([caused(now + 302, number=4)]).damage is None
    (stored,) = store.read([Query("availability")])
    assert stored.record is not None
    assert stored.record.bad == 8


def test_a_store_of_the_version_before_gains_causes_and_is_written_by_both(
    server: RedisServer, client: redis.Redis
) -> None:
    """Its counts stay; a batch without causes is what that version writes, and it leaves the key of causes alone."""
    store = open_redis(server.url, service="shop")
    now = int(store.apply([]).now) - 900
    store.apply([batch_of([(now, 3, 2)], number=1, declaration=declared(now - DAY))])
    assert client.keys("*:causes") == []
    assert bad_in(store) == 0

    store.apply([caused(now, number=2)])
    store.apply([batch_of([(now, 0, 1)], number=3)])
    applied = store.apply([caused(now, number=4)])

    (stored,), (causes,) = store.read([Query("availability")]), store.read_causes([QUERY])
    assert stored.record is not None
    assert (applied.noted, applied.damage, causes.trouble) == ((4,), None, None)
    assert (stored.record.good, stored.record.bad, bad_in(store)) == (3, 7, 4)


def test_a_store_without_generations_forgets_the_causes_of_a_record_that_is_gone(
    server: RedisServer, client: redis.Redis
) -> None:
    """Its keys have the same names for the next record; they expire, too."""
    client.hset("slo:store", mapping={"schema": "1", "created": "5.0", "id": "a" * 32})
    store = open_redis(server.url, service="shop")
    now = int(store.apply([]).now) - 900
    store.apply([caused(now, number=1)])
    assert bad_in(store) == 2

    client.delete(*client.keys("*:record"))
    store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
    assert bad_in(store) == 0
    store.apply([caused(now, number=2)])

    assert bad_in(store) == 2
    assert 30 * DAY < client.ttl(causes_key(client)) < 110 * DAY
    assert store.delete_slo("availability", not_seen_since=float("inf"))
    assert client.keys("*:causes") == []
