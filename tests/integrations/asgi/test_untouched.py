"""The response goes out as if we were not there: every message, in order, the same object."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from asgi_driver import Answer, http_scope, serve
from asgi_service import AVAILABILITY, Service
from slo_asgi import RouterObserver, SLOMiddleware
from slo_core import SLORegistry
from slo_core.testing import FakeClock


async def echo(request: Request) -> Response:
    return Response(await request.body(), headers={"x-one": "1", "X-Two": "2"}, media_type="application/octet-stream")


async def stream(request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        yield b""
        yield b"two"

    return StreamingResponse(chunks(), 206)


async def cookie(request: Request) -> Response:
    response = JSONResponse({"key": ["value"] * 500}, background=BackgroundTask(int))
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


async def redirect(request: Request) -> Response:
    return RedirectResponse("/echo")


async def boom(request: Request) -> Response:
    raise RuntimeError("boom")


def app_with_everything(framework: type[Any]) -> Any:
    app = framework()
    for view in (echo, stream, cookie, redirect, boom):
        app.add_route(f"/{view.__name__}", view, methods=["GET", "POST"])
    app.add_middleware(GZipMiddleware)
    return app


@pytest.mark.parametrize("framework", [Starlette, FastAPI])
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("path", ["/echo", "/stream", "/cookie", "/redirect", "/boom", "/nowhere", "/echo/"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "FOO"])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_every_message_is_the_same_with_and_without_us(
    framework: type[Any], inside: bool, path: str, method: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compared message by message: types, order, headers with their order and case, chunk for chunk."""

    monkeypatch.setattr("time.time", FakeClock())  # gzip writes the time into its header

    def ask(app: Any) -> Answer:
        return serve(app, method, path, body=b"b" * 2000, headers={"accept-encoding": encoding})

    without = ask(app_with_everything(framework))
    service = Service(app_with_everything(framework), inside=inside)
    answer = ask(service.app)

    assert answer.messages == without.messages
    assert repr(answer.exception) == repr(without.exception)
    assert service.registry.internals.errors.total == 0


def test_unknown_messages_pass_as_the_same_objects() -> None:
    """Extensions we have never heard of, trailers, paths, early hints; whatever keys they carry."""
    messages: list[dict[str, Any]] = [
        {"type": "http.response.early_hint", "links": [b"</style.css>"]},
        {"type": "http.response.push", "path": "/style.css", "headers": []},
        {"type": "http.response.debug", "info": {"template": object()}},
        {"type": "http.response.start", "status": 200, "headers": [], "trailers": True, "x-unknown": object()},
        {"type": "http.response.body", "body": memoryview(b"chunk"), "more_body": True},
        {"type": "http.response.zerocopysend", "file": 3},
        {"type": "http.response.pathsend", "path": "/etc/hostname"},
        {"type": "http.response.trailers", "headers": [(b"a", b"b")], "more_trailers": True},
        {"type": "http.response.trailers", "headers": []},
        {"no": "type"},
    ]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    sent: list[Any] = []

    async def run() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError("nobody reads")

        await SLOMiddleware(app, registry=registry)(http_scope(), receive, send)

    registry = SLORegistry.from_config(AVAILABILITY)
    asyncio.run(run())

    assert len(sent) == len(messages)
    assert all(mine is theirs for mine, theirs in zip(sent, messages, strict=True))
    assert registry["availability"].snapshot().total == 1
    assert registry.internals.errors.total == 0


def test_the_scope_is_passed_on_by_reference() -> None:
    """What the application leaves in it reaches middlewares outside ours, and servers."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        await Response("answer")(scope, receive, send)

    scope = http_scope()

    async def run() -> None:
        async def send(message: Any) -> None:
            pass

        async def receive() -> Any:
            return {"type": "http.request"}

        await SLOMiddleware(app, registry=SLORegistry.from_config(AVAILABILITY))(scope, receive, send)

    asyncio.run(run())

    assert seen[0] is scope


def test_the_applications_exception_is_the_servers() -> None:
    """The same object, not a copy and not wrapped."""
    boom = KeyError("boom")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise boom

    service = Service(app)

    assert service.ask().exception is boom


def test_a_listener_that_raises_changes_no_response() -> None:
    """What goes wrong inside is noted; the client never knows."""
    service = Service(app_with_everything(Starlette), inside=True)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("disk full")

    service.registry.internals.request_listeners.append(fail)
    answer = service.ask(path="/stream")

    assert (answer.status, answer.body, answer.exception) == (206, b"onetwo", None)
    assert service.registry.internals.errors.total == 1


def test_a_timer_that_raises_changes_no_response() -> None:
    """Nor does anything else on the way."""

    def fail() -> float:
        raise RuntimeError("no clock")

    app = app_with_everything(Starlette)
    service = Service(app, inside=True, timer=fail)

    answer = service.ask(path="/stream")

    assert (answer.status, answer.body, answer.exception) == (206, b"onetwo", None)
    assert service.registry.internals.errors.total > 0


@pytest.mark.parametrize("good_for", [1, 2])
def test_a_timer_that_breaks_midway_changes_no_response(good_for: int) -> None:
    """After the request came in, or after its first byte; the application does not see the error either."""
    left = iter([1.0] * good_for)

    def fail() -> float:
        return next(left)  # StopIteration, which a coroutine would turn into a RuntimeError

    service = Service(app_with_everything(Starlette), inside=True, timer=fail)

    answer = service.ask(path="/stream")

    assert (answer.status, answer.body, answer.exception) == (206, b"onetwo", None)
    assert service.registry.internals.errors.total > 0


def test_a_timer_that_breaks_midway_hides_no_exception() -> None:
    """The server gets the application's own."""
    boom, left = KeyError("boom"), iter([1.0])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise boom

    assert Service(app, timer=lambda: next(left)).ask().exception is boom


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("layer", ["outer", "inner"])
def test_what_the_application_returns_passes_through(kind: str, layer: str) -> None:
    """A server looks at none of it; a layer in between may."""

    async def app(scope: Any, receive: Any, send: Any) -> str:
        if kind == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body"})
        return "done"

    async def nothing(message: Any = None) -> Any:
        return {"type": "http.request"}

    registry = SLORegistry.from_config({"availability": {"target": 0.9, "unmatched": True}})
    counting: Any = SLOMiddleware(RouterObserver(app) if layer == "inner" else app, registry=registry)
    scope = {"type": kind, "method": "GET", "path": "/", "headers": []}

    assert asyncio.run(counting(scope, nothing, nothing)) == "done"
    assert registry["availability"].snapshot().total == (kind == "http")
