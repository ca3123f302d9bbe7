"""A request is let go of at its end, however many installations count it and whatever task serves the next one."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
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

# An older one raises groups of exceptions, which lead to their requests themselves.
pytestmark = pytest.mark.skipif(version("starlette").startswith("0.3"), reason="needs Starlette >= 0.40")

SLO = {"availability": {"target": 0.9}}


class Oops(Exception):
    pass


@pytest.fixture(scope="module", autouse=True)
def collected_garbage() -> Iterator[None]:
    """These tests look for what their own requests leave behind, and not through all that is imported."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


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
    return weakref.ref(await kept_scope(app, path))


async def kept_scope(app: Any, path: str) -> Kept:
    scope = Kept(http_scope(path=path))

    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    with suppress(Oops):
        await app(scope, receive, pass_over)
    return scope


installations = pytest.mark.parametrize(
    "make_app",
    [one_installation, hiding_layer, other_service, other_slo, by_hand_and_instrumented, plain_within_plain],
)


@pytest.mark.parametrize("path", ["/good", "/failing", "/breaking"])
@installations
def test_requests_of_one_task_do_not_keep_one_another(make_app: Callable[[], Any], path: str) -> None:
    """Some servers serve all requests of a connection in one task: only its latest may still be there."""
    app = make_app()

    async def alive() -> int:
        scopes = [await serve_one(app, path) for _ in range(20)]
        gc.collect()
        return sum(scope() is not None for scope in scopes)

    assert asyncio.run(alive()) <= 1


@pytest.mark.parametrize("path", ["/failing", "/breaking"])
@installations
def test_a_scope_that_a_server_keeps_holds_no_exception(make_app: Callable[[], Any], path: str) -> None:
    """The last installation that counts it forgets it: its traceback leads to all that the request held."""
    app = make_app()

    async def alive() -> int:
        scopes = [await kept_scope(app, path) for _ in range(3)]
        gc.collect()
        return sum(type(each) is Oops for each in gc.get_objects()) * len(scopes)

    assert asyncio.run(alive()) == 0


def test_a_kept_exception_leads_to_no_earlier_request() -> None:
    """An error tracker may hold it: what its task served before is over."""
    app = one_installation()

    async def alive() -> tuple[bool, bool]:
        earlier = await serve_one(app, "/good")
        with pytest.raises(Oops) as kept:
            await app(http_scope(path="/failing"), None, pass_over)
        gc.collect()
        return earlier() is not None, kept.value.__traceback__ is not None

    assert asyncio.run(alive()) == (False, True)


async def pass_over(message: Any) -> None:
    pass
