"""A real Prometheus and a real Alertmanager for the demo, if both are installed, and the telephone that they ring."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from slo_core.cli import main as slo

__all__ = ["Call", "Pager", "free_port", "running_pager", "stopped"]

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Call:
    """A message of Alertmanager: when it came (`time.monotonic`), the severity of its alert, and its summary."""

    at: float
    severity: str
    summary: str


@dataclass
class Pager:
    """The telephone; `is_real` says whether a Prometheus and an Alertmanager are there to ring it."""

    is_real: bool = False
    calls: list[Call] = field(default_factory=list)


@contextmanager
def running_pager(service_port: int, service: str, folder: Path) -> Iterator[Pager]:
    """
    Watch the service until the `with` block ends; without both programs the telephone stays silent.

    Args:
        service_port: Where the service answers.
        service: Its name.
        folder: For their files.
    """
    pager = Pager()
    prometheus = shutil.which("prometheus")
    alertmanager = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
    if prometheus is None or alertmanager is None:
        yield pager
        return
    with ExitStack() as stack:
        telephone = stack.enter_context(_telephone(pager))
        of_alertmanager, of_prometheus = free_port(), free_port()
        # JSON is YAML.
        (folder / "alertmanager.yml").write_text(
            json.dumps(
                {
                    "route": {
                        "receiver": "telephone",
                        "group_by": ["alertname", "slo"],
                        "group_wait": "0s",
                        "routes": [{"receiver": "nobody", "matchers": ['severity="ticket"']}],
                    },
                    "receivers": [
                        {"name": "telephone", "webhook_configs": [{"url": telephone, "send_resolved": False}]},
                        {"name": "nobody"},
                    ],
                }
            )
        )
        rules = ["rules", "main:SLO_DEFINITIONS", "--service", service, "--scope", "host"]
        if slo([*rules, "--out", str(folder / "rules.yml")]):
            raise RuntimeError("no rules for Prometheus could be written")
        (folder / "prometheus.yml").write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                    "scrape_configs": [
                        {"job_name": service, "static_configs": [{"targets": [f"{HOST}:{service_port}"]}]}
                    ],
                    "rule_files": ["rules.yml"],
                    "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"{HOST}:{of_alertmanager}"]}]}]},
                }
            )
        )
        listen = f"--web.listen-address={HOST}"
        for program, storage, port, *options in (
            (alertmanager, "--storage.path", of_alertmanager, "--cluster.listen-address="),
            (prometheus, "--storage.tsdb.path", of_prometheus),
        ):
            name = "prometheus" if program == prometheus else "alertmanager"
            command = [program, f"--config.file={name}.yml", f"{storage}={name}", f"{listen}:{port}", *options]
            quiet = subprocess.DEVNULL
            process = subprocess.Popen(command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet, process_group=0)
            stack.callback(stopped, process)
        pager.is_real = True
        yield pager


@contextmanager
def _telephone(pager: Pager) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            for alert in message["alerts"]:
                labels, notes = alert["labels"], alert["annotations"]
                pager.calls.append(
                    Call(time.monotonic(), labels["severity"], notes.get("summary", labels["alertname"]))
                )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The demo tells of the calls itself."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{HOST}:{server.server_port}/"
        finally:
            server.shutdown()


def stopped(process: subprocess.Popen[bytes]) -> None:
    """Kill a process: its data is thrown away anyway, and Ctrl-C should end the demo without a wait."""
    process.kill()
    process.wait()


def free_port() -> int:
    """A port that was free just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
