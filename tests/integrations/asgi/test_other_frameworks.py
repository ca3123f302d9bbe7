"""Routers that are not Starlette's, and exceptions that a framework around the middleware answers."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Match, Mount, Route, Router

from asgi_driver import serve
from asgi_service import Service
from slo_asgi import SLOMiddleware, slo_exempt, slo_track
from slo_core import SLORegistry

DEFINITIONS: dict[str, Any] = {"availability": {"target": 0.9}, "jobs": {"target": 0.9, "kind": "custom"}}


class Refusal(Exception):
    """As Litestar's and Starlette's: with the status that it means."""

    def __init__(self, status_code: Any) -> None:
        self.status_code = status_code


@pytest.mark.parametrize(
    ("exception", "status", "good"),
    [
        (Refusal(401), 401, True), (Refusal(429), 429, True), (HTTPException(403), 403, True), (Refusal(200), 200, True),
        (Refusal(503), 503, False), (KeyError("bug"), 500, False), (Refusal("401"), 500, False), (Refusal(True), 500, False),
        (Refusal(None), 500, False), (Refusal(0), 500, False), (Refusal(10**9), 500, False),
    ],
)  # fmt: skip
def test_an_exception_with_a_status_counts_as_that_status(exception: Exception, status: int, good: bool) -> None:
    """The framework around the middleware answers with it; anything else is a 500."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise exception

    service = Service(app)

    assert service.ask().exception is exception
    assert (service.only_event.status, service.only_event.outcomes["availability"]) == (status, good)


class Refusing:
    """A middleware that refuses, in front of its application or behind it."""

    def __init__(self, app: Any, *, first: bool) -> None:
        self.app, self.first = app, first

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def drop(message: Any) -> None: ...

        if not self.first:
            await self.app(scope, receive, drop)
        raise HTTPException(401)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("make", [Starlette, FastAPI])
@pytest.mark.parametrize("with_tracker", [True, False])
def test_starlette_answers_what_a_middleware_raises_with_500(make: Any, first: bool, with_tracker: bool) -> None:
    """Its handler of HTTP exceptions stands inside of all middlewares: nothing but the last resort is outside."""
    registry = SLORegistry.from_config({"availability": {"target": 0.9}})
    app = make()
    app.add_route("/", job)
    app.add_middleware(Refusing, first=first)
    app.add_middleware(
        SLOMiddleware, **({"tracker": registry["availability"]} if with_tracker else {"registry": registry})
    )

    assert [serve(app).status for _ in range(2)] == [500, 500]
    assert registry["availability"].snapshot().failures == 2


@pytest.mark.parametrize("first", [True, False])
def test_starlette_answers_what_is_raised_within_a_mount_with_its_status(first: bool) -> None:
    """There, and in the middlewares of a single route, its handler stands outside."""
    registry = SLORegistry.from_config({"availability": {"target": 0.9}})
    layers = [Middleware(SLOMiddleware, registry=registry), Middleware(Refusing, first=first)]
    routes = [Mount("/mounted", routes=[Route("/", job)], middleware=layers), Route("/alone", job, middleware=layers)]
    app = Starlette(routes=routes)

    assert [serve(app, path=path).status for path in ("/mounted/", "/alone")] == [401, 401]
    snapshot = registry["availability"].snapshot()
    assert (snapshot.total, snapshot.failures) == (2, 0)


