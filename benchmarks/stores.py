"""Shared stores: reading a full month, handing a second over, and what requests pay in other designs."""

from __future__ import annotations

import json
import logging
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from benchmarks import store_load
from benchmarks.contest import Result, compete, hold_to, print_table, seconds_per_call
from benchmarks.flushes import closing_days, flushing
from benchmarks.servers import MissingServerError, mariadb_server, postgres_server, redis_server
from slo_core import SLODefinition, SLORegistry
from slo_core.stores.buckets import Batch, BucketStore, Declaration, Increment
from slo_core.stores.layout import WIDTHS, kept_from
from slo_core.stores.open import bucket_store_from_url
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.stored_definition import fingerprint_of, stored_definition

__all__ = ["CLOSED", "SLO_COUNT", "definitions", "fill", "open_django_store", "open_stores", "run"]

SLO_COUNT = 20
CLOSED = "-closed"
_SERVICE = "bench"
_LISTED, _LISTED_COUNT = "list", 200
_CLOSED_DAYS = "days"


def definitions(count: int = SLO_COUNT) -> list[SLODefinition]:
    return [SLODefinition(f"slo-{index:02}", 0.999) for index in range(count)]


def fill(buckets: BucketStore, *, now: float, count: int = SLO_COUNT) -> int:
    """Fill every bucket that 30-day SLOs keep, straight through `apply`; how many there are for each SLO."""
    increments: list[Increment] = []
    for definition in definitions(count):
        increments = [
            Increment(width, bucket, width * 10, max(1, width // 100))
            for width in WIDTHS
            for bucket in range(
                kept_from(width, newest=now, keeps_seconds=definition.longest_seconds), math.floor(now) // width + 1
            )
        ]
        batch = Batch(
            writer="f" * 32,
            slo=definition.name,
            number=1,
            increments=tuple(increments),
            good=2_592_000 * 10,
            bad=25_920,
            earliest=math.floor(now),  # taken as it is
            newest=math.floor(now),
            declaration=Declaration(
                stored_definition(definition), fingerprint_of(definition), definition.longest_seconds, now - 2_592_000
            ),
        )
        buckets.apply([batch])
    return len(increments)


@contextmanager
def open_stores() -> Iterator[tuple[dict[str, BucketStore], str | None]]:
    """Every store that can be had here, on servers of their own, and the URL of the Redis."""
    stores: dict[str, BucketStore] = {}
    with ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="slo-"))
        stores["SQLite"] = bucket_store_from_url(f"sqlite:///{folder}/slo.db", service=_SERVICE)
        url = None
        try:
            url, _ = opened.enter_context(redis_server())
            stores["Redis"] = bucket_store_from_url(url, service=_SERVICE)
        except MissingServerError as exc:
            print(f"left out: {exc}")
        # Connections are kept, as is usual with servers; and those of `CLOSED` are not, as is Django's default.
        databases: dict[str, dict[str, object]] = {}
        for alias, start in (("default", postgres_server), ("mariadb", mariadb_server)):
            try:
                databases[alias + CLOSED] = opened.enter_context(start())
                databases[alias] = {**databases[alias + CLOSED], "CONN_MAX_AGE": 60}
            except MissingServerError as exc:
                print(f"left out: {exc}")
        try:
            _set_up_django(databases)
            for alias, name in (("default", "PostgreSQL (Django)"), ("mariadb", "MariaDB (Django)")):
                if alias in databases:
                    stores[name] = open_django_store(alias)
        except Exception as exc:  # an extra that is not installed leaves out what needs it
            print(f"left out: the Django stores: {type(exc).__name__}: {exc}")
        for store in stores.values():
            opened.callback(store.close)
        yield stores, url


def mysql_driver() -> str:
    """The driver for MariaDB, made ready for Django: mysqlclient, which Django recommends; without it PyMySQL in its place."""
    try:
        import MySQLdb
    except ImportError:
        import pymysql

        pymysql.install_as_MySQLdb()
        import MySQLdb
    return "PyMySQL" if MySQLdb.__name__ == "pymysql" else "mysqlclient"


