"""Which route took a request: as its rule says, with everything that stands before it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_service import Service


def checkout() -> Blueprint:
    blueprint = Blueprint("checkout", __name__, url_prefix="/checkout/<region>")
    blueprint.add_url_rule("/items/<int:number>", "item", lambda region, number: "item")
    blueprint.add_url_rule("/boom", "boom", lambda region: 1 / 0)
    return blueprint


def shop() -> Flask:
    app = Flask("shop")
    app.register_blueprint(checkout())
    app.add_url_rule("/", "home", lambda: "home")
    return app


def test_a_blueprints_prefix_belongs_to_the_route() -> None:
    """Its endpoint is the view name."""
    service = Service(shop())

    service.ask(path="/checkout/eu/items/7")

    event = service.only_event
    assert (event.route, event.view_name) == ("/checkout/<region>/items/<int:number>", "checkout.item")
    assert event.path == "/checkout/eu/items/7"


def test_nested_blueprints_add_their_prefixes() -> None:
    """/api and /v1 stand before the route."""
    inner, outer = Blueprint("v1", __name__), Blueprint("api", __name__)
    inner.add_url_rule("/orders", "orders", lambda: "orders")
    outer.register_blueprint(inner, url_prefix="/v1")
    app = Flask("shop")
    app.register_blueprint(outer, url_prefix="/api")
    service = Service(app)

    service.ask(path="/api/v1/orders")

    assert (service.only_event.route, service.only_event.view_name) == ("/api/v1/orders", "api.v1.orders")


@pytest.mark.parametrize(
    ("part", "pattern", "counts"),
    [
        ("routes", "/checkout/<region>/*", (1, 0)),
        ("routes", "/checkout/eu/*", (1, 0)),  # the path, after the template
        ("routes", "/CHECKOUT/*", (0, 0)),
        ("views", "checkout.*", (1, 0)),
        ("views", "checkout.boom", (0, 0)),
        ("exclude", "/checkout/*", (0, 0)),
    ],
)
def test_globs_choose_requests_by_route_view_and_path(part: str, pattern: str, counts: tuple[int, int]) -> None:
    """`*` crosses slashes, case matters."""
    service = Service(shop(), {"availability": {"target": 0.9, part: [pattern]}})

    service.ask(path="/checkout/eu/items/7")

    assert service.counts() == counts


def test_static_endpoints_of_the_application_and_of_blueprints_count_for_nobody() -> None:
    """They are no work of the service's own."""
    app = shop()
    app.register_blueprint(Blueprint("admin", __name__, url_prefix="/admin", static_folder="."))
    service = Service(app, {"availability": {"target": 0.9, "unmatched": True}})

    statuses = [service.ask(path=path).status for path in ("/static/nothing.css", "/admin/./test_routes.py")]

    assert statuses == [404, 200]
    assert service.events == []


def test_a_mount_outside_is_not_part_of_the_route() -> None:
    """An application mounted elsewhere keeps its own paths: SCRIPT_NAME is no part of them."""
    service = Service(shop())
    service.app.wsgi_app = DispatcherMiddleware(Flask("root"), {"/shop": service.app.wsgi_app})  # type: ignore[method-assign]

    assert service.ask(path="/shop/checkout/eu/items/7").status == 200

    event = service.only_event
    assert (event.route, event.path) == ("/checkout/<region>/items/<int:number>", "/checkout/eu/items/7")


@pytest.mark.parametrize("propagate", [True, False])
def test_a_mount_inside_stands_before_the_route(propagate: bool) -> None:
    """A DispatcherMiddleware inside ours: the mounted application's routes, with the mount, answering and failing."""
    mounted = shop()
    mounted.config["PROPAGATE_EXCEPTIONS"] = propagate
    app = Flask("root")
    app.add_url_rule("/", "root", lambda: "root")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/shop": mounted})  # type: ignore[method-assign]
    service = Service(app)

    assert service.ask(path="/shop/checkout/eu/items/7").status == 200
    assert service.ask(path="/").status == 200
    service.ask(path="/shop/checkout/eu/boom")

    assert [(event.route, event.view_name, event.status) for event in service.events] == [
        ("/shop/checkout/<region>/items/<int:number>", "checkout.item", 200),
        ("/", "root", 200),
        ("/shop/checkout/<region>/boom", "checkout.boom", 500),
    ]
    assert isinstance(service.events[2].exception, ZeroDivisionError)


def test_a_prefix_that_a_proxy_announces_is_not_part_of_the_route() -> None:
    """X-Forwarded-Prefix is a header, which anybody may send."""
    app = shop()
    app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    service = Service(app)

    service.ask(path="/checkout/eu/items/7", HTTP_X_FORWARDED_PREFIX="/outside")

    assert service.only_event.route == "/checkout/<region>/items/<int:number>"


