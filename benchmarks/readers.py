"""Readers of a shared store: a scrape's processor time, and a page whose store is a millisecond away."""

from __future__ import annotations

import math
import multiprocessing
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from benchmarks.contest import Result, compete, hold_to, print_table
from benchmarks.servers import HOST, MissingServerError, redis_server
from benchmarks.stores import CLOSED, SLO_COUNT, definitions, fill, mysql_driver, open_django_store, open_stores
from slo_core import SLORegistry
from slo_core.metrics.view import MetricsView
from slo_core.stores.open import bucket_store_from_url
from slo_core.stores.shared.write_behind import WriteBehindStore

__all__ = ["run"]

_SERVICE = "bench"

# Each way: a round trip takes twice as long.
_AWAY_SECONDS = 0.001

# Reads of one registry begin at least so far apart.
_GAP_SECONDS = 0.11


def _relay(listening: socket.socket, port: int, delay: float) -> None:
    """Pass everything on to a port of this host and back, each byte so many seconds later."""
    other: dict[socket.socket, socket.socket] = {}
    waiting: deque[tuple[float, socket.socket, bytes]] = deque()
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select([listening, *other], [], [], timeout)
        now = time.monotonic()
        for ready in readable:
            if ready is listening:
                client, _ = listening.accept()
                server = socket.create_connection((HOST, port))
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                other |= {client: server, server: client}
                continue
            data = ready.recv(262_144)
            if data:
                waiting.append((now + delay, other[ready], data))
            else:
                for end in (ready, other.pop(ready)):
                    other.pop(end, None)
                    end.close()
        while waiting and waiting[0][0] <= time.monotonic():
            _, end, data = waiting.popleft()
            if end in other:
                end.sendall(data)


@contextmanager
def _away(url: str, delay: float) -> Iterator[str]:
    """The URL of a server, so many seconds away in each direction."""
    parts = urlsplit(url)
    assert parts.port is not None
    with socket.create_server((HOST, 0)) as listening:
        relay = multiprocessing.get_context("fork").Process(
            target=_relay, args=(listening, parts.port, delay), daemon=True
        )
        relay.start()
        try:
            yield url.replace(f":{parts.port}", f":{listening.getsockname()[1]}")
        finally:
            relay.kill()
            relay.join()


def _page(url: str) -> Callable[[], float]:
    """Seconds of all that the page of one SLO asks its store for, with an event that waits to be handed over."""
    store = WriteBehindStore(bucket_store_from_url(url, service=_SERVICE), flush_interval=3600.0)
    tracker = SLORegistry(store, service=_SERVICE).define(definitions()[0])

    def seconds() -> float:
        tracker.record(True)
        started = time.perf_counter()
        snapshot, timeline = tracker.snapshot(), tracker.internals.timeline()
        taken = time.perf_counter() - started
        assert snapshot.total <= timeline.counts(after=0, before=math.inf).total
        return taken

    return seconds


def _pages(rounds: int) -> None:
    with redis_server() as (url, _), _away(url, _AWAY_SECONDS) as far:
        buckets = bucket_store_from_url(url, service=_SERVICE)
        fill(buckets, now=time.time())
        results = compete({"on this host": _page(url), "1 ms away, each way": _page(far)}, max(rounds, 20))
        print_table(
            "what the page of one SLO reads, Redis full of 30 days", results, reference="on this host", unit="ms"
        )
        more = results["1 ms away, each way"].above(results["on this host"]) * 1e3
        hold_to("page of one SLO, Redis 1 ms away", "<= 10 ms more than here", f"{more:.1f} ms", is_met=more <= 10)


def _scrapes(rounds: int) -> None:
    results: dict[str, Result] = {}
    with open_stores() as (stores, _):
        measures: dict[str, Callable[[], float]] = {}
        for buckets in stores.values():
            fill(buckets, now=time.time())
        closed = [
            (f"{name}, no connection kept", open_django_store(buckets.alias + CLOSED))
            for name, buckets in stores.items()
            if hasattr(buckets, "alias")
        ]
        for name, buckets in (*stores.items(), *closed):
            registry = SLORegistry(WriteBehindStore(buckets, flush_interval=3600.0), service=_SERVICE)
            for definition in definitions():
                registry.define(definition)
            measures[name] = _scrape(MetricsView(registry))
        results = compete(measures, max(rounds, 20))
    print_table(
        f"processor time of a scrape of {SLO_COUNT} SLOs full of 30 days",
        results, reference=next(iter(results)), unit="ms",
    )  # fmt: skip
    if "MariaDB (Django)" in results:
        print(f"  the driver for MariaDB is {mysql_driver()}")
    for name, result in results.items():
        least, median = result.minimum * 1e3, result.median * 1e3
        measured = f"{least:.1f} ms (median {median:.1f} ms)"
        hold_to(f"scrape of {SLO_COUNT} SLOs, {name}, processor time", "<= 5 ms", measured, is_met=least <= 5)


def _scrape(view: MetricsView) -> Callable[[], float]:
    def seconds() -> float:
        time.sleep(_GAP_SECONDS)
        started = time.process_time()
        answer = view.respond("GET", accept="application/openmetrics-text;version=1.0.0")
        taken = time.process_time() - started
        assert answer.body.count(b"slo_target{") == SLO_COUNT, answer.body
        return taken

    return seconds


def run(rounds: int) -> None:
    """Print what readers of a shared store pay."""
    try:
        _pages(rounds)
    except MissingServerError as exc:
        print(f"left out: {exc}")
    _scrapes(rounds)
