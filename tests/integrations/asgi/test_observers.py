"""What layers of an application hide from each other: `instrument` sees the wire and the router."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from asgi_driver import Answer, serve
from slo_asgi import RouterObserver, SLOMiddleware, instrument, metrics_app, slo_exempt
from slo_core import SLORegistry
from slo_core.testing import RequestEvent

DEFINITIONS: dict[str, Any] = {
    "availability": {"target": 0.9},
    "total": {"target": 0.9, "latency": "10s", "latency_of": "total"},
    "items": {"target": 0.9, "routes": ["/items/{item*"]},
}
frameworks = pytest.mark.parametrize("framework", [Starlette, FastAPI])


class Shop:
    """An instrumented application and what was counted of it."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.registry = instrument(app, DEFINITIONS)
        self.events: list[RequestEvent] = []
        self.registry.internals.request_listeners.append(self.events.append)

    def ask(self, path: str = "/", **options: Any) -> Answer:
        """Send one request."""
        answer = serve(self.app, path=path, **options)
        assert self.registry.internals.errors.total == 0
        return answer

    def counts(self, name: str = "availability") -> tuple[int, int]:
        """Good and bad events of one SLO."""
        snapshot = self.registry[name].snapshot()
        return snapshot.total - snapshot.failures, snapshot.failures


async def pass_on(request: Request, call_next: Any) -> Response:
    response: Response = await call_next(request)
    return response


@frameworks
@pytest.mark.parametrize("layers", [0, 1, 3])
@pytest.mark.parametrize("pause", [True, False])
@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
def test_a_stream_that_breaks_off_is_bad_whatever_ends_it(
    framework: Any, layers: int, pause: bool, spec_version: str
) -> None:
    """`BaseHTTPMiddleware` ends the broken response itself, and raises only afterwards."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"first"
        if pause:
            await asyncio.sleep(0.001)
        raise RuntimeError("midway")

    async def view(request: Request) -> Response:
        return StreamingResponse(chunks())

    app = framework()
    app.add_route("/", view)
    for _ in range(layers):
        app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
    shop = Shop(app)

    shop.ask(spec_version=spec_version)

    assert shop.counts() == shop.counts("total") == (0, 1)
    assert shop.events[0].exception is not None


@frameworks
@pytest.mark.parametrize("layers", [0, 1, 3])
@pytest.mark.parametrize("pause", [True, False])
def test_a_background_task_that_fails_after_a_whole_answer_stays_good(framework: Any, layers: int, pause: bool) -> None:
    """The client has its answer."""

    async def fail() -> None:
        if pause:
            await asyncio.sleep(0.001)
        raise RuntimeError("no mail server")

    async def view(request: Request) -> Response:
        return PlainTextResponse("thank you", background=BackgroundTask(fail))

    app = framework()
    app.add_route("/", view)
    for _ in range(layers):
        app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
    shop = Shop(app)

    answer = shop.ask()

    # Before 0.46 Starlette's `BaseHTTPMiddleware` leaves the message out that ends the body, if the task fails at once.
    assert answer.body == b"thank you"
    assert shop.counts() == shop.counts("total") == (1, 0)


async def boom(request: Request) -> Response:
    raise ValueError("boom")


def answer_with(status: int) -> Callable[[Request, Exception], Response]:
    return lambda request, exc: PlainTextResponse("sorry", status)


def async_answer_with(status: int) -> Any:
    async def handler(request: Request, exc: Exception) -> Response:
        return PlainTextResponse("sorry", status)

    return handler


@frameworks
@pytest.mark.parametrize("make_handler", [answer_with, async_answer_with])
@pytest.mark.parametrize("key", [Exception, 500])
@pytest.mark.parametrize("is_late", [True, False])
@pytest.mark.parametrize(
    ("status", "good"), [(422, True), (404, True), (500, False), (503, False), (200, False), (302, False)]
)
def test_a_handler_of_every_exception_counts_by_what_it_answers(
    framework: Any, make_handler: Any, key: Any, is_late: bool, status: int, good: bool
) -> None:
    """Also one that is added after `instrument`; a page below 400 hides no exception."""
    app = framework(exception_handlers={} if is_late else {key: make_handler(status)})
    app.add_route("/", boom)
    shop = Shop(app)
    if is_late:
        app.add_exception_handler(key, make_handler(status))

    answer = shop.ask()

    assert (answer.status, type(answer.exception)) == (status, ValueError)
    assert shop.counts() == ((1, 0) if good else (0, 1))
    assert isinstance(shop.events[0].exception, ValueError)


@frameworks
@pytest.mark.parametrize(("status", "good"), [(422, True), (500, False), (200, False)])
def test_the_last_resort_of_a_mounted_application_is_seen_too(framework: Any, status: int, good: bool) -> None:
    """It answers there, and raises the exception again."""
    app, inner = framework(), framework(exception_handlers={Exception: answer_with(status)})
    inner.add_route("/boom", boom)
    app.mount("/inner", inner)
    shop = Shop(app)

    assert shop.ask("/inner/boom").status == status
    assert shop.counts() == ((1, 0) if good else (0, 1))


class Retry:
    """A layer that asks a second time where the first answer failed."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def drop(message: Any) -> None: ...

        try:
            await self.app(dict(scope), receive, drop)
        except ValueError:
            await self.app(scope, receive, send)


