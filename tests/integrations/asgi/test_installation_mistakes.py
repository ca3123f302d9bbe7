"""Mistakes at the installation are in the log, once, in words of ASGI; a right installation is silent."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Host, Mount, Route, Router

from asgi_driver import serve
from slo_asgi import SLOMiddleware, instrument, slo_exempt, slo_track
from slo_core import SLORegistry
from slo_core.http import first_requests


async def view(request: Request) -> Response:
    return PlainTextResponse("answer")


def mistakes_of(
    definitions: Any, caplog: pytest.LogCaptureFixture, *routes: Any, store: str = "memory://"
) -> list[str]:
    """What the log says after two requests."""
    app = Starlette(routes=[Route("/items/{item}", view, name="item"), *routes])
    instrument(app, definitions, store=store)
    with caplog.at_level(logging.WARNING, logger="slo_core"):
        serve(app, path="/items/7")
        serve(app, path="/items/7")
    assert app.state.slo_registry.internals.errors.total == 0
    app.state.slo_registry.close()
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"routes": ["/itms/*"]}, "the SLO 'a': routes: '/itms/*' matches no route of this application"),
        ({"routes": ["items/*"]}, "templates start with a slash"),
        ({"views": ["items"]}, "the SLO 'a': views: 'items' is the name of no route of this application; did you mean"),
    ],
)  # fmt: skip
def test_a_pattern_that_matches_no_route_is_logged_once(
    options: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With the SLO, the key and the pattern."""
    (message,) = mistakes_of({"a": {"target": 0.9, **options}}, caplog)

    assert words in message


@pytest.mark.parametrize(
    "options",
    [
        {"routes": ["/items/{item}"]}, {"routes": ["/items/7"]}, {"routes": ["/items/7*"]}, {"routes": ["*"]},
        {"routes": ["/*/7"]}, {"views": ["it*"]}, {"routes": ["/nowhere"], "unmatched": True}, {"routes": ["/shop/page"]},
        {"routes": ["/raw/some/thing"]}, {},
    ],
)  # fmt: skip
def test_a_right_installation_is_silent(options: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Templates, paths of a template, mounts, and whatever a mounted application may have."""
    routes = [Mount("/shop", routes=[Route("/page", view)]), Mount("/raw", view)]

    assert mistakes_of({"a": {"target": 0.9, **options}}, caplog, *routes) == []


def test_routes_that_only_know_themselves_are_not_judged(caplog: pytest.LogCaptureFixture) -> None:
    """What is below a host is not in the table."""
    host = Host("api.shop.test", Router([Route("/hosted", view)]))

    assert mistakes_of({"a": {"target": 0.9, "routes": ["/hosted"]}}, caplog, host) == []


def test_a_mark_that_names_no_slo_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Before anybody asks for that view."""
    marked = Route("/report", slo_track("report")(lambda request: PlainTextResponse("ready")))

    (message,) = mistakes_of({"reports": {"target": 0.9, "kind": "custom"}}, caplog, marked)

    assert message.startswith(
        "slo_track('report') on the view of /report: no SLO of that name is defined; did you mean"
    )


def without_wraps(function: Any) -> Any:
    """A decorator that hides what it decorates."""

    async def wrapper(request: Request) -> Response:
        answer: Response = await function(request)
        return answer

    return wrapper


def registered(function: Any) -> Any:
    """As a decorator that registers the function: the route leads to that, whatever stands above."""
    views["registered"] = function
    return function


views: dict[str, Any] = {}


@slo_track("jobs")
@without_wraps
@registered
async def above(request: Request) -> Response:
    return PlainTextResponse("answer")


@slo_track("jobs")
async def below(request: Request) -> Response:
    return PlainTextResponse("answer")


@slo_track("jobs")
class Jobs(HTTPEndpoint):
    """Marked where nothing looks, and where something does."""

    @slo_track("jobs")
    async def get(self, request: Request) -> Response:
        return PlainTextResponse("answer")

    @slo_track("jobs")
    async def head(self, request: Request) -> Response:
        return PlainTextResponse("answer")

    @slo_track("jobs")
    async def fetch(self) -> None: ...


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: [views["registered"]], ["above is not seen by the view of /0"]),
        (lambda: [without_wraps(below)], ["below is not seen by the view of /0"]),
        (lambda: [without_wraps(below), below], []),  # seen where it is registered itself
        (lambda: [functools.wraps(below)(without_wraps(below))], []),
        (lambda: [Jobs], ["Jobs.fetch does nothing", "Jobs.head does nothing"]),
    ],
)
def test_a_mark_that_no_request_can_see_is_logged(
    make: Any, words: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """On a wrapper that was not registered, within one that hides it, on methods that answer nothing."""
    routes = [Route(f"/{number}", endpoint) for number, endpoint in enumerate(make())]

    messages = mistakes_of({"jobs": {"target": 0.9, "kind": "custom"}, "all": {"target": 0.9}}, caplog, *routes)

    assert len(messages) == len(words)
    assert all(word in message for word, message in zip(words, messages, strict=True))


def test_no_definitions_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is counted."""
    (message,) = mistakes_of({}, caplog)

    assert message.startswith("no SLO is defined")


def test_a_shared_store_without_a_lifespan_is_logged(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """The last interval may be lost."""
    (message,) = mistakes_of({"a": {"target": 0.9}}, caplog, store=f"sqlite:///{tmp_path}/counts.db")

    assert "no lifespan" in message


@pytest.mark.parametrize("is_last", [True, False])
def test_a_middleware_that_stands_outside_of_ours_is_logged(is_last: bool, caplog: pytest.LogCaptureFixture) -> None:
    """What it answers is not counted; the right order is silent."""
    registry = SLORegistry.from_config({"a": {"target": 0.9}})
    layers = [Middleware(GZipMiddleware), Middleware(SLOMiddleware, registry=registry)]
    app = Starlette(routes=[Route("/", view)], middleware=layers[::-1] if is_last else layers)

    with caplog.at_level(logging.WARNING, logger="slo_core"):
        serve(app)
        serve(app)

    expected = [] if is_last else ["SLOMiddleware is not the outermost middleware: what GZipMiddleware answers"]
    assert [record.getMessage().partition(" or raises")[0] for record in caplog.records] == expected


def test_an_slo_that_no_request_belongs_to_is_logged_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its route exists, and is never asked with its method; scrapes do not count."""
    monkeypatch.setattr(first_requests, "_ENOUGH_REQUESTS", 3)
    app = Starlette(routes=[Route("/items/{item}", view, methods=["GET", "POST"])])
    instrument(app, {"writes": {"target": 0.9, "routes": ["/items/*"], "methods": ["POST"]}})

    for path in ["/items/7", "/metrics", "/metrics", "/nowhere", "/items/7"]:
        serve(app, path=path)
    assert caplog.messages == []
    for _ in range(4):
        serve(app, path="/items/7")

    (message,) = caplog.messages
    assert message.startswith("none of the first 3 requests of this process belongs to the SLO 'writes'")
    assert message.endswith("methods and exclude in definitions")


@pytest.mark.parametrize("holder", [Starlette(), FastAPI(), APIRouter(), Router()])
@pytest.mark.parametrize("mark", [slo_exempt, slo_track("a")])
def test_what_holds_views_cannot_be_marked(holder: Any, mark: Any) -> None:
    """Requests are matched to the views in it: the mark would do nothing, and say nothing."""
    with pytest.raises(TypeError, match=f"expected a view, got {type(holder).__name__}, which holds views: mark these"):
        mark(holder)
