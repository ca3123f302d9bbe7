"""The dearest request: one that a layer answers before the router, on a path of its own, among 500 routes."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from benchmarks.contest import Result, compete, hold_to, print_table
from benchmarks.middleware import asgi_measure, wsgi_measure

__all__ = ["refuse_in_django", "run"]

ROUTES = 500
SLICES = 12
OURS, FLOOR = "slo-suite, 2 SLOs", "bare app"
AT_MOST = 100e-6
# The second one names routes: each request has to be matched.
STARLETTE_SLOS: dict[str, dict[str, object]] = {
    "availability": {"target": "99.9%"},
    "areas": {"target": "99.9%", "routes": ["/area7/{item}/detail"]},
}
DJANGO_SLOS: dict[str, dict[str, object]] = {**STARLETTE_SLOS, "areas": {"target": "99.9%", "views": ["area-7"]}}


def _paths() -> Callable[[], str]:
    """No path comes twice; every second one has no route."""
    chance = random.Random(7)
    numbers = itertools.count()

    def next_path() -> str:
        number = next(numbers)
        area = chance.randrange(ROUTES)
        return f"/area{area}/{number}/detail" if number % 2 else f"/area{area}/{number}/nothing"

    return next_path


def _print(title: str, results: dict[str, Result]) -> None:
    print_table(f"one refusal in front of {ROUTES} routes, {title}", results, reference=OURS, floor=FLOOR)
    added = results[OURS].above(results[FLOOR])
    hold_to(f"early answer, {title}", f"<= {AT_MOST * 1e6:.0f} us", f"{added * 1e6:.1f} us", is_met=added <= AT_MOST)


class _Refuse:
    """A layer that answers every request with 401."""

    def __init__(self, app: object) -> None:
        from starlette.responses import PlainTextResponse

        self._answer = PlainTextResponse("who are you?", 401)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._answer(scope, receive, send)


def _starlette(rounds: int) -> None:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from slo_asgi import instrument

    async def view(request: object) -> PlainTextResponse:
        return PlainTextResponse("ok")

    def make() -> Starlette:
        routes = [Route(f"/area{number}/{{item}}/detail", view) for number in range(ROUTES)]
        return Starlette(routes=routes, middleware=[Middleware(_Refuse)])

    ours = make()
    instrument(ours, STARLETTE_SLOS)
    with asyncio.Runner() as runner:
        contenders = {FLOOR: make(), OURS: ours}
        measures = {name: asgi_measure(app, runner, next_path=_paths()) for name, app in contenders.items()}
        _print("Starlette", compete(measures, SLICES * rounds))


def refuse_in_django(get_response: object) -> Callable[[Any], Any]:
    """A middleware that answers every request with 401."""
    from django.http import HttpResponse

    return lambda request: HttpResponse("who are you?", status=401)


def _django(rounds: int) -> None:
    import django
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpResponse
    from django.urls import path

    urls = ModuleType("benchmarks.django_urls")
    urls.urlpatterns = [  # type: ignore[attr-defined]
        path(f"area{number}/<int:item>/detail", lambda request, item: HttpResponse("ok"), name=f"area-{number}")
        for number in range(ROUTES)
    ]
    sys.modules[urls.__name__] = urls
    settings.configure(
        ALLOWED_HOSTS=["*"], DEBUG=False, ROOT_URLCONF=urls.__name__, SECRET_KEY="benchmark", SLO_DEFINITIONS=DJANGO_SLOS,
        SLO_STORE="memory://", INSTALLED_APPS=["slo_django"], DATABASES={},
    )  # fmt: skip
    django.setup()
    refusing = "benchmarks.early_answers.refuse_in_django"
    measures = {}
    for name, stack in {FLOOR: [refusing], OURS: ["slo_django.middleware.SLOMiddleware", refusing]}.items():
        settings.MIDDLEWARE = stack
        measures[name] = wsgi_measure(WSGIHandler(), next_path=_paths())
    _print("Django WSGI", compete(measures, SLICES * rounds))


def run(rounds: int) -> None:
    """Print one table a framework."""
    logging.disable(logging.WARNING)
    _starlette(rounds)
    _django(rounds)
