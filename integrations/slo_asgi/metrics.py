"""`/metrics` as an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol, cast, overload

from slo_core.http import exempt_request
from slo_core.lifespan import Receive, Scope, Send
from slo_core.metrics_view import MetricsView
from slo_core.off_loop import run_off_loop
from slo_core.registry import SLORegistry

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


class MetricsApp:
    """
    Answers scrapes of one registry; its own requests count for no SLO, wherever it is mounted.

    Args:
        registry: The SLOs.
        token: Bearer token to ask for; None asks for none.
    """

    def __init__(self, registry: SLORegistry, *, token: str | None = None) -> None:
        self._view = MetricsView(registry, token=token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: GET and HEAD, 405 to all others."""
        if scope["type"] != "http":
            raise ValueError(f"metrics_app answers HTTP requests, got a connection of type {scope['type']!r}")
        exempt_request(scope)
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        answer = await run_off_loop(
            lambda: self._view.respond(
                scope["method"],
                accept=headers.get(b"accept", ""),
                accept_encoding=headers.get(b"accept-encoding", ""),
                authorization=headers.get(b"authorization", ""),
                query=scope.get("query_string", b"").decode("latin-1"),
            )
        )
        raw_headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw_headers})
        await send({"type": "http.response.body", "body": answer.body})


def metrics_app(registry: SLORegistry, *, token: str | None = None) -> MetricsEndpoint:
    """
    The metrics view of a registry.

    `app.add_route("/metrics", metrics_app(registry))` in Starlette and FastAPI; any ASGI server or router can serve it.

    Args:
        registry: The SLOs.
        token: Bearer token that scrapers must send; None asks for none.
    """
    return cast(MetricsEndpoint, MetricsApp(registry, token=token))
