"""What users of ASGI applications write; it must pass `mypy --strict`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from slo_asgi import SLOMiddleware, instrument, metrics_app, slo_exempt, slo_track
from slo_core import HTTPRule, InMemoryStore, SLODefinition, SLORegistry, SLOTracker
from slo_core.testing import FakeClock, capture_requests

registry = SLORegistry()
tracker: SLOTracker = registry.define(SLODefinition("availability", 0.999, http=HTTPRule(routes=("/api/*",))))


def classify(status: int, exception: BaseException | None) -> bool:
    """Decide what is good."""
    return exception is None and status != 404


@slo_track("reports", "exports")
async def report(request: Request) -> Response:
    """Count for two SLOs by name."""
    return PlainTextResponse("report")


@slo_exempt
def health(request: Request) -> Response:
    """Count for none."""
    return PlainTextResponse("ok")


async def plain_app(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Answer without a framework."""
    scope["slo_route"] = "/orders/{order}"


around_plain = SLOMiddleware(plain_app, registry=registry)
for_one_slo = SLOMiddleware(plain_app, registry=registry, slo_name="availability", classify=classify)
for_one_tracker = SLOMiddleware(
    plain_app, tracker=SLOTracker(SLODefinition("alone", 0.99), store=InMemoryStore(max_age_seconds=3600))
)

starlette = Starlette(
    routes=[
        Route("/report", report),
        Route("/health", health),
        Route("/metrics", metrics_app(registry)),
        Mount("/ops", metrics_app(registry, token="secret")),
    ],
    middleware=[Middleware(SLOMiddleware, registry=registry, exclude=["/health"])],
)
around_starlette = SLOMiddleware(starlette, registry=registry)

added = Starlette()
added.add_middleware(SLOMiddleware, registry=registry)
added.add_route("/metrics", metrics_app(registry))

fastapi = FastAPI()
fastapi.add_middleware(SLOMiddleware, registry=registry, timer=FakeClock())
fastapi.add_route("/metrics", metrics_app(registry, token=None))
around_fastapi = SLOMiddleware(fastapi, registry=registry)

from_mapping: SLORegistry = instrument(
    FastAPI(),
    {
        "availability": {"target": "99.9%", "window": "30d"},
        "checkout-latency": {"target": 0.99, "latency": "300ms", "routes": ["/checkout/*"], "methods": ["POST"]},
    },
    store="sqlite:///slo.db",
    exclude=["/internal/*"],
    metrics_token="secret",
)
from_list = instrument(Starlette(), [{"name": "availability", "target": 0.999}], metrics_path=None, enabled=False)
from_objects = instrument(Starlette(), [SLODefinition("availability", 0.999)], clock=FakeClock(), service="shop")

with capture_requests(from_mapping) as events:
    routes: list[str | None] = [event.route for event in events]
    good: list[bool] = [event.outcomes["availability"] for event in events]
remaining: float = from_mapping["availability"].snapshot().error_budget_remaining
