"""The metrics route."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from flask import Flask, request

from slo_core.http.answer import Answer
from slo_core.process.workers import several_wsgi_processes
from slo_core.tracking.registry import SLORegistry
from slo_flask.answer import add_view, view_arguments

if TYPE_CHECKING:
    from slo_core.metrics.view import MetricsView

__all__ = ["ENDPOINT", "mount"]

ENDPOINT = "slo_metrics"


def mount(app: Flask, path: str, registry: SLORegistry, *, token: str | None) -> None:
    """
    Add the route.

    Args:
        app: The application.
        path: Where it answers.
        registry: The SLOs.
        token: Bearer token that scrapers must send; None asks for none.
    """
    add_view(app, path, ENDPOINT, MetricsEndpoint(registry, token=token).scrape)


class MetricsEndpoint:
    """
    Answers at the route.

    Args:
        registry: The SLOs.
        token: Bearer token that scrapers must send; None asks for none.
    """

    def __init__(self, registry: SLORegistry, *, token: str | None) -> None:
        self._registry = registry
        self._token = token

    def scrape(self) -> Answer:
        """The metrics."""
        self._registry.internals.note_workers(lambda: several_wsgi_processes(request.environ))
        return self._view.respond(request.method, accept=request.headers.get("Accept", ""), **view_arguments())

    @cached_property
    def _view(self) -> MetricsView:
        # prometheus_client takes longer to import than all the rest: the first scrape pays for it, not the start.
        from slo_core.metrics.view import MetricsView

        return MetricsView(self._registry, token=self._token)
