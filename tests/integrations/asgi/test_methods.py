"""Methods, and the answers that routers and middlewares give without asking a view."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from asgi_driver import serve
from asgi_service import Service
from slo_asgi import SLOMiddleware
from slo_core import SLODefinition, SLOTracker

PREFLIGHT = {"origin": "https://shop.test", "access-control-request-method": "POST"}
frameworks = pytest.mark.parametrize("framework", [Starlette, FastAPI])


async def view(request: Request) -> Response:
    return PlainTextResponse("answer")


def app_with_view(framework: type[Any]) -> Any:
    app = framework()
    app.add_route("/page", view, methods=["GET", "HEAD"])
    app.add_route("/slash/", view)
    return app


class Limiter:
    """Answers 429 to everybody."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("slow down", 429)(scope, receive, send)


@frameworks
def test_head_counts_as_get(framework: type[Any]) -> None:
    """A definition that names GET takes HEAD too."""
    service = Service(app_with_view(framework), {"availability": {"target": 0.9, "methods": ["GET"]}}, inside=True)

    answer = service.ask("HEAD", "/page")

    assert (answer.status, service.only_event.method, service.only_event.route) == (200, "GET", "/page")
    assert service.counts() == (1, 0)


@frameworks
def test_options_counts_for_nobody(framework: type[Any]) -> None:
    """No user asked for anything."""
    service = Service(app_with_view(framework), inside=True)

    service.ask("OPTIONS", "/page")

    assert service.events == []


@frameworks
def test_options_counts_where_the_definition_names_it(framework: type[Any]) -> None:
    """What is named on purpose counts."""
    service = Service(app_with_view(framework), {"options": {"target": 0.9, "methods": ["OPTIONS"]}}, inside=True)

    service.ask("OPTIONS", "/page")
    service.ask("GET", "/page")

    assert service.only_event.method == "OPTIONS"


@frameworks
def test_a_preflight_counts_for_nobody_and_the_request_after_it_once(framework: type[Any]) -> None:
    """CORSMiddleware inside ours answers the preflight without asking the application."""
    app = app_with_view(framework)
    app.add_middleware(CORSMiddleware, allow_origins=["https://shop.test"], allow_methods=["GET", "POST"])
    service = Service(app, inside=True)

    preflight = service.ask("OPTIONS", "/page", headers=PREFLIGHT)
    answer = service.ask("GET", "/page", headers={"origin": "https://shop.test"})

    assert (preflight.status, answer.status) == (200, 200)
    assert answer.headers["access-control-allow-origin"] == "https://shop.test"
    assert service.counts() == (1, 0)


@frameworks
def test_a_method_that_is_not_allowed_is_answered(framework: type[Any]) -> None:
    """405 counts as good, and for the route whose methods it missed."""
    service = Service(app_with_view(framework), {"availability": {"target": 0.9, "routes": ["/page"]}}, inside=True)

    assert service.ask("POST", "/page").status == 405
    assert service.only_event.route == "/page"
    assert service.counts() == (1, 0)


@frameworks
@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/slash", 307)])
def test_what_no_route_took_counts_for_nobody(framework: type[Any], path: str, status: int) -> None:
    """Scanners, typos and missing slashes are not the service's users."""
    service = Service(app_with_view(framework), inside=True)

    assert service.ask(path=path).status == status
    assert service.events == []


@frameworks
def test_a_limit_inside_ours_is_answered(framework: type[Any]) -> None:
    """429 from a middleware counts as the route's that it stood in front of, and is bad for SLOs that say so."""
    app = app_with_view(framework)
    app.add_middleware(Limiter)
    definitions = {
        "availability": {"target": 0.9},
        "generous": {"target": 0.9, "bad_statuses": ["5xx", 429]},
        "page": {"target": 0.9, "views": ["view"]},
    }
    service = Service(app, definitions, inside=True)

    assert service.ask(path="/page").status == 429
    assert service.only_event.outcomes == {"availability": True, "generous": False, "page": True}


@frameworks
def test_a_limit_outside_ours_is_not_seen(framework: type[Any]) -> None:
    """The middleware that was added last is outermost."""
    service = Service(app_with_view(framework), inside=True)
    service.app.add_middleware(Limiter)  # type: ignore[attr-defined]  # a Starlette

    assert service.ask(path="/page").status == 429
    assert service.events == []


@frameworks
def test_only_the_named_methods_count(framework: type[Any]) -> None:
    """`methods` restricts an SLO."""
    app = framework()
    app.add_route("/page", view, methods=["GET", "POST"])
    service = Service(app, {"writes": {"target": 0.9, "methods": ["POST"]}}, inside=True)

    service.ask("GET", "/page")
    service.ask("POST", "/page")

    assert service.only_event.method == "POST"


def test_one_slo_for_every_request_leaves_nothing_out() -> None:
    """With `tracker`, and a definition without rules of its own, OPTIONS and unmatched requests count as well."""
    tracker = SLOTracker(SLODefinition("everything", 0.9))
    app = SLOMiddleware(app_with_view(Starlette), tracker=tracker)

    for method, path in [("OPTIONS", "/page"), ("GET", "/nowhere"), ("GET", "/page")]:
        serve(app, method, path)

    assert tracker.snapshot().total == 3
