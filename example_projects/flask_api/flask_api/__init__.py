"""A small API on Flask with an application factory, a blueprint and three SLOs."""

from __future__ import annotations

import os
from collections.abc import Mapping

from flask import Flask

from flask_api.extensions import slo
from flask_api.orders import orders

SLO_DEFINITIONS = {
    # Every request but those to /healthz and /metrics: 99.9 % in 30 days are answered without a failure.
    "availability": {"target": "99.9%", "window": "30d", "description": "The API answers."},
    # 99 % of new orders are taken within 300 ms.
    "order-latency": {"target": "99%", "routes": ["/api/orders"], "methods": ["POST"], "latency": "300ms"},
    # Fed by the one view that is marked with @slo.track("payments").
    "payments": {"target": "99.5%", "kind": "custom"},
}


def create_app(config: Mapping[str, object] | None = None) -> Flask:
    """
    Make the application.

    Args:
        config: Overrides, for tests.
    """
    app = Flask(__name__)
    app.config.from_mapping(
        SLO_DEFINITIONS=SLO_DEFINITIONS,
        SLO_SERVICE="flask-api",
        # With several workers: SLO_STORE=sqlite:////var/lib/flask-api/slo.db
        SLO_STORE=os.environ.get("SLO_STORE", "memory://"),
        # The status page for people: every SLO, its charts and alerts. /metrics for Prometheus is there by default.
        SLO_STATUS_PATH="/slo",
        # Both ask for it: as a bearer token; in a browser as the password, with any name.
        SLO_METRICS_TOKEN=os.environ.get("API_METRICS_TOKEN") or None,
    )
    app.config.from_mapping(config)
    app.register_blueprint(orders)

    @app.get("/healthz")
    @slo.exempt  # asked by the load balancer every second: no user's request
    def healthz() -> str:
        return "ok"

    slo.init_app(app)
    return app
