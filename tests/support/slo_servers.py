"""Real servers for tests: each starts its own on a free port and stops it by its own process."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

__all__ = [
    "HOST",
    "PATIENCE_SECONDS",
    "STOP_SECONDS",
    "Prometheus",
    "Server",
    "Target",
    "fetch",
    "free_port",
    "python",
    "require",
    "soon",
    "start_prometheus",
    "start_server",
    "stop",
    "wait_for_notes",
    "wait_until",
]

HOST = "127.0.0.1"
# How long a test waits for what another process or thread does. It ends as soon as that is done: only a failing test waits
# so long, and a machine that runs ten times as slow as usual makes no test fail.
PATIENCE_SECONDS = 120.0
# Longer than a shutdown in good order may take, whose last events are handed over.
STOP_SECONDS = 40.0
FIRST_PORT = 20_000

Found = TypeVar("Found")


def require(command: str, *, package: str | None = None) -> str:
    """
    The path of a command that a Debian package brings.

    Without it the test is skipped, and the closing line of the test run says what to install; in CI it fails.
    """
    found = shutil.which(command)
    if found is None:
        reason = f"missing server: {command} (apt install {package or command})"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def free_port() -> int:
    """
    A port that nobody listens on, and that is nobody else's until this process ends.

    The kernel hands out none of them: a server that is killed and started again finds its port as it left it, and neither a
    client nor the tests of another environment, side by side with these, have taken it in between.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    assert lowest > FIRST_PORT + 1000, f"the kernel hands out every port from {lowest}"
    chooser = random.SystemRandom()
    for _ in range(1000):
        port = chooser.randrange(FIRST_PORT, lowest)
        with socket.socket() as probe, socket.socket(socket.AF_UNIX) as claim:
            try:
                probe.bind((HOST, port))
                claim.bind(f"\0slo-suite-tests-port-{port}")
            except OSError:
                continue
            claim.detach()  # stays open, and with it the claim
            return port
    raise AssertionError("there is no free port")


def fetch(url: str, *, headers: dict[str, str] | None = None, method: str = "GET", timeout: float = 60.0) -> bytes:
    """The body of a successful answer."""
    request = urllib.request.Request(url, headers=headers or {}, method=method)
    with urllib.request.urlopen(request, timeout=timeout) as response:
        body: bytes = response.read()
    return body


def wait_until(condition: Callable[[], Found], *, message: str = "it did not happen") -> Found:
    """Poll a real process until `condition()` is true, and return what it returned; a failure tells what it was last."""
    value = _poll(condition, bool)
    assert value, f"{message} within {PATIENCE_SECONDS:.0f} s; last seen: {value!r}"
    return value


def soon(read: Callable[[], Found], expected: object) -> Found:
    """What `read()` returns, once that is `expected`; when time is over, whatever it returns: to be compared by the test."""
    return _poll(read, lambda value: bool(value == expected))


def wait_for_notes(folder: Path, word: str, times: int) -> None:
    """Until an application has written a word so often, each as a line, into the file `notes` of its folder."""
    notes = folder / "notes"
    wait_until(
        lambda: notes.exists() and notes.read_text().split().count(word) >= times, message=f"no view notes {word!r}"
    )


