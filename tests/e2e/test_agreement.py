"""Client, service and Prometheus agree to the last event: real servers, real HTTP, a real Prometheus."""

from __future__ import annotations

import http.client
import os
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from slo_servers import HOST, fetch, free_port, python, require, soon, start_prometheus, start_server, wait_until
from slow_answers import DOUBTFUL_SECONDS

EXAMPLES = Path(__file__).resolve().parents[2] / "example_projects"
REQUESTS = 3_000
CLIENTS = 4
DAYS_30 = 30 * 86_400


@dataclass(frozen=True)
class Kind:
    """
    One kind of request.

    Attributes:
        request: Its method and path.
        status: What the client must see.
        outcomes: What it is to each SLO: True good, False bad.
        weight: How often it is sent, beside the others.
    """

    request: str
    status: int
    outcomes: Mapping[str, bool]
    weight: int = 1


@dataclass(frozen=True)
class Service:
    """
    An example project under a real server.

    Attributes:
        folder: Where it runs.
        command: Its command line for a port.
        kinds: What it is sent.
        targets: The target of each of its SLOs, as a fraction of a thousand.
        prepare: A command to run before it starts.
        env: Environment variables.
    """

    folder: Path
    command: Callable[[int], list[str]]
    kinds: tuple[Kind, ...]
    targets: Mapping[str, Fraction]
    prepare: tuple[str, ...] = ()
    env: Callable[[Path], dict[str, str]] = lambda _: {}


def gunicorn(application: str) -> Callable[[int], list[str]]:
    return lambda port: python(
        "-m", "gunicorn", application, "--bind", f"{HOST}:{port}", "--threads", "4", "--keep-alive", "60"
    )


GOOD, BAD = True, False

DJANGO_SHOP = Service(
    folder=EXAMPLES / "django_shop",
    command=gunicorn("shop.wsgi"),
    prepare=("manage.py", "migrate", "-v", "0"),
    env=lambda folder: {"SHOP_DATABASE": str(folder / "shop.sqlite3")},
    targets={"availability": Fraction(999, 1000), "checkout-latency": Fraction(99, 100)},
    kinds=(
        Kind("GET /products/", 200, {"availability": GOOD}, weight=60),
        Kind("HEAD /products/1/", 200, {"availability": GOOD}, weight=10),
        Kind("GET /products/999/", 404, {"availability": GOOD}, weight=5),
        Kind("POST /products/", 403, {"availability": GOOD}, weight=3),  # no CSRF token
        Kind("GET /checkout/", 405, {"availability": GOOD}, weight=3),
        Kind("POST /checkout/?delay=x", 400, {"availability": GOOD, "checkout-latency": GOOD}, weight=10),
        Kind("POST /checkout/?fail=503", 503, {"availability": BAD, "checkout-latency": BAD}, weight=3),
        Kind("POST /checkout/?fail=error", 500, {"availability": BAD, "checkout-latency": BAD}, weight=2),
        Kind("POST /checkout/?delay=0.31&product=999", 404, {"availability": GOOD, "checkout-latency": BAD}),
        Kind("GET /nowhere", 404, {}, weight=3),
        Kind("GET /products", 301, {}, weight=1),
        Kind("OPTIONS /products/", 405, {}, weight=1),
        Kind("GET /healthz", 200, {}, weight=2),
    ),
)