def test_a_prefix_that_a_proxy_announces_is_not_part_of_a_mount() -> None:
    """Of SCRIPT_NAME only what stood in the path is believed."""
    app = Flask("root")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/shop": shop()})  # type: ignore[method-assign]
    app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    service = Service(app)

    service.ask(path="/shop/checkout/eu/items/7", HTTP_X_FORWARDED_PREFIX="/outside")

    assert service.only_event.route == "/shop/checkout/<region>/items/<int:number>"


def test_a_path_beyond_ascii_is_matched_as_the_text_it_is() -> None:
    """WSGI hands over UTF-8 bytes as Latin-1."""
    app = Flask("shop")
    app.add_url_rule("/straße/<name>", "street", lambda name: name)
    service = Service(app, {"availability": {"target": 0.9, "routes": ["/straße/ö*"]}})

    path = "/straße/österreich".encode().decode("latin-1")
    assert service.ask(path=path).status == 200

    assert (service.only_event.path, service.only_event.route) == ("/straße/österreich", "/straße/<name>")


def test_a_middleware_inside_that_buffers_the_answer_does_not_hide_the_route() -> None:
    """It calls start_response when Flask is long done."""
    app = shop()
    inner = app.wsgi_app

    def buffered(environ: Any, start_response: Any) -> list[bytes]:
        said: list[Any] = []

        def remember(*arguments: Any) -> Any:
            said.extend(arguments[:2])
            return lambda data: None

        body = inner(environ, remember)
        content = b"".join(body)
        body.close()  # type: ignore[attr-defined]
        start_response(said[0], [("Content-Length", str(len(content)))])
        return [content]

    app.wsgi_app = buffered  # type: ignore[method-assign]
    service = Service(app)

    assert service.ask(path="/checkout/eu/items/7").content == b"item"
    assert service.ask("PUT", "/checkout/eu/items/7").status == 405
    assert service.ask(path="/nowhere").status == 404

    assert [(event.status, event.route) for event in service.events] == [
        (200, "/checkout/<region>/items/<int:number>"),
        (405, "/checkout/<region>/items/<int:number>"),
    ]


def test_a_middleware_inside_that_makes_an_environ_of_its_own_does_not_hide_the_route() -> None:
    """The request in Flask's context is the same, told by our marks in it."""
    app = shop()
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start_response: inner(dict(environ), start_response)  # type: ignore[method-assign]
    service = Service(app)

    service.ask(path="/checkout/eu/items/7")

    assert service.only_event.route == "/checkout/<region>/items/<int:number>"


def test_host_matching_and_subdomains_find_their_routes() -> None:
    """The rule of the host that was asked."""
    app = Flask("shop", host_matching=True, static_host="static.example")
    app.add_url_rule("/", "one", lambda: "one", host="one.example")
    app.add_url_rule("/", "two", lambda: "two", host="two.example")
    service = Service(app)

    assert service.ask(HTTP_HOST="two.example").content == b"two"
    assert service.ask("PUT", HTTP_HOST="two.example").status == 405

    assert [(event.status, event.view_name) for event in service.events] == [(200, "two"), (405, "two")]


def test_no_path_is_kept_for_each_request() -> None:
    """A thousand paths of one route are one route: memory does not grow with what clients ask for."""
    service = Service(shop())

    for number in range(1000):
        service.ask(path=f"/checkout/eu/items/{number}")

    assert {event.route for event in service.events} == {"/checkout/<region>/items/<int:number>"}
    assert service.counts() == (1000, 0)


def test_a_path_that_a_middleware_rewrites_is_no_mount() -> None:
    """Tenants stand before the path and not in SCRIPT_NAME: as many routes as tenants would be too many."""
    mounted = shop()
    app = Flask("root")

    def without_tenant(environ: Any, start_response: Any) -> Any:
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/tenant-7")
        return mounted(environ, start_response)

    app.wsgi_app = without_tenant  # type: ignore[method-assign]
    service = Service(app)

    service.ask(path="/tenant-7/checkout/eu/items/7")

    assert service.only_event.route == "/checkout/<region>/items/<int:number>"


def test_a_failure_is_counted_under_its_rule_and_its_exception() -> None:
    """Not under the path that was asked for, and not with the exception's text."""
    app = shop()
    app.add_url_rule("/carts/<cart>", "cart", lambda cart: ("busy", 503))
    service = Service(app)
    for region in ("4711", "4712"):
        service.ask("GET", f"/checkout/{region}/boom")
    service.ask(path="/carts/4711?token=4711")

    breakdown = service.registry["availability"].causes(3600)
    assert breakdown is not None
    assert [(each.where, each.outcome, each.bad) for each in breakdown.causes] == [
        ("GET /checkout/<region>/boom", "ZeroDivisionError", 2), ("GET /carts/<cart>", "503", 1),
    ]  # fmt: skip
