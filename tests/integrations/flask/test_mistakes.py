"""Mistakes at the installation are told once, in the log, at the first request; a right installation is silent."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.middleware.shared_data import SharedDataMiddleware

from flask_service import Service
from slo_core.http import first_requests
from slo_flask import SLO, slo_exempt, slo_track
from wsgi_driver import serve

SHOP: dict[str, Any] = {"shop": {"target": 0.9, "routes": ["/orders/*"]}}


@pytest.fixture
def messages(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What the log was told, filled as it goes."""
    seen: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    listener = Listener(logging.WARNING)
    logger = logging.getLogger("slo_core")
    logger.addHandler(listener)
    yield seen
    logger.removeHandler(listener)


def shop() -> Flask:
    app = Flask("shop")
    app.add_url_rule("/orders/<int:order>", "order", lambda order: "order", methods=["GET", "POST"])
    app.add_url_rule("/about", "about", lambda: "about")
    blueprint = Blueprint("billing", __name__, url_prefix="/billing")
    blueprint.add_url_rule("/pay", "pay", lambda: "paid", methods=["POST"])
    app.register_blueprint(blueprint)
    return app


def ask_twice(app: Flask, definitions: Any, **config: Any) -> None:
    service = Service(app, definitions, **config)
    service.ask(path="/about")
    service.ask(path="/about")


NO_ROUTE = "matches no route of the application"
NO_REQUEST = "can count no request: no route fits its routes, views, methods and exclude together"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"routes": ["/order/*"]}, f": routes: '/order/*' {NO_ROUTE}"),
        ({"routes": ["orders/*"]}, f": routes: 'orders/*' {NO_ROUTE}; routes start with a slash"),
        ({"routes": ["/metrics"]}, f": routes: '/metrics' {NO_ROUTE}"),
        ({"views": ["odrer"]}, ": views: 'odrer' matches no endpoint of the application; did you mean \"order\"?"),
        ({"routes": ["/billing/*"], "methods": ["GET"]}, f" {NO_REQUEST}"),
        ({"views": ["about"], "exclude": ["/about"]}, f" {NO_REQUEST}"),
    ],
)
def test_a_definition_that_fits_no_route_is_told_once(rule: Any, message: str, messages: list[str]) -> None:
    """With the nearest name where there is one."""
    ask_twice(shop(), {"slo": {"target": 0.9, **rule}})

    assert messages == [f"the SLO 'slo'{message}"]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"routes": ["/orders/*"]},
        {"routes": ["/orders/7"]},
        {"routes": ["/orders/<int:order>"]},
        {"routes": ["*"]},
        {"views": ["billing.*"], "methods": ["POST"]},
        {"views": ["order"], "methods": ["HEAD"]},
        {"routes": ["/anything"], "unmatched": True},
    ],
)
def test_a_definition_that_fits_a_route_is_silent(rule: Any, messages: list[str]) -> None:
    """Also where only the path of a request can tell."""
    ask_twice(shop(), {"slo": {"target": 0.9, **rule}, "jobs": {"target": 0.9, "kind": "custom"}})

    assert messages == []


def test_routes_that_are_added_after_the_installation_are_seen(messages: list[str]) -> None:
    """Factories register blueprints later; the look is at the first request."""
    app = Flask("shop")
    service = Service(app, SHOP)
    app.add_url_rule("/orders/<order>", "order", lambda order: "order")

    service.ask(path="/orders/7")

    assert messages == []


@pytest.mark.parametrize(
    "wrap",
    [
        lambda app: DispatcherMiddleware(app.wsgi_app, {"/orders": shop()}),
        lambda app: ProxyFix(DispatcherMiddleware(app.wsgi_app, {"/orders": shop()})),
        lambda app: lambda environ, start_response: app(environ, start_response),
    ],
    ids=["dispatcher", "dispatcher inside", "unknown"],
)
def test_definitions_are_not_judged_where_another_application_may_answer(
    wrap: Callable[[Flask], Any], messages: list[str]
) -> None:
    """Its routes are not ours to see."""
    app = Flask("root")
    app.add_url_rule("/about", "about", lambda: "about")
    inner = app.wsgi_app
    holder = type("Inner", (), {"wsgi_app": staticmethod(inner), "__call__": staticmethod(inner)})()
    app.wsgi_app = wrap(holder)  # type: ignore[method-assign]

    ask_twice(app, {**SHOP, "views": {"target": 0.9, "views": ["order"]}})

    assert messages == []


@pytest.mark.parametrize("wrap", [ProxyFix, lambda inner: SharedDataMiddleware(inner, {"/files": "."})])
@pytest.mark.parametrize("is_inside", [True, False])
def test_the_right_order_is_silent_and_judged(wrap: Callable[[Any], Any], is_inside: bool, messages: list[str]) -> None:
    """Middlewares that stand around Flask, inside ours or around it."""
    app = shop()
    if is_inside:
        app.wsgi_app = wrap(app.wsgi_app)  # type: ignore[method-assign]
    service = Service(app, {**SHOP, "typo": {"target": 0.9, "views": ["odrer"]}}, SLO_STATUS_PATH="/slo")
    if not is_inside:
        app.wsgi_app = wrap(app.wsgi_app)  # type: ignore[method-assign]

    for path in ("/orders/7", "/metrics", "/slo", "/slo.json"):
        assert service.ask(path=path).status == 200

    assert [message for message in messages if "odrer" not in message] == []
    assert len(messages) == 1