@frameworks
@pytest.mark.parametrize("mounted", [True, False])
def test_a_request_that_is_tried_again_is_what_it_answers_in_the_end(framework: Any, mounted: bool) -> None:
    """Neither a response that broke off nor a last resort of the first attempt reached a client."""
    attempts: list[int] = []

    async def sometimes(request: Request) -> Response:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("a deadlock")
        return PlainTextResponse("done")

    app = framework(middleware=[Middleware(Retry)])
    inner = framework() if mounted else app
    inner.add_route("/sometimes", sometimes)
    if mounted:
        app.mount("/inner", inner)
    shop = Shop(app)

    assert shop.ask("/inner/sometimes" if mounted else "/sometimes").status == 200
    assert shop.counts() == (1, 0)


@frameworks
def test_a_handler_that_fails_itself_is_bad(framework: Any) -> None:
    """The server answers 500."""

    def handler(request: Request, exc: Exception) -> Response:
        raise RuntimeError("the template is missing")

    app = framework(exception_handlers={Exception: handler})
    app.add_route("/", boom)
    shop = Shop(app)

    shop.ask()

    assert shop.counts() == (0, 1)


@frameworks
@pytest.mark.parametrize("status", [200, 409, 503])
def test_an_exception_that_a_handler_of_its_own_answers_is_that_status(framework: Any, status: int) -> None:
    """User code caught it: the answer is the outcome."""
    app = framework(exception_handlers={ValueError: answer_with(status)})
    app.add_route("/", boom)
    shop = Shop(app)

    shop.ask()

    assert shop.counts() == ((0, 1) if status == 503 else (1, 0))


@frameworks
@pytest.mark.parametrize("status", [200, 409, 503])
def test_an_exception_that_a_middleware_caught_is_that_status(framework: Any, status: int) -> None:
    """The same, further out, and behind `BaseHTTPMiddleware`."""

    async def dispatch(request: Request, call_next: Any) -> Response:
        try:
            return await pass_on(request, call_next)
        except ValueError:
            return PlainTextResponse("sorry", status)

    app = framework()
    app.add_route("/", boom)
    app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)
    shop = Shop(app)

    shop.ask()

    assert shop.counts() == ((0, 1) if status == 503 else (1, 0))


@frameworks
def test_a_second_try_counts_by_its_own_answer(framework: Any) -> None:
    """A middleware that buffers the answer asks the router again after a failure."""
    tries = []

    async def chunks() -> AsyncIterator[bytes]:
        tries.append(1)
        yield b"first"
        if len(tries) == 1:
            raise RuntimeError("midway")

    async def view(request: Request) -> Response:
        return StreamingResponse(chunks())

    class Again:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            kept: list[Any] = []

            async def keep(message: Any) -> None:
                kept.append(message)

            try:
                await self.app(scope, receive, keep)
            except Exception:
                kept.clear()
                await self.app(scope, receive, keep)
            for message in kept:
                await send(message)

    app = framework()
    app.add_route("/", view)
    app.add_middleware(Again)
    shop = Shop(app)

    assert shop.ask(spec_version="2.4").exception is None
    assert shop.counts() == (1, 0)


@frameworks
def test_middleware_that_is_added_later_is_inside(framework: Any) -> None:
    """Its answers count, and those of `@app.middleware("http")` too."""

    class Refuse:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse("the user store is away", 503)(scope, receive, send)

    app = framework()
    app.add_route("/", boom)
    shop = Shop(app)
    app.add_middleware(Refuse)

    assert shop.ask().status == 503
    assert shop.counts() == (0, 1)