def test_an_exception_with_a_status_after_the_response_started_is_bad() -> None:
    """The response broke off."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise Refusal(404)

    service = Service(app)
    service.ask()

    assert service.counts() == (0, 1)


@slo_track("jobs")
async def job(request: Request) -> Response:
    return PlainTextResponse("done")


@pytest.mark.parametrize(
    ("given", "route", "name", "is_tracked"),
    [
        ("/jobs/{job}", "/jobs/{job}", None, False),
        ({"route": "jobs/{job}", "name": "job", "view": job}, "/jobs/{job}", "job", True),
        ({"view": job}, None, None, True), ({"name": "job"}, None, "job", False), ({}, None, None, False),
        # Nonsense is no reason to fail: the rest counts.
        ({"route": 5, "name": b"x", "view": []}, None, None, False),
    ],
)  # fmt: skip
def test_an_application_names_its_route(given: Any, route: Any, name: Any, is_tracked: bool) -> None:
    """`scope["slo_route"]`: the template, or a mapping with template, name and view; its 404 counts."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["slo_route"] = given
        await PlainTextResponse("no such job", 404)(scope, receive, send)

    service = Service(app, DEFINITIONS)
    service.ask()
    service.ask()

    assert service.registry.internals.errors.total == 0
    assert [(event.route, event.view_name) for event in service.events] == [(route, name)] * 2
    assert service.registry["jobs"].snapshot().total == (2 if is_tracked else 0)


@pytest.mark.parametrize("given", [5, ["/jobs"], b"/jobs"])
def test_a_route_of_another_kind_is_passed_over(given: Any) -> None:
    """As if it were not there: a 404 without a route is left out."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["slo_route"] = given
        await PlainTextResponse("no such job", 404)(scope, receive, send)

    service = Service(app)
    service.ask()

    assert service.events == []


def test_litestars_scope_is_read() -> None:
    """The template, the name of the handler, and marks on the function or on the handler."""
    handlers = {
        "/function": SimpleNamespace(name=None, handler_name="job", fn=job),
        "/handler": slo_exempt(SimpleNamespace(name="up", handler_name="health", fn=lambda: "up")),
        "/named": SimpleNamespace(name="named", handler_name="view", fn=lambda: "x"),
    }

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] in handlers:
            scope["route_handler"], scope["path_template"] = handlers[scope["path"]], scope["path"] + "/{id:int}"
        await PlainTextResponse("missing", 404)(scope, receive, send)

    service = Service(app, DEFINITIONS)
    for path in (*handlers, "/nowhere"):
        service.ask(path=path)

    assert [(event.route, event.view_name) for event in service.events] == [
        ("/function/{id:int}", "job"), ("/named/{id:int}", "named"),
    ]  # fmt: skip
    assert service.registry["jobs"].snapshot().total == 1


@pytest.mark.filterwarnings("ignore")
def test_litestar_itself() -> None:
    """Routers, controllers, the middleware inside, and refusals of other middlewares there."""
    pytest.importorskip("litestar")
    from litestar import Controller, Litestar, Router, get
    from litestar.exceptions import NotAuthorizedException
    from litestar.middleware import DefineMiddleware

    logging.getLogger("litestar").setLevel(logging.CRITICAL)

    class Orders(Controller):
        path = "/orders"

        @get("/{order:int}")
        @slo_track("jobs")
        async def show(self, order: int) -> str:
            return "an order"

    class Guard:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if (b"x-guest", b"1") in scope["headers"]:
                raise NotAuthorizedException("who are you?")
            await self.app(scope, receive, send)

    registry = SLORegistry.from_config({**DEFINITIONS, "orders": {"target": 0.9, "routes": ["/shop/orders/{order*"]}})
    layers = [DefineMiddleware(SLOMiddleware, registry=registry), DefineMiddleware(Guard)]
    app = Litestar([Router("/shop", route_handlers=[Orders])], middleware=layers, openapi_config=None)

    assert serve(app, path="/shop/orders/7").status == 200
    assert serve(app, path="/shop/orders/7", headers={"x-guest": "1"}).status == 401

    for name in ("availability", "orders", "jobs"):
        snapshot = registry[name].snapshot()
        assert (snapshot.total, snapshot.failures) == (2, 0)


@pytest.mark.filterwarnings("ignore")
def test_litestars_routes_are_not_judged_by_starlettes(caplog: pytest.LogCaptureFixture) -> None:
    """Its route table has other routes in it: a pattern that matches them is no mistake."""
    pytest.importorskip("litestar")
    from litestar import Litestar, get

    @get("/orders/{order:int}")
    async def show(order: int) -> str:
        return "an order"

    registry = SLORegistry.from_config({"orders": {"target": 0.9, "routes": ["/orders/*"]}})
    app = SLOMiddleware(Litestar([show], openapi_config=None, logging_config=None), registry=registry)

    assert serve(app, path="/orders/7").status == 200
    assert registry["orders"].snapshot().total == 1
    assert [record.getMessage() for record in caplog.records if record.name == "slo_core"] == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["router", "handler"])
def test_litestars_static_files_are_left_out(kind: str, tmp_path: Path) -> None:
    """Those that are there and those that are not; its pages count."""
    pytest.importorskip("litestar")
    from litestar import Litestar, asgi, get
    from litestar.file_system import BaseLocalFileSystem
    from litestar.static_files import StaticFiles, create_static_files_router

    @get("/page")
    async def page() -> str:
        return "a page"

    (tmp_path / "a.css").write_text("x")
    static: Any = create_static_files_router("/static", directories=[tmp_path])
    if kind == "handler":
        files = StaticFiles(is_html_mode=False, directories=[tmp_path], file_system=BaseLocalFileSystem())
        static = asgi("/static", is_static=True)(files)
    registry = SLORegistry.from_config(DEFINITIONS)
    app = SLOMiddleware(Litestar([page, static], openapi_config=None), registry=registry)

    statuses = [serve(app, *ask).status for ask in (("GET", "/static/a.css"), ("HEAD", "/static/a.css"),
                                                    ("GET", "/static/none"), ("GET", "/page"))]  # fmt: skip
    assert statuses == [200, 200, 404, 200]
    assert registry["availability"].snapshot().total == 1


@slo_exempt
async def health(request: Request) -> Response:
    return PlainTextResponse("up")


async def missing(request: Request) -> Response:
    return PlainTextResponse("no such item", 404)


async def raw_missing(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("no such item", 404)(scope, receive, send)


class Exactly(BaseRoute):
    """A route of a user's own."""

    def __init__(self, path: str, endpoint: Any) -> None:
        self.wanted, self.endpoint = path, endpoint

    def matches(self, scope: Any) -> Any:
        return (Match.FULL, {"endpoint": self.endpoint}) if scope["path"] == self.wanted else (Match.NONE, {})

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        await (await self.endpoint(None))(scope, receive, send)