FASTAPI_SERVICE = Service(
    folder=EXAMPLES / "fastapi_service",
    command=lambda port: python(
        "-m", "uvicorn", "main:app", "--host", HOST, "--port", str(port), "--timeout-keep-alive", "60"
    ),
    targets={
        "availability": Fraction(999, 1000),
        "checkout": Fraction(995, 1000),
        "checkout-latency": Fraction(99, 100),
        "receipts": Fraction(99, 100),
    },
    kinds=(
        Kind("GET /v1/products", 200, {"availability": GOOD}, weight=60),
        Kind("GET /v1/products/99", 404, {"availability": GOOD}, weight=5),
        Kind("GET /v1/products/x", 422, {"availability": GOOD}, weight=5),
        Kind("PUT /v1/products", 405, {"availability": GOOD}, weight=3),
        Kind(
            "POST /v1/checkout/7",
            201,
            {"availability": GOOD, "checkout": GOOD, "checkout-latency": GOOD, "receipts": GOOD},
            weight=20,
        ),
        Kind(
            "POST /v1/checkout/7?fail=503",
            503,
            {"availability": BAD, "checkout": BAD, "checkout-latency": BAD},
            weight=3,
        ),
        Kind(
            "POST /v1/checkout/7?fail=exception",
            500,
            {"availability": BAD, "checkout": BAD, "checkout-latency": BAD},
            weight=2,
        ),
        Kind(
            "POST /v1/checkout/7?delay=0.31",
            201,
            {"availability": GOOD, "checkout": GOOD, "checkout-latency": BAD, "receipts": GOOD},
        ),
        Kind("GET /v1/report?rows=100", 200, {"availability": GOOD}, weight=5),
        Kind("GET /v1/products/", 307, {}, weight=1),
        Kind("GET /nowhere", 404, {}, weight=3),
        Kind("GET /healthz", 200, {}, weight=2),
    ),
)
FLASK_API = Service(
    folder=EXAMPLES / "flask_api",
    command=gunicorn("flask_api:create_app()"),
    targets={"availability": Fraction(999, 1000), "order-latency": Fraction(99, 100), "payments": Fraction(995, 1000)},
    kinds=(
        Kind("GET /api/orders", 200, {"availability": GOOD}, weight=60),
        Kind("HEAD /api/orders/1", 200, {"availability": GOOD}, weight=10),
        Kind("GET /api/orders/99", 404, {"availability": GOOD}, weight=5),
        Kind("DELETE /api/orders", 405, {"availability": GOOD}, weight=3),
        Kind("POST /api/orders", 201, {"availability": GOOD, "order-latency": GOOD}, weight=20),
        Kind("POST /api/orders?fail=503", 503, {"availability": BAD, "order-latency": BAD}, weight=3),
        Kind("POST /api/orders?fail=error", 500, {"availability": BAD, "order-latency": BAD}, weight=2),
        Kind("POST /api/orders?delay=0.31", 201, {"availability": GOOD, "order-latency": BAD}),
        Kind("POST /api/orders/1/payment", 200, {"availability": GOOD, "payments": GOOD}, weight=5),
        Kind("POST /api/orders/1/payment?fail=503", 503, {"availability": BAD, "payments": BAD}, weight=2),
        Kind("GET /nowhere", 404, {}, weight=3),
        Kind("OPTIONS /api/orders", 200, {}, weight=1),
        Kind("GET /healthz", 200, {}, weight=2),
    ),
)
SERVICES = {"django_shop": DJANGO_SHOP, "fastapi_service": FASTAPI_SERVICE, "flask_api": FLASK_API}