def _poll(read: Callable[[], Found], is_enough: Callable[[Found], bool]) -> Found:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_enough(value := read()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return value


@dataclass
class Server:
    """A server process and where it answers."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(errors="replace")


def _succeeds(url: str) -> bool:
    try:
        fetch(url, timeout=10.0)
    except OSError:  # an error page, too
        return False
    return True


def _answers(url: str) -> bool:
    try:
        fetch(url, timeout=10.0)
    except urllib.error.HTTPError:
        return True  # an error page is an answer
    except OSError:
        return False
    return True


@contextmanager
def start_server(
    command: Sequence[str],
    *,
    port: int,
    ready: str = "/",
    cwd: Path | str | None = None,
    env: dict[str, str] | None = None,
) -> Iterator[Server]:
    """
    Run a server until the `with` block ends.

    Args:
        command: Its command line; it must listen on `port`.
        port: From `free_port`.
        ready: A path that answers once it is up.
        cwd: Where it runs.
        env: More environment variables.
    """
    with tempfile.TemporaryDirectory(prefix="slo-") as folder:
        log = Path(folder) / "log"
        url = f"http://{HOST}:{port}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = Server(url, process, log)
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not _answers(url + ready):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"{command[0]} did not start:\n{server.output()[-4000:]}")
                time.sleep(0.05)
            yield server
        except BaseException:
            print(f"--- output of {' '.join(command)}\n{server.output()[-8000:]}")
            raise
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ask the process to end, insist after a while, and return its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # Its own session: the group is the server and its workers, nobody else.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return process.returncode


@dataclass(frozen=True)
class Target:
    """
    What a Prometheus scrapes.

    Attributes:
        address: `host:port`; its job has this name.
        labels: Labels of all its series.
        interval: From one scrape to the next, at least a second.
    """

    address: str
    labels: dict[str, str] = field(default_factory=dict)
    interval: str = "1s"

    def job(self, authorization: Mapping[str, str] | None) -> dict[str, object]:
        """Its part of the configuration."""
        return {
            "job_name": self.address,
            "scrape_interval": self.interval,
            "static_configs": [{"targets": [self.address], "labels": self.labels}],
            **({"authorization": authorization} if authorization else {}),
        }


@dataclass
class Prometheus:
    """A running Prometheus."""

    url: str

    def value(self, query: str) -> float | None:
        """The value of an instant query that has one series; None while it has none."""
        series = self.series(query)
        assert len(series) < 2, f"{query}: expected one series, got {series}"
        return next(iter(series.values()), None)

    def series(self, query: str) -> dict[tuple[tuple[str, str], ...], float]:
        """The values of an instant query by their labels."""
        return {tuple(sorted(each["metric"].items())): float(each["value"][1]) for each in self._result(query)}

    def samples(self, query: str) -> list[tuple[dict[str, str], dict[float, float]]]:
        """The stored values by their times of each series of an instant query that ends with a range."""
        return [
            (each["metric"], {float(at): float(value) for at, value in each["values"]}) for each in self._result(query)
        ]

    def _result(self, query: str) -> list[dict[str, Any]]:
        answer = json.loads(fetch(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"))
        assert answer["status"] == "success", answer
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


@contextmanager
def start_prometheus(
    targets: Sequence[str | Target],
    *,
    token: str | None = None,
    rules: str | None = None,
    alertmanager: str | None = None,
    features: str = "",
) -> Iterator[Prometheus]:
    """
    A Prometheus that scrapes `host:port` targets, every second unless they say otherwise.

    Args:
        targets: What it scrapes, each as a job of its own.
        token: Bearer token it sends.
        rules: The text of a rule file, to be evaluated every second.
        alertmanager: `host:port` of the Alertmanager that it tells of alerts.
        features: Features that are off by default, as `--enable-feature` takes them.
    """
    executable = require("prometheus")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="slo-prometheus-") as folder:
        authorization = {"credentials": token} if token else None
        config: dict[str, object] = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "scrape_configs": [
                (Target(target) if isinstance(target, str) else target).job(authorization) for target in targets
            ],
        }
        if rules is not None:
            (Path(folder) / "rules.yml").write_text(rules, encoding="utf-8")
            config["rule_files"] = ["rules.yml"]
        if alertmanager is not None:
            config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
        file = Path(folder) / "prometheus.yml"
        file.write_text(json.dumps(config))  # JSON is YAML
        command = [
            executable,
            f"--config.file={file}",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={HOST}:{port}",
            *([f"--enable-feature={features}"] if features else []),
        ]
        with start_server(command, port=port, ready="/-/ready", cwd=folder) as server:
            # Until it has loaded its rules it answers, but with 503.
            wait_until(lambda: _succeeds(f"{server.url}/-/ready"), message="Prometheus is not ready")
            yield Prometheus(server.url)


def python(*arguments: str) -> list[str]:
    """A command line of the Python that runs the tests."""
    return [sys.executable, *arguments]
