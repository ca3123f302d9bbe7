"""The twenty requests that mean the same on every framework."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from asgi_driver import serve
from slo_asgi import instrument, slo_exempt, slo_track
from slo_core.testing import FakeClock, capture_requests
from twenty_requests import EXPECTED, REQUESTS, SLO_DEFINITIONS, SLO_EXCLUDE

View = Callable[[Request], Any]


def views(clock: FakeClock) -> dict[tuple[str, str], View]:
    """The views by (method, path)."""

    def answering(status: int, seconds: float = 0.0) -> View:
        async def view(request: Request) -> Response:
            clock.advance(seconds)
            return PlainTextResponse(f"{status}", status)

        return view

    async def boom(request: Request) -> Response:
        raise RuntimeError("boom")

    async def old(request: Request) -> Response:
        return RedirectResponse("/ok", 302)

    def streaming(*, breaks: bool) -> View:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"one"
            if breaks:
                raise RuntimeError("midway")
            yield b"two"

        async def view(request: Request) -> Response:
            return StreamingResponse(chunks())

        return view

    return {
        ("GET", "/ok"): answering(200),
        ("POST", "/orders"): answering(201),
        ("GET", "/missing"): answering(404),
        ("GET", "/reports/broken"): slo_track("reports")(answering(500)),
        ("GET", "/boom"): boom,
        ("GET", "/checkout/slow"): answering(200, 0.375),
        ("GET", "/checkout/edge"): answering(200, 0.25),
        ("GET", "/old"): old,
        ("GET", "/limited"): answering(429),
        ("GET", "/private"): slo_exempt(answering(200)),
        ("GET", "/reports"): slo_track("reports")(answering(200)),
        ("GET", "/internal/health"): answering(200),
        ("GET", "/stream/whole"): streaming(breaks=False),
        ("GET", "/stream/broken"): streaming(breaks=True),
        ("GET", "/items/{number:int}"): answering(200, 0.125),
    }


def starlette_app(clock: FakeClock) -> Starlette:
    table = views(clock)
    item = table.pop(("GET", "/items/{number:int}"))
    routes = [Route(path, view, methods=[method]) for (method, path), view in table.items()]
    return Starlette(routes=[*routes, Mount("/checkout/{region}", routes=[Route("/items/{number:int}", item)])])


def fastapi_app(clock: FakeClock) -> FastAPI:
    app = FastAPI()
    router = APIRouter()
    for (method, path), view in views(clock).items():
        # FastAPI adds no HEAD of its own.
        methods = ["GET", "HEAD"] if path == "/ok" else [method]
        target = router if path.startswith("/items") else app
        target.api_route(path, methods=methods)(view)
    app.include_router(router, prefix="/checkout/{region}")
    return app


@pytest.mark.parametrize("build", [starlette_app, fastapi_app])
def test_twenty_requests_are_worth_the_same_everywhere(build: Callable[[FakeClock], Any]) -> None:
    """Status, outcome and SLOs of each request, and the totals worked out by hand."""
    clock = FakeClock()
    app = build(clock)
    registry = instrument(app, SLO_DEFINITIONS, exclude=SLO_EXCLUDE, clock=clock, timer=clock)
    totals: Counter[tuple[str, bool]] = Counter()

    for request in REQUESTS:
        with capture_requests(registry) as events:
            answer = serve(app, request.method, request.path)

        assert request.status in (None, answer.status), request
        assert (answer.exception is not None) is request.raises, request
        assert [event.outcomes for event in events] == ([request.outcomes] if request.outcomes else []), request
        assert [event.duration_seconds for event in events] in ([], [request.takes_seconds]), request
        totals.update((name, good) for event in events for name, good in event.outcomes.items())

    assert {name: (totals[name, True], totals[name, False]) for name in EXPECTED} == EXPECTED
    snapshots = registry.snapshot_all()
    assert {snap.name: (snap.total - snap.failures, snap.failures) for snap in snapshots} == EXPECTED
