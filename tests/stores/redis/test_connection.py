"""How a Redis is reached: URLs, options, TLS and Sentinel."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import redis
from redis.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

from redis_servers import RedisServer, start_redis
from slo_core import StoreError
from slo_core.stores.redis.connection import make_client
from slo_core.stores.redis.store import RedisBucketStore, open_redis
from slo_core.testing import batch_of, declared
from slo_servers import HOST, free_port, require, wait_until


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
        (
            "redis://host?decode_responses=True",
            {},
            "unknown options in the URL decode_responses; known: client_name, db",
        ),
        ("redis://host?single_connection_client=1", {}, "unknown options in the URL single_connection_client"),
        ("redis+cluster://host?decode_responses=1", {}, "unknown options in the URL decode_responses"),
        (
            "redis://host?retry_on_timeout=1&encoding=utf-16",
            {},
            "unknown options in the URL encoding, retry_on_timeout",
        ),
        ("redis://host?ssl_ca_certs=/ca.pem", {}, "ssl_ca_certs: expected a URL with rediss://"),
        ("redis+cluster://host", {"ssl_keyfile": "/key"}, "ssl_keyfile: expected a URL with rediss://"),
        ("rediss://host?ssl_cacerts=/ca.pem", {}, "unknown options ssl_cacerts; this redis-py knows ssl_keyfile"),
        ("rediss://host?ssl_cert_reqs=often", {}, "ssl_cert_reqs: .*often"),
        ("redis://host?socket_timeout=soon", {}, "numbers where options are numbers"),
        ("redis://host?socket_timeout=0", {}, "socket_timeout: expected seconds above 0"),
        ("redis://host", {"socket_timeout": None}, "socket_timeout: expected seconds above 0, got None"),
        ("redis://host", {"socket_connect_timeout": "1"}, "socket_connect_timeout: expected seconds above 0, got '1'"),
        ("redis://host?max_connections=0", {}, "max_connections: expected a whole number, 1 or more"),
        ("redis://host", {"sentinel_service_name": "main"}, "expected sentinels, a list"),
        ("redis+cluster://host", {"sentinels": [("a", 1)]}, "a cluster has no sentinels"),
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


def pool_of(url: str, **options: object) -> redis.ConnectionPool:
    """Of a client with a sentinel."""
    client = make_client(redis, url, {"sentinels": [(HOST, free_port())], **options})
    pool: redis.ConnectionPool = client.connection_pool
    return pool


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
    """`rediss://`, with redis-py's options; a certificate without a known authority is refused."""
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
