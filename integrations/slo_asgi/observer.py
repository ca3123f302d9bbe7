"""The inner observer: what the router and the endpoint did, before any layer outside of them could hide it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from slo_asgi.middleware import serving
from slo_asgi.route_table import is_mount, routed_app_of
from slo_core.http.lifespan import ASGIApp, Message, Receive, Scope, Send
from slo_core.http.request import shared_marks

__all__ = ["RouterObserver", "may_hide_the_router", "observe_last_resort", "observe_mounted", "observe_router"]

# An application has a dozen layers at most.
_LAYERS = 64
_FRAMEWORKS = ("starlette", "fastapi")


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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Serve one connection, and return what the application returns."""
        served = serving.get()
        if served is None or served.marks is not None or scope is not served.request_scope:
            marks = shared_marks(scope)
            if marks is None:  # of a request that nothing counts, or of another protocol
                return await self.app(scope, receive, send)
            if served is None or scope is not served.request_scope or marks.counted_by is not served.slo_keys:
                marks.noting().router_scope = scope
            elif marks.notes is not None:
                marks.notes.router_scope = None  # a layer in between tries again
            if marks.notes is not None:
                marks.notes.broken_off = marks.notes.unhandled = None  # likewise
            served = None  # perhaps an earlier one of this task: no traceback is to lead to it
        last_message: Message | None = None

        # A coroutine function, although returning the server's coroutine would take half the time: bridges to sync code
        # (asgiref) look at what they are given.
        async def noting_send(message: Message) -> None:
            nonlocal last_message
            await send(message)
            last_message = message  # not one that was refused: a layer outside may answer in its place

        try:
            return await self.app(scope, receive, noting_send)
        except Exception as exc:
            if last_message is not None and _is_unfinished(last_message):
                marks = shared_marks(scope)
                if marks is not None and marks.unfinished > 0:
                    marks.noting().broken_off = exc
            raise


def observe_router(router: Any) -> None:
    """Put a `RouterObserver` around the routes of one of Starlette's or FastAPI's routers, once."""
    stack = getattr(router, "middleware_stack", None)
    if stack is not None and not isinstance(stack, RouterObserver):
        router.middleware_stack = RouterObserver(stack)


def may_hide_the_router(app: Any, stack: object) -> bool:
    """
    Whether a layer of the application's may end a broken response, or hand on a copy of the scope.

    The framework's own layers do neither, but for `BaseHTTPMiddleware`: an exception that comes too late for an answer passes
    through.

    Args:
        app: The application.
        stack: The layers around its router, as it has built them.
    """
    for _ in range(_LAYERS):
        if stack is app.router:
            return False
        module = type(stack).__module__  # a subclass is of another one, and may do anything
        if module == "starlette.middleware.base" or module.partition(".")[0] not in _FRAMEWORKS:
            return True
        stack = getattr(stack, "app", None)
    return True


def observe_mounted(routes: Iterable[Any], seen: tuple[object, ...] = ()) -> None:
    """Observe the routers and last resorts of the applications that are mounted below routes."""
    for route in routes:
        app = routed_app_of(getattr(route, "app", None)) if is_mount(route) or hasattr(route, "host") else None
        if app is None or any(each is app for each in seen):
            continue
        router = getattr(app, "router", None)
        if router is None:
            observe_router(app)
        elif not isinstance(getattr(router, "middleware_stack", None), RouterObserver):
            observe_router(router)
            if app.middleware_stack is None:
                _observe_build(app)
        observe_mounted(app.routes, (*seen, app))


def _observe_build(app: Any) -> None:
    build = app.build_middleware_stack

    def build_middleware_stack() -> ASGIApp:
        stack: ASGIApp = build()
        observe_last_resort(stack)
        return stack

    app.build_middleware_stack = build_middleware_stack


def observe_last_resort(stack: object) -> None:
    """
    Have the innermost `ServerErrorMiddleware` of a stack note each exception before it answers it.

    Its three ways to make an answer are wrapped: a layer of its own would cost every request 0.25 us.
    """
    errors = sys.modules.get("starlette.middleware.errors")  # imported wherever such a stack was built
    last_resort: Any = None
    for _ in range(_LAYERS):
        if errors is not None and isinstance(stack, errors.ServerErrorMiddleware):
            last_resort = stack
        stack = getattr(stack, "app", None)
        if stack is None:
            break
    if last_resort is not None:
        for name in ("error_response", "debug_response"):
            setattr(last_resort, name, _noting(getattr(last_resort, name)))
        if last_resort.handler is not None:
            last_resort.handler = _noting_handler(last_resort.handler, errors)


def _noting(respond: Callable[[Any, Exception], Any]) -> Callable[[Any, Exception], Any]:
    @wraps(respond)
    def noting(request: Any, exc: Exception) -> Any:
        _note_unhandled(request, exc)
        return respond(request, exc)

    return noting


def _noting_handler(handler: Callable[..., Any], errors: Any) -> Callable[[Any, Exception], Any]:
    async def noting(request: Any, exc: Exception) -> Any:
        _note_unhandled(request, exc)
        # As the middleware itself would call it.
        if errors.is_async_callable(handler):
            return await handler(request, exc)
        return await errors.run_in_threadpool(handler, request, exc)

    return noting


def _note_unhandled(request: Any, exc: Exception) -> None:
    marks = shared_marks(request.scope)
    if marks is not None and marks.unfinished > 0:
        marks.noting().unhandled = exc


def _is_unfinished(last_message: Message) -> bool:
    """Whether a response whose last message this was had started and not ended."""
    message_type = last_message.get("type")
    if message_type in {"http.response.body", "http.response.zerocopysend"}:
        return bool(last_message.get("more_body"))
    if message_type == "http.response.trailers":
        return bool(last_message.get("more_trailers"))
    return message_type == "http.response.start"
