"""One request through each framework, in process: what a middleware adds to the bare application."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from types import ModuleType
from typing import Any

from benchmarks.contest import Result, compete, hold_to, print_table, ratio_of, seconds_per_call
from slo_core import SLODefinition, SLORegistry
from slo_core.http.recorder import HTTPRecorder
from slo_core.http.request import RouteMatch
from slo_core.objectives.http_rule import HTTPRule
from slo_core.stores.memory.store import MemoryLedger, MemoryStore

__all__ = ["asgi_measure", "run", "wsgi_measure"]

# Three SLOs, one for some routes only, one that looks at latency.
DEFINITIONS: dict[str, dict[str, object]] = {
    "availability": {"target": "99.9%"},
    "checkout": {"target": "99.9%", "routes": ["/checkout/*"]},
    "latency": {"target": 0.99, "latency": "300ms"},
}
PATH = "/checkout/42"
# Of the CPU, so that the time in which another process runs counts for no contender.
_timer = time.process_time
# Short slices and very many of them. What comes in between (other processes, the garbage collector) makes two slices of
# the same application differ by 2 to 6 us a request, however long they are; so the median of a hundred differences is off
# by 0.5 us, and that of three thousand by 0.1 us.
CALLS = 10
SLICES = 300
# Of the threads of Django under ASGI, which take ten times as long.
THREADED_SLICES = 20
# Not timed, before each slice: the contender before has left other code in the processor's caches.
WARM_UP_CALLS = 2
OURS, FLOOR = "slo-suite, 3 SLOs", "bare app"
# Two contenders that say how far to trust the table. The first returns the application that it is given: what comes out for
# it is the measurement's own error. The second adds one call and nothing else, which is the least that any middleware costs.
NOTHING, PASSES_ON = "middleware that does nothing", "middleware that only passes on"

Scope = MutableMapping[str, Any]
ASGIApp = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _PassesOn:
    """The least an ASGI middleware that stays around its application can do."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


def _nothing(app: Any) -> Any:
    return app


def asgi_measure(
    app: ASGIApp, runner: asyncio.Runner, *, next_path: Callable[[], str] = lambda: PATH
) -> Callable[[], float]:
    """Seconds of one request to an ASGI application, measured over many."""
    never = asyncio.Future[dict[str, object]](loop=runner.get_loop())

    class Receive:
        """The request's body, then silence: the client waits for its answer."""

        asked = False

        async def __call__(self) -> dict[str, object]:
            if self.asked:
                return await asyncio.shield(never)
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: object) -> None:
        pass

    def scope() -> Scope:
        path = next_path()
        return {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
            "method": "GET", "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
            "root_path": "", "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
            "state": {},
        }  # fmt: skip

    async def many() -> float:
        for _ in range(WARM_UP_CALLS):
            await app(scope(), Receive(), send)
        started = _timer()
        for _ in range(CALLS):
            await app(scope(), Receive(), send)
        return (_timer() - started) / CALLS

    return lambda: runner.run(many())


def wsgi_measure(app: WSGIApp, *, next_path: Callable[[], str] = lambda: PATH) -> Callable[[], float]:
    """The same of a WSGI application."""
    from io import BytesIO

    environ = {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "QUERY_STRING": "", "SERVER_NAME": "localhost",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.version": (1, 0), "wsgi.url_scheme": "http",
        "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False, "HTTP_HOST": "localhost",
    }  # fmt: skip

    def start_response(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], None]:
        return lambda _: None

    def call() -> None:
        body = app(
            {**environ, "PATH_INFO": next_path(), "wsgi.input": BytesIO(), "wsgi.errors": sys.stderr}, start_response
        )
        for _ in body:
            pass
        close = getattr(body, "close", None)
        if close is not None:
            close()

    def measure() -> float:
        for _ in range(WARM_UP_CALLS):
            call()
        return seconds_per_call(call, CALLS, timer=_timer)

    return measure


def _print(title: str, results: dict[str, Result], *, reference: str, at_most: float) -> None:
    print_table(f"one request, {title}", results, reference=reference, floor=FLOOR)
    nothing = results[NOTHING].above(results[FLOOR]) * 1e6
    hold_to(f"middleware that does nothing, {title}", "within 0.3 us", f"{nothing:.2f} us", is_met=abs(nothing) <= 0.3)
    ratio = ratio_of(results, OURS, reference, floor=FLOOR)
    hold_to(f"middleware, {title}", f"<= {at_most} x {reference}", f"{ratio:.2f} x", is_met=ratio <= at_most)


