"""The server of the metrics, where there is no web application to mount them in."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from slo_core import SLODefinition
from slo_core.metrics.server import MetricsServer
from slo_core.metrics.view import services_view
from slo_core.testing import FakeClock
from slo_core.tracking.store_services import StoreServices
from store_house import House, series_of


@pytest.fixture
def house(tmp_path: Path, clock: FakeClock) -> House:
    return House(tmp_path, clock)


Ask = Callable[..., tuple[http.client.HTTPResponse, bytes]]


@contextmanager
def serving(exporter: StoreServices, *, host: str = "127.0.0.1", token: str | None = None) -> Iterator[Ask]:
    """`ask(method, path, headers)`: what the server answers."""
    server = MetricsServer(services_view(exporter, token=token), host=host, port=0)
    stop = threading.Event()
    thread = threading.Thread(target=server.serve_until, args=(stop,))
    thread.start()
    address = urlsplit(server.url)
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)

    def ask(method: str, path: str, headers: dict[str, str] | None = None) -> tuple[http.client.HTTPResponse, bytes]:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response, response.read()

    try:
        yield ask
    finally:
        connection.close()
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/metrics", 200),
        ("HEAD", "/metrics", 200),
        ("POST", "/metrics", 405),
        ("OPTIONS", "/metrics", 405),
        ("GET", "/metrics?name[]=slo_target", 200),
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("POST", "/healthz", 405),
        ("OPTIONS", "/healthz", 405),
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("DELETE", "/nothing", 404),
    ],
)
def test_the_server_answers_two_paths(house: House, method: str, path: str, status: int) -> None:
    """A connection is kept for the next request after GET and HEAD, which carry no body."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)

    with serving(house.exporter()) as ask:
        response, body = ask(method, path)
        after, _ = ask("GET", "/healthz")

    assert (response.status, after.status) == (status, 200)
    assert (body == b"") == (method == "HEAD")
    if path.startswith("/metrics?"):
        assert {name for name, _, _ in series_of(body)} == {"slo_target"}


def test_the_server_asks_for_the_token(house: House) -> None:
    """For the metrics; whether the process lives is no secret."""
    with serving(house.exporter(), token="s3cret") as ask:
        statuses = [
            ask("GET", "/metrics")[0].status,
            ask("GET", "/metrics", {"Authorization": "Bearer s3cret"})[0].status,
            ask("GET", "/healthz")[0].status,
        ]

    assert statuses == [401, 200, 200]


def test_the_server_listens_on_ipv6(house: House) -> None:
    """Its URL puts the address in brackets."""
    try:
        server = MetricsServer(services_view(house.exporter()), host="::1", port=0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    server.server_close()

    assert server.url == f"http://[::1]:{server.server_port}/metrics"
