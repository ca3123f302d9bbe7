"""The metrics route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, request

from slo_core.http_rule import KNOWN_METHODS
from slo_core.markers import slo_exempt
from slo_core.registry import SLORegistry
from slo_core.request import exempt_request
from slo_flask.answer import response_of

if TYPE_CHECKING:
    from slo_core.metrics_view import MetricsView

__all__ = ["ENDPOINT", "MetricsEndpoint", "mount"]

ENDPOINT = "slo_metrics"


def mount(app: Flask, path: str, registry: SLORegistry, *, token: str | None) -> None:
    """
    Add the route.

    Args:
        app: The application.
        path: Where it answers.
        registry: What it shows.
        token: Bearer token it asks for; None asks for none.
    """
    app.add_url_rule(
        path,
        ENDPOINT,
        MetricsEndpoint(registry, token=token),
        methods=sorted(KNOWN_METHODS),  # all of them, because the view answers 405 itself
        provide_automatic_options=False,
        # With host matching a rule without a host would match none.
        host="<slo_host>" if app.url_map.host_matching else None,
    )


# Marked as well, because hooks and a 405 of the router's answer without asking the view.
@slo_exempt
class MetricsEndpoint:
    """
    The view.

    Args:
        registry: What it shows.
        token: Bearer token it asks for; None asks for none.
    """

    def __init__(self, registry: SLORegistry, *, token: str | None) -> None:
        self._registry = registry
        self._token = token
        self._view: MetricsView | None = None

    def __call__(self, **_: str) -> Response:
        exempt_request(request.environ)
        if request.environ.get("wsgi.multiprocess"):
            self._registry.note_workers("the server says wsgi.multiprocess")
        headers = request.headers
        answer = (self._view or self._make_view()).respond(
            request.method,
            accept=headers.get("Accept", ""),
            accept_encoding=headers.get("Accept-Encoding", ""),
            authorization=headers.get("Authorization", ""),
            query=request.environ.get("QUERY_STRING", ""),
        )
        return response_of(answer)

    def _make_view(self) -> MetricsView:
        # prometheus_client takes longer to import than all the rest: the first scrape pays for it, not the start.
        from slo_core.metrics_view import MetricsView

        view = self._view = MetricsView(self._registry, token=self._token)
        return view
