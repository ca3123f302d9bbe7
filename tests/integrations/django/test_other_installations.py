"""Django inside another instrumented application: a request counts once, and the marks of Django's views hold outside too."""

from __future__ import annotations

from typing import Any

import pytest
from a2wsgi import WSGIMiddleware as BridgeToWSGI
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from flask import Flask
from slo_test_project.project import OpenProject
from starlette.applications import Starlette
from starlette.routing import Mount

from slo_asgi import SLOMiddleware as ASGIMiddleware
from slo_core import SLORegistry
from slo_core.conventions import REQUEST_MARKS_KEY
from slo_django.asgi import with_lifespan
from slo_flask import SLO
from slo_wsgi import SLOMiddleware as WSGIMiddleware

# Requests that "availability" and "orders" count, by the path of the view.
EXPECTED = {
    "/": (1, 0),
    "/exempt/": (0, 0),
    "/exempt-class/": (0, 0),
    "/exempt-api/": (0, 0),
    "/tracked/": (1, 1),
    "/tracked-class/": (1, 1),
}


def in_starlette(app: Any, *, registry: SLORegistry) -> ASGIMiddleware:
    return ASGIMiddleware(Starlette(routes=[Mount("/", app)]), registry=registry)


def in_flask(app: Any, *, registry: SLORegistry) -> Flask:
    outer = Flask("outer")
    outer.wsgi_app = lambda environ, start_response: app(environ, start_response)  # type: ignore[method-assign]
    SLO().init_app(outer, registry=registry)
    return outer


@pytest.mark.parametrize("path", EXPECTED)
@pytest.mark.parametrize(
    ("interface", "outer", "inner"),
    [
        ("wsgi", WSGIMiddleware, WSGIHandler),
        ("wsgi", in_flask, WSGIHandler),
        ("asgi", ASGIMiddleware, ASGIHandler),
        ("asgi", ASGIMiddleware, lambda: with_lifespan(ASGIHandler())),
        ("asgi", in_starlette, lambda: with_lifespan(ASGIHandler())),
        ("asgi", in_starlette, lambda: BridgeToWSGI(WSGIHandler())),
    ],
)
def test_a_request_counts_once_as_the_marks_of_its_view_say(
    open_for: OpenProject, interface: str, outer: Any, inner: Any, path: str
) -> None:
    """The outer installation counts for the same SLOs."""
    project = open_for(interface)

    assert project.get(path, application=outer(inner(), registry=project.registry)).status == 200

    assert (project.counts()[0], project.counts("orders")[0]) == EXPECTED[path]


def test_a_bridge_that_hands_over_the_scope_shares_its_marks(open_for: OpenProject) -> None:
    """As a2wsgi does: what an ASGI installation has taken is not counted again."""
    project = open_for("wsgi")
    recorder = ASGIMiddleware(ASGIHandler(), registry=project.registry).recorder
    scope: dict[str, Any] = {}
    outer = recorder.begin(scope, "GET", "/")
    assert outer is not None

    project.get("/", request_scope={"asgi.scope": scope})
    assert project.counts() == (0, 0)

    outer.status = 200
    recorder.finish(outer)
    assert project.counts() == (1, 0)


@pytest.mark.parametrize("handed_over", [None, {}, {REQUEST_MARKS_KEY: "not ours"}])
def test_a_bridge_that_hands_over_something_else_harms_nothing(open_for: OpenProject, handed_over: object) -> None:
    """It counts here then."""
    project = open_for("wsgi")

    project.get("/", request_scope={"asgi.scope": handed_over})

    assert project.counts() == (1, 0)
