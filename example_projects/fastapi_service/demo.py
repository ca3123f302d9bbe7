"""Starts the service with a past of thirty days, sends it traffic that begins to fail, and shows who is woken, and when."""

from __future__ import annotations

import signal
import sys

if __name__ == "__main__":  # Ctrl-C while the imports below take their time
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))

import argparse
import http.client
import math
import os
import random
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from demo_pager import HOST, Pager, free_port, running_pager, stopped
from demo_past import write_past

from slo_core import SLOSnapshot
from slo_core.budgets.wording import percent, rule_text
from slo_core.cli.colours import paint_of
from slo_core.cli.screen import Screen
from slo_core.errors import SLOError
from slo_core.process.terminal import can_be_repainted, terminal_size
from slo_core.status.columns import Paint, folded
from slo_core.status.service_status import ServiceStatus
from slo_core.status.sources.open import open_status_source
from slo_core.status.state import burning_now
from slo_core.status.table import status_lines

FOLDER = Path(__file__).parent
REQUESTS_PER_SECOND = 50
CLIENTS = 4
REFRESH_SECONDS = 0.5
PLAIN_REFRESH_SECONDS = 5.0
START_SECONDS = 60.0
# The payment provider has a bad time almost at once, and again every two minutes: that is when budgets burn.
FIRST_SECONDS, INCIDENT_SECONDS, EVERY_SECONDS = 2.0, 30.0, 120.0
# How many lines of the story stand below the table.
STORY_LINES = 7

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


