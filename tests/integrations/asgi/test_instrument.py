"""`instrument`: FastAPI and Starlette in one line."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from asgi_driver import serve
from asgi_service import AVAILABILITY
from slo_asgi import instrument, slo_track
from slo_core import SLODefinition, SLORegistry
from slo_core.errors import ConfigError
from slo_core.testing import FakeClock, capture_requests

pytestmark = pytest.mark.parametrize("framework", [Starlette, FastAPI])


async def view(request: Request) -> Response:
    return PlainTextResponse("answer")


def app_with_view(framework: type[Any]) -> Any:
    app = framework()
    app.add_route("/page", view)
    return app


def test_one_line_counts_and_shows(framework: type[Any]) -> None:
    """Requests count, `/metrics` answers, and the registry is within reach of views."""
    app = app_with_view(framework)
    registry = instrument(app, AVAILABILITY)

    serve(app, path="/page")

    assert app.state.slo_registry is registry
    assert registry["availability"].snapshot().total == 1
    assert b'slo_target{slo="availability"} 0.9' in serve(app, path="/metrics").body


@pytest.mark.parametrize(
    "definitions",
    [
        {"availability": {"target": "90%"}},
        [{"name": "availability", "target": 0.9}],
        [SLODefinition("availability", 0.9)],
        {"availability": SLODefinition("availability", 0.9)},
    ],
)
def test_definitions_come_in_every_form(framework: type[Any], definitions: Any) -> None:
    """A mapping, a list, or objects: without rules of their own they count every request."""
    app = app_with_view(framework)
    registry = instrument(app, definitions)

    serve(app, path="/page")

    assert registry["availability"].definition.target == 0.9
    assert registry["availability"].snapshot().total == 1


def test_every_problem_is_told_at_once(framework: type[Any]) -> None:
    """With its path, and nothing is installed."""
    app = app_with_view(framework)

    with pytest.raises(ConfigError) as caught:
        instrument(app, {"a": {"target": 99.9}, "b": {"target": 0.9, "latencyy": "1s"}})

    assert "definitions['a'].target" in str(caught.value)
    assert 'did you mean "99.9%"' in str(caught.value)
    assert 'did you mean "latency"' in str(caught.value)
    assert not hasattr(app.state, "slo_registry")
    assert app.user_middleware == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"metrics_path": "metrics"}, "metrics_path"),
        ({"metrics_token": ""}, "metrics_token"),
        ({"exclude": "/internal/*"}, "exclude"),
        ({"exclude": 7}, "exclude"),
        ({"exclude": None}, "exclude"),
        ({"enabled": "no"}, "enabled"),
        ({"service": ""}, "service"),
        ({"flush_interval": 0}, "flush_interval"),
        ({"store": 7}, "store"),
    ],
)
def test_other_arguments_are_looked_at_too(framework: type[Any], options: dict[str, Any], named: str) -> None:
    """The message names the argument."""
    app = app_with_view(framework)

    with pytest.raises(ConfigError, match=named):
        instrument(app, AVAILABILITY, **options)

    assert not hasattr(app.state, "slo_registry")


def test_the_metrics_path_may_be_another_or_none(framework: type[Any]) -> None:
    """`None` mounts nothing."""
    elsewhere, nowhere = app_with_view(framework), app_with_view(framework)
    instrument(elsewhere, AVAILABILITY, metrics_path="/internal/metrics")
    instrument(nowhere, AVAILABILITY, metrics_path=None)

    assert serve(elsewhere, path="/internal/metrics").status == 200
    assert serve(elsewhere, path="/metrics").status == 404
    assert serve(nowhere, path="/metrics").status == 404


def test_a_metrics_view_that_an_earlier_route_hides_is_warned_of(framework: type[Any]) -> None:
    """It has the very path, and so it answers."""
    app = framework()
    app.add_route("/metrics", view)

    with pytest.warns(
        UserWarning, match=r"GET /metrics goes to a route .* before the metrics view; call instrument\(\)"
    ):
        instrument(app, AVAILABILITY)


@pytest.mark.parametrize("methods", [["POST"], ["DELETE", "PUT"]])
def test_a_route_that_takes_other_methods_hides_no_metrics(framework: type[Any], methods: list[str]) -> None:
    """Nor does one that was added later; nothing is warned of."""
    app = framework()
    app.add_route("/metrics", view, methods=methods)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        instrument(app, AVAILABILITY)
    app.add_route("/{path:path}", view)


def test_a_router_that_cannot_be_asked_hides_nothing(framework: type[Any]) -> None:
    """The warning is a service; an unknown kind of route must not keep the application from starting."""
    app = framework()
    app.router.routes.append(object())

    assert instrument(app, AVAILABILITY) is app.state.slo_registry


def test_disabled_counts_and_mounts_nothing(framework: type[Any]) -> None:
    """The definitions are checked all the same, and code that asks for the registry goes on working."""
    app = app_with_view(framework)
    registry = instrument(app, AVAILABILITY, enabled=False)

    assert serve(app, path="/page").status == 200
    assert serve(app, path="/metrics").status == 404
    assert registry["availability"].snapshot().total == 0
    assert app.user_middleware == []
    with pytest.raises(ConfigError):
        instrument(app_with_view(framework), {"a": {"target": 2}}, enabled=False)


def test_custom_slos_alone_are_fed_by_marked_views(framework: type[Any]) -> None:
    """`slo_track` works on a view of an application whose SLOs count no requests by themselves."""
    app = app_with_view(framework)
    app.add_route("/report", slo_track("reports")(lambda request: PlainTextResponse("answer")))
    registry = instrument(app, {"reports": {"target": 0.9, "kind": "custom"}})

    with capture_requests(registry) as events:
        serve(app, path="/report")
        serve(app, path="/page")

    assert [event.route for event in events] == ["/report"]


def test_excluded_paths_count_for_nobody(framework: type[Any]) -> None:
    """`exclude` adds to what is left out anyway."""
    app = app_with_view(framework)
    registry = instrument(app, AVAILABILITY, exclude=["/pa*"])

    serve(app, path="/page")

    assert registry["availability"].snapshot().total == 0


def test_the_service_names_the_series(framework: type[Any]) -> None:
    """`service=` is the label `slo_service`."""
    app = app_with_view(framework)
    instrument(app, AVAILABILITY, service="shop")

    assert b'slo_service="shop"' in serve(app, path="/metrics").body


def test_the_release_is_a_mark(framework: type[Any]) -> None:
    """`release=`, as the setting elsewhere; a wrong one is refused as every wrong argument is."""
    registry = instrument(app_with_view(framework), AVAILABILITY, release="4.2")

    assert [mark.text for mark in registry.internals.marks(0.0)] == ["4.2"]
    with pytest.raises(ConfigError, match="release: expected 1 to 100 printable characters"):
        instrument(app_with_view(framework), AVAILABILITY, release="")


def test_a_clock_and_a_timer_may_be_given(framework: type[Any]) -> None:
    """For users' tests."""
    clock = FakeClock()
    app = app_with_view(framework)
    registry = instrument(app, AVAILABILITY, clock=clock, timer=clock)

    serve(app, path="/page")
    clock.advance(days=31)

    assert registry["availability"].snapshot().total == 0


