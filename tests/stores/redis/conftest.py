"""One Redis for the tests of a file, empty for each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from redis_servers import RedisServer, start_redis
from slo_servers import HOST


@pytest.fixture(scope="module")
def running_redis() -> Iterator[RedisServer]:
    with start_redis() as server:
        yield server


@pytest.fixture
def server(running_redis: RedisServer) -> RedisServer:
    """A running Redis, empty."""
    running_redis.cli("flushall")
    running_redis.cli("config", "set", "maxmemory-policy", "noeviction")
    return running_redis


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis(host=HOST, port=server.port, decode_responses=True) as connected:
        yield connected
