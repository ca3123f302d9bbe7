"""A real Alertmanager, and the telephone that it rings."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from slo_servers import HOST, fetch, free_port, require, start_server

__all__ = ["Alertmanager", "Telephone", "start_alertmanager", "start_telephone"]


@dataclass
class Telephone:
    """
    Takes the calls of an Alertmanager.

    Attributes:
        url: Where it is called; the path names the receiver.
        calls: (receiver, alert) in the order in which they came.
    """

    url: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def told(self, receiver: str, alert: str, status: str) -> list[dict[str, Any]]:
        """What a receiver was told of an alert so far."""
        return [
            call
            for called, call in list(self.calls)
            if (called, call["labels"]["alertname"], call["status"]) == (receiver, alert, status)
        ]


@contextmanager
def start_telephone() -> Iterator[Telephone]:
    """Listen until the `with` block ends."""
    telephone = Telephone()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            telephone.calls += [(self.path.strip("/"), alert) for alert in message["alerts"]]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing to say."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        telephone.url = f"http://{HOST}:{server.server_port}"
        listener = threading.Thread(target=server.serve_forever, daemon=True)
        listener.start()
        try:
            yield telephone
        finally:
            server.shutdown()
            listener.join()


@dataclass
class Alertmanager:
    """A running Alertmanager."""

    address: str

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert it knows, those that are inhibited too."""
        found: list[dict[str, Any]] = json.loads(fetch(f"http://{self.address}/api/v2/alerts"))
        return found


@contextmanager
def start_alertmanager(
    telephone: Telephone, *, severities: Sequence[str], inhibit: Sequence[Mapping[str, object]]
) -> Iterator[Alertmanager]:
    """
    An Alertmanager that calls at once, until the `with` block ends.

    Args:
        telephone: What it calls.
        severities: Each is a receiver of its own.
        inhibit: Its rules about which alert silences which.
    """
    executable = require("prometheus-alertmanager")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="slo-alertmanager-") as folder:
        # JSON is YAML.
        config = {
            "route": {
                "receiver": severities[0],
                "group_by": ["..."],
                "group_wait": "1s",
                "group_interval": "1s",
                "repeat_interval": "1h",
                "routes": [{"receiver": severity, "matchers": [f'severity="{severity}"']} for severity in severities],
            },
            "receivers": [
                {
                    "name": severity,
                    "webhook_configs": [{"url": f"{telephone.url}/{severity}", "send_resolved": True}],
                }
                for severity in severities
            ],
            "inhibit_rules": list(inhibit),
        }
        file = Path(folder) / "alertmanager.yml"
        file.write_text(json.dumps(config))
        command = [
            executable,
            f"--config.file={file}",
            f"--storage.path={folder}/data",
            f"--web.listen-address={HOST}:{port}",
            "--cluster.listen-address=",
        ]
        with start_server(command, port=port, ready="/-/ready", cwd=folder):
            yield Alertmanager(f"{HOST}:{port}")