def _starlette_app() -> Any:
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def checkout(request: object) -> PlainTextResponse:
        return PlainTextResponse("ok")

    return Starlette(routes=[Route("/checkout/{order}", checkout)])


def _fastapi_app() -> Any:
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/checkout/{order}")
    async def checkout(order: int) -> dict[str, int]:
        return {"order": order}

    return app


def _asgi(title: str, make: Callable[[], Any], rounds: int, *, at_most: float) -> None:
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from prometheus_client import CollectorRegistry
    from prometheus_fastapi_instrumentator import Instrumentator
    from slo_budget_tracker import SLODefinition, SLOTracker
    from slo_budget_tracker.middleware import SLOMiddleware as TheirMiddleware
    from starlette_exporter import PrometheusMiddleware

    from slo_asgi import instrument

    def added(middleware: Any, **options: Any) -> Any:
        app = make()
        app.add_middleware(middleware, **options)
        return app

    instrumented = make()
    Instrumentator(registry=CollectorRegistry()).instrument(instrumented)
    ours = make()
    instrument(ours, DEFINITIONS)
    # A window of a minute keeps their memory in bounds.
    theirs = SLOTracker(SLODefinition("availability", 0.999, 60, (60,)))
    with asyncio.Runner() as runner:
        contenders = {
            FLOOR: make(),
            NOTHING: added(_nothing),
            PASSES_ON: added(_PassesOn),
            OURS: ours,
            "slo-budget-tracker, 1 SLO": added(TheirMiddleware, tracker=theirs),
            "prometheus-fastapi-instrumentator": instrumented,
            "starlette_exporter": added(PrometheusMiddleware),
            "OpenTelemetry": added(OpenTelemetryMiddleware),
        }
        results = compete({name: asgi_measure(app, runner) for name, app in contenders.items()}, SLICES * rounds)
    reference = "prometheus-fastapi-instrumentator"
    _print(title, results, reference=reference, at_most=at_most)


def _flask(rounds: int) -> None:
    from flask import Flask
    from opentelemetry.instrumentation.flask import FlaskInstrumentor
    from prometheus_client import CollectorRegistry
    from prometheus_flask_exporter import PrometheusMetrics

    from slo_flask import SLO

    def make() -> Flask:
        app = Flask("shop")

        @app.get("/checkout/<int:order>")
        def checkout(order: int) -> str:
            return "ok"

        return app

    def added(middleware: Callable[[WSGIApp], WSGIApp]) -> Flask:
        app = make()
        app.wsgi_app = middleware(app.wsgi_app)  # type: ignore[method-assign]
        return app

    def passes_on(inner: WSGIApp) -> WSGIApp:
        return lambda environ, start_response: inner(environ, start_response)

    ours = make()
    ours.config["SLO_DEFINITIONS"] = DEFINITIONS
    SLO(ours)
    exported = make()
    PrometheusMetrics(exported, registry=CollectorRegistry())
    telemetry = make()
    FlaskInstrumentor().instrument_app(telemetry)
    contenders = {
        FLOOR: make(),
        NOTHING: added(_nothing),
        PASSES_ON: added(passes_on),
        OURS: ours,
        "prometheus-flask-exporter": exported,
        "OpenTelemetry": telemetry,
    }
    results = compete({name: wsgi_measure(app) for name, app in contenders.items()}, SLICES * rounds)
    _print("Flask", results, reference="prometheus-flask-exporter", at_most=0.22)


