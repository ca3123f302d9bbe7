"""Notes and blocks in a Redis that throws keys away, or that a version before has written to. Tests of generations too."""

from __future__ import annotations

import logging

import pytest
import redis

from redis_servers import RedisServer
from slo_core import SLODefinition, SLORegistry
from slo_core.budgets.events import EventCounts
from slo_core.stores.buckets import BucketRange, Query
from slo_core.stores.redis.store import RedisBucketStore, open_redis
from slo_core.testing import batch_of, declared
from slo_servers import HOST

RECORD = "slo:{shop/availability}:record"


def now_of(store: RedisBucketStore) -> int:
    return int(store.apply([]).now)


def in_the_hour(store: RedisBucketStore, now: int) -> EventCounts:
    (stored,) = store.read([Query("availability", (BucketRange(1, now - 3_600, now),))])
    assert stored.record is not None
    return stored.sums[0]


def test_a_block_that_was_thrown_away_is_reported(
    server: RedisServer, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """The record says which it has written; one that was never written is no loss."""
    registry = SLORegistry(server.url, service="shop", flush_interval=3600.0)
    tracker = registry.define(SLODefinition("availability", 0.99))
    tracker.record(True)
    tracker.snapshot()
    assert caplog.records == []

    (block,) = client.keys("slo:{shop/availability}:*:900:*")
    client.delete(block)
    before = tracker.snapshot()
    tracker.record(True)
    after = tracker.snapshot()

    assert (
        "has thrown counts away that it had written (is it evicting?): SLO availability, 1 times so far" in caplog.text
    )
    assert registry.store.health().losses == 1
    assert (before.lifetime_good, after.lifetime_good) == (1, 2)
    (stored,) = registry_store(server).read([Query("availability")])
    assert stored.record is not None
    assert stored.record.lost_blocks == 1
    registry.close()


def registry_store(server: RedisServer) -> RedisBucketStore:
    return open_redis(server.url, service="shop")


def test_a_full_server_loses_and_doubles_nothing_in_silence(
    server: RedisServer, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """It throws away what has a time to live, as other keys come; CONFIG is forbidden, so that nobody was warned by it."""
    client.execute_command("ACL", "SETUSER", "app", "on", ">pass", "~*", "+@all", "-config", "-info")
    used = int(client.info("memory")["used_memory"])
    client.config_set("maxmemory", used + 1_500_000)
    client.config_set("maxmemory-policy", "volatile-ttl")
    registry = SLORegistry(f"redis://app:pass@{HOST}:{server.port}/0", service="shop", flush_interval=3600.0)
    trackers = [registry.define(SLODefinition(f"slo{number}", 0.99)) for number in range(10)]
    try:
        for count in range(20):
            for tracker in trackers:
                tracker.record(True)
            registry.flush()
            with client.pipeline(transaction=False) as others:
                for number in range(200):
                    others.set(f"session:{count}:{number}", b"x" * 600, ex=1_209_600)
                others.execute(raise_on_error=False)
        totals = [snapshot.total for snapshot in registry.snapshot_all()]
        evicted = client.info("stats")["evicted_keys"]
    finally:
        client.config_set("maxmemory", 0)
        client.config_set("maxmemory-policy", "noeviction")
        registry.close()

    assert evicted > 0
    assert max(totals) <= 20
    if min(totals) < 20:
        assert "has lost everything of an SLO" in caplog.text or "has thrown counts away" in caplog.text


def test_the_policy_is_asked_for_by_info_where_config_is_forbidden(
    server: RedisServer, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Managed servers forbid CONFIG."""
    client.execute_command("ACL", "SETUSER", "app", "on", ">pass", "~*", "+@all", "-config")
    client.config_set("maxmemory-policy", "volatile-lru")
    with caplog.at_level(logging.WARNING, logger="slo_core"):
        open_redis(f"redis://app:pass@{HOST}:{server.port}/0", service="shop").apply([])

    assert "maxmemory-policy volatile-lru" in caplog.text


def test_notes_are_swept_in_bites(server: RedisServer, client: redis.Redis) -> None:
    """Each declaration looks at some; what stays is younger than a day, and the record knows up to where notes are gone."""
    store = open_redis(server.url, service="shop")
    now = now_of(store)
    store.apply([batch_of([(now, 1, 0)], number=1, nonce="1a", declaration=declared(now))])
    old = {
        f"n:{number:032x}": number.to_bytes(8) + (100 + number).to_bytes(8) + (now - silent).to_bytes(8) + b"ab"
        for number, silent in enumerate([91_000] * 1_000 + [7_200] * 300, start=1)
    }
    client.hset(RECORD, mapping=old)
    client.hset(RECORD, mapping={"applied": 2_000, "notes": 1_301})
    left = []
    for _ in range(1_000):  # how many it takes is up to the order of the hash
        store.apply([batch_of([], number=0, writer="b" * 32, declaration=declared(now))])
        left.append(sum(field.startswith("n:") for field in client.hkeys(RECORD)))
        if left[-1] == 301:
            break

    assert left[-1] == 301
    assert max(before - after for before, after in zip([1_301, *left], left, strict=False)) <= 20
    (note,) = store.apply([batch_of([], number=9, writer="c" * 32)]).notes
    assert note is not None
    assert (note.swept, note.applied) == (1_100, 0)
    assert int(client.hget(RECORD, "notes") or 0) == 301


def test_a_store_of_the_version_before_keeps_its_names(server: RedisServer, client: redis.Redis) -> None:
    """Its processes may still use it: blocks are where they look for them, and what they wrote is found."""
    client.hset("slo:store", mapping={"schema": 1, "created": "1.5", "id": "5" * 32})
    store = open_redis(server.url, service="shop")
    now = now_of(store)
    store.apply([batch_of([(now, 1, 0)], number=1, nonce="1a", declaration=declared(now))])

    block = f"slo:{{shop/availability}}:1:{now // 300}"
    assert client.exists(block)
    assert client.hget("slo:store", "schema") == "1"
    assert client.hget(RECORD, "generation") is None
    # As its script adds an event.
    place = now % 300 * 16
    with redis.Redis(host=HOST, port=server.port) as raw:
        raw.setrange(block, place, (5).to_bytes(8) + (2).to_bytes(8))
    assert in_the_hour(open_redis(server.url, service="shop"), now) == EventCounts(5, 2)


def test_a_record_that_such_a_store_has_lost_begins_empty(server: RedisServer, client: redis.Redis) -> None:
    """What is left of the old blocks goes before."""
    client.hset("slo:store", mapping={"schema": 1, "created": "1.5", "id": "5" * 32})
    store = open_redis(server.url, service="shop")
    now = now_of(store)
    events = [(now, 1, 0), (now - 4_000, 1, 0), (now - 90_000, 1, 0)]
    store.apply([batch_of(events, number=1, nonce="1a", declaration=declared(now))])
    client.delete(RECORD)
    store.apply([batch_of([(now, 7, 0)], number=1, nonce="1b", writer="b" * 32, declaration=declared(now))])

    days = BucketRange(86_400, now // 86_400 - 40, now // 86_400)
    (stored,) = store.read([Query("availability", (days,))])
    assert stored.sums[0] == EventCounts(7, 0)
    assert in_the_hour(store, now) == EventCounts(7, 0)
