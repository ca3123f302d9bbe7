"""Recent failures in Redis. Tests of failures and its script."""

from __future__ import annotations

import time

import redis

from redis_servers import RedisServer
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.stores.recent_failures import FAILURES_KEPT_SECONDS
from slo_core.stores.redis.store import open_redis

KEY = "slo:{shop/a}:failures"


def test_they_lie_in_one_bounded_hash_that_expires(server: RedisServer, client: redis.Redis) -> None:
    """A field for each of so many places, and one for the next; a writer that keeps fewer overwrites fewer."""
    store = open_redis(server.url, service="shop")
    now = float(int(time.time()))
    for number in range(7):
        store.add_recent_failures({"a": [RecentFailure(now + number), RecentFailure(now + number + 0.5)]}, most=5)

    assert client.hlen(KEY) == 6
    assert FAILURES_KEPT_SECONDS - 60 < client.ttl(KEY) <= FAILURES_KEPT_SECONDS
    shown = store.recent_failures(["a"], most=50)[0]
    assert [failure.at - now for failure in shown] == [6.5, 6, 5.5, 5, 4.5]
    store.close()


def test_values_of_other_programs_hide_themselves_alone(server: RedisServer, client: redis.Redis) -> None:
    """Those of the hash; a key of another kind, or a next place that is no number, is replaced with the next failure."""
    store = open_redis(server.url, service="shop")
    now = time.time()
    store.add_recent_failures({"a": [RecentFailure(now)]}, most=5)
    client.hset(KEY, mapping={"3": "text", "4": b"\xff\x00", "x": "[]"})
    assert store.recent_failures(["a"], most=50) == [(RecentFailure(now),)]

    for break_it in (lambda: client.hset(KEY, "next", "x"), lambda: client.delete(KEY) and client.set(KEY, "x")):
        break_it()
        store.recent_failures(["a", "b"], most=50)
        store.add_recent_failures({"a": [RecentFailure(now)]}, most=5)
        assert store.recent_failures(["a", "b"], most=50) == [(RecentFailure(now),), ()]
    store.close()
