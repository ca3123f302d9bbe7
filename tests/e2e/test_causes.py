"""An incident of two causes, in four workers of a service, on each kind of store: what pages, JSON and commands say failed."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from database_servers import start_postgres
from django_databases import migrated
from redis_servers import start_redis
from slo_core.cli import main
from slo_servers import HOST, Server, fetch, free_port, python, start_server, wait_until

SUPPORT = Path(__file__).parents[1] / "support"
WORKERS = 4
SECRET = "hunter2"
# Method, path, how often.
SENT = (
    ("POST", "/checkout/{}", "odd", 84),
    ("POST", "/checkout/{}", "even", 120),
    ("GET", f"/cart?secret={SECRET}", "", 16),
    ("GET", "/cart", "", 30),
)
STORES = ("sqlite", "redis", "postgres")


@dataclass
class Shop:
    """
    A service whose requests have failed.

    Attributes:
        server: Its workers.
        routes: What its framework calls the two places that fail.
        sources: What `slo status` reads of it.
    """

    server: Server
    routes: tuple[str, str]
    sources: list[str]


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Shop]]:
    """By their stores; FastAPI under uvicorn, and Django under gunicorn where the store is its database."""
    file = tmp_path_factory.mktemp("store") / "slo.db"
    uvicorn = (
        "uvicorn",
        "--no-access-log",
        "--workers",
        str(WORKERS),
        "--factory",
        "failing_service:asgi_app",
        "--port",
    )
    gunicorn = (
        "gunicorn",
        "-w",
        str(WORKERS),
        "-k",
        "gthread",
        "--threads",
        "2",
        "failing_service:django_wsgi()",
        "-b",
    )
    fastapi_routes, django_routes = ("POST /checkout/{order}", "GET /cart"), ("POST /checkout/<int:order>", "GET /cart")
    with ExitStack() as stack, ThreadPoolExecutor(len(STORES)) as pool:
        redis = stack.enter_context(start_redis())

        def start(store: str) -> Shop:
            port = free_port()
            if store == "postgres":
                database = stack.enter_context(start_postgres())
                migrated(database.settings)
                command = python("-m", *gunicorn, f"{HOST}:{port}")
                env = {"SERVICE_STORE": "django://default", "SERVICE_DATABASE": json.dumps(database.settings)}
            else:
                command = python("-m", *uvicorn, str(port))
                env = {"SERVICE_STORE": redis.url if store == "redis" else f"sqlite:///{file}"}
            env["PYTHONPATH"] = str(SUPPORT)
            server = stack.enter_context(start_server(command, port=port, ready="/slo.json", env=env))
            send_all(port)
            url = f"{server.url}/slo.json"
            if store == "postgres":
                return Shop(server, django_routes, [url])
            return Shop(server, fastapi_routes, [url, env["SERVICE_STORE"]])

        yield dict(zip(STORES, pool.map(start, STORES), strict=True))


def send_all(port: int) -> None:
    """What the client counts: each request on a connection of its own, which any of the workers takes."""
    for method, path, kind, times in SENT:
        for number in range(times):
            connection = http.client.HTTPConnection(HOST, port, timeout=60)
            try:
                connection.request(method, path.format(2 * number + (kind == "odd")))
                connection.getresponse().read()
            finally:
                connection.close()


@pytest.mark.parametrize("store", STORES)
def test_what_failed_is_shown_to_the_event(
    store: str, shops: dict[str, Shop], capsys: pytest.CaptureFixture[str]
) -> None:
    """84 answers with 503 and 16 exceptions are 84 % and 16 %, whichever worker is asked; nothing else of a request is seen."""
    shop = shops[store]
    url, (checkout, cart) = shop.server.url, shop.routes

    def settled() -> Any:
        views = [json.loads(fetch(f"{url}/slo.json?slo=shop")) for _ in range(2 * WORKERS)]
        whole = all(view["slos"][0]["total"] == sum(times for *_, times in SENT) for view in views)
        return views if whole else None

    views = wait_until(settled)
    rows = [
        {"where": checkout, "outcome": "503", "bad": 84, "share": 0.84, "is_lower_bound": False},
        {"where": cart, "outcome": "TimeoutError", "bad": 16, "share": 0.16, "is_lower_bound": False},
    ]
    for view in views:
        assert view["causes"] == dict.fromkeys(("1h", "6h", "1d", "window"), rows)
        assert {(span["good"], span["bad"]) for span in view["cause_spans"].values()} == {(150, 100)}
    page = fetch(f"{url}/slo?slo=shop").decode()
    (table,) = re.findall('<table class="slo-table slo-cards slo-causes">.*?</table>', page)
    cells = [re.sub("<[^>]*>", "|", row) for row in table.split("<tr>")[2:]]
    checkout_written, cart_written = (text.replace("<", "&lt;").replace(">", "&gt;") for text in shop.routes)
    assert [re.findall(r"[^|]+", row)[:-1] for row in cells] == [
        [checkout_written, " ", "503", "84", "84.0%"],
        [cart_written, " ", "TimeoutError", "16", "16.0%"],
    ]
    assert "84% are <code" in page
    assert "84% <code" in fetch(f"{url}/slo").decode()
    for source in shop.sources:
        assert main(["status", source, "--why"]) == 0
        out = capsys.readouterr().out
        assert out.count("shop, waiting: 100 bad of 250 events in the last hour\n") == 1
        assert out.count(f"  84.0%  84  {checkout} 503\n  16.0%  16  {cart} TimeoutError\n") == 1
        assert SECRET not in out
    assert SECRET not in page + json.dumps(views)
    if store == "sqlite":
        file = Path(shop.sources[1].removeprefix("sqlite:///"))
        assert SECRET not in file.read_bytes().decode("latin-1")
