"""Starts the service with a past of thirty days, sends it traffic that begins to fail, and shows who is woken, and when."""

from __future__ import annotations

import argparse
import http.client
import json
import math
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from demo_pager import HOST, Pager, free_port, running_pager, stopped
from demo_past import write_past
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

FOLDER = Path(__file__).parent
REQUESTS_PER_SECOND = 50
CLIENTS = 4
REFRESH_SECONDS = 1.0
PLAIN_REFRESH_SECONDS = 5.0
PLAIN_WIDTH = 110
WIDE = 100
START_SECONDS = 60.0
# The payment provider has a bad time almost at once, and again every two minutes: that is when budgets burn.
FIRST_SECONDS, INCIDENT_SECONDS, EVERY_SECONDS = 2.0, 30.0, 120.0

# Method and path, and their weights among the requests: in quiet times and during an incident.
TRAFFIC = {
    "GET /v1/products": (50, 50),
    "GET /v1/products/2": (20, 20),
    "GET /v1/products/99": (3, 3),
    "POST /v1/checkout/1": (25, 19),
    "GET /v1/report": (2, 2),
    "POST /v1/checkout/1?delay=0.35": (0.1, 2),
    "POST /v1/checkout/1?fail=503": (0.01, 3),
    "POST /v1/checkout/1?fail=exception": (0.01, 1),
}
URGENT = {"paging": "bold red", "ticketing": "bold yellow", "waiting": "yellow"}

Document = dict[str, Any]


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
    port = arguments.port or free_port()
    try:
        with tempfile.TemporaryDirectory(prefix="slo-demo-") as folder:
            return _run(port, Path(folder), arguments.seconds, console)
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


def _run(port: int, folder: Path, seconds: float | None, console: Console) -> int:
    _check_port(port)
    url, store = f"http://{HOST}:{port}", f"sqlite:///{folder / 'slo.db'}"
    console.print(f"in a browser: {url}/slo", soft_wrap=True)
    console.print(f"the metrics: {url}/metrics\n", soft_wrap=True)
    console.print("writing thirty days of past ...")
    from main import SLO_DEFINITIONS

    write_past(store, SLO_DEFINITIONS)
    with _service(port, store), running_pager(port, folder) as pager:
        show = Show(url, Traffic(port), pager)
        interrupted = False
        try:
            _watch(show, seconds, console)
        except KeyboardInterrupt:
            interrupted = True
        console.print(show.summary(), soft_wrap=not console.is_terminal)
        if interrupted:
            raise KeyboardInterrupt
    return 0


def _watch(show: Show, seconds: float | None, console: Console) -> None:
    until = math.inf if seconds is None else time.monotonic() + seconds
    # The last table is drawn when the clients have stopped: then they and the service tell of the same requests.
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            with show.traffic:
                while time.monotonic() < until:
                    live.update(show.view(console.width), refresh=True)
                    time.sleep(min(REFRESH_SECONDS, max(0.0, until - time.monotonic())))
            live.update(show.view(console.width, is_last=True), refresh=True)
        return
    with show.traffic:
        shown = time.monotonic()
        while time.monotonic() < until:
            time.sleep(0.1)
            show.look()
            if time.monotonic() - shown >= PLAIN_REFRESH_SECONDS:
                console.print(show.view(console.width))
                shown = time.monotonic()
    console.print(show.view(console.width, is_last=True))