def main() -> int:
    """Run until Ctrl-C or for `--seconds`; 0 unless the service could not be started."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, help="stop after so many seconds (default: at Ctrl-C)")
    parser.add_argument("--port", type=_port, help="port of the service (default: any free one)")
    arguments = parser.parse_args()
    # Python leaves SIGINT alone where it was started with it ignored, as shells do in the background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="slo-demo-", ignore_cleanup_errors=True) as folder:
            return _run(arguments.port or free_port(), Path(folder), arguments.seconds)
    except KeyboardInterrupt:
        _print("stopped before the first request")
        return 0
    except BrokenPipeError:  # whoever reads along has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, RuntimeError, SLOError) as exc:
        _print(f"demo: {exc}")
        return 1


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"expected a port between 1 and 65535, got {text!r}")
    return int(text)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(port: int, folder: Path, seconds: float | None) -> int:
    _check_port(port)
    url, store = f"http://{HOST}:{port}", f"sqlite:///{folder / 'slo.db'}"
    _print(f"in a browser: {url}/slo\nthe metrics:  {url}/metrics\n")
    _print("writing thirty days of past, starting the service ...\n")
    from main import SLO_DEFINITIONS

    with _service(port, store) as is_answering:
        write_past(store, SLO_DEFINITIONS)
        with running_pager(port, folder) as pager:
            is_answering()
            show = Show(url, Traffic(port), pager)
            try:
                _watch(show, seconds)
            except KeyboardInterrupt:
                pass
            finally:  # a second Ctrl-C would leave servers behind
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)
            _print(f"\n{show.summary()}")
    return 0


def _watch(show: Show, seconds: float | None) -> None:
    until = math.inf if seconds is None else time.monotonic() + seconds
    # The last table is drawn when the clients have stopped: then they and the service tell of the same requests.
    if can_be_repainted(sys.stdout):
        with Screen() as screen:
            try:
                with show.traffic:
                    while (left := until - time.monotonic()) > 0:
                        show.look()
                        screen.paint(show.picture)
                        screen.wait(min(REFRESH_SECONDS, left))
                show.look_last()
            finally:
                show.has_heading = False  # what stays on the terminal stands below it already
        return
    with show.traffic:
        shown = time.monotonic()
        while time.monotonic() < until:
            for style, text in show.look():
                _print(show.painted(style, text))
            time.sleep(0.1)
            if time.monotonic() - shown >= PLAIN_REFRESH_SECONDS:
                _print("\n".join(["", *show.table(_width()), show.seen(), ""]))
                shown = time.monotonic()
    show.look_last()
    _print("\n".join(["", *show.table(_width()), show.seen()]))


def _print(text: str) -> None:
    width = _width()
    for line in text.split("\n"):
        # An address stays in one line: terminals find it then.
        print("\n".join([line] if width is None or "://" in line else folded(line, width)), flush=True)


def _width() -> int | None:
    size = terminal_size(sys.stdout)
    return None if size is None else size.columns


class Traffic:
    """Clients that send requests until the `with` block ends, and remember what came back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(index,), daemon=True) for index in range(CLIENTS)]
        self._seen: list[Counter[str]] = [Counter() for _ in range(CLIENTS)]
        self.started = time.monotonic()
        self.ended: float | None = None

    def __enter__(self) -> Traffic:
        self.started = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, raised: type[BaseException] | None, *_: object) -> None:
        self._stop.set()
        self.ended = time.monotonic()
        # At Ctrl-C tox kills what has not ended after half a second: slow answers are not waited for.
        if raised is None:
            for thread in self._threads:
                thread.join(10)

    @property
    def age(self) -> float:
        """Seconds since the first request; it stands still when the clients have stopped."""
        return (self.ended or time.monotonic()) - self.started

    @property
    def is_incident(self) -> bool:
        """Whether the payment provider has a bad time."""
        age = self.age - FIRST_SECONDS
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
    before: dict[str, SLOSnapshot] = field(default_factory=dict)
    now: list[ServiceStatus] = field(default_factory=list)
    story: list[tuple[str, str]] = field(default_factory=list)
    paged: tuple[float, str] | None = None
    is_over: bool = False
    has_heading: bool = True
    _told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._source = open_status_source(f"{self.url}/slo.json")
        self._paint: Paint = paint_of(sys.stdout)
        self._read()
        self.before = self.slos

    @property
    def slos(self) -> dict[str, SLOSnapshot]:
        """The state of each SLO by its name."""
        return {snapshot.name: snapshot for status in self.now for _, snapshot in status.snapshots}

    def look(self) -> list[tuple[str, str]]:
        """Read the page's JSON, as `slo status` does; returns what is new in the story: the style of a line, and its text."""
        self._read()
        known = len(self.story)
        self._tell("traffic", f"four clients send {REQUESTS_PER_SECOND} requests a second")
        if not self.pager.is_real:
            self._tell("pager", "prometheus and alertmanager are not installed: nothing will ring, see NOW and ALERTS")
        if self.traffic.age >= FIRST_SECONDS:
            self._tell("incident", "the incident begins: the payment provider fails, or is slow")
        for name, snapshot in self.slos.items():
            if burning_now(snapshot) == "paging":
                if self.paged is None:
                    self.paged = time.monotonic(), name
                first = next(alert for alert in snapshot.alerts if alert.is_firing)
                burn = f"{first.long.burn_rate:.1f} times the allowed rate"
                self._tell(f"page {name}", f"{name} pages: {rule_text(first)}, at {burn}", "paging")
        for index, call in enumerate(self.pager.calls):
            if call.severity == "page":
                self._tell(f"call {index}", f"Alertmanager rings: {call.summary}", "paging", at=call.at)
        if self.traffic.age >= FIRST_SECONDS + INCIDENT_SECONDS:
            self._tell(
                "over", "the payment provider is back; a page lasts until the 5 or 30 minutes of its rule are good"
            )
        return self.story[known:]

    def look_last(self) -> None:
        """Read what the service counted when the clients have stopped, and it has handed its last events over."""
        time.sleep(1.2)
        self.look()
        self.is_over = True

    def _read(self) -> None:
        try:
            self.now = self._source.read()
        except SLOError as exc:
            raise RuntimeError(f"the service does not answer any more ({exc})") from exc

    def _tell(self, key: str, text: str, style: str = "", *, at: float | None = None) -> None:
        if key not in self._told:
            self._told.add(key)
            self.story.append((style, f"{(at or time.monotonic()) - self.traffic.started:4.0f} s  {text}"))

    def table(self, width: int | None) -> list[str]:
        """What `slo status` prints."""
        return status_lines([(status.service, status.snapshots) for status in self.now], width=width, paint=self._paint)

    def picture(self, width: int) -> tuple[list[str], list[str]]:
        """The addresses, the table, what pages first, and below it the story and what the clients saw."""
        heading = [f"in a browser: {self.url}/slo", f"the metrics:  {self.url}/metrics", ""]
        story = [self.painted(style, line) for style, text in self.story[-STORY_LINES:] for line in folded(text, width)]
        below = ["", *story, "", *folded(self.seen(), width)]
        return [*(heading if self.has_heading else []), *self.table(width)], below

    def seen(self) -> str:
        """What the clients saw, and at the end what the service counted meanwhile."""
        seen = self.traffic.seen
        text = f"clients saw {seen.total()} requests, {seen['failed']} failed"
        if seen["lost"]:
            text += f", {seen['lost']} lost"
        if self.is_over:
            now, before = self.slos["availability"], self.before["availability"]
            text += f"; availability counted {now.total - before.total} events, {now.failures - before.failures} bad"
        return text

    def summary(self) -> str:
        """Three lines: the incident, who was woken, what is left."""
        seen = self.traffic.seen
        began = self.traffic.started + FIRST_SECONDS
        requests = f"{seen.total()} requests in {self.traffic.age:.0f} s, {seen['failed']} of them failed"
        lines = [f"{requests}: the payment provider had a bad time."]
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
            f"{name} {percent(self.before[name].error_budget_remaining, 0)} -> {percent(now.error_budget_remaining, 0)}"
            for name, now in self.slos.items()
        )
        lines.append(f"Budgets of thirty days: {budgets}.")
        return "\n".join(lines)

    def painted(self, style: str, text: str) -> str:
        """A line of the story in its colour."""
        return self._paint(style, text) if style else text


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as exc:
            raise OSError(f"port {port} is not free ({exc.strerror}); choose another with --port") from exc


@contextmanager
def _service(port: int, store: str) -> Iterator[Callable[[], None]]:
    """The service in a process of its own; what it yields waits until it answers."""
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

    def wait() -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _is_up(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the service did not start; are fastapi and uvicorn installed?")
            time.sleep(0.05)

    try:
        yield wait
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
