"""Marks on the methods of Starlette's `HTTPEndpoint`, joined with those of the class."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from asgi_driver import serve
from slo_asgi import instrument, slo_exempt, slo_track

DEFINITIONS: dict[str, Any] = {
    "all": {"target": 0.9},
    **{name: {"target": 0.9, "kind": "custom"} for name in ("class", "get", "post")},
}


@slo_track("class")
class Orders(HTTPEndpoint):
    """Each method has marks of its own."""

    @slo_track("get")
    async def get(self, request: Request) -> Response:
        return PlainTextResponse("orders")

    @slo_track("post")
    def post(self, request: Request) -> Response:
        return PlainTextResponse("made", 500)

    @slo_exempt
    async def put(self, request: Request) -> Response:
        return PlainTextResponse("put")


class SomeOrders(Orders):
    """Inherits the marks, but for those of a method that it replaces."""

    async def get(self, request: Request) -> Response:
        return PlainTextResponse("some orders")


def starlette(endpoint: Any) -> Any:
    return Starlette(routes=[Route("/orders", endpoint)])


def mounted(endpoint: Any) -> Any:
    return Starlette(routes=[Mount("/", routes=[Route("/orders", endpoint)])])


def fastapi(endpoint: Any) -> Any:
    app = FastAPI()
    app.add_route("/orders", endpoint)
    return app


def counts(app: Any, requests: list[tuple[str, int]], **headers: str) -> dict[str, tuple[int, int]]:
    """What each SLO has counted, good and bad, after requests whose answers are as expected."""
    for method, status in requests:
        assert serve(app, method, "/orders", headers=headers).status == status
    assert app.state.slo_registry.internals.errors.total == 0
    snapshots = app.state.slo_registry.snapshot_all()
    return {each.name: (each.total - each.failures, each.failures) for each in snapshots}


@pytest.mark.parametrize("make", [starlette, mounted, fastapi])
@pytest.mark.parametrize(("endpoint", "gets"), [(Orders, 2), (SomeOrders, 0)])
def test_the_marks_of_the_method_that_answers_hold(make: Any, endpoint: Any, gets: int) -> None:
    """HEAD is answered by `get`; a method that the class does not have answers 405, which the class's marks count."""
    app = make(endpoint)
    instrument(app, DEFINITIONS, metrics_path=None)

    requests = [("GET", 200), ("HEAD", 200), ("POST", 500), ("PUT", 200), ("DELETE", 405)]

    assert counts(app, requests) == {"all": (3, 1), "class": (3, 1), "get": (gets, 0), "post": (0, 1)}


class Guard:
    """Refuses everybody in front of the router."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("who are you?", 401)(scope, receive, send)


def test_they_hold_for_answers_in_front_of_the_router() -> None:
    """Also where nothing but a mark on a method asks for routes."""
    app = starlette(type("Reads", (HTTPEndpoint,), {"get": slo_exempt(lambda self, request: None)}))
    app.add_middleware(Guard)
    instrument(app, {"all": {"target": 0.9}})

    assert counts(app, [("GET", 401), ("POST", 401)]) == {"all": (1, 0)}
