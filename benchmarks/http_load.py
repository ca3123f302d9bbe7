"""
Requests a second under wrk: real servers, the bare application, us and the peers, and our store up, down and hanging.

On a machine that has other work these move by half between two rounds. What the server's processes spend on a request
moves much less, and with one worker it is what decides how many there can be in a second: ratios are those of the
requests that a second of the server's CPU serves.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contest import hold_to
from benchmarks.servers import HOST, MissingServerError, free_port, redis_server

__all__ = ["make_asgi", "make_wsgi", "run"]

_SECONDS, _CONNECTIONS = 2, 16
_START_SECONDS = 30.0
_BARE, _OURS = "bare", "slo-suite"
# What the servers' processes read.
_APP, _STORE = "SLO_BENCH_APP", "SLO_BENCH_STORE"

_UVICORN = ("uvicorn", "--factory", "benchmarks.http_load:make_asgi", "--log-level", "critical", "--no-access-log")
_GUNICORN = ("gunicorn", "benchmarks.http_load:make_wsgi()", "--workers", "1", "--log-level", "critical")


# --- what the servers serve


def make_asgi() -> Any:
    """A Starlette application, with what the environment names around it."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def checkout(request: object) -> PlainTextResponse:
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route("/checkout/{order}", checkout)])
    match os.environ[_APP]:
        case "slo-suite":
            from benchmarks.middleware import DEFINITIONS
            from slo_asgi import instrument

            instrument(app, DEFINITIONS, store=os.environ.get(_STORE, "memory://"), service="bench")
        case "instrumentator":
            from prometheus_fastapi_instrumentator import Instrumentator

            Instrumentator().instrument(app)
        case "starlette_exporter":
            from starlette_exporter import PrometheusMiddleware

            app.add_middleware(PrometheusMiddleware)
        case "OpenTelemetry":
            from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

            app.add_middleware(OpenTelemetryMiddleware)
    return app


def make_wsgi() -> Any:
    """A Flask application, with what the environment names around it."""
    from flask import Flask

    app = Flask("shop")

    @app.get("/checkout/<int:order>")
    def checkout(order: int) -> str:
        return "ok"

    match os.environ[_APP]:
        case "slo-suite":
            from benchmarks.middleware import DEFINITIONS
            from slo_flask import SLO

            app.config["SLO_DEFINITIONS"] = DEFINITIONS
            app.config["SLO_STORE"] = os.environ.get(_STORE, "memory://")
            SLO(app)
        case "flask-exporter":
            from prometheus_flask_exporter import PrometheusMetrics

            PrometheusMetrics(app)
        case "OpenTelemetry":
            from opentelemetry.instrumentation.flask import FlaskInstrumentor

            FlaskInstrumentor().instrument_app(app)
    return app


# --- servers, and the load on them


@dataclass(frozen=True, slots=True)
class _Server:
    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """What its processes have spent so far."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return sum(map(_cpu_seconds, (str(self.pid), *children)))


def _cpu_seconds(pid: str) -> float:
    # After the name, which may hold anything: of the fields from the third on, user and system time.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Load:
    """Requests a second of time, and of the server's CPU."""

    per_second: float
    per_cpu_second: float


