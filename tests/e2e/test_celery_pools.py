"""Each kind of a worker's pool counts every task once, and hands everything over when it stops."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from redis_servers import start_redis
from slo_core import SLODefinition, SLORegistry
from slo_core.testing import FakeClock
from slo_servers import PATIENCE_SECONDS, STOP_SECONDS, python

pytest.importorskip("celery")

from celery import Celery  # noqa: E402
from celery.result import AsyncResult  # noqa: E402

from slo_celery import instrument_celery  # noqa: E402

pytest.importorskip("gevent")

SUPPORT = Path(__file__).resolve().parents[1] / "support"
POOLS = {
    "prefork": ["-P", "prefork", "-c", "2"],
    "one_task": ["-P", "prefork", "-c", "2", "--max-tasks-per-child", "1"],
    "threads": ["-P", "threads", "-c", "4"],
    "gevent": ["-P", "gevent", "-c", "4"],
    "solo": ["-P", "solo"],
}
# Tasks without a result come first: when the others are done, they are.
WAYS = ("ignore", "reject", "hand_on", "pay", "pay", "report", "refuse", "recover", "despair")
WITHOUT_RESULT = 3
SLOS = [SLODefinition("tasks", 0.9, kind="task"), SLODefinition("quick", 0.9, kind="task")]


@dataclass
class Worker:
    """A worker with its own queue and store."""

    store: str
    log: Path
    process: subprocess.Popen[bytes]

    def counts(self) -> dict[str, object]:
        """By SLO: all tasks, and those that failed, by what they were caused."""
        counts: dict[str, object] = {}
        with SLORegistry(self.store, service="shop") as registry:
            for definition in SLOS:
                tracker = registry.define(definition)
                shares = tracker.causes(3600).causes
                causes = {f"{share.where} {share.outcome}": share.bad for share in shares}
                counts[definition.name] = (tracker.snapshot().total, causes)
        return counts


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Worker]]:
    """One of each pool; all have run their tasks, and have stopped."""
    folder = tmp_path_factory.mktemp("celery")
    with ExitStack() as stack:
        server = stack.enter_context(start_redis())
        client = Celery("client", broker=server.url, backend=server.url)
        stack.callback(client.close)
        definitions = {"quick": {"target": 0.9, "tasks": ["shop.pack"], "latency": "60s", "latency_from": "due"}}
        instrument_celery(client, definitions, store="memory://", clock=FakeClock())
        started = {pool: stack.enter_context(worker_of(pool, folder, server.url)) for pool in POOLS}
        run_tasks(client)
        for worker in started.values():
            worker.process.send_signal(signal.SIGTERM)
        for worker in started.values():
            worker.process.wait(STOP_SECONDS)
        yield started


def run_tasks(client: Celery) -> None:
    """Send the same to each worker, and wait until all is done. No result outlives the broker."""
    results: list[AsyncResult] = []
    for pool in POOLS:
        client.send_task("shop.pay", queue=pool, expires=-10)  # revoked: it comes too late
        sent = [client.send_task(f"shop.{way}", queue=pool) for way in WAYS]
        results += sent[WITHOUT_RESULT:]
        results.append(client.send_task("shop.pack", queue=pool))  # it was due years ago
        results.append(client.send_task("shop.pack", queue=pool, headers={"slo_due": "soon"}))
    # Each child runs one task, so that one that is killed has counted no other.
    results += [client.send_task(f"shop.{way}", queue="one_task") for way in ("vanish", "hang")]
    for result in results:
        result.get(timeout=PATIENCE_SECONDS, propagate=False)


@contextmanager
def worker_of(pool: str, folder: Path, broker: str) -> Iterator[Worker]:
    store = f"sqlite:///{folder / pool}.db"
    # Only what hands events over at the end is looked at here.
    environment = {**os.environ, "SHOP_BROKER": broker, "SHOP_STORE": store, "SHOP_FLUSH": "600", "C_FORCE_ROOT": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(SUPPORT), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [
        *python("-m", "celery", "-A", "celery_shop", "worker", "-Q", pool, "-n", f"{pool}@%h", "--loglevel", "WARNING"),
        "--without-gossip", "--without-mingle", "--without-heartbeat", *POOLS[pool],
    ]  # fmt: skip
    with (folder / f"{pool}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            yield Worker(store, folder / f"{pool}.log", process)
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("pool", POOLS)
def test_every_task_counts_once_by_how_it_ended(workers: dict[str, Worker], pool: str):
    """
    Six succeed, one of them with its third run and one late; two fail for good. Retries are no events, and tasks that are
    ignored, rejected, replaced, revoked or excluded count for nothing. Of a lost process the parent counts the task.
    """
    worker = workers[pool]
    failed = {"shop.refuse ValueError": 1, "shop.despair KeyError": 1}
    if pool == "one_task":
        failed |= {"shop.vanish WorkerLostError": 1, "shop.hang TimeLimitExceeded": 1}

    assert worker.counts() == {"tasks": (6 + len(failed), failed), "quick": (2, {"shop.pack slow": 1})}, (
        worker.log.read_text()
    )


def test_the_log_says_nothing_of_slo_suite(workers: dict[str, Worker]):
    """Nothing went wrong inside, and nothing is worth a warning."""
    assert [worker.log for worker in workers.values() if "slo" in worker.log.read_text()] == []