def _set_up_django(databases: dict[str, dict[str, object]]) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    mysql_driver()
    settings.configure(INSTALLED_APPS=["slo_django"], DATABASES=databases, USE_TZ=True, SLO_STORE="memory://")
    django.setup()
    for alias in databases:
        call_command("migrate", database=alias, verbosity=0)


def open_django_store(alias: str, service: str = _SERVICE) -> BucketStore:
    from slo_django.store.bucket_store import open_django

    store: BucketStore = open_django(f"django://{alias}", service=service)
    return store


def _hold_minima(what: str, results: dict[str, Result], milliseconds: dict[str, float]) -> None:
    """The best of each contender that is there against its target."""
    for name, most in milliseconds.items():
        if name in results:
            least = results[name].minimum * 1e3
            hold_to(f"{what}, {name}", f"<= {most:g} ms", f"{least:.2f} ms", is_met=least <= most)


def _reading(stores: dict[str, BucketStore], rounds: int) -> None:
    now = time.time()
    count = 0
    one: dict[str, Callable[[], float]] = {}
    twenty: dict[str, Callable[[], float]] = {}
    for name, buckets in stores.items():
        count = fill(buckets, now=now)
        registry = SLORegistry(WriteBehindStore(buckets, flush_interval=3600.0), service=_SERVICE)
        for definition in definitions():
            registry.define(definition)
        registry.snapshot_all()  # declares, so that the measured reads only read
        tracker = registry["slo-00"]
        assert tracker.snapshot().total > 10_000_000
        one[name] = lambda tracker=tracker: seconds_per_call(tracker.snapshot, 10)  # type: ignore[misc]
        twenty[name] = lambda registry=registry: seconds_per_call(registry.snapshot_all, 2)  # type: ignore[misc]
    title = f"a snapshot, 30 days full of data ({count:,} buckets an SLO; 30 days and 7 burn and alert windows)"
    results = compete(one, rounds)
    print_table(f"{title}: one SLO", results, reference="SQLite", unit="ms")
    _hold_minima("a snapshot of 30 days full of data", results, {"SQLite": 3, "Redis": 5, "PostgreSQL (Django)": 8})
    print_table(f"{title}: {SLO_COUNT} SLOs at once", compete(twenty, rounds), reference="SQLite", unit="ms")


_FIRST, _NEXT = "the first of a process, which declares them", "the next ones"


def list_slos(database: dict[str, object], reads: int) -> list[float]:
    """Seconds of snapshots of a whole list, in a process that has asked its store nothing yet."""
    _set_up_django({"default": database})
    registry = SLORegistry(
        WriteBehindStore(open_django_store("default", _LISTED), flush_interval=3600.0), service=_LISTED
    )
    for definition in definitions(_LISTED_COUNT):
        registry.define(definition)
    taken = [seconds_per_call(registry.snapshot_all, 1) for _ in range(reads)]
    assert all(snapshot.total > 10_000_000 for snapshot in registry.snapshot_all())
    return taken


def _listing(rounds: int) -> None:
    from django.conf import settings

    fill(open_django_store("default", _LISTED), now=time.time(), count=_LISTED_COUNT)
    database = json.dumps(settings.DATABASES["default"])
    code = "import json, sys; from benchmarks.stores import list_slos; print(list_slos(json.loads(sys.argv[1]), 5))"
    command = [sys.executable, "-c", code, database]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    samples = [
        json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
        for _ in range(rounds)
    ]
    results = {
        _FIRST: [taken[0] for taken in samples],
        _NEXT: [seconds for taken in samples for seconds in taken[1:]],
    }
    listed = {name: Result(statistics.median(taken), min(taken)) for name, taken in results.items()}
    print_table(
        f"a list of {_LISTED_COUNT} SLOs, each full of data, PostgreSQL (Django)", listed, reference=_NEXT, unit="ms"
    )
    _hold_minima(f"snapshots of {_LISTED_COUNT} SLOs", listed, {_FIRST: 300, _NEXT: 90})


