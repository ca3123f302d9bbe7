"""The Redis store: the contract, and what is its own."""

from __future__ import annotations

import logging
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import pytest
import redis
from redis.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

from redis_servers import RedisServer, start_redis
from slo_core import SLODefinition, SLORegistry, SLOTracker, StoreError
from slo_core.objectives.window import rolling_span
from slo_core.stores.buckets import Query
from slo_core.stores.layout import ReadPlan, admit, kept_from, spread
from slo_core.stores.redis.connection import make_client
from slo_core.stores.redis.pipeline import run_pipeline
from slo_core.stores.redis.store import RedisBucketStore, open_redis
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.testing import StoreContract, batch_of, declared
from slo_servers import HOST, free_port, require, wait_until

DAYS_30 = 30 * 86_400


@pytest.fixture(scope="module")
def running() -> Iterator[RedisServer]:
    with start_redis() as server:
        yield server


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    """A running Redis, empty."""
    running.cli("flushall")
    running.cli("config", "set", "maxmemory-policy", "noeviction")
    return running


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis(host=HOST, port=server.port, decode_responses=True) as found:
        yield found


class TestRedis(StoreContract):
    """Every promise of a shared store."""

    @pytest.fixture
    def make_store(self, server: RedisServer) -> Callable[..., RedisBucketStore]:
        return lambda service="shop": open_redis(server.url, service=service)


def now_of(store: RedisBucketStore) -> int:
    return int(store.apply([]).now)


def test_nothing_is_reached_out_for_at_the_start() -> None:
    """An application starts while its Redis is away."""
    store = open_redis(f"redis://{HOST}:{free_port()}/0", service="shop")

    with pytest.raises(StoreError, match="ConnectionError"):
        store.apply([])


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("redis://host:port/0", {}, "expected redis://host:port/database"),
        ("redis+cluster://host:port/0", {}, "expected redis://host:port/database"),
        ("redis+cluster://host/1", {}, "a cluster has only database 0"),
        ("redis://:hunter2/x@host", {}, "write / as %2F, \\? as %3F, # as %23 and @ as %40"),
        ("redis://host", {"socket_timout": 1}, "unknown options socket_timout; known: password, sentinel"),
    ],
)
def test_a_bad_url_or_option_is_named_at_the_start(url: str, options: dict[str, object], message: str) -> None:
    """Not when the first event comes."""
    with pytest.raises(StoreError, match=message):
        open_redis(url, service="shop", **options)


@pytest.mark.parametrize("url", ["rediss://user:secret@host:6380/1", "redis://:secret@host"])
def test_a_store_is_shown_without_its_password(url: str) -> None:
    """TLS or not."""
    assert "secret" not in repr(open_redis(url, service="shop", ssl_ca_certs="/ca.pem") if url.startswith("rediss") else
                                open_redis(url, service="shop"))  # fmt: skip


def test_a_missing_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra's name."""
    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(StoreError, match=r'redis:// needs the redis package; pip install "slo-suite\[redis\]"'):
        RedisBucketStore("redis://host")


def test_a_wrong_password_never_reaches_a_message(server: RedisServer) -> None:
    """Neither the wrong one nor the URL's."""
    store = open_redis(f"redis://somebody:hunter2@{HOST}:{server.port}/0", service="shop")

    with pytest.raises(StoreError) as caught:
        store.apply([])

    assert "hunter2" not in str(caught.value)
    assert "somebody:***@" in str(caught.value)


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


def test_answers_are_never_taken_for_those_of_other_commands(client: redis.Redis) -> None:
    """Nothing is left on the connection by a command that cannot be sent, and nothing by one that fails."""
    with pytest.raises(redis.DataError):
        run_pipeline(redis, client, [("ECHO", "before"), ("ECHO", object())])

    first, error, last = run_pipeline(redis, client, [("ECHO", "after"), ("INCR",), ("ECHO", "and on")])
    assert (first, last) == ("after", "and on")
    assert isinstance(error, redis.ResponseError)
    assert client.echo("later") == "later"


def test_a_newer_schema_is_refused(server: RedisServer, client: redis.Redis) -> None:
    """Nothing is written into what is not understood."""
    client.hset("slo:store", mapping={"id": "5eed", "created": "1.5", "schema": 2})
    store = open_redis(server.url, service="shop")

    with pytest.raises(StoreError, match=r"written by a newer slo-suite \(schema 2, this one knows 1\)"):
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


def test_every_key_of_an_slo_expires(server: RedisServer, client: redis.Redis) -> None:
    """Buckets when no window reads them, the record a week after the longest window, notes after a day."""
    store = open_redis(server.url, service="shop")
    now = now_of(store)
    store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])

    lives = {key.rpartition("}:")[2].split(":")[0]: client.ttl(key) for key in client.keys("slo:{*")}

    assert set(lives) == {"record", "note", "1", "60", "900", "86400"}
    assert lives["record"] == pytest.approx(DAYS_30 + 7 * 86_400, abs=5)
    assert 86_400 <= lives["note"] <= 2 * 86_400
    assert 3600 + 300 + 120 <= lives["1"] <= 3 * 3600
    assert 86_400 + 240 * 60 + 120 <= lives["60"] <= 3 * 86_400
    assert DAYS_30 + 2 * 86_400 + 120 <= lives["900"] <= DAYS_30 + 6 * 86_400
    assert lives["86400"] >= DAYS_30 + 32 * 86_400


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
            batch = replace(batch, increments=spread(events, first=first))
        since = now - chance.randrange(20 * 86_400) + 0.5
        store.apply([batch_of([(now, 1, 0)], number=1, slo=slo, declaration=declared(since))])
        expected = admit(batch, last_event_at=now, keeps_seconds=DAYS_30, data_since=since, now=float(now))

        store.apply([batch])

        record = store.read([Query(slo)])[0].record
        found = (record.good - 1, record.bad, record.dropped, record.last_event_at, record.data_since)
        assert found == (expected.good, expected.bad, expected.dropped, expected.last_event_at, expected.data_since), (
            events
        )


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


