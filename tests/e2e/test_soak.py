"""
An hour of traffic with a store that is killed now and then: nothing grows, nothing drifts.

A good half minute, unless `SLO_LONG_TESTS` is set.
"""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
from pathlib import Path

from fleet_client import Clients, Scraper, Totals, totals, workers_up
from redis_servers import start_redis
from slo_servers import HOST, fetch, free_port, python, soon, start_server, wait_until

SUPPORT = Path(__file__).parents[1] / "support"

LONG = bool(os.environ.get("SLO_LONG_TESTS"))
SECONDS = 3600.0 if LONG else 36.0
# Redis runs, and then is gone; caches have filled by the end of the second time.
UP_SECONDS, DOWN_SECONDS = (270.0, 30.0) if LONG else (7.0, 2.0)
WORKERS = 4
REQUEST_THREADS = 4
FEWEST_KILLS = 4

# What an allocator keeps, and what waits in memory during an outage: not more the longer it lasts.
MOST_GROWTH_MB = 4.0
MOST_MORE_FILES = 3


def workers_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return sorted(int(child) for child in children)


def memory_mb(pid: int) -> float:
    """What the process holds of the machine's memory."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads_of(port: int) -> dict[int, list[str]]:
    """The threads of each worker, but for those that answer requests: the server makes them as it needs them."""
    named: dict[int, list[str]] = {}

    def all_answer() -> bool:
        answer = json.loads(fetch(f"http://{HOST}:{port}/threads"))
        named[answer["pid"]] = [name for name in answer["threads"] if not name.startswith("ThreadPoolExecutor")]
        return len(named) == WORKERS

    wait_until(all_answer, message="a worker does not answer")
    return named


class Samples:
    """
    What the workers have held, once a second.

    Args:
        pids: The workers.
    """

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids
        self.memory: dict[int, list[float]] = {pid: [] for pid in pids}
        self.files: dict[int, list[int]] = {pid: [] for pid in pids}

    def take(self) -> None:
        for pid in self._pids:
            self.memory[pid].append(memory_mb(pid))
            self.files[pid].append(open_files(pid))

    def grown(self, series: dict[int, list[float]] | dict[int, list[int]]) -> list[float]:
        """Of each worker: the last quarter against the second one, by their medians."""
        found = []
        for values in series.values():
            quarter = len(values) // 4
            found.append(statistics.median(values[-quarter:]) - statistics.median(values[quarter : 2 * quarter]))
        return found


def test_memory_and_files_stay_and_totals_do_not_drift() -> None:
    """Four workers, every kind of request, scrapes all along, and Redis killed and started again, time after time."""
    port = free_port()
    command = python(
        "-m", "gunicorn", "-b", f"{HOST}:{port}", "-w", str(WORKERS), "-k", "gthread", "--threads", str(REQUEST_THREADS),
        "--graceful-timeout", "10", "--keep-alive", "60", "fleet_service:flask_app()",
    )  # fmt: skip
    with start_redis(durable=True) as redis:
        environment = {"SERVICE_STORE": redis.url, "PYTHONPATH": str(SUPPORT)}
        with start_server(command, port=port, ready="/nowhere", env=environment) as running:
            pids = sorted(workers_up(port, WORKERS))
            samples, kills = Samples(pids), 0
            with Clients(port, pause=0.012) as clients, Scraper(port, pause=0.5) as scraper:
                until = time.monotonic() + SECONDS
                turn = time.monotonic() + UP_SECONDS
                is_up = True
                # A busy machine needs longer to start Redis.
                while time.monotonic() < until or kills < FEWEST_KILLS:
                    if time.monotonic() >= turn:
                        if is_up:
                            redis.kill()
                            kills += 1
                        else:
                            redis.start()
                        is_up = not is_up
                        turn = time.monotonic() + (UP_SECONDS if is_up else DOWN_SECONDS)
                    samples.take()
                    threading.Event().wait(1.0)
                if not is_up:
                    redis.start()

            def all_shown() -> list[Totals | None]:
                return [totals(port) for _ in range(8)]

            assert soon(all_shown, [clients.seen] * 8) == [clients.seen] * 8
            threading.Event().wait(0.55)  # as old as what another worker has read may be
            assert soon(all_shown, [clients.seen] * 8) == [clients.seen] * 8
            assert workers_of(running.process.pid) == pids  # nobody was replaced
            memory, files = samples.grown(samples.memory), samples.grown(samples.files)
            threads = threads_of(port)
            print(
                f"{clients.answers} answers, {clients.slow} slow, Redis killed {kills} times, {scraper.scrapes} scrapes, "
                f"{scraper.away} of them without a store; MB {[f'{grown:+.2f}' for grown in memory]} on "
                f"{[f'{values[-1]:.0f}' for values in samples.memory.values()]}, files {files}, threads {threads}"
            )
            assert (clients.wrong, clients.broken, scraper.dips) == ([], 0, [])
            assert max(memory) <= MOST_GROWTH_MB
            assert max(files) <= MOST_MORE_FILES
            # A flusher ends when it has nothing to do.
            assert all(sorted(names) in (["MainThread"], ["MainThread", "slo-flusher"]) for names in threads.values())