def _closing(stores: dict[str, BucketStore], url: str | None) -> None:
    fresh: dict[str, BucketStore] = {}
    with tempfile.TemporaryDirectory(prefix="slo-") as folder:
        for name, buckets in stores.items():
            if name == "SQLite":
                fresh[name] = bucket_store_from_url(f"sqlite:///{folder}/slo.db", service=_CLOSED_DAYS)
            elif name == "Redis" and url is not None:
                fresh[name] = bucket_store_from_url(url, service=_CLOSED_DAYS)
            elif hasattr(buckets, "alias"):
                fresh[name] = open_django_store(buckets.alias, _CLOSED_DAYS)
        monthly = [SLODefinition(definition.name, 0.999, window="month") for definition in definitions()]
        try:
            closing_days(fresh, monthly)
        finally:
            for store in fresh.values():
                store.close()


_MULTIPROCESS = """
import json, os, subprocess, sys, time
from prometheus_client import CollectorRegistry, Counter, multiprocess
counter = Counter("requests_total", "Requests.", ["slo", "outcome"])
children = [counter.labels(f"slo-{index:02}", outcome) for index in range(20) for outcome in ("good", "bad")]
for child in children:
    child.inc()
if sys.argv[1] == "worker":
    sys.exit()
for _ in range(3):
    subprocess.run([sys.executable, "-c", os.environ["SLO_BENCH"], "worker"], check=True)
inc = children[0].inc
registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
def timed(function, calls):
    started = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - started) / calls
rounds = int(sys.argv[2])
print(json.dumps({
    "inc": [timed(inc, 20_000) for _ in range(rounds)],
    "read": [timed(lambda: list(registry.collect()), 20) for _ in range(rounds)],
}))
"""


def _multiprocess(rounds: int) -> dict[str, list[float]]:
    """prometheus_client's mode for several workers: it must be chosen before it is imported."""
    with tempfile.TemporaryDirectory(prefix="slo-") as folder:
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": folder, "SLO_BENCH": _MULTIPROCESS}
        command = [sys.executable, "-c", _MULTIPROCESS, "main", str(rounds)]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
    times: dict[str, list[float]] = json.loads(done.stdout)
    return times


def _per_request(url: str | None, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="slo-") as folder:
        registry = SLORegistry(f"sqlite:///{folder}/slo.db", service=_SERVICE)
        record = registry.define(SLODefinition("availability", 0.999)).record
        contenders: dict[str, Callable[[], float]] = {
            "slo-suite over a shared store: record": lambda: seconds_per_call(lambda: record(True), 20_000)
        }
        if url is not None:
            import redis

            client = redis.Redis.from_url(url)
            serial = iter(range(10**9))

            def naive() -> None:
                now = time.time()
                pipeline = client.pipeline(transaction=False)
                pipeline.zadd("naive", {f"{now}:{next(serial)}": now})
                pipeline.zremrangebyscore("naive", 0, now - 2_592_000)
                pipeline.execute()

            contenders["Redis ZADD + ZREMRANGEBYSCORE"] = lambda: seconds_per_call(naive, 500)
        results = compete(contenders, rounds)
        registry.close()
    files = _multiprocess(rounds)
    inc = sorted(files["inc"])
    results["prometheus_client multiprocess: Counter.inc"] = Result(inc[len(inc) // 2], inc[0])
    print_table("what each request pays", results, reference="slo-suite over a shared store: record")
    read = sorted(files["read"])
    print(
        f"  reading the counters of 4 workers in multiprocess mode (no windows): median {read[len(read) // 2] * 1e3:.2f} ms, "
        f"minimum {read[0] * 1e3:.2f} ms"
    )


def run(rounds: int) -> None:
    """Print reads, flushes and the load on a Redis, with the costs of other designs."""
    logging.getLogger("slo_core").setLevel(logging.CRITICAL)  # stores are made to hang on purpose
    with open_stores() as (stores, url):
        _reading(stores, rounds)
        if "PostgreSQL (Django)" in stores:
            _listing(rounds)
        flushing(stores, url, definitions(), fill, rounds)
        _closing(stores, url)
        _per_request(url, rounds)
    try:
        store_load.run(rounds, fill=fill)
    except MissingServerError as exc:
        print(f"left out: {exc}")
