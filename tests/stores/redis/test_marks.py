"""Marks in Redis. Tests of marks and its script."""

from __future__ import annotations

import time
from typing import Any

import pytest
import redis

from redis_servers import RedisServer
from slo_core import StoreError
from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.marks import Mark
from slo_core.stores.redis.marks import RedisMarks
from slo_core.stores.redis.store import open_redis

KEY = "slo:marks:shop"


def test_a_writer_that_was_overtaken_reads_again(
    server: RedisServer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another one has written between its reading and its writing stays, and is part of what it decides by."""
    one, other = open_redis(server.url, service="shop"), open_redis(server.url, service="shop")
    now = time.time()
    read = RedisMarks._read_marks
    overtaken = [Mark(now - 1, "release", "4.2"), Mark(now, "note", "a")]

    def read_late(store: RedisMarks) -> Any:
        answer = read(store)
        if store is one and overtaken:
            other.add_marks([overtaken.pop(0)])
        return answer

    monkeypatch.setattr(RedisMarks, "_read_marks", read_late)
    one.add_marks([Mark(now, "release", "4.2")])

    assert one.marks(0.0) == (Mark(now - 1, "release", "4.2"), Mark(now, "note", "a"))
    assert KEPT_SECONDS - 60 < client.ttl(KEY) <= KEPT_SECONDS
    one.close()
    other.close()


def test_values_of_other_programs_hide_themselves_alone(server: RedisServer, client: redis.Redis) -> None:
    """Those of a hash; a key of another kind is damage."""
    store = open_redis(server.url, service="shop")
    client.hset(KEY, mapping={"note x y": "1", "note 1.0 a": "z", "": "", "note nan b": "nan", "note 5.0 c": "5.0"})

    assert store.marks(0.0) == (Mark(5.0, "note", "c"),)

    client.delete(KEY)
    client.set(KEY, "x")
    with pytest.raises(StoreError):
        store.add_marks([Mark(5.0, "note", "c")])
    store.close()
