"""Django inside another instrumented application: a request counts once, and the marks of Django's views hold outside too."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from slo_test_project.project import OpenProject

from slo_asgi import SLOMiddleware as ASGIMiddleware
from slo_core.conventions import REQUEST_MARKS_KEY
from slo_django.asgi import with_lifespan
from slo_wsgi import SLOMiddleware as WSGIMiddleware


@pytest.mark.parametrize("path", ["/", "/exempt/", "/exempt-class/", "/exempt-api/"])
@pytest.mark.parametrize("interface", ["wsgi", "asgi", "asgi with lifespan"])
def test_a_request_counts_once_unless_its_view_is_exempt(open_for: OpenProject, interface: str, path: str) -> None:
    """The outer installation counts for the same SLOs."""
    project = open_for(interface[:4])
    inner: Any = WSGIHandler() if interface == "wsgi" else ASGIHandler()
    outer = WSGIMiddleware if interface == "wsgi" else ASGIMiddleware
    application = outer(with_lifespan(inner) if "lifespan" in interface else inner, registry=project.registry)

    assert project.get(path, application=application).status == 200

    assert project.counts() == ((0, 0) if "exempt" in path else (1, 0))


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
