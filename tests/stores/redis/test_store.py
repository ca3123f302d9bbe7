"""The Redis store: the contract, and what is its own. Tests of store and script."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import pytest
import redis

from damaged_slo import DamagedSLO
from old_events import OldEvents
from redis_servers import RedisServer
from slo_core import SLODefinition, SLORegistry, SLOTracker, StoreError
from slo_core.status_page.links import relative_links
from slo_core.status_page.page import StatusPage
from slo_core.stores.buckets import Query
from slo_core.stores.layout import admit, kept_from, spread
from slo_core.stores.redis import store as store_module
from slo_core.stores.redis.pipeline import run_pipeline
from slo_core.stores.redis.store import RedisBucketStore, open_redis
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.testing import StoreContract, batch_of, declared
from store_accidents import RedisAccidents

DAYS_30 = 30 * 86_400


class TestRedis(RedisAccidents, OldEvents, StoreContract):
    """Every promise of a shared store."""

    @pytest.fixture
    def make_store(self, server: RedisServer) -> Callable[..., RedisBucketStore]:
        return lambda service="shop": open_redis(server.url, service=service)


def now_of(store: RedisBucketStore) -> int:
    return int(store.apply([]).now)


def test_a_server_that_hangs_is_left_after_half_a_second(server: RedisServer) -> None:
    """And used again when it answers."""
    store = open_redis(server.url, service="shop")
    now = now_of(store)
    server.pause()
    try:
        began = time.monotonic()
        with pytest.raises(StoreError, match="TimeoutError"):
            store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
        assert time.monotonic() - began < 20  # it hangs until it is resumed
    finally:
        server.resume()

    # What was sent may have been applied after all: it is sent again, and counts once.
    store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
    assert store.read([Query("availability")])[0].record.good == 1


def test_a_forgotten_script_is_loaded_again(server: RedisServer, client: redis.Redis) -> None:
    """Redis forgets scripts when it is restarted, or told to."""
    store = open_redis(server.url, service="shop")
    now = now_of(store)
    client.script_flush()
    store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
    client.script_flush()

    assert store.read([Query("availability")])[0].record.good == 1


def test_a_newer_schema_is_refused(server: RedisServer, client: redis.Redis) -> None:
    """Nothing is written into what is not understood."""
    client.hset("slo:store", mapping={"id": "5eed", "created": "1.5", "schema": 3})
    store = open_redis(server.url, service="shop")

    with pytest.raises(StoreError, match=r"written by a newer slo-suite \(schema 3, this one knows 2\)"):
        store.apply([batch_of([(1, 1, 0)], number=1, declaration=declared(1))])

    assert client.keys("*") == ["slo:store"]


def test_a_server_that_may_throw_counts_away_is_warned_of(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """With the setting's name, once for each connection."""
    server.cli("config", "set", "maxmemory-policy", "allkeys-lru")
    store = open_redis(server.url, service="shop")
    with caplog.at_level(logging.WARNING, logger="slo_core"):
        store.apply([])
        store.apply([])

    (record,) = caplog.records
    assert "maxmemory-policy allkeys-lru); set it to noeviction" in record.getMessage()


