"""A background worker that sends receipts: no web framework, two SLOs fed by its own code."""

from __future__ import annotations

import argparse
import itertools
import queue
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

from prometheus_client import start_http_server

from slo_core import PrometheusExporter, SLORegistry

SLO_DEFINITIONS = {
    "receipts-sent": {"target": "99.5%", "kind": "custom", "description": "A receipt is handed to the mail provider."},
    "receipts-delivered": {"target": "99.5%", "kind": "custom", "description": "A receipt reaches its mailbox."},
}

# Fixed, so that the numbers to expect are known.
FAILS_EVERY, BOUNCES_EVERY = 20, 10
# The provider tells minutes later when a mail was delivered or bounced.
REPORTED_LATE_SECONDS = 600
JOB_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Job:
    """A receipt to send."""

    number: int


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of a receipt, and when."""

    delivered: bool
    timestamp: float


class Worker:
    """
    Takes jobs from a queue and counts what became of them.

    Args:
        registry: Holds both SLOs.
        jobs: The queue.
    """

    def __init__(self, registry: SLORegistry, jobs: queue.Queue[Job]) -> None:
        self._sent = registry["receipts-sent"]
        self._delivered = registry["receipts-delivered"]
        self._jobs = jobs

    def work(self, *, timeout: float) -> bool:
        """Do one job; False when none came within `timeout` seconds."""
        try:
            job = self._jobs.get(timeout=timeout)
        except queue.Empty:
            return False
        try:
            with self._sent.track(cause="send_receipt"):  # good when the block ends, bad when it raises
                send(job)
        except ConnectionError as exc:
            print(f"receipt {job.number}: {exc}")
        else:
            report = ask_provider(job)
            # It happened earlier than now: the event counts in its own place in time.
            if report.delivered:
                self._delivered.record_success(at=report.timestamp)
            else:
                self._delivered.record_failure(at=report.timestamp, cause="bounced")
        return True


def send(job: Job) -> None:
    """Hand a receipt to the mail provider."""
    time.sleep(JOB_SECONDS)
    if job.number % FAILS_EVERY == 0:
        raise ConnectionError("the mail provider hung up")


def ask_provider(job: Job) -> DeliveryReport:
    """What became of a receipt; the reports of this provider are up to ten minutes old."""
    age = job.number * 37 % REPORTED_LATE_SECONDS
    return DeliveryReport(delivered=job.number % BOUNCES_EVERY != 1, timestamp=time.time() - age)


def produce(jobs: queue.Queue[Job], count: int | None, stopped: threading.Event) -> None:
    """Fill the queue, as a web service or a schedule would."""
    numbers: Iterator[int] = itertools.count(1) if count is None else iter(range(1, count + 1))
    for number in numbers:
        while not stopped.is_set():
            try:
                jobs.put(Job(number), timeout=0.1)
                break
            except queue.Full:
                continue


def report(registry: SLORegistry) -> None:
    """Print how each SLO stands, and whom it would wake."""
    for snapshot in registry.snapshot_all():
        print(
            f"{snapshot.name}: {snapshot.good} of {snapshot.total} good, "
            f"error budget remaining {snapshot.error_budget_remaining:.1%}"
        )
        for alert in snapshot.alerts:
            if alert.is_firing:
                print(
                    f"  {alert.severity}: burning {alert.long.burn_rate:.1f} times too fast over "
                    f"{alert.long.window_seconds} s, {alert.short.burn_rate:.1f} times over {alert.short.window_seconds} s"
                )
        breakdown = registry[snapshot.name].causes(3600)
        for cause in () if breakdown is None else breakdown.causes:
            print(f"  {cause.bad} bad: {cause.where} {cause.outcome}")


def main() -> None:
    """Run until the jobs are done, the time is over, or a signal stops the worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, help="how many jobs there are (default: they never end)")
    parser.add_argument("--seconds", type=float, help="how long to run (default: until the jobs are done)")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two reports (default: 5)")
    parser.add_argument("--port", type=int, default=8000, help="where /metrics answers (default: 8000)")
    arguments = parser.parse_args()

    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    # Closed at the end, which hands over to a shared store whatever is still held in memory.
    with SLORegistry.from_config(SLO_DEFINITIONS, service="worker") as registry:
        start_http_server(arguments.port, addr="127.0.0.1", registry=PrometheusExporter(registry).collector_registry)
        jobs: queue.Queue[Job] = queue.Queue(maxsize=100)
        producer = threading.Thread(target=produce, args=(jobs, arguments.jobs, stopped), daemon=True)
        producer.start()
        worker = Worker(registry, jobs)
        started = reported = time.monotonic()
        while not stopped.is_set():
            is_done = not worker.work(timeout=0.1) and not producer.is_alive()
            now = time.monotonic()
            if now - started >= arguments.seconds if arguments.seconds is not None else is_done:
                break
            if now - reported >= arguments.every:
                report(registry)
                reported = now
        stopped.set()
        report(registry)


if __name__ == "__main__":
    main()
