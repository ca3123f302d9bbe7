"""One Redis under a fleet, and the request path while a Redis hangs."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.contest import hold_to
from benchmarks.servers import redis_server
from slo_core import SLODefinition, SLORegistry
from slo_core.stores.buckets import Query
from slo_core.stores.open import bucket_store_from_url
from slo_core.stores.shared.write_behind import WriteBehindStore

__all__ = ["run"]

_WRITERS, _DRIVERS, _THREADS, _SECONDS = 200, 2, 4, 5
_READERS, _SCRAPE_SECONDS, _READING_SECONDS = 50, 15.0, 9
_SLO_COUNT = 20


def _definitions() -> list[SLODefinition]:
    return [SLODefinition(f"slo-{index:02}", 0.999) for index in range(_SLO_COUNT)]


def _cpu_seconds(url: str) -> float:
    import redis

    with redis.Redis.from_url(url) as client:
        used = client.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


class _Writer:
    """One simulated process: a connection, a writer id, 20 SLOs."""

    def __init__(self, url: str) -> None:
        buckets = bucket_store_from_url(url, service="load", options={"socket_timeout": 5.0})
        self.store = WriteBehindStore(buckets, flush_interval=3600.0)
        self.ledgers = [self.store.ledger(definition) for definition in _definitions()]

    def flush(self, second: int) -> None:
        for ledger in self.ledgers:
            ledger.add(second, 9, 1, live=True)
        self.store.flush()
        while any(ledger.outbox.waiting for ledger in self.ledgers):
            self.store.flush()


def _drive(url: str, starts_at: Any, ready: Any, answers: Any) -> None:
    """A process that stands for its share of the writers, each flushing once a second at a moment of its own."""
    writers = [_Writer(url) for _ in range(_WRITERS // _DRIVERS)]
    for writer in writers:
        writer.store.flush()  # declares
    ready.release()
    while not starts_at.value:
        time.sleep(0.01)
    start = starts_at.value
    lags: list[float] = []

    def work(mine: list[tuple[int, _Writer]]) -> None:
        for second in range(_SECONDS):
            for place, writer in mine:
                due = start + second + place / len(writers)
                if (left := due - time.time()) > 0:
                    time.sleep(left)
                writer.flush(int(time.time()))
                lags.append(time.time() - due)

    numbered = list(enumerate(writers))
    threads = [threading.Thread(target=work, args=(numbered[first::_THREADS],)) for first in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.put((len(lags), max(lags), statistics.median(lags)))


def _writers(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    starts_at, ready, answers = context.Value("d", 0.0), context.Semaphore(0), context.Queue()
    drivers = [context.Process(target=_drive, args=(url, starts_at, ready, answers)) for _ in range(_DRIVERS)]
    for driver in drivers:
        driver.start()
    for _ in drivers:
        ready.acquire()
    before = _cpu_seconds(url)
    started = time.time()
    starts_at.value = started
    reports = [answers.get() for _ in drivers]
    took = time.time() - started
    used = _cpu_seconds(url) - before
    for driver in drivers:
        driver.join()
    flushes = sum(count for count, _, _ in reports)
    with_totals = bucket_store_from_url(url, service="load")
    records = [stored.record for stored in with_totals.read([Query(definition.name) for definition in _definitions()])]
    with_totals.close()
    expected = 10 * flushes
    counted = {record.good + record.bad for record in records if record is not None}
    print(
        f"\none Redis, {_WRITERS} writers x {_SLO_COUNT} SLOs, one flush a second each ({flushes} flushes in {took:.1f} s)"
    )
    worst = max(worst for _, worst, _ in reports)
    print(f"  {used / flushes * 1e6:.0f} us of Redis a flush; until a flush is confirmed: ", end="")
    print(f"median {statistics.median(m for _, _, m in reports) * 1e3:.1f} ms")
    load = used / took
    hold_to(f"Redis under {_WRITERS} writers", "< 35 % of a core", f"{load:.1%}", is_met=load < 0.35)
    # An event waits for the next flush, a second at most, and then for this.
    hold_to("worst lag of a flush", "< 2 s with the interval of 1 s", f"{1 + worst:.2f} s", is_met=1 + worst < 2)
    if counted != {expected}:
        raise SystemExit(f"  totals are not exact: expected {expected:,} events of each SLO, counted {sorted(counted)}")
    print(f"  totals exact ({expected:,} events of each SLO)")


def _readers(url: str, fill: Callable[..., int]) -> None:
    with_data = bucket_store_from_url(url, service="bench")
    fill(with_data, now=time.time())
    with_data.close()
    registries = []
    for _ in range(_READERS):
        store = WriteBehindStore(bucket_store_from_url(url, service="bench"), flush_interval=3600.0)
        registry = SLORegistry(store, service="bench")
        for definition in _definitions():
            registry.define(definition)
        registry.snapshot_all()
        registries.append(registry)
    before, started = _cpu_seconds(url), time.time()
    pause = _SCRAPE_SECONDS / _READERS
    scrapes = 0
    while (now := time.time()) - started < _READING_SECONDS:
        due = started + scrapes * pause
        if due > now:
            time.sleep(due - now)
        registries[scrapes % _READERS].snapshot_all()
        scrapes += 1
    took = time.time() - started
    used = _cpu_seconds(url) - before
    print(f"\none Redis, {_READERS} processes scraped every {_SCRAPE_SECONDS:.0f} s, {_SLO_COUNT} SLOs full of data")
    print(f"  {scrapes * _SLO_COUNT / took:.0f} SLO reads a second, {used / scrapes * 1e3:.2f} ms of Redis a scrape")
    load = used / took
    hold_to(f"Redis under {_READERS} scraped processes", "< 10 % of a core", f"{load:.1%}", is_met=load < 0.10)


# --- the request path


@contextmanager
def _stopped(process: subprocess.Popen[bytes]) -> Iterator[None]:
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)
        time.sleep(0.3)


def _in_process(url: str, process: subprocess.Popen[bytes], rounds: int) -> None:
    from benchmarks.middleware import DEFINITIONS
    from slo_asgi import SLOMiddleware

    async def bare(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    store = WriteBehindStore(bucket_store_from_url(url, service="path"))
    registry = SLORegistry.from_config(DEFINITIONS, store=store, service="path")
    app: Any = SLOMiddleware(bare, registry=registry)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: object) -> None:
        pass

    async def requests(seconds: float) -> list[float]:
        times = []
        until = time.perf_counter() + seconds
        before = time.perf_counter()
        while before < until:
            await app({
                "type": "http", "method": "GET", "path": "/checkout/42", "raw_path": b"/checkout/42",
                "query_string": b"", "root_path": "", "headers": [], "state": {},
            }, receive, send)  # fmt: skip
            after = time.perf_counter()
            times.append(after - before)
            before = after
        return times

    up: list[tuple[float, float, float]] = []
    down: list[tuple[float, float, float]] = []
    with asyncio.Runner() as runner:
        runner.run(requests(1.5))
        for _ in range(rounds):
            up.append(_quantiles(runner.run(requests(2.5))))
            with _stopped(process):
                runner.run(requests(0.6))
                down.append(_quantiles(runner.run(requests(2.5))))
                assert not store.health().is_up
    registry.close()
    print(
        f"\none request through the ASGI middleware in process, 3 SLOs, Redis answering and hanging ({rounds} rounds)"
    )
    print(f"  {'':12}{'median us':>12}{'p99 us':>12}{'p99.9 us':>12}  (medians of the rounds)")
    for name, quantiles in (("answering", up), ("hanging", down)):
        print(
            f"  {name:12}"
            + "".join(f"{statistics.median(column) * 1e6:12.2f}" for column in zip(*quantiles, strict=True))
        )


def _quantiles(times: list[float]) -> tuple[float, float, float]:
    times.sort()
    return times[len(times) // 2], times[int(len(times) * 0.99)], times[int(len(times) * 0.999)]


def run(rounds: int, *, fill: Callable[..., int]) -> None:
    """Print what a fleet costs one Redis, and what requests notice of one that hangs."""
    few = max(3, rounds // 3)
    with redis_server() as (url, process):
        _writers(url)
        _readers(url, fill)
        _in_process(url, process, few)
