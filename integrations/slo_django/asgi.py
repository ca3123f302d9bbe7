"""Additions to Django's ASGI application: a lifespan, to flush counts at shutdown, and a look at the wire."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from slo_core.http.lifespan import Receive, Scope, Send, serve_lifespan
from slo_core.tracking.registry import SLORegistry
from slo_django.installation import current
from slo_django.unserved import count_unserved
from slo_django.wire import WIRE_KEY, Wire

__all__ = ["LifespanApplication", "with_lifespan"]

# Looser than `slo_core.http.lifespan.ASGIApp`: Django's handler and Channels' routers each want a scope type of their own.
AnyASGIApp = Callable[[Any, Any, Any], Awaitable[Any]]

# Django's handler and the routers of Channels raise ValueError for every connection type that they do not serve.
_WITHOUT_LIFESPAN = ("django.core.handlers.asgi", "channels.routing")


def with_lifespan(application: AnyASGIApp) -> LifespanApplication:
    """
    Give the project's ASGI application a lifespan.

    In the project's `asgi.py`: `application = with_lifespan(get_asgi_application())`.

    Counts are then flushed at the server's shutdown, which Django itself does not see. A client that hangs up in the midst
    of its answer is seen, and not confused with a server that shuts down. Times are those of the first and the last byte
    that the server was handed.

    Args:
        application: Django's, or a router or middleware around it. Its own lifespan still runs, and an exception that
            prevents its start still reaches the server.
    """
    return LifespanApplication(application)


class LifespanApplication:
    """
    An ASGI application around another.

    Args:
        application: The application.
    """

    __slots__ = ("_application",)

    def __init__(self, application: AnyASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, Wire(receive, send))
        elif scope["type"] == "lifespan":
            await serve_lifespan(self._application, scope, receive, send, registry=_registry, is_refusal=_is_refusal)
        else:
            await self._application(scope, receive, send)

    async def _serve(self, scope: Scope, wire: Wire) -> None:
        scope[WIRE_KEY] = wire
        try:
            await self._application(scope, wire.receive, wire.send)
        except BaseException as exc:
            wire.raised(exc)
            if wire.served is None and not wire.seen and isinstance(exc, Exception):
                count_unserved(scope, exc)
            raise
        else:
            wire.returned()
        finally:
            # They lead to each other, and servers keep the scope: both would wait for the garbage collector.
            scope.pop(WIRE_KEY, None)
            wire.served = None


def _registry() -> SLORegistry | None:
    return current.installation.registry_if_built


def _is_refusal(exc: Exception) -> bool:
    """Whether Django or Channels raised this exception itself, because of the scope's type."""
    *_, (frame, _) = traceback.walk_tb(exc.__traceback__)
    return isinstance(exc, ValueError) and frame.f_globals.get("__name__") in _WITHOUT_LIFESPAN
