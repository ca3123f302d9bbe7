"""Closed periods in Redis. Tests of periods and its scripts."""

from __future__ import annotations

import dataclasses
import time

import pytest
import redis

from redis_servers import RedisServer
from slo_core.budgets.closed_period import KEPT_SECONDS, ClosedPeriod
from slo_core.errors import DamagedError
from slo_core.stores.closed_periods import PeriodQuery, StoredPeriods
from slo_core.stores.redis.store import RedisBucketStore, open_redis

DAY = 86_400
KEY = "slo:{shop/availability}:periods"


@pytest.fixture
def store(server: RedisServer) -> RedisBucketStore:
    return open_redis(server.url, service="shop")


def day_of(start: int, *, slo: str = "availability", good: int = 1) -> ClosedPeriod:
    return ClosedPeriod(slo, "day", start, start + DAY, good, 0, 0.999, "f1", start)


def test_they_outlive_the_record(store: RedisBucketStore, client: redis.Redis) -> None:
    """Their key is one of its own, and lives for more than 25 months after the last period was closed."""
    now = int(time.time()) // DAY * DAY
    row = day_of(now - DAY)

    store.keep_periods([row])

    assert client.ttl(KEY) > KEPT_SECONDS
    assert store.read_periods([PeriodQuery("availability")]) == [StoredPeriods((row,))]


def test_those_older_than_25_months_go(store: RedisBucketStore, client: redis.Redis) -> None:
    """When there are more than the days and weeks of 25 months."""
    today = int(time.time()) // DAY * DAY
    days = [day_of(today - age * DAY) for age in range(1, 890)]
    store.keep_periods(days)
    assert client.hlen(KEY) == 889

    store.keep_periods([dataclasses.replace(day, kind="week") for day in days[:20]])

    (stored,) = store.read_periods([PeriodQuery("availability")])
    assert min(row.start for row in stored.periods) >= today - KEPT_SECONDS - DAY
    assert len(stored.periods) == KEPT_SECONDS // DAY - 1 + 20


@pytest.mark.parametrize("value", ["", "f1 2 0.9 1 one 2 0", "f1 2", "\xff\xfe"])
def test_a_damaged_row_hides_its_slo_alone(store: RedisBucketStore, client: redis.Redis, value: str) -> None:
    """Another program's value, of whatever kind; nothing is written over it."""
    start = int(time.time()) // DAY * DAY - DAY
    mine, other = day_of(start), day_of(start, slo="other")
    store.keep_periods([mine, other])
    client.hset(KEY, f"day:{start}", value)
    if not value:
        client.delete(KEY)
        client.set(KEY, "a string")

    damaged, whole = store.read_periods([PeriodQuery(slo, (mine.period,)) for slo in ("availability", "other")])

    assert damaged.trouble is not None
    assert whole == StoredPeriods((other,))
    more = dataclasses.replace(other, good=5)
    with pytest.raises(DamagedError):
        store.keep_periods([dataclasses.replace(mine, good=5), more])
    assert store.read_periods([PeriodQuery("other")]) == [StoredPeriods((more,))]
    assert (client.hget(KEY, f"day:{start}") if value else client.get(KEY)) == (value or "a string")
