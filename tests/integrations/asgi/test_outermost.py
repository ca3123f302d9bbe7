"""Requests are observed outside of all layers, also of those that are put around the application after `instrument`."""

from __future__ import annotations

import asyncio
from types import MethodType
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Router

from asgi_driver import serve, serve_lifespan
from slo_asgi import instrument
from slo_asgi.middleware import WireObserver
from slo_core.tracking.registry import SLORegistry

frameworks = pytest.mark.parametrize("framework", [Starlette, FastAPI])
orders = pytest.mark.parametrize("order", ["before", "after"])


async def view(request: Request) -> Response:
    return PlainTextResponse("ok")


async def boom(request: Request) -> Response:
    raise RuntimeError("bug")


class Tracer:
    """Wraps an application's layers as OpenTelemetry's instrumentation of FastAPI does."""

    def __init__(self) -> None:
        self.skipped = False
        self.paths: list[str] = []
        self.exceptions: list[Exception] = []

    def instrument_app(self, app: Any) -> None:
        original = app.build_middleware_stack

        def build_middleware_stack(app: Any) -> Any:
            inner = original()
            if not isinstance(inner, ServerErrorMiddleware):
                self.skipped = True
                return inner
            noting = self._layer(inner.app, self._note)
            errors = ServerErrorMiddleware(noting, handler=inner.handler, debug=inner.debug)
            return ServerErrorMiddleware(self._layer(errors, self._trace))

        app.build_middleware_stack = MethodType(build_middleware_stack, app)

    def _layer(self, app: Any, call: Any) -> Any:
        class Layer:
            def __init__(self) -> None:
                self.app = app

            async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
                await call(self.app, scope, receive, send)

        return Layer()

    async def _note(self, app: Any, scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as exc:
            self.exceptions.append(exc)
            raise

    async def _trace(self, app: Any, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        self.paths.append(scope["path"])
        await asyncio.sleep(0)
        if scope["path"] == "/refused":  # answered by the layer itself
            await PlainTextResponse("no", status_code=503)(scope, receive, send)
        else:
            await app(scope, receive, send)


def traced_app(framework: Any, order: str, **options: Any) -> tuple[Any, SLORegistry, Tracer]:
    app, tracer = framework(**options), Tracer()
    app.add_route("/", view)
    app.add_route("/boom", boom)
    if order == "before":
        tracer.instrument_app(app)
    registry = instrument(app, {"availability": {"target": 0.9, "routes": ["/*"], "unmatched": True}})
    if order == "after":
        tracer.instrument_app(app)
    return app, registry, tracer


def counts(registry: SLORegistry) -> tuple[int, int]:
    assert registry.internals.errors.total == 0
    snapshot = registry["availability"].snapshot()
    return snapshot.total - snapshot.failures, snapshot.failures


@frameworks
@orders
@pytest.mark.parametrize("with_lifespan", [True, False])
@pytest.mark.parametrize("middleware", [[], [Middleware(CORSMiddleware)]])
def test_a_tracer_that_wraps_the_layers_sees_everything_and_so_do_we(
    framework: Any, order: str, with_lifespan: bool, middleware: Any
) -> None:
    """In any order, and whether or not the server announces the start."""
    app, registry, tracer = traced_app(framework, order, middleware=middleware)
    if with_lifespan:
        serve_lifespan(app, "lifespan.startup", "lifespan.shutdown")

    statuses = [serve(app, path=path).status for path in ("/", "/boom", "/refused", "/", "/boom")]

    assert statuses == [200, 500, 503, 200, 500]
    assert not tracer.skipped
    assert (len(tracer.paths), len(tracer.exceptions)) == (5, 2)
    assert counts(registry) == (2, 3)
    assert type(app.middleware_stack) is WireObserver


@frameworks
@orders
def test_a_flush_at_the_shutdown_of_the_server_needs_no_order(framework: Any, order: str) -> None:
    """The lifespan may be the first connection."""
    app, registry, _ = traced_app(framework, order)
    closed = []
    registry.close = lambda: closed.append(True)  # type: ignore[method-assign]  # the store's own tests close it

    serve_lifespan(app, "lifespan.startup", "lifespan.shutdown")

    assert closed == [True]
    assert app.middleware_stack.is_stopping


@frameworks
def test_first_requests_at_the_same_time_count(framework: Any) -> None:
    """The second enters the layers before the first has come to the end of them."""
    app, registry, _ = traced_app(framework, "after")

    async def run() -> None:
        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            pass

        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
        await asyncio.gather(*(app(dict(scope), receive, send) for _ in range(3)))

    asyncio.run(run())
    serve(app)

    assert counts(registry) == (4, 0)


@frameworks
def test_the_mistakes_of_an_installation_are_logged_once(framework: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The observer that moves looks at its first request only."""
    app = framework()
    app.add_route("/", view)
    instrument(app, {"a": {"target": 0.9, "routes": ["/nowhere"]}})
    Tracer().instrument_app(app)

    for _ in range(3):
        serve(app)

    assert len(caplog.records) == 1


@frameworks
@orders
def test_a_tracer_that_takes_itself_away_leaves_us_in_place(framework: Any, order: str) -> None:
    """It puts the method back that it had, and has the layers built again."""
    app, registry, tracer = traced_app(framework, "before")
    original = app.build_middleware_stack
    tracer.instrument_app(app)
    serve(app)
    app.build_middleware_stack = original
    app.middleware_stack = app.build_middleware_stack()
    serve(app)

    assert counts(registry) == (2, 0)


@frameworks
def test_a_tracer_that_throws_us_away_with_itself_is_noticed_by_the_next_scrape(
    framework: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It puts back what it found before we came, and no code of ours runs until then."""
    app, tracer = framework(), Tracer()
    app.add_route("/", view)
    app.add_route("/boom", boom)
    original = app.build_middleware_stack
    tracer.instrument_app(app)
    registry = instrument(app, {"availability": {"target": 0.9}})
    app.build_middleware_stack = original
    app.middleware_stack = app.build_middleware_stack()

    serve(app, path="/boom")
    assert counts(registry) == (0, 0)
    for path in ("/metrics", "/", "/boom", "/metrics"):
        serve(app, path=path)

    assert counts(registry) == (1, 1)
    (message,) = [record.getMessage() for record in caplog.records if record.name == "slo_core"]
    assert message.startswith("the layers of the application were built again without slo-suite")
    app.middleware_stack = app.build_middleware_stack()
    serve(app)
    assert counts(registry) == (2, 1)
    assert not tracer.paths


@frameworks
def test_a_wrapper_around_the_method_of_the_class_may_come_later(
    framework: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ddtrace and elastic-apm patch the class."""
    app, registry, tracer = traced_app(framework, "before")
    plain = framework.build_middleware_stack
    wrapped_for = []

    app = framework()
    app.add_route("/", view)
    registry = instrument(app, {"availability": {"target": 0.9}})

    def build_middleware_stack(self: Any) -> Any:
        wrapped_for.append(self)
        return plain(self)

    monkeypatch.setattr(framework, "build_middleware_stack", build_middleware_stack)
    serve(app)

    assert wrapped_for == [app]
    assert counts(registry) == (1, 0)


@pytest.mark.parametrize("app", [CORSMiddleware(FastAPI()), Router(), object()])
def test_anything_but_an_application_is_refused_with_advice(app: Any) -> None:
    """A middleware around the application has neither routes nor layers."""
    with pytest.raises(TypeError, match=rf"got {type(app).__name__}; pass the application itself"):
        instrument(app, {})
