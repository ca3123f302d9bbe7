"""Marks where users put them: on methods of class views, inherited ones too, and on views inside partials."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView, View
from flask_restful import Api, Resource

from flask_service import Service
from slo_flask import slo_exempt, slo_track

DEFINITIONS: dict[str, Any] = {
    "all": {"target": 0.9},
    "writes": {"target": 0.9, "kind": "custom"},
    "orders": {"target": 0.9, "kind": "custom"},
}


def totals(service: Service) -> dict[str, int]:
    assert service.registry.internals.errors.total == 0
    return {snapshot.name: snapshot.total for snapshot in service.registry.snapshot_all()}


def logged(view: Any) -> Any:
    """A decorator of a user's own."""

    @functools.wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return wrapped


class Orders(MethodView):
    def get(self) -> str:
        return "none"

    @slo_exempt
    def head(self) -> str:
        return ""

    @logged
    @slo_track("writes")
    def post(self) -> str:
        return "written"

    @slo_track("writes", "orders")
    @logged
    def put(self) -> str:
        return "written"

    @slo_exempt
    def delete(self) -> str:
        return "gone"


class Inherited(Orders):
    """Takes its marks with the methods."""

    def get(self) -> str:
        return "other"


class Overridden(Orders):
    """A method of its own has marks of its own."""

    def post(self) -> str:
        return "not a write"

    @slo_track("orders")
    def delete(self) -> str:
        return "gone"


METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")


@pytest.mark.parametrize(
    ("view_class", "expected"),
    [
        (Orders, {"all": 3, "writes": 2, "orders": 1}),
        (Inherited, {"all": 3, "writes": 2, "orders": 1}),
        (Overridden, {"all": 4, "writes": 1, "orders": 2}),
        (slo_track("orders")(type("Marked", (Orders,), {})), {"all": 3, "writes": 2, "orders": 3}),
    ],
)
def test_a_mark_on_a_method_holds_for_its_requests_only(view_class: type[MethodView], expected: dict[str, int]) -> None:
    """Beside those of the class. The first request of a method is like every other."""
    app = Flask("shop")
    app.add_url_rule("/orders", view_func=view_class.as_view("orders"))
    service = Service(app, DEFINITIONS)

    for round_ in (1, 2):
        for method in METHODS:
            service.ask(method, "/orders")
        assert totals(service) == {name: count * round_ for name, count in expected.items()}


def test_head_takes_the_marks_of_get_where_there_is_no_head() -> None:
    """As Flask calls `get` for it."""

    class Health(MethodView):
        @slo_exempt
        def get(self) -> str:
            return "well"

    app = Flask("shop")
    app.add_url_rule("/health", view_func=Health.as_view("health"))
    service = Service(app, DEFINITIONS)

    service.ask("HEAD", "/health")
    service.ask("GET", "/health")

    assert totals(service)["all"] == 0


def test_a_mark_on_dispatch_request_holds_for_all_methods() -> None:
    """The one method of a plain `View`."""

    class Pay(View):
        methods = ["GET", "POST"]

        @slo_track("writes")
        def dispatch_request(self) -> str:
            return "paid"

    app = Flask("shop")
    app.add_url_rule("/pay", view_func=Pay.as_view("pay"))
    service = Service(app, DEFINITIONS)

    service.ask("GET", "/pay")
    service.ask("POST", "/pay")

    assert totals(service)["writes"] == 2


@pytest.mark.parametrize("decorated", [True, False])
def test_marks_on_the_methods_of_a_resource_are_seen(decorated: bool) -> None:
    """Flask-RESTful and Flask-RESTX wrap what `as_view` makes; Flask-RESTX builds on the same `MethodView`."""

    class Items(Resource):
        method_decorators = [logged] if decorated else []

        def get(self) -> list[str]:
            return []

        @slo_track("writes")
        def post(self) -> str:
            return "written"

        @slo_exempt
        def delete(self) -> str:
            return "gone"

    app = Flask("shop")
    blueprint = Blueprint("api", __name__, url_prefix="/api")
    Api(blueprint).add_resource(Items, "/items", "/things")
    app.register_blueprint(blueprint)
    service = Service(app, DEFINITIONS)

    for method in ("GET", "POST", "DELETE"):
        service.ask(method, "/api/items")
        service.ask(method, "/api/things")

    assert totals(service) == {"all": 4, "writes": 2, "orders": 0}


def test_marks_inside_partials_are_seen() -> None:
    """Of functions, of bound methods, of other partials, below a decorator."""

    @slo_track("writes")
    def view(text: str, more: str = "") -> str:
        return text + more

    class Shop:
        @slo_track("orders")
        def orders(self, text: str) -> str:
            return text

    app = Flask("shop")
    app.add_url_rule("/one", "one", functools.partial(view, "one"))
    app.add_url_rule("/two", "two", functools.partial(functools.partial(view, "two"), more="!"))
    app.add_url_rule("/three", "three", functools.partial(Shop().orders, "three"))
    app.add_url_rule("/four", "four", logged(functools.partial(view, "four")))
    app.add_url_rule("/five", "five", slo_exempt(functools.partial(view, "five")))
    service = Service(app, DEFINITIONS)

    for path in ("/one", "/two", "/three", "/four", "/five"):
        assert service.ask(path=path).status == 200

    assert totals(service) == {"all": 4, "writes": 3, "orders": 1}


def test_marks_on_the_class_of_a_bound_method_are_seen() -> None:
    """Flask-AppBuilder registers bound methods, some of them wrapped; a mark may stand on the class or the method."""

    @slo_track("orders")
    class ShopView:
        def list(self) -> str:
            return "list"

        @slo_track("writes")
        def add(self) -> str:
            return "added"

        @slo_exempt
        def ping(self) -> str:
            return "pong"

    view = ShopView()
    app = Flask("shop")
    app.add_url_rule("/list", "ShopView.list", view.list)
    app.add_url_rule("/add", "ShopView.add", logged(view.add))
    app.add_url_rule("/ping", "ShopView.ping", view.ping)
    service = Service(app, DEFINITIONS)

    for path in ("/list", "/add", "/ping"):
        assert service.ask(path=path).status == 200

    assert totals(service) == {"all": 2, "writes": 1, "orders": 2}


def test_a_class_view_that_is_replaced_brings_its_own_marks() -> None:
    """Extensions wrap views at any time."""
    app = Flask("shop")
    app.add_url_rule("/orders", view_func=Orders.as_view("orders"))
    service = Service(app, DEFINITIONS)

    service.ask("POST", "/orders")
    app.view_functions["orders"] = Overridden.as_view("orders")
    service.ask("POST", "/orders")

    assert totals(service) == {"all": 2, "writes": 1, "orders": 0}


def test_a_view_that_wraps_itself_ends_no_request() -> None:
    """Nothing that a view says of itself may."""

    def view() -> str:
        return "answer"

    view.__wrapped__ = view  # type: ignore[attr-defined]
    app = Flask("shop")
    app.add_url_rule("/", "view", view)
    service = Service(app, DEFINITIONS)

    assert service.ask().status == 200
    assert totals(service)["all"] == 1
