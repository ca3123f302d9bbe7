"""Exemplars of recent failures in a real Prometheus."""

from __future__ import annotations

import json
import urllib.parse
from pathlib import Path

from slo_core import SLODefinition, SLORegistry
from slo_core.budgets.causes import Cause
from slo_core.stores.failure_buffer import EventDetails
from slo_servers import fetch, free_port, python, require, soon, start_prometheus, start_server

TRACES = ["ab" * 16, "cd" * 16]


def test_prometheus_keeps_the_traces(tmp_path: Path) -> None:
    """It asks for OpenMetrics by itself, and each new trace comes with the count; also from an exporter."""
    require("prometheus")
    url, port = f"sqlite:///{tmp_path}/slo.db", free_port()
    exporter = python("-m", "slo_core.cli", "exporter", "--store", url, "--port", str(port))
    with SLORegistry(url, service="shop") as registry:
        tracker = registry.define(SLODefinition("availability", 0.9))

        def fail(trace: str) -> None:
            tracker.internals.record_cause(tracker, Cause("GET /x", "503"), EventDetails(0.25, int(trace, 16)))
            registry.flush()

        fail(TRACES[0])
        with (
            start_server(exporter, port=port, ready="/healthz") as server,
            start_prometheus([server.url.removeprefix("http://")], features="exemplar-storage") as prometheus,
        ):
            query = urllib.parse.urlencode({"query": "slo_events_total", "start": 0, "end": 2**32})

            def traces() -> list[str]:
                answer = json.loads(fetch(f"{prometheus.url}/api/v1/query_exemplars?{query}"))
                assert answer["status"] == "success"
                assert all(series["seriesLabels"]["outcome"] == "bad" for series in answer["data"])
                return [each["labels"]["trace_id"] for series in answer["data"] for each in series["exemplars"]]

            assert soon(traces, TRACES[:1]) == TRACES[:1]
            fail(TRACES[1])
            assert soon(traces, TRACES) == TRACES