def pool_of(url: str, **options: object) -> redis.ConnectionPool:
    """Of a client with a sentinel."""
    client = make_client(redis, url, {"sentinels": [(HOST, free_port())], **options})
    found: redis.ConnectionPool = client.connection_pool
    return found


def test_a_sentinel_gets_all_that_the_url_says() -> None:
    """Encryption first of all: the password goes this way; then what stands in the query."""
    url = "rediss://somebody:hunter2@ignored:1/3?socket_timeout=3&ssl_ca_certs=/ca.pem&health_check_interval=5"

    pool = pool_of(url, socket_timeout=1.0)

    assert pool.connection_class is SentinelManagedSSLConnection
    kwargs = pool.connection_kwargs
    assert (kwargs["username"], kwargs["password"], kwargs["db"]) == ("somebody", "hunter2", 3)
    assert (kwargs["socket_timeout"], kwargs["health_check_interval"]) == (3.0, 5)
    assert kwargs["ssl_ca_certs"] == "/ca.pem"
    (sentinel,) = pool.sentinel_manager.sentinels
    assert sentinel.connection_pool.connection_class is redis.SSLConnection
    assert sentinel.connection_pool.connection_kwargs["socket_timeout"] == 3.0


def test_a_sentinel_may_be_told_apart_from_its_master() -> None:
    """Not encrypted where the options say so; and nothing is where the URL does not."""
    apart = pool_of("rediss://ignored", sentinel_kwargs={"ssl": False})
    plain = pool_of("redis://ignored")

    assert apart.connection_class is SentinelManagedSSLConnection
    assert plain.connection_class is SentinelManagedConnection
    for pool in (apart, plain):
        (sentinel,) = pool.sentinel_manager.sentinels
        assert sentinel.connection_pool.connection_class is redis.Connection


def test_sentinel_finds_the_master(server: RedisServer, tmp_path: Path) -> None:
    """Through options; the URL says which database. A sentinel that hangs is passed over soon."""
    config = f"sentinel monitor mymaster {HOST} {server.port} 1\n"
    with start_sentinel(tmp_path, config) as port, closing(socket.create_server((HOST, 0))) as hanging:
        sentinels = [hanging.getsockname(), (HOST, port)]
        store = open_redis("redis://ignored/0", service="shop", sentinels=sentinels, sentinel_service_name="mymaster")
        began = time.monotonic()
        now = now_of(store)
        assert time.monotonic() - began < 20  # the first one hangs for good
        store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
        assert open_redis(server.url, service="shop").names() == ["availability"]
        store.close()


def test_a_sentinel_may_be_encrypted(tmp_path: Path) -> None:
    """With its master: by `rediss://`, and the authority in its query."""
    certificate, key, port = *certified(tmp_path), free_port()
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-auth-clients", "no")
    config = (
        f"sentinel monitor mymaster {HOST} {port} 1\nsentinel auth-pass mymaster hunter2\n"
        f"tls-replication yes\ntls-ca-cert-file {certificate}\n"
    )
    with (
        start_redis("--tls-port", str(port), *files, "--requirepass", "hunter2"),
        start_sentinel(tmp_path, config, "--port", "0", *files, tls=certificate) as sentinel_port,
    ):
        url = f"rediss://:hunter2@ignored/0?ssl_ca_certs={certificate}"
        store = open_redis(url, service="shop", sentinels=[(HOST, sentinel_port)])
        now = now_of(store)
        assert store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))]).noted == (1,)
        store.close()


@contextmanager
def start_sentinel(folder: Path, config: str, *arguments: str, tls: Path | None = None) -> Iterator[int]:
    """The port of a sentinel until the `with` block ends."""
    port = free_port()
    path = folder / "sentinel.conf"
    path.write_text(config)
    # A sentinel's configuration is its first argument, and it takes no data folder before that.
    process = subprocess.Popen(
        [
            require("redis-server"), str(path), "--sentinel", "--bind", HOST,
            *(("--tls-port", str(port)) if tls else ("--port", str(port))), *arguments,
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    options = {"ssl": True, "ssl_ca_certs": str(tls)} if tls else {}

    def knows_its_master() -> bool:
        with suppress(redis.RedisError), redis.Redis(host=HOST, port=port, **options) as client:
            return client.sentinel_master("mymaster")["is_master"] is True
        return False

    try:
        wait_until(knows_its_master, message="Sentinel did not start")
        yield port
    finally:
        process.kill()
        process.wait()


def certified(folder: Path) -> tuple[Path, Path]:
    """A certificate for this host, its own authority, and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            require("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
            "-addext", f"subjectAltName=IP:{HOST}", "-keyout", str(key), "-out", str(certificate),
        ],
        capture_output=True, check=True,
    )  # fmt: skip
    return certificate, key


def test_a_connection_may_be_encrypted(tmp_path: Path) -> None:
    """`rediss://`, with redis-py's options; a certificate that nobody vouches for is refused."""
    certificate, key, port = *certified(tmp_path), free_port()
    arguments = ("--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    with start_redis(*arguments, "--tls-auth-clients", "no"):
        url = f"rediss://{HOST}:{port}/0"
        store = open_redis(url, service="shop", ssl_ca_certs=str(certificate))
        now = now_of(store)
        assert store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))]).noted == (1,)
        store.close()
        with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED|certificate verify failed"):
            open_redis(url, service="shop").apply([])
