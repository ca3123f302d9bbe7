"""Requests that a view sends to its own application, in process, are part of the request that it serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import werkzeug.test
from flask import Flask, Response, request, stream_with_context

from flask_service import Service
from slo_core import SLORegistry
from slo_flask import SLO, slo_failed
from wsgi_driver import serve

PATHS = ("/inner", "/fails", "/raises", "/metrics", "/nowhere")
DEFINITIONS: dict[str, Any] = {"availability": {"target": 0.9}, "inner": {"target": 0.9, "routes": ["/inner"]}}


def by_test_client(app: Flask, path: str) -> int:
    return app.test_client().get(path).status_code


def by_werkzeug(app: Flask, path: str) -> int:
    return werkzeug.test.Client(app).get(path).status_code


def by_httpx(app: Flask, path: str) -> int:
    transport = httpx.WSGITransport(app=app, raise_app_exceptions=False)
    with httpx.Client(transport=transport, base_url="http://shop.test") as client:
        return client.get(path).status_code


def by_copy(app: Flask, path: str) -> int:
    return Response.from_app(app.wsgi_app, {**request.environ, "PATH_INFO": path}).status_code


Send = Callable[[Flask, str], int]


def shop(send: Send) -> Flask:
    app = Flask("shop")

    @app.get("/inner")
    def inner() -> str:
        return "ok"

    @app.get("/fails")
    def fails() -> tuple[str, int]:
        slo_failed(request)
        return "failed", 503

    @app.get("/raises")
    def raises() -> str:
        raise RuntimeError("bug")

    @app.get("/batch")
    def batch() -> list[int]:
        return [send(app, path) for path in PATHS]

    @app.get("/nests")
    def nests() -> list[int]:
        return [send(app, "/batch"), send(app, "/inner")]

    @app.get("/streams")
    def streams() -> Any:
        def chunks() -> Iterator[str]:
            yield "some"
            for path in PATHS:
                yield str(send(app, path))

        return stream_with_context(chunks())

    return app


@pytest.mark.parametrize("path", ["/batch", "/nests", "/streams"])
@pytest.mark.parametrize("send", [by_test_client, by_werkzeug, by_httpx, by_copy])
def test_a_request_in_process_is_part_of_the_request_that_is_served(send: Send, path: str) -> None:
    """One request was on the wire; the notes and exceptions of those inside stay with them."""
    if send is by_copy and path == "/streams":
        pytest.skip("the first response of the environ has started")
    service = Service(shop(send), DEFINITIONS)

    for _ in range(2):
        assert service.ask(path=path).status == 200

    assert (service.counts(), service.counts("inner")) == ((2, 0), (0, 0))
    assert service.registry.internals.errors.total == 0


def test_requests_of_tests_count() -> None:
    """A context without a request of ours, and one that a test client keeps after its request."""
    app = shop(by_test_client)
    service = Service(app, DEFINITIONS)

    with app.test_request_context("/"):
        by_test_client(app, "/inner")
    with app.app_context():
        by_test_client(app, "/inner")
    with app.test_client() as client:
        client.get("/inner")
        by_werkzeug(app, "/inner")
        client.get("/inner")

    assert service.counts() == (5, 0)


def test_an_application_with_slos_of_its_own_counts_for_these() -> None:
    """A gateway calls services in its process: each has requests of its own."""
    inner, gateway = shop(by_werkzeug), Flask("gateway")
    service = Service(inner, {"inner": {"target": 0.9}})

    @gateway.get("/other")
    def other() -> str:
        return "ok"

    @gateway.get("/")
    def forward() -> list[int]:
        return [by_werkzeug(inner, "/batch"), by_werkzeug(inner, "/batch"), by_werkzeug(gateway, "/other")]

    registry = SLORegistry.from_config({"gateway": {"target": 0.9}})
    SLO().init_app(gateway, registry=registry)

    assert serve(gateway, path="/").status == 200
    assert service.counts("inner") == (2, 0)
    assert registry["gateway"].snapshot().total == 1


def test_the_next_request_of_the_same_thread_counts() -> None:
    """A server's thread serves one after another."""
    service = Service(shop(by_test_client), DEFINITIONS)

    for path in ("/batch", "/inner", "/raises", "/inner"):
        serve(service.app, path=path)

    assert (service.counts(), service.counts("inner")) == ((3, 1), (2, 0))