class Traffic:
    """Clients that send requests until the `with` block ends, and remember what came back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(index,), daemon=True) for index in range(CLIENTS)]
        self._seen: list[Counter[str]] = [Counter() for _ in range(CLIENTS)]
        self.started = time.monotonic()

    def __enter__(self) -> Traffic:
        self.started = time.monotonic()
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
        age = time.monotonic() - self.started - FIRST_SECONDS
        return age >= 0 and age % EVERY_SECONDS < INCIDENT_SECONDS

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


@dataclass
class Show:
    """What is seen while the demo runs, and what of it the end tells again."""

    url: str
    traffic: Traffic
    pager: Pager
    before: dict[str, Document] = field(default_factory=dict)
    now: dict[str, Document] = field(default_factory=dict)
    paged: tuple[float, str] | None = None

    def __post_init__(self) -> None:
        self.look()
        self.before = self.now

    def look(self) -> None:
        """Read the JSON of the status page."""
        try:
            with urllib.request.urlopen(f"{self.url}/slo.json", timeout=10) as response:
                self.now = {slo["name"]: slo for slo in json.load(response)["slos"]}
        except OSError as exc:
            raise RuntimeError(f"the service does not answer any more ({exc})") from exc
        paging = [name for name, slo in self.now.items() if slo["burning_now"] == "paging"]
        if paging and self.paged is None:
            self.paged = time.monotonic(), paging[0]

    def view(self, width: int, *, is_last: bool = False) -> Group:
        """The table, what pages first, and below it what the clients saw."""
        if is_last:
            time.sleep(1.2)  # until the service has handed its last events over
        self.look()
        table = Table("SLO", "now", "budget left", "gone in", "burn 1h", "bad", "events", "fires, or waits for")
        for column in table.columns[:-1]:
            column.no_wrap = True
        for column in table.columns[2:-1]:
            column.justify = "right"
        for name, slo in sorted(self.now.items(), key=lambda item: _urgency(item[1])):
            left, gone, urgent = slo["error_budget_remaining"], slo["time_to_exhaustion_seconds"], slo["burning_now"]
            table.add_row(
                name,
                Text(urgent or "-", style=URGENT.get(urgent, "")),
                Text(f"{left:.1%}", style="red" if left <= 0 else "yellow" if left < 0.5 else "green"),
                "-" if gone is None else "gone" if gone == 0 else _duration(gone),
                f"{slo['burn_rate']:.1f}x",
                f"{slo['failures'] - self._before(name, 'failures')}",
                f"{slo['total'] - self._before(name, 'total')}",
                Text(_rules(slo), style=URGENT.get(urgent, "")),
            )
        if width < WIDE:  # a terminal of 80 columns: leave out what the others tell in their own way
            table.columns = [
                column for column in table.columns if column.header not in ("gone in", "fires, or waits for")
            ]
        seen = self.traffic.seen
        words = f"clients saw {seen.total()} requests: {seen['answered']} answered, {seen['failed']} failed"
        if seen["lost"]:
            words += f", {seen['lost']} lost"
        if self.traffic.is_incident:
            words += "; the payment provider has a bad time"
        calls = [
            Text(f"Alertmanager ({call.severity}): {call.summary}", style="bold red") for call in self.pager.calls[-2:]
        ]
        return Group(table, Text(words), *calls, Text(""))

    def summary(self) -> str:
        """Three lines: the incident, who was woken, what is left."""
        seen = self.traffic.seen
        began = self.traffic.started + FIRST_SECONDS
        lines = [f"{seen.total()} requests, {seen['failed']} of them failed: the payment provider had a bad time."]
        if self.paged is None:
            lines.append("No rule paged: the incident was too short.")
        else:
            at, name = self.paged
            line = f"{name} paged {max(0.0, at - began):.0f} s after the incident began"
            if self.pager.calls:
                line += f", and the telephone rang after {max(0.0, self.pager.calls[0].at - began):.0f} s"
            elif not self.pager.is_real:
                line += " (with prometheus and alertmanager installed, a telephone would have rung)"
            lines.append(f"{line}.")
        budgets = ", ".join(
            f"{name} from {self._before(name, 'error_budget_remaining'):.0%} to {slo['error_budget_remaining']:.0%}"
            for name, slo in self.now.items()
        )
        lines.append(f"Budgets of thirty days: {budgets}.")
        return "\n".join(lines)

    def _before(self, name: str, key: str) -> Any:
        return self.before[name][key]


def _urgency(slo: Document) -> tuple[int, float]:
    return ["paging", "ticketing", "waiting", None].index(slo["burning_now"]), slo["error_budget_remaining"]


def _rules(slo: Document) -> str:
    firing = [f"{alert['severity']} {_windows(alert)}" for alert in slo["alerts"] if alert["is_firing"]]
    waiting = [
        f"{alert['severity']} {_windows(alert)} waits: {alert['waiting']['reason']}"
        for alert in slo["alerts"]
        if alert["waiting"] is not None
    ]
    return ", ".join(firing or waiting[:1]) or "-"


def _windows(alert: Document) -> str:
    return f"{_duration(alert['long_window_seconds'])}/{_duration(alert['short_window_seconds'])}"


def _duration(seconds: float) -> str:
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= length:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.0f}s"


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as exc:
            raise OSError(f"port {port} is not free ({exc.strerror}); choose another with --port") from exc


@contextmanager
def _service(port: int, store: str) -> Iterator[None]:
    """The service in a process of its own, answering."""
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
    environment = {**os.environ, "SLO_STORE": store}
    process = subprocess.Popen(command, cwd=FOLDER, env=environment, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _is_up(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the service did not start; are fastapi and uvicorn installed?")
            time.sleep(0.05)
        yield
    finally:
        stopped(process)


def _is_up(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=2).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
