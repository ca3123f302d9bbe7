"""The page's JSON, its metrics and the store say the same of an SLO, and the gate answers the same through each."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from slo_core import PrometheusExporter, SLODefinition, SLORegistry
from slo_core.status.finding import Finding
from slo_core.status.gate import gate_from
from slo_core.status.json_view import status_json
from slo_core.status.service_status import ServiceStatus
from slo_core.status.sources.http_page import HTTPStatusSource
from slo_core.status.sources.store import StoreStatusSource
from slo_core.status.state import state_of
from slo_core.testing import FakeClock

# A Friday: each window below began more than a tenth of its length ago, wherever its zone is.
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC).timestamp()

HOUR, DAY = 3600, 86_400

WINDOWS: dict[str, dict[str, Any]] = {
    "rolling": {},
    "week": {"window": "week", "timezone": "Pacific/Auckland"},
    "month": {"window": "month", "timezone": "Asia/Tokyo"},
    "quarter": {"window": "quarter", "timezone": "America/New_York"},
}

# By state: since how long it is measured, its (seconds ago, good, bad), its state, and the verdicts of GATES.
STATES: dict[str, tuple[float, list[tuple[float, int, int]], str, list[str]]] = {
    "met": (100 * DAY, [(2 * DAY, 999, 1)], "met", ["pass", "pass", "pass", "pass"]),
    "breached": (100 * DAY, [(2 * DAY, 700, 300)], "breached", ["fail", "fail", "fail", "fail"]),
    "exhausted": (100 * DAY, [(2 * DAY, 990, 10)], "exhausted", ["fail", "fail", "fail", "fail"]),
    "burning": (100 * DAY, [(2 * DAY, 20_000, 0), (60, 50, 50)], "burning", ["pass", "pass", "fail", "fail"]),
    "warming up": (100 * DAY, [(HOUR, 50, 1)], "warming up", ["young", "young", "young", "young"]),
    "no data": (100 * DAY, [], "no data", ["unknown", "unknown", "unknown", "unknown"]),
    "young": (3 * HOUR, [(HOUR, 999, 1)], "met", ["young", "young", "young", "young"]),
    "young and burning": (3 * HOUR, [(2 * HOUR, 20_000, 0), (60, 50, 50)], "burning", ["fail", "fail", "fail", "fail"]),
}

GATES = [gate_from(), gate_from(min_budget="10%"), gate_from(max_burns=["6/1h"]), gate_from(min_time="2d")]


class Service:
    """One service with a store in a file, and a server that shows its two pages by the service's clock."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock(NOW)
        self.url = f"sqlite:///{folder}/slo.db"
        self.registry = SLORegistry(self.url, service="shop", clock=self.clock)
        exporter = PrometheusExporter(self.registry)
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    body, content_type = exporter.render()
                else:
                    body, content_type = json.dumps(status_json(service.registry)).encode(), "application/json"
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.end_headers()
                self.wfile.write(body)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return formatdate(service.clock(), usegmt=True)

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def count(self, definition: SLODefinition, measured: float, events: list[tuple[float, int, int]]) -> None:
        """An SLO as it stands at NOW, measured for so long, with events of so long ago."""
        self.clock.now = NOW - measured
        tracker = self.registry.define(definition)
        self.registry.flush()
        for ago, good, bad in events:
            self.clock.now = NOW - ago
            for number in range(good + bad):
                tracker.record(number >= bad)
            self.registry.flush()
        self.clock.now = NOW
        with SLORegistry(self.url, service="shop", clock=self.clock) as another_worker:
            another_worker.define(definition)
            another_worker.flush()

    def read(self) -> dict[str, ServiceStatus]:
        """Its status, from each source."""
        page = f"http://127.0.0.1:{self.server.server_port}"
        # A clock that is wrong by a day: pages are dated by their service.
        wrong = FakeClock(NOW + DAY)
        sources = {
            "json": HTTPStatusSource(f"{page}/slo.json", clock=wrong),
            "metrics": HTTPStatusSource(f"{page}/metrics", clock=wrong),
            "store": StoreStatusSource(self.url, clock=self.clock),
        }
        statuses = {}
        for name, source in sources.items():
            (statuses[name],) = source.read()
            source.close()
        return statuses


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    started = Service(tmp_path)
    yield started
    started.server.shutdown()
    started.server.server_close()
    started.registry.close()


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("state", STATES)
def test_the_three_sources_agree(window: str, state: str, service: Service) -> None:
    """On the state, on the verdict of every gate, and on each word of its reason."""
    measured, events, word, verdicts = STATES[state]
    service.count(SLODefinition("a", 0.99, **WINDOWS[window]), measured, events)

    statuses = service.read()

    states, findings = {}, {}
    for source, status in statuses.items():
        ((_, snapshot),) = status.snapshots
        states[source] = state_of(snapshot)
        findings[source] = [gate.judge([status]) for gate in GATES]
    assert states == dict.fromkeys(statuses, word)
    assert findings["json"] == findings["metrics"] == findings["store"]
    assert [verdict_of_one(of_gate) for of_gate in findings["store"]] == verdicts


def verdict_of_one(findings: list[Finding]) -> str:
    (finding,) = findings
    return finding.verdict


def test_the_first_hours_of_a_month_are_read_by_the_clock_of_the_service(service: Service) -> None:
    """Not by that of the reader, for whom it may still be the month before: then more seems to be measured."""
    definition = SLODefinition("a", 0.99, window="month", timezone="Asia/Tokyo")
    service.count(definition, 100 * DAY, [(2 * DAY, 999, 1)])
    tracker = service.registry["a"]
    service.clock.now = datetime(2026, 3, 31, 16, tzinfo=UTC).timestamp()  # an hour after midnight in Tokyo
    tracker.record_success()

    findings = {source: gate_from().judge([status]) for source, status in service.read().items()}

    assert findings["json"] == findings["metrics"] == findings["store"]
    assert str(findings["store"][0]) == "YOUNG    a: measured 1h of 30 days; a tenth is needed to judge the budget"


def test_a_budget_that_is_spent_for_certain_fails_on_the_first_day_through_each(service: Service) -> None:
    """Of as many events as April had, ten may be bad; eleven were, on the first of May."""
    definition = SLODefinition("a", 0.99, window="month", timezone="Asia/Tokyo", alert_rules=())
    service.count(definition, 0.0, [])
    tracker = service.registry["a"]
    for day, hour, events in ((datetime(2026, 4, 10), 0, [True] * 1000), (datetime(2026, 5, 1), 1, [False] * 11)):
        service.clock.now = day.replace(hour=hour, tzinfo=UTC).timestamp()
        service.registry.flush()
        for success in events:
            tracker.record(success)
        service.registry.flush()

    statuses = service.read()

    findings = {source: gate_from().judge([status]) for source, status in statuses.items()}
    assert findings["json"] == findings["metrics"] == findings["store"]
    assert findings["store"][0].verdict == "fail"
    assert {state_of(status.snapshots[0][1]) for status in statuses.values()} == {"breached"}