@contextmanager
def _served(module: Sequence[str], app: str, store: str | None = None) -> Iterator[_Server]:
    """A server that answers."""
    port = free_port()
    address = ("--bind", f"{HOST}:{port}") if module[0] == "gunicorn" else ("--host", HOST, "--port", str(port))
    environment = {**os.environ, _APP: app, "PYTHONPATH": os.pathsep.join(sys.path)}
    if store is not None:
        environment[_STORE] = store
    server = subprocess.Popen(
        [sys.executable, "-m", *module, *address], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise MissingServerError(f"{module[0]} did not start")
            time.sleep(0.1)
        yield _Server(port, server.pid)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/checkout/42", timeout=2.0) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _store_up(port: int) -> float:
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics?name[]=slo_store_up", timeout=10.0) as response:
        (line,) = (line for line in response.read().decode().splitlines() if not line.startswith("#"))
    return float(line.split()[-1])


def _load(wrk: str, server: _Server, seconds: int = _SECONDS) -> _Load:
    command = [wrk, "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", f"http://{HOST}:{server.port}/checkout/42"]
    before = server.cpu_seconds()
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    spent = server.cpu_seconds() - before
    assert "Non-2xx" not in done.stdout, done.stdout
    words = done.stdout.split()
    requests = int(words[words.index("requests") - 1])
    return _Load(float(words[words.index("Requests/sec:") + 1]), requests / spent)


def _print(title: str, loads: Mapping[str, Sequence[_Load]], *, reference: str) -> dict[str, float]:
    """Print requests a second; the ratios are of the best rounds."""
    rounds = len(loads[reference])
    print(f"\nrequests a second, {title} ({rounds} rounds of {_SECONDS} s, {_CONNECTIONS} connections)")
    print(f"  {'':24}{'median':>9}{'best':>9}{'spread':>9}{'a CPU second: median':>22}{'best':>9}{'ratio':>8}")
    ratios = {}
    for name, taken in loads.items():
        ratios[name] = _best(taken) / _best(loads[reference])
        seen, served = [load.per_second for load in taken], [load.per_cpu_second for load in taken]
        first, _, third = statistics.quantiles(seen, n=4)
        print(
            f"  {name:24}{statistics.median(seen):9,.0f}{max(seen):9,.0f}{third - first:9,.0f}"
            f"{statistics.median(served):22,.0f}{max(served):9,.0f}{ratios[name]:8.2f}"
        )
    return ratios


def _best(loads: Sequence[_Load]) -> float:
    return max(load.per_cpu_second for load in loads)


def _against_peers(wrk: str, title: str, module: Sequence[str], apps: Sequence[str], rounds: int) -> None:
    with ExitStack() as running:
        servers = {app: running.enter_context(_served(module, app)) for app in (_BARE, _OURS, *apps)}
        loads: dict[str, list[_Load]] = {app: [] for app in servers}
        for server in servers.values():
            _load(wrk, server, 1)  # warm up
        for _ in range(rounds):
            for app, server in servers.items():
                loads[app].append(_load(wrk, server))
    ratio = _print(title, loads, reference=_BARE)[_OURS]
    hold_to(f"requests/s, {title}", ">= 0.95 x bare", f"{ratio:.2f} x", is_met=ratio >= 0.95)


@contextmanager
def _hanging(process: subprocess.Popen[bytes]) -> Iterator[None]:
    process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(0.6)
        yield
    finally:
        process.send_signal(signal.SIGCONT)
        time.sleep(0.3)


def _with_store(wrk: str, title: str, module: Sequence[str], rounds: int) -> None:
    """Redis answering, the same Redis hanging, and an address without a Redis."""
    loads: dict[str, list[_Load]] = {"store up": [], "store down": [], "store hanging": []}
    nowhere = f"redis://{HOST}:{free_port()}/0"
    with (
        redis_server() as (url, process),
        _served(module, _OURS, url) as server,
        _served(module, _OURS, nowhere) as without,
    ):
        for each in (server, without):
            _load(wrk, each, 1)
        assert (_store_up(server.port), _store_up(without.port)) == (1.0, 0.0)
        for _ in range(rounds):
            loads["store up"].append(_load(wrk, server))
            loads["store down"].append(_load(wrk, without))
            with _hanging(process):
                loads["store hanging"].append(_load(wrk, server))
                assert _store_up(server.port) == 0.0
    ratios = _print(f"{title}, slo-suite over Redis", loads, reference="store up")
    for state in ("store down", "store hanging"):
        ratio = ratios[state]
        hold_to(f"requests/s, {title}, {state}", ">= 0.95 x up", f"{ratio:.2f} x", is_met=ratio >= 0.95)


def run(rounds: int) -> None:
    """Print one table a server, and one for each with a store that fails."""
    wrk = shutil.which("wrk")
    if wrk is None:
        print("left out: wrk is not installed")
        return
    few = max(3, rounds // 2)
    sync = (*_GUNICORN, "--worker-class", "sync")
    # Its default of connections, 1,000, is right for one thread each; stated here because it decides what wrk measures.
    gthread = (*_GUNICORN, "--worker-class", "gthread", "--threads", "4", "--worker-connections", "1000")
    asgi_peers, wsgi_peers = (
        ("instrumentator", "starlette_exporter", "OpenTelemetry"),
        ("flask-exporter", "OpenTelemetry"),
    )
    measures: tuple[Callable[[], None], ...] = (
        lambda: _against_peers(wrk, "uvicorn + Starlette", _UVICORN, asgi_peers, few),
        lambda: _against_peers(wrk, "gunicorn sync + Flask", sync, wsgi_peers, few),
        lambda: _against_peers(wrk, "gunicorn gthread + Flask", gthread, wsgi_peers, few),
        lambda: _with_store(wrk, "uvicorn + Starlette", _UVICORN, few),
        lambda: _with_store(wrk, "gunicorn gthread + Flask", gthread, few),
    )
    for measure in measures:
        try:
            measure()
        except MissingServerError as exc:
            print(f"left out: {exc}")
