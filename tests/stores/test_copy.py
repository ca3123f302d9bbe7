"""Copies between stores of different kinds, on real servers."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redis_servers import start_redis, start_redis_cluster
from slo_core import SLODefinition, SLORegistry, StoreError
from slo_core.cli import main
from slo_core.metrics.view import services_view
from slo_core.stores.buckets import Batch, BucketRange, BucketStore, Declaration, Increment, Query, SLORecord
from slo_core.stores.copy import copy_store
from slo_core.stores.layout import WIDTHS, kept_from
from slo_core.stores.open import bucket_store_from_url
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.stored_definition import fingerprint_of, stored_definition
from slo_core.tracking.store_services import StoreServices

DAYS_30 = 30 * 86_400
AVAILABILITY = SLODefinition("availability", 0.99)

OpenStore = Callable[[str], BucketStore]


@pytest.fixture(scope="module", params=["redis", "redis-cluster"])
def shared(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a store on a server."""
    if request.param == "redis":
        with start_redis() as server:
            yield server.url
    else:
        with start_redis_cluster() as cluster:
            yield cluster.url


@pytest.fixture
def service(request: pytest.FixtureRequest) -> str:
    """One for each test: no other test's events are in the way."""
    return request.node.originalname[-60:]


@pytest.fixture
def full(tmp_path: Path, service: str) -> Iterator[BucketStore]:
    """A file in which every bucket that a 30-day SLO keeps holds events."""
    store = bucket_store_from_url(f"sqlite:///{tmp_path}/full.db", service=service)
    now = int(time.time())
    keeps = AVAILABILITY.longest_seconds
    increments = tuple(
        Increment(width, bucket, width, width // 60)
        for width in WIDTHS
        for bucket in range(kept_from(width, newest=now, keeps_seconds=keeps), now // width + 1)
    )
    declaration = Declaration(stored_definition(AVAILABILITY), fingerprint_of(AVAILABILITY), keeps, now - 2.5 * DAYS_30)
    batch = Batch(
        writer="f" * 32, slo="availability", number=1, increments=increments, good=10**12, bad=10**10,
        earliest=now, newest=now, dropped=7, errors=3, declaration=declaration,
    )  # fmt: skip
    assert store.apply([batch]).noted == (1,)
    yield store
    store.close()


def record_in(store: BucketStore) -> SLORecord:
    record = store.read([Query("availability")])[0].record
    assert record is not None
    return dataclasses.replace(record, idle_seconds=0.0, seen_at=None)


def buckets_in(store: BucketStore) -> list[Increment]:
    record = record_in(store)
    assert record.last_event_at is not None
    ranges = [
        BucketRange(
            width,
            kept_from(width, newest=record.last_event_at, keeps_seconds=record.keeps_seconds),
            record.last_event_at // width,
        )
        for width in WIDTHS
    ]
    (series,) = store.series([Query("availability", tuple(ranges))])
    return [increment for buckets in series for increment in buckets]


def test_a_full_month_goes_there_and_back(shared: str, full: BucketStore, service: str, tmp_path: Path) -> None:
    """Some 8,000 buckets in one batch, totals beyond 32 bits; the file that comes back holds what the first one holds."""
    on_server = bucket_store_from_url(shared, service=service)
    back = bucket_store_from_url(f"sqlite:///{tmp_path}/back.db", service=service)

    there = copy_store(full, on_server)
    copy_store(on_server, back)

    assert there.slos[0].buckets == len(buckets_in(full)) > 8_000
    assert record_in(on_server) == record_in(back) == record_in(full)
    assert buckets_in(on_server) == buckets_in(back) == buckets_in(full)
    on_server.close()
    back.close()


def test_a_snapshot_is_the_same_from_both(shared: str, full: BucketStore, service: str) -> None:
    """Every window, to the event."""
    on_server = bucket_store_from_url(shared, service=service)
    copy_store(full, on_server)
    now = time.time()

    snapshots = []
    for buckets in (full, on_server):
        with SLORegistry(WriteBehindStore(buckets), service=service, clock=lambda: now) as registry:
            snapshots.append(registry.define(AVAILABILITY).snapshot())

    assert snapshots[0] == snapshots[1]
    assert snapshots[0].total > 2_000_000


def test_a_repeated_copy_adds_nothing(shared: str, full: BucketStore, service: str) -> None:
    """The note of the first one is found."""
    on_server = bucket_store_from_url(shared, service=service)
    copy_store(full, on_server)

    report = copy_store(full, on_server)

    assert report.slos[0].was_there
    assert record_in(on_server) == record_in(full)
    on_server.close()


def test_a_server_with_events_of_its_own_is_refused(shared: str, full: BucketStore, service: str) -> None:
    """Nothing is added to what it holds."""
    with SLORegistry(shared, service=service) as registry:
        registry.define(AVAILABILITY).record(True)
    on_server = bucket_store_from_url(shared, service=service)

    with pytest.raises(StoreError, match=r"already holds events.*\(1 events"):
        copy_store(full, on_server)

    assert record_in(on_server).good == 1
    on_server.close()


def test_the_command_copies_onto_a_server(
    shared: str, full: BucketStore, service: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the service named, and a closing line that names both stores."""
    assert main(["store", "copy", f"sqlite:///{tmp_path}/full.db", shared, "--service", service]) == 0

    assert capsys.readouterr().out.splitlines()[-1].endswith(f"from sqlite:///{tmp_path}/full.db to {shared}")


def test_the_exporter_reads_what_was_copied(shared: str, full: BucketStore, service: str) -> None:
    """And leaves the server as it is: no SLO of another name, no further writer."""
    on_server = bucket_store_from_url(shared, service=service)
    copy_store(full, on_server)
    exporter = StoreServices(lambda name: bucket_store_from_url(shared, service=name), service=service)

    body = services_view(exporter).respond("GET").body.decode()
    exporter.close()

    assert f'slo_store_up{{slo_service="{service}"' in body
    (bad,) = (line for line in body.splitlines() if line.startswith("slo_events_total") and 'outcome="bad"' in line)
    assert float(bad.split()[-1]) == 10**10
    assert on_server.names() == ["availability"]
    assert record_in(on_server) == record_in(full)
    on_server.close()


def test_asking_for_the_services_is_no_misconfiguration(
    shared: str, full: BucketStore, service: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A store warns of services without a name; a command that shows all of them has none, and needs none."""
    on_server = bucket_store_from_url(shared, service=service)
    copy_store(full, on_server)
    on_server.close()

    assert main(["store", "copy", shared, f"sqlite:///{tmp_path}/all.db"]) == 0
    exporter = StoreServices(lambda name: bucket_store_from_url(shared, service=name))
    assert any(service == registry.service for registry in exporter.read())
    exporter.close()

    assert caplog.text == ""