@pytest.mark.parametrize("paths", [("/metrics", "/metrics"), ("/slo", "/slo.json", "/metrics")])
def test_requests_that_pass_us_by_are_told_once(paths: tuple[str, ...], messages: list[str]) -> None:
    """A dispatcher took `app.wsgi_app` before `init_app` replaced it."""
    app = shop()
    site = DispatcherMiddleware(app.wsgi_app, {})
    Service(app, SHOP, SLO_STATUS_PATH="/slo")

    for path in paths:
        assert serve(site, path=path).status == 200

    (message,) = messages
    assert message.startswith(f"a request for {paths[0]} came past SLO.init_app: app.wsgi_app was taken before")


def test_an_installation_without_definitions_warns_where_it_is_made() -> None:
    """Before any request."""
    with pytest.warns(UserWarning, match="no SLO is defined, nothing is counted"):
        SLO().init_app(Flask("shop"))


def test_a_mark_with_an_unknown_name_is_told_once(messages: list[str]) -> None:
    """On functions, classes, methods and inside partials; of a view with several rules too."""

    class Orders(MethodView):
        @slo_track("chekout")
        def post(self) -> str:
            return "written"

    app = Flask("shop")
    app.add_url_rule("/about", "about", slo_track("checkout")(lambda: "about"))
    app.add_url_rule("/one", "one", functools.partial(slo_track("chekout")(lambda text: text), "one"))
    app.add_url_rule("/uno", "one")
    app.add_url_rule("/orders", view_func=Orders.as_view("orders"))

    ask_twice(app, {"checkout": {"target": 0.9, "kind": "custom"}})

    hint = 'no SLO of that name is defined; did you mean "checkout"?'
    assert messages == [f"slo_track('chekout') on the endpoint {name!r}: {hint}" for name in ("one", "orders")]


def test_a_mark_on_a_method_that_flask_never_calls_is_told(messages: list[str]) -> None:
    """Silence would count what should not count."""

    class Orders(MethodView):
        def post(self) -> str:
            return self.create()

        @slo_exempt
        def create(self) -> str:
            return "written"

    app = shop()
    app.add_url_rule("/new", view_func=Orders.as_view("new"))

    ask_twice(app, SHOP)

    (message,) = messages
    assert message.startswith(
        "the mark on test_a_mark_on_a_method_that_flask_never_calls_is_told.<locals>.Orders.create does"
    )


late = shop()


def _logged(view: Any) -> Any:
    @functools.wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return wrapped


@slo_track("shop")
@_logged
@late.get("/late")
def late_view() -> str:
    """Marked, and not as it was registered."""
    return "late"


@slo_exempt
class Classful:
    """Not a class view of Flask's."""

    @staticmethod
    def index() -> str:
        return "index"


def test_a_mark_that_the_registered_view_does_not_have_is_told(messages: list[str]) -> None:
    """It stands above a decorator that stands above the route; or on a class that Flask knows nothing of."""
    late.add_url_rule("/index", "index", Classful.index)

    ask_twice(late, SHOP)

    assert [message.partition(":")[0] for message in messages] == [
        f"the mark on {__name__}.late_view is not seen by the endpoint 'late_view'",
        f"the mark on {__name__}.Classful is not seen by the endpoint 'index'",
    ]


def test_a_look_that_fails_ends_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is advice."""
    app = shop()
    service = Service(app, SHOP)
    monkeypatch.setattr("slo_flask.checks._of_marks", lambda *_: 1 / 0)

    assert service.ask(path="/about").status == 200
    assert service.registry.internals.errors.total == 1


def test_an_slo_that_no_request_belongs_to_is_told_once(messages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its route exists, and is never asked with its method; scrapes do not count."""
    monkeypatch.setattr(first_requests, "_ENOUGH_REQUESTS", 3)
    app = shop()
    app.config["SLO_DEFINITIONS"] = {"writes": {"target": 0.9, "routes": ["/orders/*"], "methods": ["POST"]}}
    SLO(app)

    for path in ["/orders/7", "/metrics", "/metrics", "/nowhere", "/orders/7"]:
        serve(app, path=path)
    assert messages == []
    for _ in range(4):
        serve(app, path="/orders/7")

    (message,) = messages
    assert message.startswith("none of the first 3 requests of this process belongs to the SLO 'writes'")
    assert message.endswith("methods and exclude in app.config['SLO_DEFINITIONS']")


@pytest.mark.parametrize("mark", [slo_track("reports"), slo_exempt])
def test_a_mark_on_a_class_is_silent(mark: Any, messages: list[str]) -> None:
    """Its class methods, such as `as_view`, are no marked methods, in a class that inherits it either."""

    class Report(MethodView):
        def get(self) -> str:
            return "report"

        @classmethod
        def describe(cls) -> str:
            return "a report"

    class Yearly(mark(Report)):  # type: ignore[misc]
        pass

    app = Flask("shop")
    app.add_url_rule("/report", view_func=Report.as_view("report"))
    app.add_url_rule("/yearly", view_func=Yearly.as_view("yearly"))

    Service(app, {"availability": {"target": 0.9}, "reports": {"target": 0.9, "kind": "custom"}}).ask(path="/report")

    assert messages == []