def test_an_application_that_has_started_is_refused(framework: type[Any]) -> None:
    """Middleware cannot be added any more; Starlette says so."""
    app = app_with_view(framework)
    serve(app, path="/page")

    with pytest.raises(RuntimeError, match="started"):
        instrument(app, AVAILABILITY)
    assert not hasattr(app.state, "slo_registry")


def test_concurrent_requests_do_not_mix(framework: type[Any]) -> None:
    """Each request keeps its own times and its own route."""
    clock = FakeClock()

    async def waiting(request: Request) -> Response:
        for _ in range(int(request.path_params["turns"])):
            await asyncio.sleep(0)
            clock.advance(1)
        return PlainTextResponse("answer")

    app = framework()
    app.add_route("/wait/{turns:int}", waiting)
    app.add_route("/other/{turns:int}", waiting)
    registry: SLORegistry = instrument(app, AVAILABILITY, clock=clock, timer=clock)

    async def run() -> None:
        from asgi_driver import http_scope

        async def receive() -> Any:
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            pass

        await asyncio.gather(*(app(http_scope(path=path), receive, send) for path in ("/wait/3", "/other/1")))

    with capture_requests(registry) as events:
        asyncio.run(run())

    # Turns alternate: the short request ends after its own second and the other's first.
    assert sorted((event.route, event.duration_seconds) for event in events) == [
        ("/other/{turns}", 2.0),
        ("/wait/{turns}", 4.0),
    ]
