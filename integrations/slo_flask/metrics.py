"""The metrics route."""

from __future__ import annotations

from flask import Flask, request

from slo_core.http.answer import Answer
from slo_core.tracking.registry import SLORegistry
from slo_flask.answer import add_view
from slo_flask.bypass import Bypass
from slo_wsgi.metrics import MetricsWSGIApp

__all__ = ["ENDPOINT", "mount"]

ENDPOINT = "slo_metrics"


def mount(app: Flask, path: str, registry: SLORegistry, *, token: str | None, bypass: Bypass) -> None:
    """
    Add the route.

    Args:
        app: The application.
        path: Where it answers.
        registry: The SLOs.
        token: Bearer token that scrapers must send; None asks for none.
        bypass: Warns when requests pass the middleware by.
    """
    metrics = MetricsWSGIApp(registry, token=token)

    def scrape() -> Answer:
        """The metrics."""
        return metrics.answer(request.environ)

    add_view(app, path, ENDPOINT, scrape, bypass=bypass)
