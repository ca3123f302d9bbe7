"""Several installations: each SLO counts a request once, the outermost installation decides."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from asgi_driver import serve
from asgi_service import AVAILABILITY, Service
from slo_asgi import SLOMiddleware, instrument
from slo_core import SLODefinition, SLORegistry, SLOTracker
from slo_core.testing import FakeClock


async def view(request: Request) -> Response:
    return PlainTextResponse("answer")


async def plain_app(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("answer")(scope, receive, send)


def totals(registry: SLORegistry) -> dict[str, int]:
    return {snap.name: snap.total for snap in registry.snapshot_all()}


def test_installed_twice_counted_once() -> None:
    """Around the application and inside of it, with one registry."""
    service = Service(Starlette(routes=[Route("/", view)]), inside=True)
    service.app = SLOMiddleware(service.app, registry=service.registry, timer=service.clock)

    service.ask()

    assert service.counts() == (1, 0)
    assert len(service.events) == 1


def test_the_outermost_installation_counts() -> None:
    """It sees the failure of a middleware between the two."""

    class Failing:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def failing_send(message: Any) -> None:
                raise RuntimeError("compression failed")

            await self.app(scope, receive, failing_send)

    registry = SLORegistry.from_config(AVAILABILITY)
    app = SLOMiddleware(Failing(SLOMiddleware(plain_app, registry=registry)), registry=registry)

    serve(app)

    snap = registry["availability"].snapshot()
    assert (snap.total, snap.failures) == (1, 1)


def test_two_slos_in_two_middlewares_both_count() -> None:
    """One by each."""
    availability, strict = SLOTracker(SLODefinition("availability", 0.9)), SLOTracker(SLODefinition("strict", 0.9))
    app = SLOMiddleware(plain_app, tracker=availability)
    app = SLOMiddleware(app, tracker=strict, classify=lambda status, exception: False)

    serve(app)

    assert (availability.snapshot().failures, strict.snapshot().failures) == (0, 1)
    assert (availability.snapshot().total, strict.snapshot().total) == (1, 1)


def test_two_middlewares_for_slos_of_one_registry_both_count() -> None:
    """The usual way to count one application for two SLOs by hand."""
    registry = SLORegistry()
    registry.define(SLODefinition("availability", 0.9))
    registry.define(SLODefinition("not-found", 0.9))
    app = Starlette(routes=[Route("/", view)])
    app.add_middleware(SLOMiddleware, registry=registry, slo_name="availability")
    app.add_middleware(
        SLOMiddleware, registry=registry, slo_name="not-found", classify=lambda status, exception: status != 404
    )

    serve(app)
    serve(app, path="/nowhere")

    assert totals(registry) == {"availability": 2, "not-found": 2}
    assert registry["not-found"].snapshot().failures == 1


def test_overlapping_installations_share_the_slos() -> None:
    """What the outer one counts already, the inner one leaves; the rest it counts."""
    registry = SLORegistry.from_config({"first": {"target": 0.9}, "second": {"target": 0.9}})
    app = SLOMiddleware(SLOMiddleware(plain_app, registry=registry), registry=registry, slo_name="first")

    serve(app)

    assert totals(registry) == {"first": 1, "second": 1}


@pytest.mark.parametrize("framework", [Starlette, FastAPI])
def test_a_mounted_application_with_the_same_registry_counts_once(framework: type[Any]) -> None:
    """Its parent has counted already; requests of the parent alone count as well."""
    sub_app = framework()
    sub_app.add_route("/page", view)
    app = framework()
    app.add_route("/", view)
    app.mount("/sub", sub_app)
    service = Service(app, inside=True)
    sub_app.add_middleware(SLOMiddleware, registry=service.registry)

    service.ask(path="/sub/page")
    service.ask(path="/")

    assert service.counts() == (2, 0)
    assert [event.route for event in service.events] == ["/sub/page", "/"]


@pytest.mark.parametrize("framework", [Starlette, FastAPI])
def test_a_mounted_application_with_slos_of_its_own_counts_them(framework: type[Any]) -> None:
    """Another service, another identity: both count, each with its own idea of the route."""
    sub_app = framework()
    sub_app.add_route("/page", view)
    inner = SLORegistry.from_config({"availability": {"target": 0.9, "routes": ["*/page"]}}, service="sub")
    sub_app.add_middleware(SLOMiddleware, registry=inner)
    app = framework()
    app.mount("/sub", sub_app)
    service = Service(app, inside=True)

    service.ask(path="/sub/page")

    assert service.counts() == (1, 0)
    assert totals(inner) == {"availability": 1}


def test_two_applications_in_one_process_do_not_mix() -> None:
    """Nothing is global."""
    first, second = Service(plain_app), Service(plain_app)

    first.ask()
    first.ask()
    second.ask()

    assert (first.counts(), second.counts()) == ((2, 0), (1, 0))


def test_two_applications_may_share_a_registry() -> None:
    """Their requests add up."""
    registry = SLORegistry.from_config(AVAILABILITY)

    serve(SLOMiddleware(plain_app, registry=registry))
    serve(SLOMiddleware(plain_app, registry=registry))

    assert totals(registry) == {"availability": 2}


def test_a_sibling_mount_is_counted_by_its_own() -> None:
    """Only the mounted application is instrumented: its neighbours count for nobody."""
    registry = SLORegistry.from_config(AVAILABILITY)
    counted = SLOMiddleware(Starlette(routes=[Route("/page", view)]), registry=registry, timer=FakeClock())
    app = Starlette(routes=[Mount("/counted", counted), Mount("/free", routes=[Route("/page", view)])])

    serve(app, path="/counted/page")
    serve(app, path="/free/page")

    assert totals(registry) == {"availability": 1}


@pytest.mark.parametrize("framework", [Starlette, FastAPI])
def test_instrument_twice_warns_and_changes_nothing(framework: type[Any]) -> None:
    """The first call stands, and its registry comes back."""
    app = framework()
    app.add_route("/", view)
    registry = instrument(app, AVAILABILITY)

    with pytest.warns(UserWarning, match="twice"):
        again = instrument(app, {"other": {"target": 0.9}})
    serve(app)

    assert again is registry
    assert totals(registry) == {"availability": 1}


def test_an_slo_that_is_added_later_counts_from_then_on() -> None:
    """The registry may grow while the application serves."""
    service = Service(plain_app)

    service.ask()
    service.registry.define(SLODefinition("later", 0.9, kind="http"))
    service.ask()

    assert totals(service.registry) == {"availability": 2, "later": 1}
