"""Requests that a layer answered before the router saw them belong to the route that they asked for."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Match, Mount, Route, Router
from starlette.staticfiles import StaticFiles

from asgi_driver import serve
from slo_asgi import instrument, slo_exempt, slo_track
from slo_asgi.route_table import RouteTable
from slo_core.testing import RequestEvent


async def view(request: Request) -> Response:
    return PlainTextResponse("answer")


@slo_exempt
async def health(request: Request) -> Response:
    return PlainTextResponse("up")


@slo_track("jobs")
async def job(request: Request, year: int = 0) -> Response:
    return PlainTextResponse("done")


class Gate:
    """A layer that answers every request itself, or fails."""

    def __init__(self, app: Any, status: int) -> None:
        self.app, self.status = app, status

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.status == 0:
            raise ConnectionError("the session store is away")
        await PlainTextResponse("refused", self.status)(scope, receive, send)


class Exactly(BaseRoute):
    """A route class of a user's own."""

    def matches(self, scope: Any) -> Any:
        return (Match.FULL, {"endpoint": health}) if scope["path"] == "/exactly" else (Match.NONE, {})


def starlette_app() -> Any:
    inner = Starlette(routes=[Route("/page/{number:int}", view, name="inner-page")])
    return Starlette(
        routes=[
            Route("/page", view, name="page"),
            Route("/items/{item:int}", view, name="item"),
            Route("/items/{item:int}", view, name="delete", methods=["DELETE"]),
            Route("/items/special", view, name="special"),
            Route("/{kind}/shadow", view, name="kind"),
            Route("/literal/shadow", view, name="never"),
            Route("/health", health),
            Route("/job", partial(partial(job), year=5)),
            Mount("/of/{owner}", inner),
            Mount("/wrapped", routes=[Route("/page", view, name="wrapped")], middleware=[Middleware(Gate, status=0)]),
            Mount("/raw", Gate(None, 200), name="raw"),
            Mount("/static", StaticFiles(directory="/tmp")),
            Host("api.shop.test", Router([Route("/hosted/{name}", view, name="hosted")])),
            Exactly(),
            Route("/{rest:path}", view, name="rest", methods=["PATCH"]),
        ]
    )


ASKED = [
    ("GET", "/page", "/page", "page"),
    ("HEAD", "/page", "/page", "page"),
    ("POST", "/page", "/page", "page"),  # the router would answer 405
    ("GET", "/items/7", "/items/{item}", "item"),
    ("DELETE", "/items/7", "/items/{item}", "delete"),
    ("GET", "/items/special", "/items/special", "special"),
    ("GET", "/literal/shadow", "/{kind}/shadow", "kind"),
    ("GET", "/of/ada/page/3", "/of/{owner}/page/{number}", "inner-page"),
    ("GET", "/wrapped/page", "/wrapped/page", "wrapped"),
    ("GET", "/raw/any/thing", "/raw/{path}", "raw"),
    ("PATCH", "/any/where", "/{rest}", "rest"),
    ("GET", "/of/ada/nowhere", None, None),
]


@pytest.mark.parametrize("status", [0, 200, 401, 429, 503])
@pytest.mark.parametrize(("method", "path", "route", "name"), ASKED)
def test_the_route_is_the_one_that_would_have_taken_it(
    method: str, path: str, route: str | None, name: str | None, status: int
) -> None:
    """By path and method, with mounts, in the router's order; exceptions too."""
    app = starlette_app()
    app.add_middleware(Gate, status=status)
    events = counted(app)

    for _ in range(2):
        serve(app, method, path)

    assert [(event.route, event.view_name, event.outcomes["availability"]) for event in events] == [
        (route, name, status not in (0, 503))
    ] * 2


def counted(app: Any, definitions: Any = None) -> list[RequestEvent]:
    """Instrument an application; the list of what it counts from now on."""
    registry = instrument(
        app,
        definitions
        or {
            "availability": {"target": 0.9},
            "pages": {"target": 0.9, "views": ["*page"]},
            "jobs": {"target": 0.9, "kind": "custom"},
        },
        status_path="/slo",
    )
    events: list[RequestEvent] = []
    registry.internals.request_listeners.append(events.append)
    return events


@pytest.mark.parametrize("definitions", [None, {"availability": {"target": 0.9, "unmatched": True}}])
@pytest.mark.parametrize("status", [0, 301, 401, 404, 503])
def test_what_never_counts_does_not_count_when_another_layer_answers(status: int, definitions: Any) -> None:
    """Marks, static files, and our own views: also where no SLO names a route."""
    app = starlette_app()
    app.add_middleware(Gate, status=status)
    events = counted(app, definitions)

    for path in ("/metrics", "/slo", "/slo.json", "/slo/page.css"):
        serve(app, path=path)
        serve(app, "POST", path)
    if status not in (301, 404):
        for path in ("/health", "/static/a.css", "/exactly"):
            serve(app, path=path)

    # A route class of a user's own has no path: only the marks of its view are known.
    assert events == []


