"""A user with the rights that the README names, and no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from redis_servers import RedisServer, readme_rights
from slo_core.stores.redis.store import RedisBucketStore, open_redis
from slo_core.testing import StoreContract
from slo_servers import HOST


class TestRestrictedUser(StoreContract):
    """Every promise of a shared store; and the eviction policy may not be asked for."""

    @pytest.fixture
    def make_store(self, server: RedisServer) -> Callable[..., RedisBucketStore]:
        server.grant(readme_rights())
        return lambda service="shop": open_redis(f"redis://slo:secret@{HOST}:{server.port}/0", service=service)


def test_nothing_else_is_allowed(server: RedisServer) -> None:
    """Not another key, not another command."""
    server.grant(readme_rights())
    login = ("--user", "slo", "--pass", "secret", "--no-auth-warning")
    assert "NOPERM" in server.cli(*login, "get", "session:1")
    assert "NOPERM" in server.cli(*login, "flushall")
    assert "NOPERM" in server.cli(*login, "config", "get", "*")