def send(port: int, kinds: list[Kind], seen: Counter[tuple[str, int]], doubtful: Counter[str]) -> None:
    """Send requests over one connection, and count what came back, and for which SLOs a good answer may have been slow."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    for kind in kinds:
        method, path = kind.request.split(" ")
        began = time.monotonic()
        connection.request(method, path)
        response = connection.getresponse()
        response.read()
        if time.monotonic() - began > DOUBTFUL_SECONDS:
            doubtful.update(slo for slo, good in kind.outcomes.items() if good and slo.endswith("-latency"))
        seen[kind.request, response.status] += 1
        if response.status == 500:
            connection.close()  # servers hang up after an exception, some without a word
    connection.close()


def send_all(port: int, kinds: list[Kind]) -> tuple[Counter[tuple[str, int]], Counter[str]]:
    """Send requests from several clients at once; what they saw, together."""
    seen: list[Counter[tuple[str, int]]] = [Counter() for _ in range(CLIENTS)]
    doubtful: list[Counter[str]] = [Counter() for _ in range(CLIENTS)]
    clients = [
        threading.Thread(target=send, args=(port, kinds[index::CLIENTS], seen[index], doubtful[index]))
        for index in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return sum(seen, Counter()), sum(doubtful, Counter())


def drawn(service: Service) -> list[Kind]:
    """A few thousand requests in an order that is the same in every run, each kind among them."""
    chooser = random.Random(service.folder.name)
    kinds = [*service.kinds, *chooser.choices(service.kinds, [kind.weight for kind in service.kinds], k=REQUESTS)]
    chooser.shuffle(kinds)
    return kinds


def expected_counts(kinds: list[Kind]) -> Counter[tuple[str, bool]]:
    """(SLO, good) to count: what the service must have counted."""
    return Counter((slo, good) for kind in kinds for slo, good in kind.outcomes.items())


@pytest.mark.parametrize("name", SERVICES)
def test_client_service_and_prometheus_agree_to_the_last_event(name: str, tmp_path: Path):
    """A few thousand mixed requests: what the client saw is what Prometheus answers, events, ratios and budget."""
    service = SERVICES[name]
    promtool = require("promtool", package="prometheus")
    env = service.env(tmp_path)
    if service.prepare:
        subprocess.run(python(*service.prepare), cwd=service.folder, env={**os.environ, **env}, check=True)
    kinds = drawn(service)
    counts = expected_counts(kinds)
    port = free_port()
    with (
        start_server(service.command(port), port=port, ready="/metrics", cwd=service.folder, env=env) as server,
        start_prometheus([f"{HOST}:{port}"]) as prometheus,
    ):
        seen, doubtful = send_all(port, kinds)
        assert seen == Counter((kind.request, kind.status) for kind in kinds)

        lint = subprocess.run(
            [promtool, "check", "metrics"], input=fetch(f"{server.url}/metrics"), capture_output=True, check=False
        )
        assert (lint.returncode, lint.stdout, lint.stderr) == (0, b"", b"")

        for slo, target in service.targets.items():
            good, bad = counts[slo, True], counts[slo, False]
            if doubtful[slo]:
                print(f"{slo}: {doubtful[slo]} answers of {good} that may have been too slow")
                events = f'sum(slo_events_total{{slo="{slo}"}})'
                wait_until(lambda events=events, sent=good + bad: prometheus.value(events) == sent)
                late = int(prometheus.value(f'slo_events_total{{slo="{slo}",outcome="bad"}}') or 0) - bad
                assert 0 <= late <= doubtful[slo]
                good, bad = good - late, bad + late
            window = f'{{slo="{slo}",window_seconds="{DAYS_30}"}}'
            hour = f'{{slo="{slo}",window_seconds="3600"}}'
            allowance = 1 - target
            expected = {
                f'slo_events_total{{slo="{slo}",outcome="good"}}': good,
                f'slo_events_total{{slo="{slo}",outcome="bad"}}': bad,
                f"slo_window_events{window}": good + bad,
                f"slo_window_failures{window}": bad,
                f"slo_window_failures{hour}": bad,
                f'slo_success_ratio{{slo="{slo}"}}': good / (good + bad),
                f'slo_error_budget_remaining{{slo="{slo}"}}': float(1 - bad / (allowance * (good + bad))),
                f"slo_burn_rate{hour}": float(Fraction(bad, good + bad) / allowance),
                f'slo_breached{{slo="{slo}"}}': 0,
                f'slo_warming_up{{slo="{slo}"}}': int(bad > 0),
                f'slo_target{{slo="{slo}"}}': float(target),
            }

            def recorded(expected: dict[str, float] = expected) -> dict[str, float | None]:
                return {query: prometheus.value(query) for query in expected}

            assert soon(recorded, expected) == expected
