"""Recent failures of ASGI applications, with OpenTelemetry inside and outside of our middleware."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from asgi_driver import serve
from slo_asgi import SLOMiddleware, instrument
from slo_core import ConfigError, SLORegistry
from slo_core.budgets.causes import Cause
from slo_core.testing import FakeClock
from traced_apps import Tracing, in_spans_asgi

DEFINITIONS = {"availability": {"target": 0.9}, "latency": {"target": 0.9, "latency": "200ms"}}
HEADERS = {"x-request-id": "r-1", "cookie": "secret"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def starlette_app(clock: FakeClock) -> Starlette:
    async def view(request: Request) -> Response:
        clock.advance(0.25)
        kind = request.path_params["kind"]
        if kind == "raise":
            raise ValueError("a secret")
        if kind == "stream":
            return StreamingResponse(iter([b"a", b"b"]), 503)
        return PlainTextResponse("secret", 503 if kind == "503" else 200)

    return Starlette(routes=[Route("/orders/{kind}", view)])


def observed(clock: FakeClock, app: Any, registry: SLORegistry) -> Any:
    return SLOMiddleware(app, registry=registry, timer=clock)


@pytest.mark.parametrize("is_inside", [True, False])
@pytest.mark.parametrize(("kind", "outcome"), [("503", "503"), ("stream", "503"), ("good", "slow"), ("raise", "500")])
def test_a_bad_request_has_the_trace_of_its_span(clock: FakeClock, kind: str, outcome: str, is_inside: bool) -> None:
    """Of the one that is current when the last byte is sent, also of a slow one and one that raised."""
    tracing = Tracing()
    registry = SLORegistry.from_config(DEFINITIONS, clock=clock, request_id_header="X-Request-ID")
    app: Any = starlette_app(clock)
    if is_inside:
        app = observed(clock, in_spans_asgi(app, tracing), registry)
    else:
        app = in_spans_asgi(observed(clock, app, registry), tracing)

    serve(app, "GET", f"/orders/{kind}", headers=HEADERS, query="token=secret")

    (failure,) = registry["latency" if outcome == "slow" else "availability"].recent_failures()
    assert failure.cause is not None
    assert failure.cause.outcome == outcome
    assert tracing.trace_ids == [failure.trace_id]
    assert (failure.request_id, failure.duration_seconds) == ("r-1", pytest.approx(0.25))
    assert "secret" not in repr(failure)


def test_instrument_takes_the_settings(clock: FakeClock) -> None:
    """And names a mistake by its argument."""
    app = starlette_app(clock)
    registry = instrument(
        app, {"a": {"target": 0.9}}, clock=clock, timer=clock, recent_failures=1, request_id_header="X-Request-ID",
        trace_url="https://t.example/{trace_id}",
    )  # fmt: skip
    serve(app, "GET", "/orders/503", headers=HEADERS)

    (failure,) = registry["a"].recent_failures()
    assert (failure.cause, failure.request_id) == (Cause("GET /orders/{kind}", "503"), "r-1")
    assert registry.internals.trace_url == "https://t.example/{trace_id}"
    with pytest.raises(ConfigError, match="trace_url: expected an address such as"):
        instrument(starlette_app(clock), {"a": {"target": 0.9}}, trace_url="https://t.example/{span}/{trace_id}")


@pytest.mark.parametrize("value", ["a" * 10_000_000, "a\r\nb", "\x00\x1b[2J", "<script>", "\xff"])
def test_hostile_headers_are_left_out(clock: FakeClock, value: str) -> None:
    """The request counts, and is listed without them."""
    registry = SLORegistry.from_config(DEFINITIONS, clock=clock, request_id_header="X-Request-ID")
    app = observed(clock, starlette_app(clock), registry)

    serve(app, "GET", "/orders/503", headers={"x-request-id": value, "traceparent": value})

    (failure,) = registry["availability"].recent_failures()
    assert (failure.trace_id, failure.request_id) == (None, None)
    assert registry.internals.errors.total == 0
