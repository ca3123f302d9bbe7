"""A lifespan for applications that the server's own does not reach: mounted ones, and WSGI applications behind a bridge."""

from __future__ import annotations

import traceback
from typing import Any

from slo_core.http.lifespan import ASGIApp, Receive, Scope, Send, serve_lifespan
from slo_core.tracking.registry import SLORegistry

__all__ = ["LifespanApplication", "with_lifespan"]

# Bridges to WSGI that raise for every connection type that they do not serve.
_WITHOUT_LIFESPAN = ("asgiref.wsgi", "starlette.middleware.wsgi")


def with_lifespan(app: ASGIApp, registry: SLORegistry) -> LifespanApplication:
    """
    Hand events over when the server stops, for an instrumented application that the lifespan does not reach.

    Frameworks do not pass the lifespan on to what is mounted in them, and bridges to WSGI have none. In the module that the
    server loads: `app = with_lifespan(app, registry)`.

    Args:
        app: What the server is given: the outer application, or the bridge. Its own lifespan still runs, and an exception
            that prevents its start still reaches the server.
        registry: That of the application inside.
    """
    return LifespanApplication(app, registry)


class LifespanApplication:
    """
    An ASGI application around another.

    Args:
        app: The application.
        registry: Closed when the server shuts down.
    """

    __slots__ = ("_app", "_registry")

    def __init__(self, app: ASGIApp, registry: SLORegistry) -> None:
        self._app = app
        self._registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Serve one connection, and return what the application returns. Only the lifespan is looked at."""
        if scope["type"] != "lifespan":
            return await self._app(scope, receive, send)
        self._registry.internals.sees_server_stop = True
        await serve_lifespan(self._app, scope, receive, send, registry=lambda: self._registry, is_refusal=_is_refusal)
        return None


def _is_refusal(exc: Exception) -> bool:
    """Whether a bridge raised this exception itself, because of the scope's type."""
    *_, (frame, _) = traceback.walk_tb(exc.__traceback__)
    return isinstance(exc, (ValueError, AssertionError)) and frame.f_globals.get("__name__") in _WITHOUT_LIFESPAN
