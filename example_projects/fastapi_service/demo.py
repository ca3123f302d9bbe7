"""Starts the service, sends it mixed traffic with some failures, and shows its error budgets as they burn."""

from __future__ import annotations

import argparse
import http.client
import math
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

HOST = "127.0.0.1"
REQUESTS_PER_SECOND = 50
CLIENTS = 4
REFRESH_SECONDS = 1.0
PLAIN_REFRESH_SECONDS = 5.0
PLAIN_WIDTH = 110
WIDE = 100
START_SECONDS = 30.0
# Every so often the payment provider has a bad time: that is when budgets burn.
INCIDENT_EVERY_SECONDS, INCIDENT_SECONDS = 20.0, 6.0

# Method and path, and their weights among the requests: in quiet times and during an incident.
TRAFFIC = {
    "GET /v1/products": (50, 50),
    "GET /v1/products/2": (20, 20),
    "GET /v1/products/99": (3, 3),
    "POST /v1/checkout/1": (25, 8),
    "GET /v1/report": (2, 2),
    "POST /v1/checkout/1?delay=0.35": (0.2, 4),
    "POST /v1/checkout/1?fail=503": (0.05, 8),
    "POST /v1/checkout/1?fail=exception": (0.02, 2),
}


def main() -> int:
    """Run until Ctrl-C or for `--seconds`; 0 unless the service could not be started."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, help="stop after so many seconds (default: at Ctrl-C)")
    parser.add_argument("--port", type=_port, help="port of the service (default: any free one)")
    arguments = parser.parse_args()
    # Python leaves SIGINT alone where it was started with it ignored, as shells do in the background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PLAIN_WIDTH)
    port = arguments.port or _free_port()
    try:
        with _service(port):
            return _watch(port, arguments.seconds, console)
    except KeyboardInterrupt:
        console.print("stopped")
        return 0
    except (OSError, RuntimeError) as exc:
        console.print(f"demo: {exc}")
        return 1


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"expected a port between 1 and 65535, got {text!r}")
    return int(text)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _watch(port: int, seconds: float | None, console: Console) -> int:
    url = f"http://{HOST}:{port}"
    console.print(f"the service runs at {url}, its metrics at {url}/metrics", soft_wrap=True)
    console.print(f"in a browser: {url}/slo\n", soft_wrap=True)
    traffic = Traffic(port)
    started = time.monotonic()
    until = math.inf if seconds is None else started + seconds
    # The last table is drawn when the clients have stopped: then they and the service tell of the same requests.
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            with traffic:
                while time.monotonic() < until:
                    live.update(_view(url, traffic, console.width), refresh=True)
                    time.sleep(min(REFRESH_SECONDS, max(0.0, until - time.monotonic())))
            live.update(_view(url, traffic, console.width), refresh=True)
    else:
        with traffic:
            shown = started
            while time.monotonic() < until:
                time.sleep(0.1)
                if time.monotonic() - shown >= PLAIN_REFRESH_SECONDS:
                    console.print(_view(url, traffic, console.width))
                    shown = time.monotonic()
        console.print(_view(url, traffic, console.width))
    return 0


class Traffic:
    """Clients that send requests until the `with` block ends, and remember what came back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(index,), daemon=True) for index in range(CLIENTS)]
        self._seen: list[Counter[str]] = [Counter() for _ in range(CLIENTS)]
        self._started = time.monotonic()

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, raised: type[BaseException] | None, *_: object) -> None:
        self._stop.set()
        # At Ctrl-C tox kills what has not ended after half a second: slow answers are not waited for.
        if raised is None:
            for thread in self._threads:
                thread.join(10)

    @property
    def is_incident(self) -> bool:
        """Whether the payment provider has a bad time."""
        age = (time.monotonic() - self._started) % INCIDENT_EVERY_SECONDS
        return age >= INCIDENT_EVERY_SECONDS - INCIDENT_SECONDS

    @property
    def seen(self) -> Counter[str]:
        """What the clients saw: answers and failures."""
        return sum(self._seen, Counter())

    def _send(self, index: int) -> None:
        chooser = random.Random(index)
        seen = self._seen[index]
        connection = http.client.HTTPConnection(HOST, self._port, timeout=10)
        while not self._stop.wait(CLIENTS / REQUESTS_PER_SECOND):
            weights = [weight[self.is_incident] for weight in TRAFFIC.values()]
            method, path = chooser.choices(list(TRAFFIC), weights)[0].split(" ")
            try:
                connection.request(method, path)
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                seen["lost"] += 1
            else:
                seen["failed" if response.status >= 500 else "answered"] += 1
                if response.status == 500:
                    # After an exception uvicorn hangs up without announcing it: the next request would be lost.
                    connection.close()
        connection.close()


def _view(url: str, traffic: Traffic, width: int) -> Group:
    """The table, from what a scraper reads, and below it what the clients saw."""
    families = _scrape(url)
    table = Table("SLO", "target", "events", "bad", "success", "budget left", "burn 5m", "burn 1h", "firing")
    for column in table.columns[:-1]:
        column.no_wrap = True
    for column in table.columns[1:-1]:
        column.justify = "right"
    for slo, target in families["slo_target"].items():
        name = dict(slo)["slo"]
        total = _value(families, "slo_window_events", slo, window_seconds="2592000")
        left = _value(families, "slo_error_budget_remaining", slo)
        firing = [
            dict(labels)["severity"]
            for labels, value in families["slo_alert_firing"].items()
            if value and dict(labels)["slo"] == name
        ]
        table.add_row(
            name,
            f"{target:.2%}",
            f"{total:.0f}",
            f"{_value(families, 'slo_window_failures', slo, window_seconds='2592000'):.0f}",
            f"{_value(families, 'slo_success_ratio', slo):.3%}",
            Text(f"{left:.1%}", style="red" if left <= 0 else "yellow" if left < 0.5 else "green"),
            f"{_value(families, 'slo_burn_rate', slo, window_seconds='300'):.1f}",
            f"{_value(families, 'slo_burn_rate', slo, window_seconds='3600'):.1f}",
            Text(", ".join(dict.fromkeys(firing)) or "-", style="bold red" if firing else ""),
        )
    if width < WIDE:  # a terminal of 80 columns: leave out what the others tell in their own way
        table.columns = [column for column in table.columns if column.header not in ("success", "burn 5m")]
    seen = traffic.seen
    words = f"clients saw {seen.total()} requests: {seen['answered']} answered, {seen['failed']} failed"
    if seen["lost"]:
        words += f", {seen['lost']} lost"
    if traffic.is_incident:
        words += "; the payment provider has a bad time"
    return Group(table, Text(words), Text(""))


Labels = frozenset[tuple[str, str]]


def _scrape(url: str) -> Mapping[str, dict[Labels, float]]:
    """Samples by name and labels."""
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
            text = response.read().decode()
    except OSError as exc:
        raise RuntimeError(f"the service does not answer any more ({exc})") from exc
    samples: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return samples


def _value(families: Mapping[str, dict[Labels, float]], name: str, slo: Labels, **labels: str) -> float:
    return families[name].get(slo | frozenset(labels.items()), 0.0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _service(port: int) -> Iterator[None]:
    """The service in a process of its own, answering."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as exc:
            raise OSError(f"port {port} is not free ({exc.strerror}); choose another with --port") from exc
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "main:app",
        "--host",
        HOST,
        "--port",
        str(port),
        "--log-level",
        "critical",
    ]
    process = subprocess.Popen(command, cwd=Path(__file__).parent, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _is_up(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the service did not start; are fastapi and uvicorn installed?")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_up(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=2).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