def test_a_store_without_a_service_is_warned_of(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """Another service's SLOs of the same name would be mixed with ours."""
    with caplog.at_level(logging.WARNING, logger="slo_core"):
        SLORegistry(server.url)

    assert "set SLO_SERVICE" in caplog.text


def test_a_server_that_is_emptied_in_the_middle_of_a_pipeline_gets_nothing_of_before(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its identity is that after the batches: confirmed ones, which are kept, were not lost by a failover."""
    registry = SLORegistry(server.url, service="shop", flush_interval=3600.0)
    tracker = registry.define(SLODefinition("availability", 0.999))
    for _ in range(5):
        tracker.record(True)
        assert registry.flush()

    def emptying(redis: object, client: object, commands: list[object], scripts: list[object]) -> list[object]:
        commands.insert(1, ("FLUSHALL",))
        answers = run_pipeline(redis, client, commands, scripts)  # type: ignore[arg-type]
        del answers[1]
        return answers

    monkeypatch.setattr(store_module, "run_pipeline", emptying)
    tracker.record(False)
    registry.flush()
    monkeypatch.undo()
    registry.flush()

    snapshot = tracker.snapshot()
    assert (snapshot.lifetime_good, snapshot.lifetime_bad) == (0, 1)
    registry.close()


def test_an_emptied_server_is_another_store(server: RedisServer, client: redis.Redis) -> None:
    """With another id; a writer's next batch is a gap."""
    store = open_redis(server.url, service="shop")
    now = now_of(store)
    first = store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
    client.flushall()

    second = store.apply([batch_of([(now, 1, 0)], number=2)])

    assert second.noted == (0,)
    assert second.identity.store_id != first.identity.store_id
    assert len(second.identity.store_id) == 32


def test_a_record_that_was_lost_alone_is_a_gap(server: RedisServer, client: redis.Redis) -> None:
    """Whatever the note says: nothing is counted into nowhere."""
    store = open_redis(server.url, service="shop")
    now = now_of(store)
    store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
    client.delete("slo:{shop/availability}:record")

    assert store.apply([batch_of([(now, 1, 0)], number=2)]).noted[0] < 1


def test_the_script_admits_what_other_stores_do(server: RedisServer) -> None:
    """Batches of any age, with every width or without the finer ones: the same totals, and since when."""
    store = open_redis(server.url, service="shop")
    now = now_of(store)
    chance = random.Random(11)
    first = {width: kept_from(width, newest=now, keeps_seconds=DAYS_30) for width in (1, 60)}
    for number in range(200):
        slo = f"slo-{number}"
        reach = chance.choice((7200, 2 * 86_400, 40 * 86_400))
        seconds = {now - chance.randrange(reach) for _ in range(chance.randint(1, 6))}
        events = [(second, chance.randrange(3), chance.randrange(3)) for second in sorted(seconds)]
        batch = batch_of(events, number=2, slo=slo)
        if chance.random() < 0.5:
            batch = batch._replace(increments=spread(events, first=first))
        since = now - chance.randrange(20 * 86_400) + 0.5
        store.apply([batch_of([(now, 1, 0)], number=1, slo=slo, declaration=declared(since))])
        expected = admit(batch, last_event_at=now, keeps_seconds=DAYS_30, data_since=since, now=float(now))

        store.apply([batch])

        record = store.read([Query(slo)])[0].record
        admitted = (record.good - 1, record.bad, record.dropped, record.last_event_at, record.data_since)
        assert admitted == (
            expected.good,
            expected.bad,
            expected.dropped,
            expected.last_event_at,
            expected.data_since,
        ), events


def test_a_replayed_stream_is_read_to_the_second(server: RedisServer) -> None:
    """Also an hour after it was written down, in the time of the stream."""
    store = WriteBehindStore(open_redis(server.url, service="shop"), flush_interval=3600)
    tracker = SLOTracker(SLODefinition("availability", 0.999), store=store)
    then = time.time() - 20 * 86_400
    for age in range(120):
        tracker.record(age % 2 == 0, at=then - age)

    snapshot = tracker.snapshot(at=then)

    sample = next(sample for sample in snapshot.window_samples if sample.window_seconds == 300)
    assert (sample.sample_count, sample.failures) == (120, 60)
    store.close()


def test_two_hundred_writers_are_exact(server: RedisServer, client: redis.Redis) -> None:
    """Connections and writer ids of their own, all open at once; twenty SLOs, three rounds, eight writers at a time."""
    slos = [f"slo-{number}" for number in range(20)]
    now = now_of(open_redis(server.url, service="shop"))
    writers = {f"{writer:032x}": open_redis(server.url, service="shop", socket_timeout=5.0) for writer in range(200)}

    def flush(writer: str, number: int) -> None:
        begins = declared(now) if number == 1 else None
        events = [(now - number, 2, 1)]
        writers[writer].apply(
            [batch_of(events, number=number, slo=slo, writer=writer, declaration=begins) for slo in slos]
        )

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda store: store.identity(), writers.values()))
        assert client.info("clients")["connected_clients"] >= 200
        for number in (1, 2, 3):
            list(threads.map(flush, writers, repeat(number)))

    answers = open_redis(server.url, service="shop").read([Query(slo) for slo in slos])
    assert [(answer.record.good, answer.record.bad) for answer in answers] == [(1200, 600)] * 20
    for store in writers.values():
        store.close()


