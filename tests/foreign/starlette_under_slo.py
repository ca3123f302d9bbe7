"""Pytest plugin: `instrument` for every Starlette application, `SLOMiddleware` around every other one, and the wire counted."""

from __future__ import annotations

from contextvars import ContextVar
from types import TracebackType
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.responses import StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import _TestClientTransport

from slo_asgi import SLOMiddleware, instrument
from slo_core.tracking.registry import SLORegistry
from wire_ledger import DEFINITIONS, Ledger, LedgerPlugin, WireRequest

_ledger = Ledger()
# Where the request travels in its scope, for the applications and layers inside of the outermost. A scope is one request.
_KEY = "foreign.wire"
_LAST = ("http.response.body", "http.response.trailers")
_serving: ContextVar[WireRequest | None] = ContextVar("foreign.serving", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Inject."""
    config.pluginmanager.register(LedgerPlugin(_ledger))
    make, call, serve_static = Starlette.__init__, Starlette.__call__, StaticFiles.__call__
    handle, handle_mount = Route.handle, Mount.handle
    connect = _TestClientTransport.__init__

    def make_instrumented(self: Starlette, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        # Without a metrics view: tests compare the routes of their application.
        instrument(self, DEFINITIONS, metrics_path=None)

    async def call_on_wire(self: Starlette, scope: Any, receive: Any, send: Any) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await call(self, scope, receive, send)

        await _serve(app, self.state.slo_registry, scope, receive, send)

    async def handle_noting(self: Route, scope: Any, receive: Any, send: Any) -> None:
        if _KEY in scope:
            scope[_KEY].has_route = True
        await handle(self, scope, receive, send)

    async def handle_mount_noting(self: Mount, scope: Any, receive: Any, send: Any) -> None:
        if _KEY in scope and not self.routes:  # an application that is not known to have routes of its own
            scope[_KEY].has_route = True
        await handle_mount(self, scope, receive, send)

    async def serve_static_noting(self: StaticFiles, scope: Any, receive: Any, send: Any) -> None:
        request = scope.get(_KEY)
        if request is not None:
            request.is_static = True
        await serve_static(self, scope, receive, send)

    def connect_on_wire(self: Any, app: Any, *args: Any, **kwargs: Any) -> None:
        connect(self, app if isinstance(app, Starlette) else _BareApp(app), *args, **kwargs)

    Starlette.__init__ = make_instrumented
    Starlette.__call__ = call_on_wire
    Route.handle, Mount.handle = handle_noting, handle_mount_noting
    StaticFiles.__call__ = serve_static_noting
    _TestClientTransport.__init__ = connect_on_wire


class _BareApp:
    """Any other ASGI application that a test client calls, behind a `SLOMiddleware` of its own."""

    def __init__(self, app: Any) -> None:
        self._registry = SLORegistry.from_config(DEFINITIONS)
        self._app = SLOMiddleware(app, registry=self._registry)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await _serve(self._app, self._registry, scope, receive, send)


async def _serve(app: Any, registry: Any, scope: Any, receive: Any, send: Any) -> None:
    """Serve a request and note what passes between the server and everything of ours."""
    if scope["type"] != "http" or _KEY in scope:
        await app(scope, receive, send)
        return
    outer = _serving.get()
    request = scope[_KEY] = _ledger.begin(scope["method"], registry)
    request.is_within = outer is not None and outer.is_open
    _serving.set(request)
    has_trailers = False

    async def wire_receive() -> Any:
        message = await receive()
        if message["type"] == "http.disconnect" and not request.is_complete:
            request.is_client_gone = True
        return message

    async def wire_send(message: Any) -> None:
        nonlocal has_trailers
        was_complete = request.is_complete
        # Before it is sent: a server sends http.disconnect when the response is complete, too.
        if message["type"] == "http.response.start":
            request.status = message["status"]
            has_trailers = message.get("trailers", False)
        elif message["type"] == "http.response.pathsend" or (
            message["type"] == _LAST[has_trailers] and not message.get("more_body") and not message.get("more_trailers")
        ):
            request.is_complete = True
        try:
            await send(message)
        except Exception as exc:
            request.is_complete = was_complete  # the server did not take it
            request.is_client_gone = isinstance(exc, OSError)
            raise

    try:
        await app(scope, wire_receive, wire_send)
    except BaseException as exc:
        _explain(request, exc.__traceback__)
        if not request.is_complete:
            request.is_raised = True
        raise
    finally:
        _serving.set(outer)
    if not request.is_complete:
        request.is_raised = True  # the server has to break the response off


def _explain(request: WireRequest, traceback: TracebackType | None) -> None:
    """What an exception that came out broke off, and what answered it, by the functions that it came through."""
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code is StreamingResponse.stream_response.__code__:
            request.is_broken_off = True
        elif frame.f_code is ServerErrorMiddleware.__call__.__code__ and not frame.f_locals["response_started"]:
            request.is_last_resort = True  # which raises what it has answered again
        traceback = traceback.tb_next
