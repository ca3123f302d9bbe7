"""Routes: the template that took the request, whatever router it was, and below whatever mounts."""

from __future__ import annotations

import asyncio
import warnings
from importlib.metadata import version
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.websockets import WebSocket

from asgi_service import Service

placements = pytest.mark.parametrize("inside", [True, False])


async def view(request: Request) -> Response:
    return PlainTextResponse("answer")


async def other_view(request: Request) -> Response:
    return PlainTextResponse("other")


async def raw_app(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("raw")(scope, receive, send)


def starlette_app() -> Starlette:
    """Every way in which Starlette nests."""
    deep = Mount("/{tenant}/{area}", routes=[Mount("/fixed", routes=[Route("/{item:int}", view, name="deep")])])
    sub_app = Starlette(routes=[Route("/", view, name="sub-home"), Route("/{page}", view, name="sub-page")])
    return Starlette(
        routes=[
            Route("/", view, name="home"),
            Route("/items/{item:int}", view, name="item"),
            Route("/files/{rest:path}", view, name="file"),
            Route("/twice", view, name="twice", methods=["GET"]),
            Mount("/literal", routes=[Route("/page", view, name="page"), Mount("/raw", raw_app, name="inner-raw")]),
            Mount("/by/{name}", routes=[Route("/page/{number:int}", view, name="by-name")]),
            Mount("/tenants", routes=[deep]),
            Mount("/raw", raw_app, name="raw"),
            Mount("/raw-for/{whom}", raw_app, name="raw-for"),
            Mount("/app", sub_app, name="app"),
            Mount("/router", Router(routes=[Route("/page", view, name="router-page")])),
            Host("api.shop.test", Router(routes=[Route("/hosted", view, name="hosted")])),
        ]
    )


STARLETTE_ROUTES = [
    ("/", "/", "home"),
    ("/items/7", "/items/{item}", "item"),
    ("/files/a/b.txt", "/files/{rest}", "file"),
    ("/twice", "/twice", "twice"),
    ("/literal/page", "/literal/page", "page"),
    ("/literal/raw/any/thing", "/literal/raw/{path}", "inner-raw"),
    ("/by/ada/page/3", "/by/{name}/page/{number}", "by-name"),
    ("/tenants/acme/eu/fixed/9", "/tenants/{tenant}/{area}/fixed/{item}", "deep"),
    # The same value twice, or a value that is a literal part of the mount before it.
    ("/tenants/eu/eu/fixed/9", "/tenants/{tenant}/{area}/fixed/{item}", "deep"),
    ("/by/by/page/3", "/by/{name}/page/{number}", "by-name"),
    ("/raw/any/thing", "/raw/{path}", "raw"),
    ("/raw-for/ada/thing", "/raw-for/{whom}/{path}", "raw-for"),
    ("/app/", "/app/", "sub-home"),
    ("/app/about", "/app/{page}", "sub-page"),
    ("/router/page", "/router/page", "router-page"),
]


@placements
@pytest.mark.parametrize("root_path", ["", "/proxy"])
@pytest.mark.parametrize(("path", "route", "name"), STARLETTE_ROUTES)
def test_the_route_is_the_template_with_all_its_mounts(
    path: str, route: str, name: str, root_path: str, inside: bool
) -> None:
    """Below any mount, and behind a proxy that adds a root path, which is no part of the route."""
    service = Service(starlette_app(), inside=inside)

    assert service.ask(path=root_path + path, root_path=root_path).status == 200
    event = service.only_event
    assert (event.path, event.route, event.view_name) == (path, route, name)


def test_a_route_of_a_host_has_its_template() -> None:
    """Routing by host name adds nothing to the route."""
    service = Service(starlette_app(), inside=True)

    assert service.ask(path="/hosted", headers={"host": "api.shop.test"}).status == 200
    assert service.only_event.route == "/hosted"


@pytest.mark.parametrize("path", ["/nowhere", "/literal/nowhere", "/app/no/where", "/items/seven", "/by/ada/nowhere"])
def test_what_no_route_took_has_none(path: str) -> None:
    """Neither at the top nor below a mount."""
    service = Service(starlette_app(), {"availability": {"target": 0.9, "unmatched": True}}, inside=True)

    assert service.ask(path=path).status == 404
    assert service.only_event.route is None


def fastapi_app() -> FastAPI:
    """Every way in which FastAPI nests."""

    async def item(item_id: int) -> dict[str, int]:
        return {"item": item_id}

    async def failing(item_id: int) -> None:
        raise RuntimeError("failing")

    inner = APIRouter(prefix="/inner")
    inner.get("/items/{item_id}", name="inner-item")(item)
    outer = APIRouter()
    outer.get("/items/{item_id}", name="outer-item")(item)
    outer.get("/failing/{item_id}", name="failing")(failing)
    outer.include_router(inner, prefix="/nested")

    sub_app = FastAPI()
    sub_app.get("/items/{item_id}", name="sub-item")(item)
    sub_app.include_router(inner, prefix="/nested")

    app = FastAPI()
    app.get("/items/{item_id}", name="item")(item)
    app.include_router(outer, prefix="/api/v1")
    app.include_router(outer, prefix="/shops/{shop}")
    app.mount("/sub", sub_app)
    app.mount("/sub-of/{owner}", sub_app)
    app.mount("/raw", raw_app, name="raw")
    return app


FASTAPI_ROUTES = [
    ("/items/7", "/items/{item_id}", "item"),
    ("/api/v1/items/7", "/api/v1/items/{item_id}", "outer-item"),
    ("/api/v1/nested/inner/items/7", "/api/v1/nested/inner/items/{item_id}", "inner-item"),
    ("/shops/acme/items/7", "/shops/{shop}/items/{item_id}", "outer-item"),
    ("/shops/acme/nested/inner/items/7", "/shops/{shop}/nested/inner/items/{item_id}", "inner-item"),
    ("/sub/items/7", "/sub/items/{item_id}", "sub-item"),
    ("/sub/nested/inner/items/7", "/sub/nested/inner/items/{item_id}", "inner-item"),
    ("/sub-of/ada/items/7", "/sub-of/{owner}/items/{item_id}", "sub-item"),
    ("/raw/any/thing", "/raw/{path}", "raw"),
]


@placements
@pytest.mark.parametrize("root_path", ["", "/proxy"])
@pytest.mark.parametrize(("path", "route", "name"), FASTAPI_ROUTES)
def test_the_route_has_the_prefixes_of_included_routers(
    path: str, route: str, name: str, root_path: str, inside: bool
) -> None:
    """`include_router(prefix=)`, nested, with parameters, and below a mounted application."""
    service = Service(fastapi_app(), inside=inside)

    assert service.ask(path=root_path + path, root_path=root_path).status == 200
    event = service.only_event
    assert (event.path, event.route, event.view_name) == (path, route, name)


@placements
def test_requests_that_the_view_never_saw_have_their_route(inside: bool) -> None:
    """422 of the validation, 405 of the router, and an exception."""
    service = Service(fastapi_app(), inside=inside)

    statuses = [
        service.ask(path="/api/v1/items/seven").status,
        service.ask("DELETE", "/api/v1/items/7").status,
        service.ask(path="/api/v1/failing/7").status,
    ]

    assert statuses == [422, 405, 500]
    assert [event.route for event in service.events] == [
        "/api/v1/items/{item_id}",
        "/api/v1/items/{item_id}",
        "/api/v1/failing/{item_id}",
    ]
    assert service.counts() == (2, 1)


def test_the_root_path_of_the_application_is_no_part_of_the_route() -> None:
    """`FastAPI(root_path=...)` says where a proxy serves it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions would rather have the server say it
        app = FastAPI(root_path="/api")

    @app.get("/items/{item}")
    async def item(item: int) -> int:
        return item

    service = Service(app, inside=True)

    assert service.ask(path="/items/7").status == 200
    assert service.only_event.route == "/items/{item}"


def test_one_view_on_two_routes_has_the_route_that_was_asked() -> None:
    """Both routes name the same function."""
    app = Starlette(routes=[Route("/a/{item}", view, name="a"), Route("/b/{item}", view, name="b")])
    service = Service(app, inside=True)

    for path in ("/a/1", "/b/1", "/a/2"):
        service.ask(path=path)

    assert [event.route for event in service.events] == ["/a/{item}", "/b/{item}", "/a/{item}"]


def test_slos_take_requests_by_route_by_name_and_by_path() -> None:
    """Template first, then the path without root path."""
    definitions = {
        "by-template": {"target": 0.9, "routes": ["/items/{item}"]},
        "by-name": {"target": 0.9, "views": ["ite*"]},
        "by-path": {"target": 0.9, "routes": ["/items/7"]},
        "all-but": {"target": 0.9, "exclude": ["/items/*"]},
    }
    service = Service(starlette_app(), definitions, inside=True)

    service.ask(path="/proxy/items/7", root_path="/proxy")
    service.ask(path="/proxy/items/8", root_path="/proxy")
    service.ask(path="/proxy/", root_path="/proxy")

    assert [list(event.outcomes) for event in service.events] == [
        ["by-template", "by-name", "by-path"],
        ["by-template", "by-name"],
        ["all-but"],
    ]


def test_an_application_may_name_its_route_itself() -> None:
    """`scope["slo_route"]` is for routers nobody knows; it goes before what Starlette says."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["slo_route"] = "orders/{order}"
        await PlainTextResponse("not here", 404)(scope, receive, send)

    service = Service(app)
    service.ask(path="/orders/7")

    assert service.only_event.route == "/orders/{order}"
    assert service.counts() == (1, 0)


def test_a_route_that_cannot_be_told_counts_all_the_same() -> None:
    """Frameworks change their routing: the request counts without a route, and the trouble is noted."""

    class Strange:
        @property
        def path_format(self) -> str:
            raise RuntimeError("no path")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["endpoint"] = view
        scope["route"] = Strange()
        await PlainTextResponse("answer")(scope, receive, send)

    service = Service(app)
    answer = service.ask()

    assert (answer.status, answer.exception) == (200, None)
    assert service.events[0].route is None
    assert service.counts() == (1, 0)
    assert service.registry.internals.errors.total == 1


@pytest.mark.parametrize("route", [object(), 7, "text", {"path": "/"}])
def test_a_route_without_a_path_is_no_trouble(route: object) -> None:
    """Some routers put objects of their own there."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["endpoint"] = view
        scope["route"] = route
        await PlainTextResponse("answer")(scope, receive, send)

    service = Service(app)
    service.ask()

    assert service.only_event.route is None


def test_routes_that_are_added_while_serving_are_told() -> None:
    """What was remembered of the route table does not stand in the way."""
    app = Starlette(routes=[Route("/first", view)])
    service = Service(app)

    service.ask(path="/first")
    app.router.routes.append(Route("/second", other_view))
    service.ask(path="/second")

    assert [event.route for event in service.events] == ["/first", "/second"]


def test_a_websocket_beside_http_passes_through_uncounted() -> None:
    """The connection works as without us, and counts for nobody."""

    async def chat(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    app = Starlette(routes=[Route("/", view), WebSocketRoute("/chat", chat)])
    service = Service(app, inside=True)
    sent: list[Any] = []

    async def run() -> None:
        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message["type"])

        scope = {"type": "websocket", "path": "/chat", "root_path": "", "headers": [], "query_string": b""}
        await service.app(scope, receive, send)

    asyncio.run(run())
    service.ask()

    assert sent == ["websocket.accept", "websocket.send", "websocket.close"]
    assert service.only_event.route == "/"


def test_an_application_that_is_mounted_twice_has_two_routes() -> None:
    """What is remembered of a route below one mount is not told of it below another."""
    service = Service(fastapi_app(), inside=True)

    for path in ("/sub/items/7", "/sub-of/ada/items/7", "/sub/items/8"):
        service.ask(path=path)

    assert [event.route for event in service.events] == [
        "/sub/items/{item_id}",
        "/sub-of/{owner}/items/{item_id}",
        "/sub/items/{item_id}",
    ]


@placements
def test_a_failure_is_counted_under_its_template_and_its_exception(inside: bool) -> None:
    """
    Not under the path that was asked for, and not with the exception's text.

    Around all of Starlette only its own answer to the exception is seen in time.
    """

    async def fail(request: Request) -> Response:
        raise LookupError(request.path_params["order"])

    async def busy(request: Request) -> Response:
        return PlainTextResponse("busy", 503)

    app = Starlette(
        routes=[
            Mount("/shops/{shop}", routes=[Route("/orders/{order}", fail, methods=["POST"])]),
            Route("/carts/{cart}", busy),
        ]
    )
    service = Service(app, inside=inside)
    for number in (4711, 4712):
        service.ask("POST", f"/shops/s{number}/orders/{number}")
    service.ask(path="/carts/4711?token=4711")

    breakdown = service.registry["availability"].causes(3600)
    assert breakdown is not None
    assert [(each.where, each.outcome, each.bad) for each in breakdown.causes] == [
        ("POST /shops/{shop}/orders/{order}", "LookupError" if inside else "500", 2), ("GET /carts/{cart}", "503", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mount", "path", "route"),
    [
        ("/tenants/{tenant:int}", "/tenants/007/page", "/tenants/{tenant}/page"),
        ("/tenants/{tenant:float}", "/tenants/1.50/page", "/tenants/{tenant}/page"),
        pytest.param(
            "/tenants/{tenant:uuid}",
            "/tenants/6f1a2b3c00004000800000000000abcd/page",
            "/tenants/{tenant}/page",
            marks=pytest.mark.skipif(version("starlette").startswith("0.3"), reason="needs Starlette >= 0.40"),
        ),
    ],
)
def test_a_mounts_parameter_is_named_however_the_client_spells_its_value(mount: str, path: str, route: str) -> None:
    """A client chooses the spelling: it must not get into the route, of which there would be any number."""
    service = Service(Starlette(routes=[Mount(mount, routes=[Route("/page", view)])]))

    service.ask(path=path)

    assert service.only_event.route == route