ENDPOINTS = {"/missing": missing, "/health": health, "/job": job}


@pytest.mark.parametrize(
    ("app", "prefix", "counts"),
    [
        (Router([Route(*each) for each in ENDPOINTS.items()]), "", (2, 1)),
        (Starlette(routes=[Exactly(*each) for each in ENDPOINTS.items()]), "", (2, 1)),
        (Starlette(routes=[Host("shop.test", raw_missing)]), "", (4, 0)),
        (Starlette(routes=[Host("shop.test", Router([Route(*each) for each in ENDPOINTS.items()]))]), "", (2, 1)),
        (Router([Mount("/in", Router([Route(*each) for each in ENDPOINTS.items()]))]), "/in", (2, 1)),
        (Router([Mount("/in", Starlette(routes=[Route(*each) for each in ENDPOINTS.items()]))]), "/in", (2, 1)),
    ],
)  # fmt: skip
def test_an_endpoint_without_a_known_route_is_a_match(app: Any, prefix: str, counts: tuple[int, int]) -> None:
    """Its 404 counts and its marks hold; a router that found no route is no match."""
    service = Service(app, DEFINITIONS)

    for path in (*ENDPOINTS, "/nowhere"):
        service.ask(path=prefix + path)

    assert service.registry.internals.errors.total == 0
    assert (service.registry["availability"].snapshot().total, service.registry["jobs"].snapshot().total) == counts
