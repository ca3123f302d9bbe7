"""SLOs that are deleted from a store, in a file and on real servers. Tests of redis/deletion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forgotten_slos import ForgottenSLOs
from redis_servers import RedisCluster, RedisServer, readme_rights, start_redis, start_redis_cluster
from slo_core.budgets.retired_slo import RetiredSLO
from slo_core.stores.buckets import BucketStore
from slo_core.stores.forgetting import slo_to_forget
from slo_core.stores.open import bucket_store_from_url
from slo_core.stores.shared.read_only import ReadOnlyStore
from slo_core.testing import batch_of, declared
from slo_core.tracking.retirement import retired_slos

MakeStore = Callable[[str], BucketStore]


class TestSQLite(ForgottenSLOs):
    """In a file."""

    @pytest.fixture
    def make_store(self, tmp_path: Path) -> MakeStore:
        return lambda service: bucket_store_from_url(f"sqlite:///{tmp_path}/slo.db", service=service)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with start_redis() as started:
        started.grant(readme_rights())
        yield started


class TestRedis(ForgottenSLOs):
    """On one server, by a user who may do no more than the README says."""

    @pytest.fixture
    def make_store(self, server: RedisServer) -> MakeStore:
        server.cli("flushall")
        url = server.url.replace("://", "://slo:secret@")
        return lambda service: bucket_store_from_url(url, service=service)

    def test_a_name_is_left_of_a_record_that_expired(self, make_store: MakeStore, server: RedisServer) -> None:
        """Such an SLO is retired, and can be forgotten."""
        store = make_store("shop")
        now = int(store.apply([]).now)
        store.apply([batch_of([(now, 1, 0)], number=1, slo="old", declaration=declared(now))])
        server.cli("del", "slo:{shop/old}:record")
        reader = ReadOnlyStore(store)

        assert retired_slos(reader.records(), now=now) == (RetiredSLO("old", None),)
        chosen = slo_to_forget(store, "old")
        assert chosen.contents == "its name alone: its record has expired"
        chosen.delete()

        assert reader.records() == {}
        reader.close()


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    with start_redis_cluster() as started:
        yield started


class TestRedisCluster(ForgottenSLOs):
    """On several, each with some of the keys."""

    @pytest.fixture
    def make_store(self, cluster: RedisCluster) -> MakeStore:
        for node in cluster.nodes:
            node.cli("flushall")
        return lambda service: bucket_store_from_url(cluster.url, service=service)
