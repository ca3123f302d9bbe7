"""The exporter as a process of its own, scraped by a real Prometheus."""

from __future__ import annotations

import http.client
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_servers import (
    HOST,
    STOP_SECONDS,
    Server,
    fetch,
    free_port,
    python,
    require,
    soon,
    start_prometheus,
    start_server,
    stop,
)


def count(url: str, service: str, *, target: float, good: int, bad: int) -> None:
    """Events of a service that ends afterwards."""
    with SLORegistry(url, service=service) as registry:
        tracker = registry.define(SLODefinition("availability", target))
        for success, times in ((True, good), (False, bad)):
            for _ in range(times):
                tracker.record(success)


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """A store with the events of two services."""
    url = f"sqlite:///{tmp_path}/slo.db"
    count(url, "shop", target=0.9, good=98, bad=2)
    count(url, "till", target=0.5, good=3, bad=1)
    return url


@pytest.fixture
def exporter(store_url: str) -> Iterator[Server]:
    """The exporter of that store."""
    port = free_port()
    command = python("-m", "slo_core.cli", "exporter", "--store", store_url, "--port", str(port))
    with start_server(command, port=port, ready="/healthz") as server:
        yield server


def test_a_prometheus_sees_every_service(exporter: Server, store_url: str) -> None:
    """The numbers of both, and those of events that come later, from one target."""
    require("prometheus")
    with start_prometheus([exporter.url.removeprefix("http://")]) as prometheus:

        def sees(query: str, expected: float) -> None:
            assert soon(lambda: prometheus.value(query), expected) == expected, query

        sees('slo_error_budget_remaining{slo_service="shop"}', 0.8)
        sees('slo_success_ratio{slo_service="till"}', 0.75)
        sees("count(slo_store_up == 1)", 2)

        count(store_url, "shop", target=0.9, good=0, bad=8)

        sees('slo_events_total{slo_service="shop", outcome="bad"}', 10)


def test_the_page_is_clean(exporter: Server) -> None:
    """As `promtool check metrics` sees it, with two services on it."""
    promtool = require("promtool", package="prometheus")

    page = fetch(f"{exporter.url}/metrics")

    checked = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout + checked.stderr == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(exporter: Server, number: signal.Signals) -> None:
    """At once and with success, although a scraper keeps its connection."""
    kept = http.client.HTTPConnection(HOST, int(exporter.url.rpartition(":")[2]), timeout=60)
    kept.request("GET", "/metrics")
    assert kept.getresponse().read()

    exporter.process.send_signal(number)

    assert exporter.process.wait(STOP_SECONDS) == 0
    kept.close()
    assert "Traceback" not in exporter.output()
    stop(exporter.process)
