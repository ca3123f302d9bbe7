"""The inner observer: what the router and the endpoint did, before any layer outside of them could hide it."""

from __future__ import annotations

from typing import Any

from slo_core.conventions import REQUEST_MARKS_KEY
from slo_core.http.lifespan import ASGIApp, Message, Receive, Scope, Send
from slo_core.http.request import RequestMarks

__all__ = ["LastResortObserver", "RouterObserver"]


class RouterObserver:
    """
    Stands around a router and notes what `SLOMiddleware` cannot see from further outside.

    It notes the scope that the router writes the route into, where a middleware handed on a copy; and the exception that
    broke off a response, where a layer in between ends the broken response as if nothing had happened, as Starlette's
    `BaseHTTPMiddleware` does. It counts nothing itself. `instrument` installs it; with a `SLOMiddleware` of your own:
    `app.router.middleware_stack = RouterObserver(app.router.middleware_stack)`.

    Args:
        app: The router, or any ASGI application.
    """

    __slots__ = ("app",)

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        marks = scope.get(REQUEST_MARKS_KEY)
        if scope["type"] != "http" or type(marks) is not RequestMarks:
            await self.app(scope, receive, send)
            return
        marks.router_scope = scope
        marks.broken_off = None  # a layer in between may try again
        last_message: Message | None = None

        # No coroutine of its own, which would take twice as long as all the rest.
        def noting_send(message: Message) -> Any:
            nonlocal last_message
            last_message = message
            return send(message)

        try:
            await self.app(scope, receive, noting_send)
        except Exception as exc:
            if last_message is not None and _is_unfinished(last_message):
                marks.broken_off = exc
            raise


class LastResortObserver:
    """
    Stands just inside the framework's last resort and notes the exceptions that reach it, before it answers them.

    Args:
        app: What the last resort stands around.
    """

    __slots__ = ("app",)

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        try:
            await self.app(scope, receive, send)
        except Exception as exc:
            marks = scope.get(REQUEST_MARKS_KEY)
            if type(marks) is RequestMarks:
                marks.unhandled = exc
            raise


def _is_unfinished(last_message: Message) -> bool:
    """Whether a response whose last message this was had started and not ended."""
    message_type = last_message.get("type")
    if message_type in {"http.response.body", "http.response.zerocopysend"}:
        return bool(last_message.get("more_body"))
    if message_type == "http.response.trailers":
        return bool(last_message.get("more_trailers"))
    return message_type == "http.response.start"
