"""Answers and exceptions of what stands between the middleware and the view: they count for the route that was asked for."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, Flask, redirect
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.routing import Map

from flask_service import Service
from slo_flask import slo_exempt, slo_track


def shop() -> Flask:
    app = Flask("shop")
    app.add_url_rule("/status/<int:code>", "status", lambda code: ("answer", code))
    app.add_url_rule("/pay", "pay", slo_track("checkout")(lambda: "paid"), methods=["POST"])
    app.add_url_rule("/health", "health", slo_exempt(lambda: "well"))
    return app


class Middleware:
    """A WSGI middleware inside ours: it stood in `app.wsgi_app` before."""

    def __init__(self, app: Flask, *, error: BaseException | None = None, status: str = "") -> None:
        self.wsgi_app = app.wsgi_app
        self.error = error
        self.status = status
        app.wsgi_app = self  # type: ignore[method-assign]

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if self.error is not None:
            raise self.error
        if self.status:
            start_response(self.status, [("Content-Length", "5")])
            return [b"early"]
        return self.wsgi_app(environ, start_response)


def test_an_exception_in_a_middleware_inside_is_bad() -> None:
    """It never came to a route, and counts for SLOs that name none."""
    app = shop()
    Middleware(app, error=RuntimeError("middleware"))
    definitions = {
        "availability": {"target": 0.9},
        "status": {"target": 0.9, "routes": ["/status/*"], "views": ["status"]},
    }
    service = Service(app, definitions)

    assert str(service.ask(path="/elsewhere").exception) == "middleware"
    event = service.only_event
    assert (event.status, event.route, event.outcomes) == (500, None, {"availability": False})


@pytest.mark.parametrize(("status", "counts"), [("503 Overload", (0, 1)), ("429 Slow Down", (1, 0))])
def test_an_early_answer_of_a_middleware_inside_counts_without_a_route(status: str, counts: tuple[int, int]) -> None:
    """A 503 and a 429 without a route are answers all the same."""
    app = Flask("shop")
    Middleware(app, status=status)
    service = Service(app)

    assert service.ask(path="/status/200").content == b"early"
    assert service.only_event.route is None
    assert service.counts() == counts


ROUTES = {"status": {"target": 0.9, "routes": ["/status/<int:code>"]}, "view": {"target": 0.9, "views": ["status"]}}


@pytest.mark.parametrize(
    ("status", "counts"), [("503 Overload", (0, 1)), ("429 Slow Down", (1, 0)), ("200 Cached", (1, 0))]
)
def test_an_early_answer_counts_for_the_slos_of_its_route(status: str, counts: tuple[int, int]) -> None:
    """Rate limits, maintenance, caches: an outage there is an outage of the routes behind it."""
    app = shop()
    Middleware(app, status=status)
    service = Service(app, ROUTES)

    service.ask(path="/status/200")

    assert (service.only_event.route, service.only_event.view_name) == ("/status/<int:code>", "status")
    assert (service.counts("status"), service.counts("view")) == (counts, counts)


def test_an_exception_in_a_middleware_counts_for_the_slos_of_the_route() -> None:
    """It never came to the route, and the client asked for that."""
    app = shop()
    Middleware(app, error=RuntimeError("middleware"))
    service = Service(app, ROUTES)

    service.ask(path="/status/200")

    assert (service.counts("status"), service.counts("view")) == ((0, 1), (0, 1))


@pytest.mark.parametrize("status", ["404 Not Found", "301 Moved", "308 Moved"])
def test_an_early_404_or_redirect_is_left_out(status: str) -> None:
    """It says that the path is another one, or none."""
    app = shop()
    Middleware(app, status=status)
    service = Service(app, {**ROUTES, "all": {"target": 0.9}})

    service.ask(path="/status/200")

    assert service.events == []


def test_an_early_answer_on_a_path_without_a_route_counts_for_slos_that_name_none() -> None:
    """There is nothing else to go by."""
    app = shop()
    Middleware(app, status="503 Overload")
    service = Service(app, {**ROUTES, "all": {"target": 0.9}})

    service.ask(path="/nowhere")

    assert service.only_event.outcomes == {"all": False}


@pytest.mark.parametrize("method", ["POST", "GET", "PROPFIND"])
def test_an_early_answer_counts_for_the_marks_of_its_view(method: str) -> None:
    """Also where no SLO names a route; of a path without that method any of its routes will do."""
    app = shop()
    Middleware(app, status="503 Overload")
    service = Service(app, {"checkout": {"target": 0.9, "kind": "custom"}, "all": {"target": 0.9}})

    service.ask(method, "/pay")
    service.ask(path="/health")

    assert [event.outcomes for event in service.events] == [{"checkout": False, "all": False}]


def test_no_path_is_matched_where_it_would_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No SLO names a route, and no view is marked: a flood that a rate limit refuses costs no match."""
    app = Flask("shop")
    app.add_url_rule("/", "home", lambda: "home")
    Middleware(app, status="429 Slow Down")
    service = Service(app, SLO_STATUS_PATH="/slo")
    monkeypatch.setattr(Map, "bind_to_environ", lambda *_, **__: pytest.fail("it was matched"))

    service.ask()

    assert service.counts() == (1, 0)


