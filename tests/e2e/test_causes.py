"""An incident of two causes in two workers of a FastAPI service: what failed, as pages, JSON and commands say it."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slo_core.cli import main
from slo_servers import HOST, Server, fetch, free_port, python, start_server, wait_until

SUPPORT = Path(__file__).parents[1] / "support"
SECRET = "hunter2"
# Method, path, how often.
SENT = (
    ("POST", "/checkout/{}", "odd", 84),
    ("POST", "/checkout/{}", "even", 120),
    ("GET", f"/cart?secret={SECRET}", "", 16),
    ("GET", "/cart", "", 30),
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Server]:
    port = free_port()
    command = python("-m", "uvicorn", "--no-access-log", "--workers", "2", "--port", str(port), "failing_service:app")
    env = {"SERVICE_STORE": f"sqlite:///{tmp_path / 'slo.db'}", "PYTHONPATH": str(SUPPORT)}
    with start_server(command, port=port, ready="/slo.json", env=env) as server:
        yield server


def send(port: int, method: str, path: str) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)  # any of the workers takes it
    try:
        connection.request(method, path)
        connection.getresponse().read()
    finally:
        connection.close()


def test_what_failed_is_shown_to_the_event(shop: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """84 answers with 503 and 16 exceptions are 84 % and 16 %, whichever worker is asked; nothing else of a request is seen."""
    for method, path, kind, times in SENT:
        for number in range(times):
            send(shop.port, method, path.format(2 * number + (kind == "odd")))

    def settled() -> Any:
        view = json.loads(fetch(f"{shop.url}/slo.json?slo=shop"))
        return view if view["slos"][0]["total"] == sum(times for *_, times in SENT) else None

    view = wait_until(settled)
    rows = [
        {"where": "POST /checkout/{order}", "outcome": "503", "bad": 84, "share": 0.84, "is_lower_bound": False},
        {"where": "GET /cart", "outcome": "TimeoutError", "bad": 16, "share": 0.16, "is_lower_bound": False},
    ]
    assert view["causes"] == dict.fromkeys(("1h", "6h", "1d", "window"), rows)
    assert {(span["good"], span["bad"]) for span in view["cause_spans"].values()} == {(150, 100)}
    page = fetch(f"{shop.url}/slo?slo=shop").decode()
    (table,) = re.findall('<table class="slo-table slo-cards slo-causes">.*?</table>', page)
    cells = [re.sub("<[^>]*>", "|", row) for row in table.split("<tr>")[2:]]
    assert [re.findall(r"[^|]+", row)[:-1] for row in cells] == [
        ["POST /checkout/{order}", " ", "503", "84", "84.0%"],
        ["GET /cart", " ", "TimeoutError", "16", "16.0%"],
    ]
    assert "84% are <code" in page
    assert "84% <code" in fetch(f"{shop.url}/slo").decode()
    assert main(["status", "--why", f"{shop.url}/slo.json"]) == 0
    assert main(["status", f"sqlite:///{tmp_path / 'slo.db'}", "--why"]) == 0
    out = capsys.readouterr().out
    assert out.count("shop, waiting: 100 bad of 250 events in the last hour\n") == 2
    assert out.count("  84.0%  84  POST /checkout/{order} 503\n  16.0%  16  GET /cart TimeoutError\n") == 2
    assert SECRET not in page + json.dumps(view) + out + (tmp_path / "slo.db").read_bytes().decode("latin-1")