@pytest.mark.parametrize("status", [301, 404])
def test_a_404_or_a_redirect_of_a_layer_is_left_out(status: int) -> None:
    """Scanners, tenants that do not exist, slashes."""
    app = starlette_app()
    app.add_middleware(Gate, status=status)
    events = counted(app)

    serve(app, path="/page")

    assert events == []


def test_marks_hold_and_partials_have_those_of_their_function() -> None:
    """`slo_track` on the function behind two partials."""
    app = starlette_app()
    app.add_middleware(Gate, status=503)
    events = counted(app)

    serve(app, path="/job")

    assert events[0].outcomes == {"availability": False, "jobs": False}


def test_a_route_by_host_is_known() -> None:
    """The header decides, as in the router."""
    app = starlette_app()
    app.add_middleware(Gate, status=503)
    events = counted(app)

    serve(app, path="/hosted/x", headers={"host": "api.shop.test"})
    serve(app, path="/hosted/x")

    assert [event.route for event in events] == ["/hosted/{name}", "/{rest}"]


def test_included_routers_have_their_prefixes() -> None:
    """FastAPI: nested, with parameters, and routes that come later."""
    inner, outer = APIRouter(prefix="/inner"), APIRouter()

    @inner.get("/items/{item}", name="item")
    def item(item: int) -> int:
        return item

    outer.include_router(inner, prefix="/nested")
    app = FastAPI()
    app.include_router(outer, prefix="/shops/{shop}")
    app.add_middleware(Gate, status=503)
    events = counted(app)

    serve(app, path="/shops/acme/nested/inner/items/7")
    app.get("/late", name="late")(lambda: 1)
    serve(app, path="/late")

    assert [(event.route, event.view_name) for event in events] == [
        ("/shops/{shop}/nested/inner/items/{item}", "item"), ("/late", "late"),
    ]  # fmt: skip


def test_a_layer_within_a_mounted_application_answers_for_its_routes() -> None:
    """Seen from outside, and by an installation that is mounted itself."""
    inner = Starlette(routes=[Route("/page/{number:int}", view, name="page")])
    inner.add_middleware(Gate, status=503)
    outer = Starlette(routes=[Mount("/of/{owner}", inner)])
    inner_events = counted(inner, {"inner": {"target": 0.9, "views": ["page"]}})
    outer_events = counted(outer, {"outer": {"target": 0.9, "views": ["page"]}})

    serve(outer, path="/proxy/of/ada/page/3", root_path="/proxy")

    assert [event.route for event in (*inner_events, *outer_events)] == ["/of/{owner}/page/{number}"] * 2


class Broken(BaseRoute):
    """A route class that cannot be asked."""

    def matches(self, scope: Any) -> Any:
        if scope["path"] == "/page":
            raise RuntimeError("not now")
        return Match.NONE, {}


def test_a_route_that_cannot_be_asked_breaks_no_request() -> None:
    """The request counts without a route, and the trouble is noted."""
    app = Starlette(routes=[Broken(), Route("/page", view)])
    app.add_middleware(Gate, status=503)
    events = counted(app)

    answer = serve(app, path="/page")

    assert (answer.status, answer.exception) == (503, None)
    assert [event.route for event in events] == [None]
    assert app.state.slo_registry.internals.errors.total == 1


def test_an_application_that_is_mounted_within_itself_has_a_table() -> None:
    """It ends at the second turn."""
    app = Starlette(routes=[Route("/page", view)])
    app.mount("/again", app)

    table = RouteTable(app.routes)

    match = table.match("GET", "/again/page")
    assert match is not None
    assert match.route == "/again/page"


@pytest.mark.parametrize("of_one_slo", [True, False])
def test_an_early_answer_of_an_excluded_route_is_left_out(of_one_slo: bool) -> None:
    """The template is what is excluded, whoever answers."""
    app = Starlette(routes=[Route("/page/{number}", view)], middleware=[Middleware(Gate, status=503)])
    globs = ["/page/{number}"]
    definition = {"target": 0.9, **({"exclude": globs} if of_one_slo else {})}
    registry = instrument(app, {"all": definition}, exclude=[] if of_one_slo else globs)

    serve(app, path="/page/7")
    serve(app, path="/elsewhere")

    assert registry["all"].snapshot().total == 1
