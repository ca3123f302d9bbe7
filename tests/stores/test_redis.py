"""The Redis store: the contract, and what is its own."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from redis_servers import RedisServer, start_redis
from slo_core import SLODefinition, SLORegistry, SLOTracker, StoreError
from slo_core.stores.buckets import Query
from slo_core.stores.layout import ReadPlan
from slo_core.stores.redis import RedisBucketStore, open_redis
from slo_core.stores.write_behind import WriteBehindStore
from slo_core.testing import StoreContract, batch_of, declared
from slo_core.window import rolling_span
from slo_servers import HOST, free_port, require

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
        assert time.monotonic() - began < 2
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
    plan = ReadPlan([rolling_span(w, at=float(now), until=now + 60.0) for w in windows], keeps_seconds=DAYS_30)

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


def test_two_hundred_writers_are_exact(server: RedisServer) -> None:
    """Separate connections and writer ids, twenty SLOs, three flushes each."""
    slos = [f"slo-{number}" for number in range(20)]
    now = now_of(open_redis(server.url, service="shop"))
    failures: list[Exception] = []

    def write(first: int) -> None:
        try:
            for writer in range(first, first + 25):
                store = open_redis(server.url, service="shop", socket_timeout=5.0)
                for number in (1, 2, 3):
                    begins = declared(now) if number == 1 else None
                    events, name = [(now - number, 2, 1)], f"{writer:032x}"
                    store.apply(
                        [batch_of(events, number=number, slo=slo, writer=name, declaration=begins) for slo in slos]
                    )
                store.close()
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=write, args=(first,)) for first in range(0, 200, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    answers = open_redis(server.url, service="shop").read([Query(slo) for slo in slos])
    assert [(answer.record.good, answer.record.bad) for answer in answers] == [(1200, 600)] * 20


def test_sentinel_finds_the_master(server: RedisServer, tmp_path) -> None:
    """Through options; the URL says which database."""
    sentinel = RedisServer(tmp_path)
    config = tmp_path / "sentinel.conf"
    config.write_text(f"sentinel monitor mymaster {HOST} {server.port} 1\n")
    # A sentinel's configuration is its first argument, and it takes no data folder before that.
    import subprocess

    process = subprocess.Popen(
        [sentinel._command, str(config), "--sentinel", "--port", str(sentinel.port), "--bind", HOST],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path,
    )  # fmt: skip
    try:
        from slo_servers import wait_until

        wait_until(lambda: sentinel.cli("ping") == "PONG", message="Sentinel did not start")
        store = open_redis(
            "redis://ignored/0", service="shop", sentinels=[(HOST, sentinel.port)], sentinel_service_name="mymaster"
        )
        now = now_of(store)
        store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
        assert open_redis(server.url, service="shop").names() == ["availability"]
        store.close()
    finally:
        process.kill()
        process.wait()


def test_a_connection_may_be_encrypted(tmp_path: Path) -> None:
    """`rediss://`, with redis-py's options; a certificate that nobody vouches for is refused."""
    certificate, key, port = tmp_path / "cert.pem", tmp_path / "key.pem", free_port()
    subprocess.run(
        [
            require("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
            "-addext", f"subjectAltName=IP:{HOST}", "-keyout", str(key), "-out", str(certificate),
        ],
        capture_output=True, check=True,
    )  # fmt: skip
    arguments = ("--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    with start_redis(*arguments, "--tls-auth-clients", "no"):
        url = f"rediss://{HOST}:{port}/0"
        store = open_redis(url, service="shop", ssl_ca_certs=str(certificate))
        now = now_of(store)
        assert store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))]).noted == (1,)
        store.close()
        with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED|certificate verify failed"):
            open_redis(url, service="shop").apply([])
