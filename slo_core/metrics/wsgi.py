"""The metrics of a store as a WSGI application, for a process without a web application of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from slo_core.conventions import DEFAULT_METRICS_PATH
from slo_core.http.answer import Answer, method_not_allowed, plain_text
from slo_core.http.wsgi import send_answer, view_arguments
from slo_core.metrics.view import MetricsView

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["HEALTH_PATH", "metrics_wsgi_app"]

HEALTH_PATH = "/healthz"


def metrics_wsgi_app(view: MetricsView) -> WSGIApplication:
    """
    Answers `/metrics`, and `/healthz` for liveness checks; anything else is 404.

    It reads no body.

    Args:
        view: The view that answers scrapes.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return send_answer(start_response, _answer(view, environ))

    return app


def _answer(view: MetricsView, environ: WSGIEnvironment) -> Answer:
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    if path == DEFAULT_METRICS_PATH:
        return view.respond(method, accept=environ.get("HTTP_ACCEPT", ""), **view_arguments(environ))
    if path == HEALTH_PATH:
        return method_not_allowed(method) or plain_text(method, 200, "ok\n")
    return plain_text(method, 404, f"not found: {DEFAULT_METRICS_PATH} is all there is\n")
