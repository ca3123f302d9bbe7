"""The server of the metrics, where there is no web application to mount them in."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from slo_core import SLODefinition
from slo_core.metrics.server import MetricsServer
from slo_core.metrics.view import services_view
from slo_core.metrics.wsgi import metrics_wsgi_app
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
    server = MetricsServer(metrics_wsgi_app(services_view(exporter, token=token)), host=host, port=0)
    with serving_by(server):
        address = urlsplit(server.url)
        assert address.hostname is not None
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)

        def ask(
            method: str, path: str, headers: dict[str, str] | None = None
        ) -> tuple[http.client.HTTPResponse, bytes]:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return response, response.read()

        try:
            yield ask
        finally:
            connection.close()


@contextmanager
def serving_by(server: MetricsServer) -> Iterator[MetricsServer]:
    """A server at work."""
    stop = threading.Event()
    thread = threading.Thread(target=server.serve_until, args=(stop,))
    thread.start()
    try:
        yield server
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def assert_ours(headers: Mapping[str, str]) -> None:
    """The headers that every answer has, errors too."""
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Connection"] == "close"
    assert headers["Server"] == "slo-exporter"
    assert headers["Content-Length"].isdigit()


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
    """Each connection ends with its answer; the next request opens another one."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)

    with serving(house.exporter()) as ask:
        response, body = ask(method, path)
        after, _ = ask("GET", "/healthz")

    assert (response.status, after.status) == (status, 200)
    assert_ours(dict(response.getheaders()))
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
        server = MetricsServer(metrics_wsgi_app(services_view(house.exporter())), host="::1", port=0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    server.server_close()

    assert server.url == f"http://[::1]:{server.server_port}/metrics"


def answers_to(server: MetricsServer, *parts: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    """Status, headers and body of each answer to bytes that come over one connection, until the server ends it."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as client:
        for part in parts:
            client.sendall(part)
        while data := client.recv(65_536):
            received += data
    answers = []
    for each in re.split(rb"(?=HTTP/1\.[01] \d{3} )", received)[1:]:
        head, _, body = each.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        answers.append((int(first.split()[1]), headers, body))
    return answers


SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: smuggled\r\n\r\n"
LENGTH = b"Content-Length: %d" % len(SMUGGLED)


@pytest.fixture
def server(house: House) -> Iterator[MetricsServer]:
    """One that answers for an SLO."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    app = metrics_wsgi_app(services_view(house.exporter()))
    with serving_by(MetricsServer(app, host="127.0.0.1", port=0)) as serving:
        yield serving


FRAMINGS = (
    LENGTH,
    b"",
    b"Connection: keep-alive",
    b"Connection: keep-alive\r\n" + LENGTH,
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\n" + LENGTH,
    b"Content-Length: 0\r\n" + LENGTH,
    b"Expect: 100-continue\r\n" + LENGTH,
)


def test_what_follows_a_request_is_no_other_request(server: MetricsServer) -> None:
    """Not in any method, for any path, however long its body is said to be: one answer, and the end."""
    for method, path, version, framing in product(
        (b"GET", b"HEAD", b"POST", b"FOO"), (b"/healthz", b"/nothing"), (b"1.0", b"1.1"), FRAMINGS
    ):
        lines = b"\r\n".join(line for line in (method + b" " + path + b" HTTP/" + version, b"Host: x", framing) if line)

        ((status, headers, body),) = answers_to(server, lines + b"\r\n\r\n" + SMUGGLED)

        assert status == (404 if path == b"/nothing" else 200 if method in (b"GET", b"HEAD") else 405), lines
        assert_ours(headers)
        assert (body == b"") == (method == b"HEAD"), lines


MALFORMED_HEADERS = (
    b"Content-Length : %d" % len(SMUGGLED),
    b"Content-Length\t: %d" % len(SMUGGLED),
    b"no colon\r\n" + LENGTH,
    b"bad name: x\r\n" + LENGTH,
    b": x\r\n" + LENGTH,
    b"\xc3\xa9: x\r\n" + LENGTH,
    b"X: a\r\n b\r\n" + LENGTH,  # folded
    b"X: a\r\n\tb\r\n" + LENGTH,
    b" X: a\r\n" + LENGTH,
    b"X: a\rContent-Length: 5\r\n" + LENGTH,
    b"X: a\0b\r\n" + LENGTH,
    b"X\0: a\r\n" + LENGTH,
    b"X: a\x0bY: b\r\n" + LENGTH,
    b"X: a\x7f\r\n" + LENGTH,
    b"From x\r\n" + LENGTH,
    LENGTH + b"\r",
    b"\r\r\n" + LENGTH,
)


def test_malformed_headers_are_refused(server: MetricsServer) -> None:
    """A proxy may take other lines for headers, or another line for their end: the connection is closed."""
    for version, malformed in product((b"1.0", b"1.1"), MALFORMED_HEADERS):
        ((status, headers, body),) = answers_to(
            server, b"GET /healthz HTTP/" + version + b"\r\nHost: x\r\n" + malformed + b"\r\n\r\n" + SMUGGLED
        )

        assert (status, body) == (400, b"bad request\n"), malformed
        assert_ours(headers)


REQUESTS = (
    (b"GET /healthz\r\n", 400),  # HTTP/0.9 has no headers to close by
    (b"GET /healthz  HTTP/1.1\r\n\r\n", 400),
    (b"GET\x0b/healthz\x0bHTTP/1.1\r\n\r\n", 400),
    (b"GET\xa0/healthz HTTP/1.1\r\n\r\n", 400),
    (b" GET /healthz HTTP/1.1\r\n\r\n", 400),
    (b"GET /healthz\0 HTTP/1.1\r\n\r\n", 400),
    (b"GET /a b HTTP/1.1\r\n\r\n", 400),
    (b"G@T /healthz HTTP/1.1\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\rHost: x\r\n\r\n", 400),
    (b"GET /healthz HTTP/\xb2.1\r\n\r\n", 400),
    (b"GET /healthz http/1.1\r\n\r\n", 400),
    (b"GET /healthz HTTP/2.0\r\n\r\n", 505),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"\x16\x03\x01\x02\0\x01\0\r\n", 400),  # the begin of TLS
    (b"\r\n\r\n\r\n", 400),
    (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
    (b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431),
    (b"GET /healthz HTTP/1.1\r\n" + b"X: a\r\n" * 100 + b"\r\n", 431),
    (b"GET http://[ HTTP/1.1\r\n\r\n", 404),
    (b"GET http://x/healthz HTTP/1.1\r\n\r\n", 200),  # as a proxy is asked
    (b"\r\nGET /healthz HTTP/1.1\r\n\r\n", 200),
    (b"GET /healthz HTTP/1.1\nHost: x\n\n", 200),
    (b"GET /healthz HTTP/1.1\r\n" + b"X: a\r\n" * 99 + b"\r\n", 200),
)


def test_malformed_requests_are_refused(server: MetricsServer) -> None:
    """With our headers; nothing of the request is in the answer."""
    for sent, expected in REQUESTS:
        ((status, headers, body),) = answers_to(server, sent)

        assert status == expected, sent[:60]
        assert_ours(headers)
        assert len(body) < 60


def test_a_request_that_is_not_sent_to_its_end_is_refused(server: MetricsServer) -> None:
    """The end of what a client sends is not the end of its headers."""
    for sent in (b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"GET /healthz HTTP/1.1\r\nHost: x", b"GET /hea"):
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            with client.makefile("rb") as answer:
                assert answer.readline() == b"HTTP/1.0 400 Bad Request\r\n", sent


def test_variables_of_the_process_are_no_headers(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token in the environment lets nobody in."""
    monkeypatch.setenv("HTTP_AUTHORIZATION", "Bearer s3cret")
    with serving(house.exporter(), token="s3cret") as ask:
        assert ask("GET", "/metrics")[0].status == 401


def test_an_error_of_ours_is_an_answer_too(caplog: pytest.LogCaptureFixture) -> None:
    """500 with our headers, and the reason in the log only."""

    class Broken:
        def respond(self, method: str, **arguments: str) -> None:
            raise RuntimeError("secret")

    app = metrics_wsgi_app(Broken())  # type: ignore[arg-type]
    with serving_by(MetricsServer(app, host="127.0.0.1", port=0)) as server:
        ((status, headers, body),) = answers_to(server, b"GET /metrics HTTP/1.1\r\n\r\n")

    assert (status, body) == (500, b"an error: see the log\n")
    assert_ours(headers)
    assert "secret" in caplog.text
