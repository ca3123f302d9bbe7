"""Extensions that wrap or inspect every view of an application, ours included, installed before us and after."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask, request
from flask_cors import CORS
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_restful import Api
from flask_talisman import Talisman
from flask_wtf import CSRFProtect
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from slo_flask import SLO
from slo_wsgi import metrics_wsgi_app

OURS = ("/metrics", "/slo", "/slo.json", "/slo/slo.css")


def limited(app: Flask) -> None:
    """Four requests an hour to each view."""
    Limiter(lambda: "everybody", app=app, default_limits=["4/hour"], storage_uri="memory://")


def guarded(app: Flask) -> None:
    """Whoever is not logged in gets a 401 everywhere."""
    manager = LoginManager(app)
    app.before_request(lambda: manager.unauthorized())


def wrapped(app: Flask) -> None:
    """Wraps all views when it is installed, as monitoring and profiling extensions do."""

    def around(view: Callable[..., object]) -> Callable[..., object]:
        def wrapper(*args: object, **kwargs: object) -> object:
            return view(*args, **kwargs)

        wrapper.__name__ = f"{view.__module__}.{view.__name__}"
        return wrapper

    app.view_functions = {name: around(view) for name, view in app.view_functions.items()}


@dataclass(frozen=True)
class Extension:
    """
    One of them.

    Attributes:
        install: Its installation.
        ours: The status of our views.
        orders: The statuses of five requests for a view of the application.
        counted: How many of them count.
    """

    install: Callable[[Flask], object]
    ours: int = 200
    orders: tuple[int, ...] = (200,) * 5
    counted: int = 5


EXTENSIONS = {
    "limiter": Extension(limited, orders=(200, 200, 200, 200, 429)),
    "wtf": Extension(CSRFProtect),
    "cors": Extension(CORS),
    "login": Extension(guarded, ours=401, orders=(401,) * 5),
    "talisman": Extension(Talisman, ours=302, orders=(302,) * 5),
    "restful": Extension(Api),
    "wrapped": Extension(wrapped),
}


@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("extension", EXTENSIONS.values(), ids=EXTENSIONS)
def test_our_views_answer_beside_it_and_count_for_nothing(
    extension: Extension, is_first: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It still does its work, what it answers counts for the view, and nothing is reported."""
    app = Flask("shop")
    definitions = {"availability": {"target": 0.99}, "orders": {"target": 0.99, "views": ["orders"]}}
    app.config.update(SECRET_KEY="x", SLO_DEFINITIONS=definitions, SLO_STATUS_PATH="/slo")
    app.add_url_rule("/orders", "orders", lambda: "none")
    slo = SLO()
    with caplog.at_level(logging.WARNING, "slo_core"):
        for install in (extension.install, slo.init_app) if is_first else (slo.init_app, extension.install):
            install(app)
        client = app.test_client()
        ours = {path: client.get(path).status_code for path in OURS}
        orders = tuple(client.get("/orders").status_code for _ in range(5))

    assert (ours, orders) == (dict.fromkeys(OURS, extension.ours), extension.orders)
    registry = app.extensions["slo"].registry
    assert [each.total for each in registry.snapshot_all()] == [extension.counted, extension.counted]
    assert (registry.internals.errors.total, caplog.messages) == (0, [])


def exempt_from_limits(app: Flask) -> None:
    """As the README says it."""
    limiter = Limiter(lambda: "everybody", app=app, default_limits=["4/hour"], storage_uri="memory://")
    for endpoint in ("slo_metrics", "slo_status", "slo_status_json", "slo_status_asset"):
        limiter.exempt(app.view_functions[endpoint])


def exempt_from_https(app: Flask) -> None:
    """The same for Flask-Talisman."""
    talisman = Talisman(app)
    app.view_functions["slo_metrics"] = talisman(force_https=False)(app.view_functions["slo_metrics"])


def behind_a_guard(app: Flask) -> None:
    """A hook of the application's own."""
    app.before_request(lambda: None if (request.endpoint or "").startswith("slo_") else ("log in", 401))


@pytest.mark.parametrize("install", [exempt_from_limits, exempt_from_https, behind_a_guard])
def test_the_scraper_is_let_through(install: Callable[[Flask], None]) -> None:
    """Extensions and hooks that answer for every view know ours by their endpoints."""
    app = Flask("shop")
    app.config.update(SECRET_KEY="x", SLO_DEFINITIONS={"availability": {"target": 0.99}}, SLO_STATUS_PATH="/slo")
    SLO(app)
    install(app)
    client = app.test_client()

    assert [client.get("/metrics").status_code for _ in range(9)] == [200] * 9


def test_metrics_may_answer_in_front_of_every_hook() -> None:
    """Mounted beside Flask, they are no view of it."""
    app = Flask("shop")
    app.config.update(SLO_DEFINITIONS={"availability": {"target": 0.99}}, SLO_METRICS_PATH=None)
    app.add_url_rule("/orders", "orders", lambda: "none")
    app.before_request(lambda: ("log in", 401))
    SLO(app)
    metrics = metrics_wsgi_app(app.extensions["slo"].registry)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/metrics": metrics})  # type: ignore[method-assign]
    client = app.test_client()

    assert client.get("/orders").status_code == 401
    assert 'slo_events_total{outcome="good",slo="availability"} 1.0' in client.get("/metrics").text
