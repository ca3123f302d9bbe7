"""Where the inner observer is needed, and what it notes."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from asgi_driver import serve
from slo_asgi import RouterObserver, instrument

frameworks = pytest.mark.parametrize("framework", [Starlette, FastAPI])


async def view(request: Request) -> Response:
    return PlainTextResponse("ok")


def started(app: Any) -> bool:
    """Whether the router is observed, once the application has built its layers and answered a request."""
    app.add_route("/", view)
    registry = instrument(app, {"availability": {"target": 0.9, "routes": ["/"]}})
    assert serve(app, path="/").status == 200
    assert registry["availability"].snapshot().total == 1
    return isinstance(app.router.middleware_stack, RouterObserver)


class OwnCORS(CORSMiddleware):
    """A layer of the user's, although it does what the framework's does."""


async def pass_on(request: Request, call_next: Any) -> Response:
    response: Response = await call_next(request)
    return response


@frameworks
@pytest.mark.parametrize("layers", [[], [Middleware(CORSMiddleware), Middleware(GZipMiddleware)]])
def test_the_frameworks_own_layers_hide_nothing(framework: Any, layers: Any) -> None:
    """Each request is spared a layer."""
    assert not started(framework(middleware=layers))


@frameworks
@pytest.mark.parametrize("layer", [Middleware(OwnCORS), Middleware(BaseHTTPMiddleware, dispatch=pass_on)])
def test_other_layers_may_hide_the_router(framework: Any, layer: Any) -> None:
    """A subclass may do anything, and `BaseHTTPMiddleware` ends broken responses."""
    assert started(framework(middleware=[Middleware(GZipMiddleware), layer]))


@frameworks
def test_a_layer_that_an_application_builds_itself_may_hide_the_router(framework: Any) -> None:
    """A subclass may build any stack."""

    class Layer:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, *connection: Any) -> None:
            await self.app(*connection)

    class Shop(framework):  # type: ignore[misc]
        def build_middleware_stack(self) -> Any:
            return Layer(super().build_middleware_stack())

    assert started(Shop())


@frameworks
def test_an_answer_in_the_place_of_one_that_a_layer_refused_counts(framework: Any) -> None:
    """The layer raises where the endpoint sends, and the client has a whole answer: a limit of the body's size does that."""

    class Refused(Exception):
        pass

    class Limit:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def refuse(message: Any) -> None:
                await PlainTextResponse("too large", status_code=413)(scope, receive, send)
                raise Refused

            try:
                await self.app(scope, receive, refuse)
            except Refused:
                pass

    app = framework(middleware=[Middleware(Limit)])
    app.add_route("/", view)
    registry = instrument(app, {"availability": {"target": 0.9}})

    assert serve(app, path="/").status == 413
    snapshot = registry["availability"].snapshot()
    assert (snapshot.total, snapshot.failures) == (1, 0)