@pytest.mark.parametrize(
    ("config", "definition"),
    [({"SLO_EXCLUDE": ["/status/<int:code>"]}, {}), ({}, {"exclude": ["/status/<*"]})],
    ids=["everywhere", "of one SLO"],
)
def test_an_early_answer_of_an_excluded_route_is_left_out(config: Any, definition: Any) -> None:
    """The template is what is excluded, whoever answers."""
    app = Flask("shop")
    app.add_url_rule("/status/<int:code>", "status", lambda code: ("answer", code))
    Middleware(app, status="503 Overload")
    service = Service(app, {"availability": {"target": 0.9, **definition}}, **config)

    service.ask(path="/status/200")
    service.ask(path="/elsewhere")

    assert service.counts() == (0, 1)


def test_an_early_answer_of_a_static_file_is_left_out() -> None:
    """A middleware inside ours serves the files, as WhiteNoise does."""
    app = Flask("shop")
    app.register_blueprint(Blueprint("admin", __name__, url_prefix="/admin", static_folder="."))
    Middleware(app, status="200 OK")
    service = Service(app)

    for path in ("/static/app.css", "/admin/./app.css", "/elsewhere"):
        service.ask(path=path)

    assert service.counts() == (1, 0)


def test_the_path_is_matched_as_it_came() -> None:
    """A dispatcher takes its part off the path: what is left over names another application's route."""
    app = shop()
    mounted = Flask("mounted")
    Middleware(mounted, status="503 Overload")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/m": mounted})  # type: ignore[method-assign]
    service = Service(app, {**ROUTES, "all": {"target": 0.9}})

    service.ask(path="/m/status/200")

    assert service.only_event.outcomes == {"all": False}


def test_hosts_and_paths_beyond_ascii_are_matched() -> None:
    """As Flask would have matched them."""
    app = Flask("shop", host_matching=True, static_host="static.example")
    app.add_url_rule("/straße", "one", lambda: "one", host="one.example")
    app.add_url_rule("/straße", "two", lambda: "two", host="two.example")
    Middleware(app, status="503 Overload")
    service = Service(app, {"two": {"target": 0.9, "views": ["two"]}})
    path = "/straße".encode().decode("latin-1")

    service.ask(path=path, HTTP_HOST="two.example")
    service.ask(path=path, HTTP_HOST="one.example")
    service.ask(path=path, HTTP_HOST="three.example")

    assert (service.counts("two"), service.registry.internals.errors.total) == ((0, 1), 0)


OURS = ("/metrics", "/slo", "/slo.json", "/slo/slo.css")


@pytest.mark.parametrize("status", ["503 Maintenance", "400 Bad Host", "404 No Tenant", "302 Log In"])
def test_an_answer_in_the_place_of_our_views_counts_for_nobody(status: str) -> None:
    """Even for an SLO that counts what no route took."""
    app = shop()
    Middleware(app, status=status)
    service = Service(app, {"all": {"target": 0.9, "unmatched": True}}, SLO_STATUS_PATH="/slo")

    for path in OURS:
        for method in ("GET", "HEAD", "POST"):
            service.ask(method, path)

    assert service.events == []


@pytest.mark.parametrize("answer", [("maintenance", 503), ("who are you", 401), redirect("/login")])
def test_a_before_request_function_in_the_place_of_our_views_counts_for_nobody(answer: Any) -> None:
    """Login guards and maintenance pages."""
    app = shop()
    app.before_request(lambda: answer)
    service = Service(app, {"all": {"target": 0.9, "unmatched": True}}, SLO_STATUS_PATH="/slo")

    for path in OURS:
        service.ask(path=path)

    assert service.events == []


def test_an_exception_in_the_place_of_our_views_counts_for_nobody() -> None:
    """Neither from a middleware nor from a before_request function."""
    app = shop()
    app.before_request(lambda: 1 / 0)
    service = Service(app)
    service.ask(path="/metrics")
    inner, service.app = service.app, shop()
    Middleware(service.app, error=RuntimeError("middleware"))
    other = Service(service.app)
    other.ask(path="/metrics")

    assert inner.name == "shop"
    assert (service.events, other.events) == ([], [])


def test_a_before_request_function_of_a_blueprint_counts_for_the_route() -> None:
    """It answers for the routes of its blueprint."""
    app = Flask("shop")
    blueprint = Blueprint("shop", __name__)
    blueprint.add_url_rule("/orders", "orders", lambda: "orders")
    blueprint.before_request(lambda: ("maintenance", 503))
    app.register_blueprint(blueprint)
    service = Service(app, {"orders": {"target": 0.9, "views": ["shop.orders"]}})

    service.ask(path="/orders")

    assert service.counts("orders") == (0, 1)
