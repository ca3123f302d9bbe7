"""Marks on views: `slo.track` counts them for an SLO by name, `slo.exempt` for none."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView, View

from flask_service import Service
from slo_flask import SLO, slo_exempt, slo_track

slo = SLO()

DEFINITIONS = {
    "availability": {"target": 0.9, "routes": ["/nothing/that/is/here"]},
    "checkout": {"target": 0.9, "kind": "custom"},
    "orders": {"target": 0.9, "kind": "custom"},
}


def test_a_tracked_view_counts_whatever_its_route() -> None:
    """For the SLO it names, and for no other."""
    app = Flask("shop")

    @app.get("/pay")
    @slo.track("checkout")
    def pay() -> tuple[str, int]:
        return "out of order", 500

    service = Service(app, DEFINITIONS)
    service.ask(path="/pay")

    assert service.only_event.outcomes == {"checkout": False}
    assert service.counts("checkout") == (0, 1)


def test_a_view_may_be_tracked_for_several_slos() -> None:
    """By one mark or by two."""
    app = Flask("shop")
    app.add_url_rule("/one", "one", slo.track("checkout", "orders")(lambda: "one"))
    app.add_url_rule("/two", "two", slo_track("checkout")(slo_track("orders")(lambda: "two")))
    service = Service(app, DEFINITIONS)

    service.ask(path="/one")
    service.ask(path="/two")

    assert (service.counts("checkout"), service.counts("orders")) == ((2, 0), (2, 0))


def test_an_exempt_view_counts_for_nobody() -> None:
    """Also when a route names it, and also when it fails."""
    app = Flask("shop")

    @app.get("/health")
    @slo.exempt
    def health() -> str:
        raise RuntimeError("sick")

    service = Service(app, {"availability": {"target": 0.9, "routes": ["/health"]}})
    service.ask(path="/health")

    assert service.events == []


def test_marks_are_seen_below_other_decorators() -> None:
    """That use functools.wraps, as decorators do."""

    def timed(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        return wrapped

    app = Flask("shop")
    app.add_url_rule("/pay", "pay", timed(slo_track("checkout")(lambda: "paid")))
    service = Service(app, DEFINITIONS)

    service.ask(path="/pay")

    assert service.counts("checkout") == (1, 0)


@slo_track("orders")
class Orders(MethodView):
    """A view class, marked as a whole."""

    def get(self) -> str:
        return "orders"

    def post(self) -> tuple[str, int]:
        return "created", 201


@slo_exempt
class Health(View):
    """A view class that counts for nobody."""

    def dispatch_request(self) -> str:
        return "well"


def test_marks_on_view_classes_are_seen() -> None:
    """Each method of the class is the same view."""
    app = Flask("shop")
    app.add_url_rule("/orders", view_func=Orders.as_view("orders"))
    app.add_url_rule("/health", view_func=Health.as_view("health"))
    service = Service(app, {**DEFINITIONS, "all": {"target": 0.9}})

    service.ask(path="/orders")
    service.ask("POST", "/orders")
    service.ask(path="/health")

    assert (service.counts("orders"), service.counts("all")) == ((2, 0), (2, 0))


def test_marks_through_a_class_views_decorators_are_seen() -> None:
    """Flask applies `View.decorators` to what `as_view` makes."""

    class Pay(View):
        decorators = [slo_track("checkout")]

        def dispatch_request(self) -> str:
            return "paid"

    app = Flask("shop")
    app.add_url_rule("/pay", view_func=Pay.as_view("pay"))
    service = Service(app, DEFINITIONS)

    service.ask(path="/pay")

    assert service.counts("checkout") == (1, 0)


def test_marks_in_a_blueprint_and_a_mounted_application_are_seen() -> None:
    """Made before there is an application, and whichever application takes the request."""
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    blueprint = Blueprint("billing", __name__)
    blueprint.add_url_rule("/pay", "pay", slo.track("checkout")(lambda: "paid"))
    app, mounted = Flask("root"), Flask("mounted")
    app.register_blueprint(blueprint)
    mounted.register_blueprint(blueprint)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/m": mounted})  # type: ignore[method-assign]
    service = Service(app, DEFINITIONS)

    service.ask(path="/pay")
    service.ask(path="/m/pay")

    assert [event.route for event in service.events] == ["/pay", "/m/pay"]
    assert service.counts("checkout") == (2, 0)


def test_an_error_page_of_a_tracked_view_is_the_views() -> None:
    """An unhandled exception and a 405 count for what the view is tracked for."""
    app = Flask("shop")
    app.add_url_rule("/pay", "pay", slo.track("checkout")(lambda: 1 / 0))
    service = Service(app, DEFINITIONS)

    service.ask(path="/pay")
    service.ask("PUT", "/pay")

    assert service.counts("checkout") == (1, 1)


def test_an_async_view_keeps_its_mark() -> None:
    """Flask runs it in a loop of its own; the mark stays on the function."""
    app = Flask("shop")

    @slo.track("checkout")
    async def pay() -> str:
        return "paid"

    assert pay.__name__ == "pay"
    app.add_url_rule("/pay", "pay", pay)
    service = Service(app, DEFINITIONS)
    # Without the `async` extra Flask answers 500, which is tracked all the same.
    service.ask(path="/pay")

    assert sum(service.counts("checkout")) == 1


def test_a_mark_for_an_slo_that_is_not_there_is_reported() -> None:
    """A slip of the finger shows as an incident, not as an error page."""
    app = Flask("shop")
    app.add_url_rule("/pay", "pay", slo.track("chekout")(lambda: "paid"))
    service = Service(app, DEFINITIONS)

    assert service.ask(path="/pay").status == 200
    assert service.registry.internals.errors.total == 1


def test_a_view_that_is_replaced_brings_its_own_marks() -> None:
    """Extensions wrap views at any time, also after the first request."""
    app = Flask("shop")
    app.add_url_rule("/pay", "pay", lambda: "paid")
    service = Service(app, DEFINITIONS)

    service.ask(path="/pay")
    app.view_functions["pay"] = slo.track("checkout")(lambda: "paid")
    service.ask(path="/pay")

    assert [event.outcomes for event in service.events] == [{"checkout": True}]


@pytest.mark.parametrize("holder", [Flask("shop"), Blueprint("shop", "shop")])
@pytest.mark.parametrize("mark", [slo_exempt, slo_track("a")])
def test_what_holds_views_cannot_be_marked(holder: Any, mark: Any) -> None:
    """Requests are matched to the views in it: the mark would do nothing, and say nothing."""
    with pytest.raises(TypeError, match=f"expected a view, got {type(holder).__name__}, which holds views: mark these"):
        mark(holder)
