"""The twenty requests that mean the same on every framework."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import include, path
from django.views.decorators.http import require_http_methods
from slo_test_project.clock import clock
from slo_test_project.project import COMMON, MIDDLEWARE, OpenProject

from slo_django import slo_exempt, slo_track
from twenty_requests import EXPECTED, REQUESTS, SLO_DEFINITIONS, SLO_EXCLUDE

View = Callable[..., Any]


def sync_views(answer: Callable[[HttpRequest], HttpResponse]) -> View:
    """The view as it is."""
    return answer


def async_views(answer: Callable[[HttpRequest], HttpResponse]) -> View:
    """The view as a coroutine function."""

    async def view(request: HttpRequest, **_: str) -> HttpResponse:
        return answer(request)

    return view


def sync_chunks(*, breaks: bool) -> Iterator[bytes]:
    """Two chunks, or one and an exception."""
    yield b"one"
    if breaks:
        raise RuntimeError("midway")
    yield b"two"


async def async_chunks(*, breaks: bool) -> AsyncIterator[bytes]:
    """The same, async."""
    for chunk in sync_chunks(breaks=breaks):
        yield chunk


def url_configuration(mode: Callable[[Any], View], chunks: Callable[..., Any]) -> type:
    """The routes of the twenty requests, with views of one mode."""

    def view(answer: Callable[[HttpRequest], HttpResponse], *methods: str) -> View:
        return require_http_methods(list(methods or ("GET",)))(mode(answer))

    def answering(status: int, seconds: float = 0.0) -> Callable[..., HttpResponse]:
        def answer(request: HttpRequest, **_: object) -> HttpResponse:
            clock.advance(seconds)
            return HttpResponse(f"{status}", status=status)

        return answer

    def boom(request: HttpRequest) -> HttpResponse:
        raise RuntimeError("boom")

    def streaming(*, breaks: bool) -> Callable[..., HttpResponse]:
        return lambda request: StreamingHttpResponse(chunks(breaks=breaks))  # type: ignore[return-value]  # a view's

    class Urls:
        urlpatterns = [
            path("ok", view(answering(200), "GET", "HEAD")),
            path("orders", view(answering(201), "POST")),
            path("missing", view(answering(404))),
            path("reports/broken", slo_track("reports")(view(answering(500)))),
            path("boom", view(boom)),
            path("checkout/slow", view(answering(200, 0.375))),
            path("checkout/edge", view(answering(200, 0.25))),
            path("checkout/<slug:region>/", include([path("items/<int:number>", view(answering(200, 0.125)))])),
            path("old", view(lambda request: HttpResponseRedirect("/ok"))),
            path("limited", view(answering(429))),
            path("private", slo_exempt(view(answering(200)))),
            path("reports", slo_track("reports")(view(answering(200)))),
            path("internal/health", view(answering(200))),
            path("stream/whole", view(streaming(breaks=False))),
            path("stream/broken", view(streaming(breaks=True))),
            path("", include("slo_django.urls")),
        ]

    return Urls


@pytest.mark.parametrize(
    ("interface", "mode", "chunks"),
    [
        ("wsgi", sync_views, sync_chunks),
        ("wsgi", async_views, sync_chunks),
        ("asgi", sync_views, async_chunks),
        ("asgi", async_views, async_chunks),
    ],
)
def test_twenty_requests_are_worth_the_same_everywhere(
    open_for: OpenProject, interface: str, mode: Callable[[Any], View], chunks: Callable[..., Any]
) -> None:
    """Status, outcome and SLOs of each request, and the totals worked out by hand."""
    project = open_for(
        interface,
        ROOT_URLCONF=url_configuration(mode, chunks),
        MIDDLEWARE=[MIDDLEWARE, COMMON],
        SLO_DEFINITIONS=SLO_DEFINITIONS,
        SLO_EXCLUDE=SLO_EXCLUDE,
    )
    totals: Counter[tuple[str, bool]] = Counter()

    for request in REQUESTS:
        project.events.clear()
        answer = project.ask(request.method, request.path)

        assert request.status in (None, answer.status), request
        assert [event.outcomes for event in project.events] == ([request.outcomes] if request.outcomes else []), request
        assert [event.duration_seconds for event in project.events] in ([], [request.takes_seconds]), request
        totals.update((name, good) for event in project.events for name, good in event.outcomes.items())

    assert {name: (totals[name, True], totals[name, False]) for name in EXPECTED} == EXPECTED
    snapshots = project.registry.snapshot_all()
    assert {snap.name: (snap.total - snap.failures, snap.failures) for snap in snapshots} == EXPECTED
