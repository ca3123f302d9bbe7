"""What users of Flask write; it must pass `mypy --strict`."""

from __future__ import annotations

from typing import assert_type

from flask import Blueprint, Flask
from flask.views import MethodView

from slo_core import SLODefinition, SLORegistry, SLOSnapshot
from slo_core.testing import FakeClock
from slo_flask import SLO, slo_exempt, slo_track

slo = SLO()
orders = Blueprint("orders", __name__, url_prefix="/orders")


@orders.get("/<int:order>")
@slo.track("checkout")
def show(order: int) -> dict[str, int]:
    """A marked view keeps its type."""
    slo.registry["orders"].record_success()
    return {"order": order}


@slo_track("checkout", "orders")
@orders.post("/")
async def create() -> tuple[str, int]:
    """So does a coroutine function, with the mark on either side."""
    return "created", 201


@orders.get("/health")
@slo_exempt
def health() -> str:
    """Counts for none."""
    return "ok"


@slo.exempt
class Internal(MethodView):
    """And a class."""

    def get(self) -> str:
        return "internal"


assert_type(show(1), dict[str, int])
assert_type(health(), str)
assert_type(Internal().get(), str)


def create_app(registry: SLORegistry | None = None) -> Flask:
    """Make an application, with the SLOs of its configuration or with a registry made elsewhere."""
    app = Flask(__name__)
    app.register_blueprint(orders)
    app.add_url_rule("/internal", view_func=Internal.as_view("internal"))
    if registry is None:
        app.config["SLO_DEFINITIONS"] = {"availability": {"target": "99.9%", "window": "30d"}}
        slo.init_app(app)
    else:
        slo.init_app(app, registry=registry, timer=FakeClock())
    return app


app = create_app()
with app.app_context():
    assert_type(slo.registry, SLORegistry)
    assert_type(slo.registry["availability"].snapshot(), SLOSnapshot)
create_app(SLORegistry.from_config({"availability": {"target": 0.999}}))
with_definitions = SLO(Flask("at once"), definitions={"availability": {"target": "99.9%"}})
for_every_application = SLO(definitions=[SLODefinition("availability", 0.999)])
for_every_application.init_app(Flask("shop"))
for_every_application.init_app(Flask("admin"), definitions=[{"name": "availability", "target": 0.99}])