class Shallow:
    """A middleware that hands on a copy of the scope."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(self.copy(scope) if scope["type"] == "http" else scope, receive, send)

    def copy(self, scope: Any) -> Any:
        return dict(scope)


class Deep(Shallow):
    """The same, with everything in it that can be copied."""

    def copy(self, scope: Any) -> Any:
        copied = {}
        for key, value in scope.items():
            try:
                copied[key] = copy.deepcopy(value)
            except Exception:
                copied[key] = value
        return copied


async def item(request: Request) -> Response:
    return PlainTextResponse("item", int(request.path_params["item"]))


@frameworks
@pytest.mark.parametrize("layers", [[Shallow], [Deep], [Shallow, Deep, Shallow]])
@pytest.mark.parametrize("mounted", [False, True])
def test_a_scope_that_is_copied_on_the_way_loses_nothing(framework: Any, layers: Any, mounted: bool) -> None:
    """Route, name, marks, and that the metrics view and the status page are ours."""
    app = framework()
    inner = framework() if mounted else app
    inner.add_route("/items/{item}", item, name="item")
    inner.add_route("/healthz", slo_exempt(lambda request: PlainTextResponse("up")))
    if mounted:
        app.mount("/shop", inner)
    for layer in layers:
        app.add_middleware(layer)
        if mounted:
            inner.add_middleware(layer)
    prefix = "/shop" if mounted else ""
    definitions = {"availability": {"target": 0.9}, "items": {"target": 0.9, "routes": [f"{prefix}/items/{{item*"]}}
    registry = instrument(app, definitions, status_path="/slo")
    events: list[RequestEvent] = []
    registry.internals.request_listeners.append(events.append)

    for path in ("/items/200", "/items/404", "/healthz", "/nowhere"):
        assert serve(app, path=prefix + path).exception is None
    for path in ("/metrics", "/slo", "/slo.json"):
        assert serve(app, path=path).status == 200

    assert [(event.route, event.view_name, event.status) for event in events] == [
        (f"{prefix}/items/{{item}}", "item", 200), (f"{prefix}/items/{{item}}", "item", 404),
    ]  # fmt: skip
    assert registry["items"].snapshot().total == 2
    assert registry.internals.errors.total == 0


@frameworks
def test_an_instrumented_application_in_another_counts_once(framework: Any) -> None:
    """Each SLO counts each request once; both registries know the whole route."""
    inner, outer = framework(), framework()
    inner.add_route("/items/{item}", item, name="item")
    outer.add_route("/own", item, name="own")
    inner_registry = instrument(inner, {"availability": {"target": 0.9}, "inner": {"target": 0.9}})
    outer.mount("/shop", inner)
    outer_registry = instrument(outer, {"availability": {"target": 0.9}})
    events: list[RequestEvent] = []
    for registry in (inner_registry, outer_registry):
        registry.internals.request_listeners.append(events.append)

    serve(outer, path="/shop/items/200")
    serve(outer, path="/shop/metrics")

    assert sorted((event.route, tuple(event.outcomes)) for event in events) == [
        ("/shop/items/{item}", ("availability",)), ("/shop/items/{item}", ("inner",)),
    ]  # fmt: skip
    assert outer_registry["availability"].snapshot().total == 1
    assert inner_registry["availability"].snapshot().total == 0


def test_the_inner_observer_can_be_added_by_hand() -> None:
    """For a `SLOMiddleware` of the user's own."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"first"
        raise RuntimeError("midway")

    async def view(request: Request) -> Response:
        return StreamingResponse(chunks())

    app = Starlette()
    app.add_route("/export", view)
    app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
    app.add_middleware(Shallow)
    registry = SLORegistry.from_config({"exports": {"target": 0.9, "routes": ["/export"]}})
    app.add_middleware(SLOMiddleware, registry=registry)
    app.router.middleware_stack = RouterObserver(app.router.middleware_stack)

    serve(app, path="/export")

    assert registry["exports"].snapshot().failures == 1


@pytest.mark.parametrize("foreign", [None, "text", {}, object()])
def test_a_foreign_value_under_our_key_breaks_no_request(foreign: object) -> None:
    """Whatever stands in the scope, the application answers."""

    class Replace(Shallow):
        def copy(self, scope: Any) -> Any:
            return {**scope, "slo_core.request": foreign}

    app = Starlette()
    app.add_route("/", lambda request: PlainTextResponse("answer"))
    app.add_route("/scrape", metrics_app(SLORegistry.from_config({"a": {"target": 0.9}})))
    app.add_middleware(Replace)
    shop = Shop(app)

    assert shop.ask().status == 200
    assert shop.ask("/scrape").status == 200
    assert shop.counts() == (1, 0)


@frameworks
def test_a_middleware_stack_that_is_built_again_counts_once(framework: Any) -> None:
    """Libraries that add their middleware late build it once more."""
    app = framework()
    app.add_route("/items/{item}", item)
    shop = Shop(app)
    app.middleware_stack = app.build_middleware_stack()
    app.middleware_stack = app.build_middleware_stack()

    shop.ask("/items/200")

    assert shop.counts() == (1, 0)
