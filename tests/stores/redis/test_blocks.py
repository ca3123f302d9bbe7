"""How an SLO lies in Redis: how much it takes, how exactly it is read, and when it expires."""

from __future__ import annotations

import pytest
import redis

from redis_servers import RedisServer
from slo_core.objectives.window import rolling_span
from slo_core.stores.buckets import Query
from slo_core.stores.layout import ReadPlan
from slo_core.stores.redis.store import RedisBucketStore, open_redis
from slo_core.testing import batch_of, declared

DAYS_30 = 30 * 86_400


def now_of(store: RedisBucketStore) -> int:
    return int(store.apply([]).now)


def test_every_key_of_an_slo_expires(server: RedisServer, client: redis.Redis) -> None:
    """Buckets when no window reads them, the record a week after the longest window, notes with it."""
    store = open_redis(server.url, service="shop")
    now = now_of(store)
    store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])

    names = {key: key.rpartition("}:")[2].split(":") for key in client.keys("slo:{*")}
    lives = {name[0] if len(name) == 1 else name[1]: client.ttl(key) for key, name in names.items()}

    assert set(lives) == {"record", "1", "60", "900", "86400"}
    assert lives["record"] == pytest.approx(DAYS_30 + 7 * 86_400, abs=5)
    assert 3600 + 300 + 120 <= lives["1"] <= 3 * 3600
    assert 86_400 + 240 * 60 + 120 <= lives["60"] <= 3 * 86_400
    assert DAYS_30 + 2 * 86_400 + 120 <= lives["900"] <= DAYS_30 + 6 * 86_400
    assert lives["86400"] >= DAYS_30 + 32 * 86_400


def fill(store: RedisBucketStore, now: int, slo: str = "availability") -> list[tuple[int, int, int]]:
    """Thirty days full of data: every bucket that is kept."""
    events = [(now - age, 5, 1) for age in range(3700)]
    events += [(now - 3700 - 60 * minute, 7, 1) for minute in range(1440)]
    events += [(now - 90_200 - 900 * quarter, 9, 2) for quarter in range(2770)]
    store.apply([batch_of(events, number=1, slo=slo, declaration=declared(now))])
    return events


def test_a_full_slo_costs_less_than_200_kb(server: RedisServer, client: redis.Redis) -> None:
    """Hashes with a field for each bucket take 903 KB."""
    store = open_redis(server.url, service="shop")
    fill(store, now_of(store))

    assert sum(client.memory_usage(key) for key in client.keys("slo:{*")) <= 200_000


def test_a_full_slo_reads_exactly(server: RedisServer) -> None:
    """Every window across blocks is the sum of its events."""
    store = open_redis(server.url, service="shop")
    now = now_of(store)
    events = fill(store, now)
    windows = (300, 1800, 3600, 7200, 21_600, 86_400, 259_200, DAYS_30)
    plan = ReadPlan([rolling_span(w, at=float(now), until=now + 60.0) for w in windows])

    (stored,) = store.read([Query("availability", plan.ranges)])

    for window, counts in zip(windows, plan.counts(stored.sums), strict=True):
        width = 1 if window <= 3600 else 60 if window <= 86_400 else 900
        first = (now - window) // width * width
        assert counts.good == sum(good for second, good, _ in events if second >= first), window
        assert counts.bad == sum(bad for second, _, bad in events if second >= first), window


def test_a_window_that_grows_keeps_what_is_there(server: RedisServer, client: redis.Redis) -> None:
    """From 7 to 30 days: blocks that were to expire after the shorter window live as long as new ones."""
    store = open_redis(server.url, service="shop")
    now = now_of(store)
    week = [(now - 86_400 * age, 1, 0) for age in range(7)]
    store.apply([batch_of(week, number=1, declaration=declared(now, keeps_seconds=7 * 86_400))])
    before = lives_of(client)

    store.apply([batch_of([(now, 1, 0)], number=1, writer="2" * 32, declaration=declared(now))])

    after = lives_of(client)
    assert before.keys() == after.keys()
    for key, seconds in after.items():
        width = int(key.split(":")[-2])
        if width in (900, 86_400):
            assert seconds == pytest.approx(before[key] + 23 * 86_400, abs=60), key
            assert seconds >= DAYS_30
        else:
            assert seconds <= before[key], key


def test_a_window_that_does_not_grow_moves_nothing(server: RedisServer, client: redis.Redis) -> None:
    """Each new process declares its SLOs: blocks do not live longer for that."""
    store = open_redis(server.url, service="shop")
    now = now_of(store)
    store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
    for key in lives_of(client):
        client.expire(key, 1000)

    for writer, days in (("2", 30), ("3", 7)):
        declaration = declared(now, keeps_seconds=days * 86_400)
        store.apply([batch_of([(now, 1, 0)], number=1, writer=writer * 32, declaration=declaration)])

    assert max(lives_of(client).values()) <= 1000


def lives_of(client: redis.Redis) -> dict[str, int]:
    """How many seconds each block has left."""
    return {
        key: client.ttl(key) for key in client.keys("slo:{*") if not key.endswith(":record") and ":note:" not in key
    }
