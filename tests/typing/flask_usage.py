"""What users of Flask write; it must pass `mypy --strict`."""

from __future__ import annotations

from typing import assert_type

from flask import Blueprint, Flask, Response
from flask.views import MethodView

from slo_core import SLODefinition, SLORegistry
from slo_core.testing import FakeClock, capture_requests
from slo_flask import SLO, slo_exempt, slo_track

slo = SLO()
shop = Blueprint("shop", __name__)


@shop.get("/checkout/<int:order>")
@slo.track("checkout", "payments")
def checkout(order: int) -> Response:
    """Tracked: its signature stays."""
    return Response(str(order))


@shop.get("/healthz")
@slo.exempt
def healthz() -> str:
    """Exempt: the same."""
    return "ok"


@slo_track("reports")
@shop.get("/reports/<kind>")
async def report(kind: str) -> tuple[str, int]:
    """Coroutine functions stay coroutine functions; the mark may stand on either side of the route."""
    slo.registry["reports"].record_success()
    return kind, 200


@slo_track("orders")
class Orders(MethodView):
    """View classes stay classes."""

    def get(self) -> str:
        """All orders."""
        return "orders"


@slo_exempt
class Health(MethodView):
    """The same for the other mark."""


assert_type(checkout(7), Response)
assert_type(healthz(), str)
orders: Orders = Orders()
views: list[type[MethodView]] = [Orders, Health]


async def use() -> None:
    """Await a marked view."""
    assert_type(await report("daily"), tuple[str, int])


def create_app() -> Flask:
    """The application factory."""
    app = Flask(__name__)
    app.config["SLO_DEFINITIONS"] = {"availability": {"target": "99.9%"}}
    app.register_blueprint(shop)
    slo.init_app(app)
    with app.app_context():
        assert_type(slo.registry, SLORegistry)
    return app


def create_app_from_code() -> Flask:
    """Definitions in code, in all their forms."""
    app = Flask(__name__)
    SLO(app, definitions={"availability": {"target": "99.9%", "routes": ["/checkout/*"], "latency": "300ms"}})
    SLO(definitions=[{"name": "availability", "target": 0.999}])
    SLO().init_app(Flask("other"), definitions=[SLODefinition("availability", 0.999)])
    return app


def test_app() -> None:
    """A test on a clock that stands still."""
    clock = FakeClock()
    registry = SLORegistry.from_config({"availability": {"target": "99.9%"}}, clock=clock)
    app = Flask(__name__)
    app.register_blueprint(shop)
    SLO().init_app(app, registry=registry, timer=clock)
    with capture_requests(registry) as events:
        app.test_client().get("/checkout/7")
    assert_type(events[0].route, str | None)
    assert_type(events[0].outcomes, dict[str, bool])


def refuse(app: Flask) -> None:
    """What is wrong is seen before it runs."""
    SLO("shop")  # type: ignore[arg-type]  # not the application
    slo.track(7)  # type: ignore[arg-type]  # not a name
    slo.init_app(app, registry="memory://")  # type: ignore[arg-type]  # a URL is for SLO_STORE
