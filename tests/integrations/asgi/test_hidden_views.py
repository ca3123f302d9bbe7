"""Our views and others at the same path: such requests count for nothing, and what never answers is named."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from asgi_driver import serve
from slo_asgi import SLOMiddleware, instrument, metrics_app
from slo_core import SLORegistry

frameworks = pytest.mark.parametrize("framework", [Starlette, FastAPI])
DEFINITIONS: dict[str, Any] = {"all": {"target": 0.9}, "named": {"target": 0.9, "routes": ["/*"]}}


async def theirs(request: Request) -> Response:
    return PlainTextResponse("theirs", status_code=503)


def instrumented(app: Any) -> SLORegistry:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the view is hidden has a test of its own
        return instrument(app, DEFINITIONS, status_path="/slo")


def total(registry: SLORegistry) -> list[int]:
    assert registry.internals.errors.total == 0
    return [snapshot.total for snapshot in registry.snapshot_all()]


@frameworks
@pytest.mark.parametrize(
    "path", ["/metrics", "/slo", "/slo.json"],
)  # fmt: skip
def test_the_path_of_our_view_counts_for_nothing_when_an_earlier_route_answers(framework: Any, path: str) -> None:
    """Scrapes and looks at the page are no users' requests; other paths and methods of such a route are."""
    app = framework()
    app.add_route(path, theirs, methods=["GET", "POST"])
    registry = instrumented(app)

    for _ in range(2):
        assert serve(app, path=path).body == b"theirs"
    assert total(registry) == [0, 0]

    serve(app, "POST", path)
    assert total(registry) == [1, 1]


@frameworks
@pytest.mark.parametrize("path", ["/{page}", "/{page:path}"])
def test_our_views_come_before_a_pattern_that_takes_their_paths(framework: Any, path: str) -> None:
    """As of a single-page application, whose routes are added last; other paths and methods stay its own."""
    app = framework()
    app.add_route("/first", theirs)
    app.add_route(path, theirs, methods=["GET", "POST"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registry = instrument(app, DEFINITIONS, status_path="/slo")

    assert [serve(app, path=own).status for own in ("/metrics", "/slo", "/slo.json")] == [200] * 3
    assert serve(app, path="/slo/unknown.css").body != b"theirs"
    assert total(registry) == [0, 0]
    for method, other in (("GET", "/other"), ("POST", "/metrics"), ("GET", "/first")):
        assert serve(app, method, other).body == b"theirs"
    assert total(registry) == [3, 3]


def test_our_views_come_before_an_application_that_is_mounted_at_the_root() -> None:
    """It may have such a path of its own, which is not known here: a warning says so."""

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("theirs")(scope, receive, send)

    app = Starlette(routes=[Mount("/", mounted)])
    with pytest.warns(
        UserWarning, match=r"GET /metrics goes to the metrics view, and to what is mounted at '/' no longer"
    ):
        instrument(app, DEFINITIONS)

    assert b"slo_target" in serve(app, path="/metrics").body
    assert serve(app, path="/page").body == b"theirs"


def test_views_that_are_lost_are_named(caplog: pytest.LogCaptureFixture) -> None:
    """An extension for versions of an API replaces the routes by routes of its own."""
    app = FastAPI()
    instrumented(app)
    app.router.routes[:] = [Route("/", theirs)]

    assert [message for message in logged(app, caplog) if "no longer" in message] == [
        f"GET {path} goes to slo-suite no longer: the routes were replaced after instrument(), as extensions for versions of "
        "an API do; call instrument() after that"
        for path in ("/metrics", "/slo")
    ]


def test_a_framework_may_add_routes_in_another_way() -> None:
    """FastHTML is a Starlette whose `add_route` takes a route."""

    class Other(Starlette):
        def add_route(self, route: Any) -> None:  # type: ignore[override]
            raise AssertionError("not to be called")

    app = Other()
    instrument(app, DEFINITIONS)

    assert serve(app, path="/metrics").status == 200
    assert all(route.methods for route in app.routes if isinstance(route, Route))  # extensions go through them


def test_the_same_behind_an_included_router_and_a_mount() -> None:
    """Wherever the route comes from."""
    router = APIRouter(prefix="/metrics")
    router.add_api_route("", lambda: "theirs")
    included = FastAPI()
    included.include_router(router)
    mounted = Starlette(routes=[Mount("/", routes=[Route("/metrics", theirs)])])

    for app in (included, mounted):
        registry = instrumented(app)
        assert b"theirs" in serve(app, path="/metrics").body
        assert total(registry) == [0, 0]


@frameworks
def test_a_catch_all_that_comes_after_us_hides_nothing(framework: Any) -> None:
    """Its requests are remembered by their route, as any others are."""
    app = framework()
    registry = instrumented(app)
    app.add_route("/{page:path}", theirs)

    for _ in range(2):
        serve(app, path="/metrics")
        serve(app, path="/slo/unknown.css")
        serve(app, path="/page")

    assert total(registry) == [2, 2]
    assert app.middleware_stack.resolver.route_table().hiding == frozenset()


def logged(app: Any, caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.clear()
    for path in ("/", "/metrics", "/"):
        serve(app, path=path)
    return [record.getMessage() for record in caplog.records if "slo_core" in record.name]


@frameworks
def test_a_later_route_that_never_answers_is_named_once(framework: Any, caplog: pytest.LogCaptureFixture) -> None:
    """As the exporter of another library: the router keeps both and says nothing."""
    app = framework()
    instrumented(app)
    app.add_route("/metrics", theirs, name="exporter", methods=["GET"])
    app.add_route("/metrics", theirs, methods=["POST"])

    (message,) = logged(app, caplog)

    assert message.startswith("GET /metrics goes to slo-suite: 'exporter' was added at the same path later, and never ")


@frameworks
@pytest.mark.parametrize("first", [True, False])
def test_an_application_mounted_at_our_path_is_named(
    framework: Any, first: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The mount answers below the path, and used to redirect the path itself."""
    app = framework()
    if first:
        app.mount("/metrics", PlainTextResponse("theirs"))
    instrumented(app)
    if not first:
        app.mount("/metrics", PlainTextResponse("theirs"))

    (message,) = logged(app, caplog)

    assert message.startswith("GET /metrics goes to slo-suite, and only /metrics/ to what is mounted there")


@frameworks
def test_what_instrument_has_warned_of_is_not_logged_again(framework: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Once is enough."""
    app = framework()
    app.add_route("/metrics", theirs)
    instrumented(app)

    assert logged(app, caplog) == []


@frameworks
def test_a_view_that_was_added_by_hand_and_never_answers_is_named(
    framework: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no call of ours at that time which could warn."""
    registry = SLORegistry.from_config(DEFINITIONS)
    app = framework()
    app.add_route("/metrics", theirs, name="exporter")
    app.add_route("/metrics", metrics_app(registry))
    app.add_middleware(SLOMiddleware, registry=registry)

    (message,) = logged(app, caplog)

    assert message.startswith("GET /metrics goes to 'exporter', which was added before the view of slo-suite")
    assert registry["all"].snapshot().total == 0
