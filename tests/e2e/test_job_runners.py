"""Queues and pools of processes: what their jobs count is handed over when a process ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from redis_servers import RedisServer, start_redis
from slo_core import SLODefinition, SLORegistry
from slo_servers import PATIENCE_SECONDS, STOP_SECONDS, python, wait_until

JOBS = 10
README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")

# Only what hands events over at the end is looked at here.
SHOP = """
import os
from slo_core import SLODefinition, SLORegistry
registry = SLORegistry(os.environ["SHOP_STORE"], service="shop", flush_interval=600)
orders = registry.define(SLODefinition("orders", 0.99))
def count(_=None):
    orders.record(True)
    with open(os.environ["SHOP_DONE"], "a") as done:
        done.write("x")
"""
DRAMATIQ = """
import os, dramatiq
from dramatiq.brokers.redis import RedisBroker
dramatiq.set_broker(RedisBroker(url=os.environ["SHOP_BROKER"]))
from jobs import count
actor = dramatiq.actor(count)
"""
HUEY = """
import os
from huey import RedisHuey
from jobs import count
queue = RedisHuey(url=os.environ["SHOP_BROKER"])
task = queue.task()(count)
"""


@dataclass(frozen=True)
class Runner:
    """
    How a queue's worker is started, and sent jobs.

    Attributes:
        needs: Its package.
        module: Source of the module that it loads.
        send: Sends a job.
        worker: Its command line.
    """

    needs: str
    module: str
    send: str
    worker: tuple[str, ...]


RUNNERS = {
    "rq": Runner(
        "rq", "",
        "import redis, rq\n"
        "queue = rq.Queue(connection=redis.Redis.from_url(os.environ['SHOP_BROKER']))\n"
        "send = lambda: queue.enqueue('jobs.count')",
        ("-m", "rq.cli", "worker", "--worker-class", "rq_worker.HandingOverWorker", "--url", "{broker}"),
    ),
    "dramatiq": Runner(
        "dramatiq", DRAMATIQ, "import shop\nsend = shop.actor.send", ("-m", "dramatiq", "shop", "-p", "2", "-t", "2")
    ),
    "huey, threads": Runner(
        "huey", HUEY, "import shop\nsend = shop.task", ("-m", "huey.bin.huey_consumer", "shop.queue", "-w", "2")
    ),
    "huey, processes": Runner(
        "huey", HUEY, "import shop\nsend = shop.task",
        ("-m", "huey.bin.huey_consumer", "shop.queue", "-w", "2", "-k", "process"),
    ),
}  # fmt: skip

PROCESS = "child = context.Process(target=work); child.start(); child.join()"
POOL = "pool = context.Pool(2, maxtasksperchild=1); pool.map(count, range(10), chunksize=1); pool.close(); pool.join()"
EXECUTOR = "with ProcessPoolExecutor(2, mp_context=context) as pool: list(pool.map(count, range(10)))"
PARENT = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
from jobs import count
def work():
    for number in range(10): count(number)
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    {pool}
"""


@pytest.fixture(scope="module")
def broker() -> Iterator[RedisServer]:
    with start_redis() as server:
        yield server


def environment_in(folder: Path, broker: str = "") -> dict[str, str]:
    """The service's modules lie in the folder, and its store."""
    (folder / "jobs.py").write_text(SHOP)
    return {
        **os.environ,
        "SHOP_STORE": f"sqlite:///{folder / 'slo.db'}",
        "SHOP_BROKER": broker,
        "SHOP_DONE": str(folder / "done"),
        "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }


def stored(folder: Path) -> int:
    with SLORegistry(f"sqlite:///{folder / 'slo.db'}", service="shop") as registry:
        return registry.define(SLODefinition("orders", 0.99)).snapshot().total


@pytest.mark.parametrize("name", RUNNERS)
def test_a_queues_worker_hands_over_when_it_stops(name: str, broker: RedisServer, tmp_path: Path):
    """SIGTERM, as systemd and Kubernetes send it. RQ, whose processes end without a word, with the README's worker."""
    runner = RUNNERS[name]
    pytest.importorskip(runner.needs)
    broker.cli("flushall")
    environment = environment_in(tmp_path, broker.url)
    (tmp_path / "shop.py").write_text(runner.module)
    (tmp_path / "rq_worker.py").write_text(block("rq_worker.py"))
    send = f"import os\n{runner.send}\nfor _ in range({JOBS}): send()"
    subprocess.run(python("-c", send), env={**environment, "SHOP_STORE": "memory://"}, check=True)

    with (tmp_path / "log").open("wb") as log:
        command = python(*(word.format(broker=broker.url) for word in runner.worker))
        worker = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
        try:
            done = tmp_path / "done"
            wait_until(lambda: done.exists() and len(done.read_text()) == JOBS, message=f"{name} ran no jobs")
            worker.send_signal(signal.SIGTERM)
            worker.wait(STOP_SECONDS)
        finally:
            worker.kill()
            worker.wait()

    assert stored(tmp_path) == JOBS, (tmp_path / "log").read_text()


def block(name: str) -> str:
    """A block of the README."""
    found = re.search(rf"<!-- file: {name} -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("pool", "method"),
    [(PROCESS, "forkserver"), (POOL, "fork"), (EXECUTOR, "forkserver")],
    ids=["process", "pool", "executor"],
)
def test_processes_of_multiprocessing_hand_over_when_they_end(pool: str, method: str, tmp_path: Path):
    """They end by `os._exit`, after the exit handlers of `multiprocessing`, which are the same for all ways to start them."""
    (tmp_path / "parent.py").write_text(textwrap.dedent(PARENT).format(pool=pool))

    subprocess.run(
        python("parent.py", method), cwd=tmp_path, env=environment_in(tmp_path), check=True, timeout=PATIENCE_SECONDS
    )

    assert stored(tmp_path) == JOBS


def test_the_readmes_application_of_celery_can_be_loaded(tmp_path: Path):
    """It counts for both of its SLOs."""
    pytest.importorskip("celery")
    (tmp_path / "tasks.py").write_text(block("tasks.py"))

    done = subprocess.run(
        python("-c", "from tasks import app; print(app.slo_registry.names(), 'shop.invoices.send' in app.tasks)"),
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stdout == "['invoices', 'mail in time'] True\n", done.stderr
