"""Runs the demo: the service with its past, Prometheus and Alertmanager, the clients, and the show."""

from __future__ import annotations

import argparse
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from demo_pager import HOST, free_port, running_pager, stopped
from demo_past import write_past
from demo_show import Show
from demo_traffic import Traffic

from slo_core.cli.screen import Screen
from slo_core.errors import SLOError
from slo_core.process.terminal import can_be_repainted, terminal_size
from slo_core.status.columns import folded

__all__ = ["run"]

FOLDER = Path(__file__).parent
SERVICE = "payments"
REFRESH_SECONDS = 0.5
PLAIN_REFRESH_SECONDS = 5.0
START_SECONDS = 60.0


def run(description: str | None) -> int:
    """Run until Ctrl-C or for `--seconds`; 0 unless the service could not be started."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seconds", type=float, help="stop after so many seconds (default: at Ctrl-C)")
    parser.add_argument("--port", type=_port, help="port of the service (default: any free one)")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="slo-demo-", ignore_cleanup_errors=True) as folder:
            return _run(arguments.port or free_port(), Path(folder), arguments.seconds)
    except KeyboardInterrupt:
        _print("stopped before the first request")
        os._exit(0)  # what was not written to the past needs no last try
    except BrokenPipeError:  # the reader of the pipe has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, RuntimeError, SLOError) as exc:
        _print(f"demo: {exc}")
        return 1


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"expected a port between 1 and 65535, got {text!r}")
    return int(text)


def _run(port: int, folder: Path, seconds: float | None) -> int:
    _check_port(port)
    url, store = f"http://{HOST}:{port}", f"sqlite:///{folder / 'slo.db'}"
    _print(f"in a browser: {url}/slo\nthe metrics:  {url}/metrics\n")
    _print("writing thirty days of past, starting the service: a few seconds ...\n")
    from main import SLO_DEFINITIONS

    with _service(port, store) as is_answering:
        write_past(store, SERVICE, SLO_DEFINITIONS)
        with running_pager(port, SERVICE, folder) as pager:
            is_answering()
            show = Show(url, Traffic(port), pager)
            with suppress(KeyboardInterrupt):
                _watch(show, seconds)
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
    command = [sys.executable, "-m", "uvicorn", "main:app", "--host", HOST, "--port", str(port)]
    command += ["--log-level", "critical"]
    environment = {**os.environ, "SLO_STORE": store, "SLO_SERVICE": SERVICE}
    # In a group of its own: Ctrl-C is for the demo, which stops it.
    process = subprocess.Popen(command, cwd=FOLDER, env=environment, stdin=subprocess.DEVNULL, process_group=0)

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
