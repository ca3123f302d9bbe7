"""
`SLOMiddleware` first in every MIDDLEWARE that a test sets, and the wire counted.

For REST framework's suite it is a pytest plugin; Django's own runner has none, and takes it through its settings.
"""

from __future__ import annotations

import contextlib
from asyncio import CancelledError
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.contrib.staticfiles.views import serve as serve_from_finders
from django.core.handlers import base, exception
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, UnreadablePostError
from django.views.static import serve as serve_from_folder

from wire_ledger import DEFINITIONS, Ledger, LedgerPlugin, WireRequest

__all__ = ["APP", "SETTINGS", "inject", "ledger"]

APP = "slo_django"
SETTINGS = {"SLO_DEFINITIONS": DEFINITIONS, "SLO_STORE": "memory://"}

ledger = Ledger()
_STATIC_VIEWS = (serve_from_folder, serve_from_finders)
_MIDDLEWARE = "slo_django.middleware.SLOMiddleware"
# Where a request travels in its ASGI scope. A scope is one request.
_KEY = "foreign.wire"
# The request that is being served: what a view sends to its own application is part of it.
_serving: ContextVar[WireRequest | None] = ContextVar("foreign_wire", default=None)


@pytest.hookimpl(tryfirst=True)  # before the suite's own conftest
def pytest_configure(config: pytest.Config) -> None:
    """Inject, with settings that the suite's own conftest is about to configure."""
    configure = LazySettings.configure

    def configure_with_slo(self: LazySettings, *args: Any, **options: Any) -> None:
        options["INSTALLED_APPS"] = (*options["INSTALLED_APPS"], APP)
        configure(self, *args, **options, **SETTINGS)

    LazySettings.configure = configure_with_slo
    config.pluginmanager.register(LedgerPlugin(ledger))
    inject()


class _WithMiddleware:
    """Django's settings as its handlers read them."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(settings, name)
        return [_MIDDLEWARE, *value] if name == "MIDDLEWARE" else value


def inject() -> None:
    """From now on every handler counts, and its wire is counted."""
    base.settings = _WithMiddleware()
    respond, respond_async = base.BaseHandler.get_response, base.BaseHandler.get_response_async
    handle_uncaught = exception.handle_uncaught_exception

    def respond_on_wire(self: base.BaseHandler, request: HttpRequest) -> Any:
        if _is_part_of_another(request):
            return respond(self, request)
        with _on_wire(request) as wire:
            response = respond(self, request)
        return _sent(response, wire)

    async def respond_on_wire_async(self: base.BaseHandler, request: HttpRequest) -> Any:
        if _is_part_of_another(request):
            return await respond_async(self, request)
        with _on_wire(request) as wire:
            response = await respond_async(self, request)
        return _sent(response, wire)

    def handle_uncaught_noting(request: HttpRequest, resolver: Any, exc_info: Any) -> Any:
        response = handle_uncaught(request, resolver, exc_info)  # raises where it answers nothing
        wire = getattr(request, "_foreign_wire", None)
        if wire is not None:
            if isinstance(exc_info[1], UnreadablePostError):
                wire.is_client_gone = True
            wire.is_last_resort = True
        return response

    base.BaseHandler.get_response = respond_on_wire
    base.BaseHandler.get_response_async = respond_on_wire_async
    exception.handle_uncaught_exception = handle_uncaught_noting


def _is_part_of_another(request: HttpRequest) -> bool:
    return _serving.get() is not None or _KEY in getattr(request, "scope", ())


@contextlib.contextmanager
def _on_wire(request: HttpRequest) -> Iterator[WireRequest]:
    from slo_django import get_registry  # not before the settings are there

    wire = ledger.begin(request.method or "", get_registry())
    request._foreign_wire = wire
    if isinstance(request, ASGIRequest):
        request.scope[_KEY] = wire
    wire.is_static = bool(settings.STATIC_URL) and request.path.startswith(settings.STATIC_URL)
    token = _serving.set(wire)
    try:
        yield wire
        match = request.resolver_match
        if match is not None:
            wire.has_route = True
            wire.is_static = wire.is_static or match.func in _STATIC_VIEWS
    except BaseException as exc:
        # Django cancels a request when its client has gone.
        wire.is_client_gone = isinstance(exc, CancelledError)
        wire.is_raised = not wire.is_client_gone
        raise
    finally:
        _serving.reset(token)


def _sent(response: Any, wire: WireRequest) -> Any:
    """Note the response, and how far its stream comes."""
    if not wire.is_client_gone:
        wire.status = response.status_code
    if not response.streaming or isinstance(response, FileResponse):
        wire.is_complete = not wire.is_client_gone
        return response
    chunks = response.streaming_content

    async def sent_async(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        with _body_on_wire(wire):
            async for chunk in chunks:
                yield chunk

    def sent(chunks: Iterator[bytes]) -> Iterator[bytes]:
        with _body_on_wire(wire):
            yield from chunks

    def closed() -> None:
        if wire.is_open:
            nothing_to_send = wire.method == "HEAD" or wire.status in (204, 304)
            wire.is_complete, wire.is_client_gone = nothing_to_send, not nothing_to_send

    response.streaming_content = sent_async(chunks) if response.is_async else sent(chunks)
    response._resource_closers.append(closed)
    return response


@contextlib.contextmanager
def _body_on_wire(wire: WireRequest) -> Iterator[None]:
    try:
        yield
    except (GeneratorExit, CancelledError):
        wire.is_client_gone = wire.is_open
        raise
    except BaseException:
        wire.is_raised = True
        raise
    wire.is_complete = not wire.is_client_gone