def _nothing_in_django(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A middleware that does nothing."""
    return get_response


def _passes_on_in_django(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A middleware that only passes on, in both worlds."""
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction

    if iscoroutinefunction(get_response):

        async def pass_on_async(request: object) -> object:
            return await get_response(request)

        return markcoroutinefunction(pass_on_async)
    return lambda request: get_response(request)


for _middleware in (_nothing_in_django, _passes_on_in_django):
    _middleware.sync_capable = _middleware.async_capable = True  # type: ignore[attr-defined]  # Django reads them


def _django_urls() -> ModuleType:
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    def checkout(request: HttpRequest, order: int) -> HttpResponse:
        return HttpResponse("ok")

    async def checkout_async(request: HttpRequest, order: int) -> HttpResponse:
        return HttpResponse("ok")

    urls = ModuleType("benchmarks.django_urls")
    urls.urlpatterns = [path("checkout/<int:order>", checkout)]  # type: ignore[attr-defined]
    urls.async_urlpatterns = [path("checkout/<int:order>", checkout_async)]  # type: ignore[attr-defined]
    return urls


def _django(rounds: int) -> None:
    import django
    from django.conf import settings
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    from django.urls import clear_url_caches

    urls = _django_urls()
    sys.modules[urls.__name__] = urls
    settings.configure(
        ALLOWED_HOSTS=["*"], DEBUG=False, ROOT_URLCONF=urls.__name__, SECRET_KEY="benchmark", SLO_DEFINITIONS=DEFINITIONS,
        SLO_STORE="memory://", INSTALLED_APPS=["slo_django", "django_prometheus"],
        PROMETHEUS_EXPORT_MIGRATIONS=False, DATABASES={},
    )  # fmt: skip
    django.setup()
    stacks: dict[str, list[str]] = {
        FLOOR: [],
        NOTHING: ["benchmarks.middleware._nothing_in_django"],
        PASSES_ON: ["benchmarks.middleware._passes_on_in_django"],
        OURS: ["slo_django.middleware.SLOMiddleware"],
        "django-prometheus": [
            "django_prometheus.middleware.PrometheusBeforeMiddleware",
            "django_prometheus.middleware.PrometheusAfterMiddleware",
        ],
    }

    def handler(kind: type, stack: list[str]) -> Any:
        settings.MIDDLEWARE = stack
        return kind()

    measures = {name: wsgi_measure(handler(WSGIHandler, stack)) for name, stack in stacks.items()}
    _print("Django WSGI", compete(measures, SLICES * rounds), reference="django-prometheus", at_most=0.12)

    urls.urlpatterns = urls.async_urlpatterns
    clear_url_caches()
    with asyncio.Runner() as runner:
        measures = {name: asgi_measure(handler(ASGIHandler, stack), runner) for name, stack in stacks.items()}
        results = compete(measures, THREADED_SLICES * rounds)
    # Threads of Django's own are most of it, and their time varies by ten times what we add.
    print_table("one request, Django ASGI (async view)", results, reference="django-prometheus", floor=FLOOR)
    ratio = ratio_of(results, OURS, "django-prometheus", floor=FLOOR)
    hold_to("middleware, Django ASGI (async view)", "<= 0.1 x django-prometheus", f"{ratio:.2f} x", is_met=ratio <= 0.1)


class _WithoutHistogram(MemoryStore):
    """A store that counts good and bad events alone."""

    def ledger(self, definition: SLODefinition) -> MemoryLedger:
        return MemoryLedger(definition.kept_seconds, clock=self._clock)


def _latencies(rounds: int) -> None:
    """What the histogram of a latency SLO adds to a request, beside the same without it."""
    slos = 8

    def measure(store: MemoryStore, **rule: float) -> Callable[[], float]:
        registry = SLORegistry(store)
        for number in range(slos):
            registry.define(SLODefinition(f"slo-{number}", 0.99, http=HTTPRule(**rule)))
        recorder = HTTPRecorder(registry)
        route = RouteMatch(route=PATH, matched=True)

        def call() -> None:
            request = recorder.begin({}, "GET", PATH)
            assert request is not None
            request.route_match, request.status = route, 200
            recorder.finish(request)

        return lambda: seconds_per_call(call, 10 * CALLS, timer=_timer)

    plain, kept = f"{slos} latency SLOs, no histogram", f"{slos} latency SLOs"
    untimed, untimed_kept = f"{slos} SLOs without latency, no histogram", f"{slos} SLOs without latency"
    contenders = {
        untimed: measure(_WithoutHistogram()),
        untimed_kept: measure(MemoryStore()),
        plain: measure(_WithoutHistogram(), latency_seconds=0.3),
        kept: measure(MemoryStore(), latency_seconds=0.3),
    }
    results = compete(contenders, SLICES * rounds)
    print_table("one request, counted by the recorder alone", results, reference=plain)
    added = results[kept].above(results[plain]) / slos * 1e6
    hold_to("histogram, a latency SLO", "<= 0.3 us", f"{added:.3f} us", is_met=added <= 0.3)
    untouched = results[untimed_kept].above(results[untimed]) / slos * 1e6
    hold_to("histogram, an SLO without latency", "+- 0.1 us", f"{untouched:.3f} us", is_met=abs(untouched) <= 0.1)


def run(rounds: int) -> None:
    """Print one table a framework, and what the histogram of latencies costs."""
    logging.disable(logging.WARNING)
    _latencies(rounds)
    _asgi("Starlette", _starlette_app, rounds, at_most=0.14)
    _asgi("FastAPI", _fastapi_app, rounds, at_most=0.2)
    _flask(rounds)
    _django(rounds)
