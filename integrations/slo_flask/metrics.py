"""The metrics route."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from slo_core.http_rule import KNOWN_METHODS
from slo_core.markers import slo_exempt
from slo_core.registry import SLORegistry
from slo_core.request import exempt_request
from slo_core.workers import several_wsgi_processes
from slo_flask.answer import response_of

if TYPE_CHECKING:
    from slo_core.metrics_view import MetricsView

__all__ = ["ENDPOINT", "mount"]

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
        _view(registry, token=token),
        methods=sorted(KNOWN_METHODS),  # all of them, because the view answers 405 itself
        provide_automatic_options=False,
        # With host matching a rule without a host would match none.
        host="<slo_host>" if app.url_map.host_matching else None,
    )


def _view(registry: SLORegistry, *, token: str | None) -> Callable[..., Response]:
    """
    The view. A function, because extensions read a view's module and name, and may hang attributes on it.

    Args:
        registry: What it shows.
        token: Bearer token it asks for; None asks for none.
    """
    shown: MetricsView | None = None

    # Marked as well, because hooks and a 405 of the router's answer without asking the view.
    @slo_exempt
    def slo_metrics(**_: str) -> Response:
        """The SLOs in Prometheus's formats."""
        nonlocal shown
        exempt_request(request.environ)
        registry.note_workers(lambda: several_wsgi_processes(request.environ))
        if shown is None:
            # prometheus_client takes longer to import than all the rest: the first scrape pays for it, not the start.
            from slo_core.metrics_view import MetricsView

            shown = MetricsView(registry, token=token)
        headers = request.headers
        answer = shown.respond(
            request.method,
            accept=headers.get("Accept", ""),
            accept_encoding=headers.get("Accept-Encoding", ""),
            authorization=headers.get("Authorization", ""),
            query=request.environ.get("QUERY_STRING", ""),
        )
        return response_of(answer)

    return slo_metrics
