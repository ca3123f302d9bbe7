"""Extensions that wrap or inspect all routes of an application, ours included, installed before us and after."""

from __future__ import annotations

import gc
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from asgi_driver import serve
from slo_asgi import instrument

Install = Callable[[FastAPI], object]


def limited(app: FastAPI) -> None:
    """SlowAPI: a limit for each route, ours included, by a middleware that looks the route up."""
    slowapi = pytest.importorskip("slowapi")
    middleware = pytest.importorskip("slowapi.middleware")
    app.state.limiter = slowapi.Limiter(key_func=lambda: "one", default_limits=["1000/hour"])
    app.add_exception_handler(429, slowapi._rate_limit_exceeded_handler)  # noqa: SLF001  # as its documentation says
    app.add_middleware(middleware.SlowAPIMiddleware)


def correlated(app: FastAPI) -> None:
    """asgi-correlation-id."""
    module = pytest.importorskip("asgi_correlation_id")
    app.add_middleware(module.CorrelationIdMiddleware, generator=lambda: uuid.uuid4().hex)


def wrapped(app: FastAPI) -> None:
    """Replaces the endpoints it finds, as tracers and profilers do."""
    for route in app.routes:
        handler = getattr(route, "app", None)
        if handler is not None and hasattr(route, "endpoint"):
            route.app = around(handler)


def around(handler: Any) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await handler(scope, receive, send)

    return app


def dispatched(app: FastAPI) -> None:
    """`@app.middleware("http")`."""

    @app.middleware("http")
    async def pass_on(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["x-seen"] = "1"
        return response


INSTALL: dict[str, Install] = {
    "slowapi": limited,
    "asgi-correlation-id": correlated,
    "wrapped routes": wrapped,
    "middleware function": dispatched,
    "session": lambda app: app.add_middleware(SessionMiddleware, secret_key="s"),
    "cors": lambda app: app.add_middleware(CORSMiddleware, allow_origins=["*"]),
    "gzip": lambda app: app.add_middleware(GZipMiddleware, minimum_size=1),
    "trusted host": lambda app: app.add_middleware(TrustedHostMiddleware, allowed_hosts=["*"]),
    "base class": lambda app: app.add_middleware(
        BaseHTTPMiddleware, dispatch=lambda request, call_next: call_next(request)
    ),
}


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/items/{item}")
    async def item(item: int) -> dict[str, int]:
        return {"item": item}

    @app.get("/refused")
    async def refused() -> None:
        raise HTTPException(403)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"one"
            yield b"two"

        return StreamingResponse(chunks())

    @app.get("/torn")
    async def torn() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"one"
            raise RuntimeError

        return StreamingResponse(chunks())

    return app


# Older versions of Starlette leave the memory stream of a torn response open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("name", INSTALL)
def test_an_extension_and_we_leave_each_other_alone(name: str, ours_first: bool) -> None:
    """In both orders the views answer, ours too, and each request counts once, for its route."""
    check(INSTALL[name], ours_first=ours_first)
    gc.collect()  # in this test, which ignores the warning


def check(install: Install, *, ours_first: bool) -> None:
    app = application()
    definitions: Any = {"all": {"target": 0.9}, "items": {"target": 0.9, "routes": ["/items/{item}"]}}
    if not ours_first:
        install(app)
    registry = instrument(app, definitions, status_path="/slo")
    if ours_first:
        install(app)

    paths = ("/items/7", "/items/8", "/refused", "/stream", "/broken", "/torn", "/nowhere")
    answers = [serve(app, path=path) for path in paths]
    assert [answer.status for answer in answers[:5]] == [200, 200, 403, 200, 500]
    for path in ("/metrics", "/slo", "/slo.json"):
        assert serve(app, path=path).status == 200

    counts = {tracker.name: tracker.snapshot() for tracker in registry}
    assert (counts["all"].total, counts["all"].failures) == (6, 2)  # the 404 has no route
    assert (counts["items"].total, counts["items"].failures) == (2, 0)
    assert registry.internals.errors.total == 0
