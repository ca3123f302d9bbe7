"""Extensions that look at every view of an application, ours included."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask_limiter import Limiter
from flask_wtf import CSRFProtect

from slo_flask import SLO

OURS = ("/metrics", "/slo", "/slo.json", "/slo/slo.css")


def limited(app: Flask) -> None:
    """Four requests an hour to each view."""
    Limiter(lambda: "everybody", app=app, default_limits=["4/hour"], storage_uri="memory://")


@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(("extension", "fifth"), [(limited, 429), (CSRFProtect, 200)], ids=["limiter", "wtf"])
def test_our_views_answer_beside_it(extension: Callable[[Flask], object], fifth: int, is_first: bool) -> None:
    """Installed before `init_app` or after it; and it still does its work."""
    app = Flask("shop")
    app.config.update(SECRET_KEY="x", SLO_DEFINITIONS={"availability": {"target": 0.99}}, SLO_STATUS_PATH="/slo")
    app.add_url_rule("/orders", "orders", lambda: "none")
    for install in (extension, SLO().init_app) if is_first else (SLO().init_app, extension):
        install(app)
    client = app.test_client()

    assert {path: client.get(path).status_code for path in OURS} == dict.fromkeys(OURS, 200)
    assert [client.get("/orders").status_code for _ in range(5)] == [200, 200, 200, 200, fifth]
