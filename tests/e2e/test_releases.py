"""Two processes of one service, one file, two releases: what the page and its JSON show."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from slo_core import SLORegistry
from slo_core.status_page.view import StatusView
from slo_servers import PATIENCE_SECONDS

_WORKER = """
import sys
from slo_core import SLODefinition, SLORegistry
url, release = sys.argv[1:]
with SLORegistry(url, service="shop", release=release, flush_interval=0.1) as registry:
    tracker = registry.define(SLODefinition("checkout", 0.99))
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(100):
        tracker.record(True)
"""


def test_two_workers_mark_a_release_once(tmp_path: Path) -> None:
    """They start to count at the same moment; nothing is marked before."""
    url = f"sqlite:///{tmp_path}/slo.db"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, url, "4.2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    with SLORegistry.from_config({"checkout": {"target": "99%"}}, store=url, service="shop") as registry:
        assert registry.internals.marks(0.0) == ()
        for worker in workers:
            worker.communicate("go\n", timeout=PATIENCE_SECONDS)
        view = StatusView(registry, path="/slo")

        page = view.respond_page("GET", query="slo=checkout").body.decode()
        body = json.loads(view.respond_json("GET", query="slo=checkout&range=1h").body)

    assert body["slos"][0]["total"] == 200
    assert [(mark["kind"], mark["text"]) for mark in body["marks"]] == [("release", "4.2")]
    assert body["last_release"]["after"] == {"total": 200, "failures": 0}
    assert "<h2>Changes</h2>" in page
    assert page.count("</time> release <bdi>4.2</bdi><span") == 1
