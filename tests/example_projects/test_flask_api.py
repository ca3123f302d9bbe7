"""The Flask example, on the servers its README names."""

from __future__ import annotations

import http.client
import os
import time
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from slo_servers import HOST, Server, fetch, free_port, python, soon, start_server
from slow_answers import DOUBTFUL_SECONDS, in_good_time

FOLDER = Path(__file__).resolve().parents[2] / "example_projects" / "flask_api"

GUNICORN = ("-m", "gunicorn", "flask_api:create_app()", "-w", "1", "--worker-class", "sync", "--bind")

# Method, path, status; then what it is to availability, order-latency and payments: good, bad or (None) not theirs.
REQUESTS: tuple[tuple[str, str, int | None, tuple[bool | None, ...]], ...] = (
    ("GET", "/api/orders", 200, (True, None, None)),
    ("GET", "/api/orders/1", 200, (True, None, None)),
    ("HEAD", "/api/orders/1", 200, (True, None, None)),
    ("GET", "/api/orders/9", 404, (True, None, None)),
    ("GET", "/api/orders?fail=error", 500, (False, None, None)),
    ("GET", "/api/orders?fail=503", 503, (False, None, None)),
    ("POST", "/api/orders", 201, (True, True, None)),
    ("POST", "/api/orders?delay=0.35", 201, (True, False, None)),
    ("POST", "/api/orders?fail=503", 503, (False, False, None)),
    ("POST", "/api/orders/1/payment", 200, (True, None, True)),
    ("POST", "/api/orders/1/payment?fail=503", 503, (False, None, False)),
    ("PUT", "/api/orders", 405, (True, None, None)),
    ("GET", "/api/orders/export", 200, (True, None, None)),
    ("GET", "/api/orders/export?fail=midway", None, (False, None, None)),  # the answer breaks off
    ("GET", "/nowhere", 404, (None, None, None)),
    ("GET", "/healthz", 200, (None, None, None)),
    ("OPTIONS", "/api/orders", 200, (None, None, None)),
)


def ask(port: int, method: str, path: str) -> int | None:
    """The status of one answer; None when it broke off."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        response.read()
    except http.client.IncompleteRead:
        return None
    finally:
        connection.close()
    return response.status


def counted(server: Server) -> Counter[tuple[str, bool]]:
    """Events by SLO and outcome, as the metrics tell."""
    families = text_string_to_metric_families(fetch(f"{server.url}/metrics").decode())
    return Counter(
        {
            (sample.labels["slo"], sample.labels["outcome"] == "good"): int(sample.value)
            for family in families
            for sample in family.samples
            if sample.name == "slo_events_total" and sample.value
        }
    )


def test_the_metrics_agree_with_what_the_client_saw_behind_gunicorn() -> None:
    """Each request counts once, for the SLOs it belongs to."""
    port = free_port()
    expected: Counter[tuple[str, bool]] = Counter()
    doubtful: Counter[str] = Counter()
    with start_server(python(*GUNICORN, f"{HOST}:{port}"), port=port, ready="/healthz", cwd=FOLDER) as server:
        for method, path, status, outcomes in REQUESTS:
            began = time.monotonic()
            assert ask(port, method, path) == status, (method, path)
            is_doubtful = time.monotonic() - began > DOUBTFUL_SECONDS
            for slo, good in zip(("availability", "order-latency", "payments"), outcomes, strict=True):
                if good is not None:
                    expected[slo, good] += 1
                    doubtful[slo] += good and is_doubtful and slo.endswith("-latency")

        assert soon(lambda: in_good_time(counted(server), expected, doubtful), expected) == expected


def test_it_runs_on_flasks_own_server() -> None:
    """As its README says, and the command shows its SLOs."""
    port = free_port()
    command = python("-m", "flask", "--app", "flask_api", "run", "--port", str(port))
    with start_server(command, port=port, ready="/healthz", cwd=FOLDER) as server:
        assert ask(port, "GET", "/api/orders/export?fail=midway") is None
        assert ask(port, "POST", "/api/orders/2/payment") == 200

        # Its threads may answer the scrape before the one that has sent the last byte counts it.
        expected = {("availability", True): 1, ("availability", False): 1, ("payments", True): 1}
        assert soon(lambda: counted(server), expected) == expected


def test_the_metrics_may_ask_for_a_token() -> None:
    """API_METRICS_TOKEN reaches the route."""
    port = free_port()
    command = python(*GUNICORN, f"{HOST}:{port}")
    env = {"API_METRICS_TOKEN": "s3cret", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    with start_server(command, port=port, ready="/healthz", cwd=FOLDER, env=env) as server:
        with pytest.raises(OSError, match="401"):
            fetch(f"{server.url}/metrics")
        assert b"slo_target" in fetch(f"{server.url}/metrics", headers={"Authorization": "Bearer s3cret"})