def test_pages_and_names_take_few_round_trips(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each is a network's time away: the names of fifty SLOs take one. A page of an SLO takes eight at most: what waits is handed
    over, a failure among it; then windows, charts, marks, incidents, causes and recent failures are read.
    """
    sent: list[object] = []
    send = redis.connection.AbstractConnection.send_packed_command

    def counting(connection: redis.connection.AbstractConnection, *arguments: object, **more: object) -> None:
        sent.append(arguments)
        send(connection, *arguments, **more)

    buckets = open_redis(server.url, service="shop")
    registry = SLORegistry(WriteBehindStore(buckets), service="shop")
    trackers = [registry.define(SLODefinition(f"slo-{number}", 0.99)) for number in range(50)]
    for tracker in trackers:
        tracker.record(True)
    for _ in range(50):  # each counts a few SLOs' days that are over
        registry.flush()
    page = StatusPage(registry)
    links = relative_links("slo")
    for _ in range(2):  # scripts are loaded, the server was looked at
        trackers[1].record(False)
        page.detail("slo-1", {}, links=links)
    trackers[1].record(False)
    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", counting)

    content = page.detail("slo-1", {}, links=links)
    of_page, sent[:] = len(sent), []
    names = buckets.names()
    of_names = len(sent)

    assert "cannot be read" not in content.html
    assert of_page <= 8
    assert (len(names), of_names) == (50, 1)
    registry.close()


KEY = "slo:{shop/damaged}"


@pytest.mark.parametrize(
    "damage",
    [
        ("hset", f"{KEY}:record", "good", "-1"),
        ("hset", f"{KEY}:record", "bad", "many"),
        ("hset", f"{KEY}:record", "errors", "9" * 400),
        ("hset", f"{KEY}:record", "since", "nan"),
        ("hset", f"{KEY}:record", "newest", "\xff"),
        ("hset", f"{KEY}:record", "keeps", ""),
        ("del", f"{KEY}:record"),
        ("hset", f"{KEY}:record", "flushed", "soon"),
    ],
)
def test_a_record_of_others_hides_its_slo_alone(server: RedisServer, damage: tuple[str, ...]) -> None:
    """Text in place of numbers, negative ones, too large ones, and bytes that are no text."""
    slos = DamagedSLO(lambda service: open_redis(server.url, service=service))
    if damage[0] == "del":
        server.cli("del", damage[1])
        server.cli("set", damage[1], "a string")
    else:
        server.cli(*damage)

    slos.assert_alone_hidden()
    slos.close()


@pytest.mark.parametrize("field", ["good", "bad", "since", "newest", "keeps", "applied", "swept"])
def test_nothing_is_added_to_a_damaged_record(server: RedisServer, field: str) -> None:
    """Its batches come again, and would be in the blocks each time."""
    slos = DamagedSLO(lambda service: open_redis(server.url, service=service))
    with redis.Redis.from_url(server.url) as client:
        client.hset(f"{KEY}:record", field, "many")
        blocks = [key for key in client.keys(f"{KEY}:*") if key.rpartition(b":")[2].isdigit()]
        before = client.mget(blocks)
        for _ in range(2):
            slos.registry["damaged"].record(True)
            assert not slos.registry.flush()

        assert blocks
        assert client.mget(blocks) == before
    assert slos.registry["whole"].snapshot().total == 1
    slos.close()


@pytest.mark.parametrize("content", [b"odd", b"\xff" * 16 * 300, None])
def test_blocks_of_others_hide_their_slo_alone(server: RedisServer, client: redis.Redis, content: bytes | None) -> None:
    """Of another length, with negative counters, or of another type."""
    slos = DamagedSLO(lambda service: open_redis(server.url, service=service))
    blocks = [key for key in client.keys(f"{KEY}:*") if key.rpartition(":")[2].isdigit()]
    assert blocks
    for key in blocks:
        client.delete(key)
        if content is None:
            client.lpush(key, "a list")
        else:
            client.set(key, content)

    with pytest.raises(StoreError, match="SLO 'damaged'"):
        slos.registry["damaged"].internals.timeline()
    slos.assert_alone_hidden()
    assert slos.registry.store.health().is_up
    slos.close()


def test_a_definition_or_a_name_that_is_no_text_hides_no_other(server: RedisServer, client: redis.Redis) -> None:
    """An exporter shows the others; workers have definitions of their own."""
    slos = DamagedSLO(lambda service: open_redis(server.url, service=service))
    client.hset(f"{KEY}:record", "definition", b"\xff\xfe")
    client.sadd("slo:names:shop", b"\xff", "")
    client.sadd("slo:services", b"\xff")

    assert slos.shown_by_exporter()[0] == ["whole"]
    assert slos.shown_to_workers() == (["damaged", "whole"], "")
    assert open_redis(server.url, service="shop").services() == ["\\xff", "shop"]
    slos.close()
