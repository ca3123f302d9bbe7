"""
One small service in three frameworks, for tests of many workers and of faults; the environment configures it.

`SERVICE_STORE` (empty for the default), `SERVICE_NAME`, `SERVICE_INTERVAL` and, as JSON, `SERVICE_DEFINITIONS` are slo-suite's
settings; `SERVICE_DATABASE` is Django's, as JSON; `SERVICE_CAUSES` shows causes in the metrics. With `SERVICE_LOG` every
answer that counts is a line of that file, written before the answer: its time and process.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

SETTINGS: dict[str, Any] = {
    "SLO_STORE": os.environ.get("SERVICE_STORE", "memory://"),
    "SLO_SERVICE": os.environ.get("SERVICE_NAME", "fleet"),
    "SLO_FLUSH_INTERVAL": float(os.environ.get("SERVICE_INTERVAL", "0.2")),
    "SLO_DEFINITIONS": {"availability": {"target": "99.9%"}, "orders": {"target": 0.99, "routes": ["/orders"]}},
    # A question of the tests, and no event.
    "SLO_EXCLUDE": ["/threads"],
}
if "SERVICE_CAUSES" in os.environ:
    SETTINGS["SLO_METRICS_CAUSES"] = True
if "SERVICE_DEFINITIONS" in os.environ:
    SETTINGS["SLO_DEFINITIONS"] = json.loads(os.environ["SERVICE_DEFINITIONS"])
if not SETTINGS["SLO_STORE"]:
    del SETTINGS["SLO_STORE"]  # the default


def answer(path: str) -> tuple[int, str]:
    """What any of the three says, and to whom it falls to say it."""
    if path == "/threads":
        return 200, json.dumps({"pid": os.getpid(), "threads": [thread.name for thread in threading.enumerate()]})
    if log := os.environ.get("SERVICE_LOG"):
        with open(log, "a", encoding="ascii") as lines:
            lines.write(f"{time.time()} {os.getpid()}\n")
    return (500, "bad") if path == "/bad" else (200, "ok")


PATHS = ("/ok", "/bad", "/orders", "/threads")


def flask_app() -> Any:
    """`gunicorn "fleet_service:flask_app()"`."""
    from flask import Flask, request

    from slo_flask import SLO

    app = Flask("fleet")
    app.config.update(SETTINGS)
    for path in PATHS:
        app.add_url_rule(path, path, lambda path=path: answer(path)[::-1])
    app.add_url_rule("/upload", "upload", lambda: str(len(request.get_data())), methods=["POST"])
    SLO(app)
    return app


def asgi_app() -> Any:
    """`uvicorn --factory fleet_service:asgi_app`."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from slo_asgi import instrument

    async def endpoint(request: Any) -> PlainTextResponse:
        status, text = answer(request.url.path)
        return PlainTextResponse(text, status)

    app = Starlette(routes=[Route(path, endpoint) for path in PATHS])
    named = {name.removeprefix("SLO_").lower(): value for name, value in SETTINGS.items()}
    instrument(app, **named)
    return app


def _django() -> None:
    from django.conf import settings

    if settings.configured:
        return
    database = json.loads(os.environ["SERVICE_DATABASE"])
    if "mysql" in database["ENGINE"]:
        import pymysql

        pymysql.install_as_MySQLdb()
    settings.configure(
        DEBUG=os.environ.get("SERVICE_DEBUG") == "1", ALLOWED_HOSTS=["*"], ROOT_URLCONF="fleet_urls", USE_TZ=True,
        DATABASES={"default": database}, INSTALLED_APPS=["slo_django"], SECRET_KEY="x" * 60,
        MIDDLEWARE=["slo_django.middleware.SLOMiddleware"],
        LOGGING={"version": 1, "disable_existing_loggers": False,
                 "loggers": {"django.request": {"level": "CRITICAL"}, "slo_core": {"level": "INFO"}}},
        **SETTINGS,
    )  # fmt: skip


def django_wsgi() -> Any:
    """`gunicorn "fleet_service:django_wsgi()"`."""
    _django()
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def django_asgi() -> Any:
    """`uvicorn --factory fleet_service:django_asgi`."""
    _django()
    from django.core.asgi import get_asgi_application

    from slo_django.asgi import with_lifespan

    return with_lifespan(get_asgi_application())


def django_asgi_without_lifespan() -> Any:
    """The same, as a project has it that has not read the manual."""
    _django()
    from django.core.asgi import get_asgi_application

    return get_asgi_application()


if __name__ == "__main__":  # manage.py
    _django()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
