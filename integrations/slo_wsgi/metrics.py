"""`/metrics` as a WSGI application."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from slo_core.http.answer import Answer, checked_token
from slo_core.http.request import exempt_request
from slo_core.http.wsgi import send_answer, view_arguments
from slo_core.process.workers import ends_after_each_request, several_wsgi_processes
from slo_core.tracking.registry import SLORegistry

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from slo_core.metrics.view import MetricsView

__all__ = ["MetricsWSGIApp", "metrics_wsgi_app"]


class MetricsWSGIApp:
    """
    Answers scrapes of one registry; its own requests count for no SLO, wherever it is mounted.

    Args:
        registry: The SLOs.
        token: Bearer token that scrapers must send; None asks for none.

    Raises:
        ValueError: The token is empty.
    """

    def __init__(self, registry: SLORegistry, *, token: str | None = None) -> None:
        self._registry = registry
        self._token = checked_token(token)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request: GET and HEAD, 405 to all others."""
        return send_answer(start_response, self.answer(environ))

    def answer(self, environ: WSGIEnvironment) -> Answer:
        """The answer to a request, for frameworks that send it themselves."""
        exempt_request(environ)
        if ends_after_each_request(environ):
            self._registry.internals.note_lost_events()
        else:
            self._registry.internals.note_workers(lambda: several_wsgi_processes(environ))
        return self._view.respond(
            environ.get("REQUEST_METHOD", ""), accept=environ.get("HTTP_ACCEPT", ""), **view_arguments(environ)
        )

    @cached_property
    def _view(self) -> MetricsView:
        # prometheus_client takes longer to import than all the rest: the first scrape pays for it, not the start.
        from slo_core.metrics.view import MetricsView

        return MetricsView(self._registry, token=self._token)


def metrics_wsgi_app(registry: SLORegistry, *, token: str | None = None) -> WSGIApplication:
    """
    The metrics view of a registry, for any WSGI server, dispatcher or mount.

    Args:
        registry: The SLOs.
        token: Bearer token that scrapers must send; None asks for none.

    Raises:
        ValueError: The token is empty.
    """
    return MetricsWSGIApp(registry, token=token)
