"""`/metrics` as an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast, overload

from slo_asgi.answer import Endpoint, headers_of, view_arguments
from slo_core.conventions import REQUEST_MARKS_KEY
from slo_core.http.lifespan import Receive, Scope, Send
from slo_core.metrics.view import MetricsView
from slo_core.tracking.registry import SLORegistry

__all__ = ["MetricsApp", "MetricsEndpoint", "metrics_app"]


class MetricsEndpoint(Protocol):
    """
    An ASGI application, as servers, mounts and routes take it.

    Starlette's `add_route` takes applications too, but is annotated for views; hence the second signature.
    """

    @overload
    def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> Awaitable[None]: ...

    @overload
    def __call__(self, request: Any, /) -> Awaitable[Any]: ...


class MetricsApp(Endpoint):
    """
    Answers scrapes of one registry; its own requests count for no SLO, wherever it is mounted.

    Args:
        registry: The SLOs.
        token: Bearer token that scrapers must send; None asks for none.
        not_observed: Called when a scrape was not observed, and so no other request is.
    """

    def __init__(
        self, registry: SLORegistry, *, token: str | None = None, not_observed: Callable[[], None] | None = None
    ) -> None:
        super().__init__()
        self._not_observed = not_observed
        self._view = MetricsView(registry, token=token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: GET and HEAD, 405 to all others."""
        if self._not_observed is not None and REQUEST_MARKS_KEY not in scope:
            self._not_observed()
        await self.send_answer(
            scope,
            send,
            lambda: self._view.respond(
                scope["method"], accept=headers_of(scope).get("accept", ""), **view_arguments(scope)
            ),
        )


def metrics_app(registry: SLORegistry, *, token: str | None = None) -> MetricsEndpoint:
    """
    The metrics view of a registry.

    `app.add_route("/metrics", metrics_app(registry))` in Starlette and FastAPI; any ASGI server or router can serve it.

    Args:
        registry: The SLOs.
        token: Bearer token that scrapers must send; None asks for none.
    """
    return cast(MetricsEndpoint, MetricsApp(registry, token=token))
