"""A request is let go of at its end, however many installations count it and whatever task serves the next one."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from asgi_driver import http_scope
from slo_asgi import SLOMiddleware, instrument
from slo_core import SLORegistry

SLO = {"availability": {"target": 0.9}}


class Oops(Exception):
    pass


async def good(request: Request) -> Response:
    return PlainTextResponse("answer")


async def failing(request: Request) -> Response:
    raise Oops


async def breaking(request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"part"
        raise Oops

    return StreamingResponse(chunks())


async def pass_on(request: Request, call_next: Any) -> Any:
    return await call_next(request)


def one_installation() -> Any:
    app = shop()
    instrument(app, SLO)
    return app


def hiding_layer() -> Any:
    app = shop()
    app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
    instrument(app, SLO)
    return app


def other_service() -> Any:
    return mounted(SLO, service="inner")


def other_slo() -> Any:
    return mounted({"inner": {"target": 0.9}}, service="shop")


def by_hand_and_instrumented() -> Any:
    app = shop()
    every = SLORegistry.from_config({"every": {"target": 0.9}})
    app.add_middleware(SLOMiddleware, registry=every, slo_name="every")
    instrument(app, SLO)
    return app


def plain_within_plain() -> Any:
    inner = SLOMiddleware(shop(), registry=SLORegistry.from_config(SLO, service="inner"))
    return SLOMiddleware(inner, registry=SLORegistry.from_config(SLO, service="shop"))


def shop() -> Starlette:
    return Starlette(routes=[Route(f"/{view.__name__}", view) for view in (good, failing, breaking)])


def mounted(slos: dict[str, Any], *, service: str) -> Starlette:
    inner = shop()
    instrument(inner, slos, service=service)
    app = Starlette()
    instrument(app, SLO, service="shop")
    app.mount("/", inner)
    return app


class Kept(dict[str, Any]):
    """A scope that can be watched."""


async def serve_one(app: Any, path: str) -> weakref.ref[Kept]:
    scope = Kept(http_scope(path=path))

    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    async def send(message: Any) -> None:
        pass

    with suppress(Oops):
        await app(scope, receive, send)
    return weakref.ref(scope)


@pytest.mark.parametrize("path", ["/good", "/failing", "/breaking"])
@pytest.mark.parametrize(
    "make_app",
    [one_installation, hiding_layer, other_service, other_slo, by_hand_and_instrumented, plain_within_plain],
)
def test_requests_of_one_task_do_not_keep_one_another(make_app: Callable[[], Any], path: str) -> None:
    """Some servers serve all requests of a connection in one task: only its latest may still be there."""
    app = make_app()

    async def alive() -> int:
        scopes = [await serve_one(app, path) for _ in range(20)]
        gc.collect()
        return sum(scope() is not None for scope in scopes)

    assert asyncio.run(alive()) <= 1
