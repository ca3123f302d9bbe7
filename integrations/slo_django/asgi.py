"""Additions to Django's ASGI application: a lifespan, to flush counts at shutdown, and a watch for clients that leave."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from slo_core.http.lifespan import Message, Receive, Scope, Send, serve_lifespan
from slo_core.tracking.registry import SLORegistry
from slo_django.installation import current

__all__ = ["DISCONNECT_KEY", "DisconnectWatch", "LifespanApplication", "with_lifespan"]

# Key of the watch in an ASGI scope.
DISCONNECT_KEY = "slo_django.disconnect"

# Looser than `slo_core.http.lifespan.ASGIApp`: Django's handler and Channels' routers each want a scope type of their own.
AnyASGIApp = Callable[[Any, Any, Any], Awaitable[Any]]

# Django's handler and the routers of Channels raise ValueError for every connection type that they do not serve.
_WITHOUT_LIFESPAN = ("django.core.handlers.asgi", "channels.routing")


def with_lifespan(application: AnyASGIApp) -> LifespanApplication:
    """
    Give the project's ASGI application a lifespan.

    In the project's `asgi.py`: `application = with_lifespan(get_asgi_application())`.

    Counts are then flushed at the server's shutdown, which Django itself does not see, and a client that hangs up is not
    confused with a server that shuts down.

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
            scope[DISCONNECT_KEY] = receive = DisconnectWatch(receive)
        elif scope["type"] == "lifespan":
            await serve_lifespan(self._application, scope, receive, send, registry=_registry, is_refusal=_is_refusal)
            return
        await self._application(scope, receive, send)


class DisconnectWatch:
    """
    Stands in for the server's `receive`, and notes that the application received `http.disconnect`.

    Attributes:
        seen: The client has hung up.
    """

    __slots__ = ("_receive", "seen")

    seen: bool

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.seen = False

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.seen = True
        return message

    def look(self) -> bool:
        """
        Whether the client has hung up, though the application may not have received it yet.

        Some servers put `http.disconnect` in the queue and cancel the application before it can read it. `receive` is
        stepped once, without waiting. Call it when the application is cancelled: another message would be lost.
        """
        if self.seen:
            return True
        try:
            step = self._receive().__await__()
            try:
                next(step)
            finally:
                close = getattr(step, "close", None)  # an awaitable of a server written in Rust has none
                if close is not None:
                    close()
        except StopIteration as end:
            self.seen = isinstance(end.value, dict) and end.value.get("type") == "http.disconnect"
        except Exception:  # the server's own: the connection is closed, or it allows one reader only
            return False
        return self.seen


def _registry() -> SLORegistry | None:
    return current.installation.registry_if_built


def _is_refusal(exc: Exception) -> bool:
    """Whether Django or Channels raised this exception itself, because of the scope's type."""
    *_, (frame, _) = traceback.walk_tb(exc.__traceback__)
    return isinstance(exc, ValueError) and frame.f_globals.get("__name__") in _WITHOUT_LIFESPAN
