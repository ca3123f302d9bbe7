"""
A shop that fails in two ways when it is asked to, in FastAPI or Django.

`SERVICE_STORE` names its store, `SERVICE_DATABASE` is Django's database, as JSON.
"""

from __future__ import annotations

import json
import os
from typing import Any

__all__ = ["asgi_app", "django_wsgi"]

OPTIONS: dict[str, Any] = {
    "definitions": {"shop": {"target": "99%"}, "quiet": {"target": "99%", "routes": ["/nothing"]}},
    "store": os.environ.get("SERVICE_STORE", "memory://"),
    "service": "shop",
    "flush_interval": 0.2,
    "status_path": "/slo",
}


def asgi_app() -> Any:
    """`uvicorn --factory failing_service:asgi_app`."""
    from fastapi import FastAPI, Response

    from slo_asgi import instrument

    app = FastAPI()

    @app.post("/checkout/{order}")
    async def checkout(order: int) -> Response:
        """Good for even orders."""
        return Response(status_code=503 if order % 2 else 200)

    @app.get("/cart")
    async def cart(secret: str = "") -> dict[str, str]:
        """Raises when it is given something that must be seen nowhere."""
        if secret:
            raise TimeoutError(secret)
        return {}

    instrument(app, **OPTIONS)
    return app


def django_wsgi() -> Any:
    """`gunicorn "failing_service:django_wsgi()"`."""
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application

    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="failing_urls",
        USE_TZ=True,
        DATABASES={"default": json.loads(os.environ["SERVICE_DATABASE"])},
        INSTALLED_APPS=["slo_django"],
        SECRET_KEY="x" * 60,
        MIDDLEWARE=["slo_django.middleware.SLOMiddleware"],
        LOGGING={
            "version": 1,
            "disable_existing_loggers": False,
            "loggers": {"django.request": {"level": "CRITICAL"}},
        },
        **{f"SLO_{name.upper()}": value for name, value in OPTIONS.items()},
    )
    return get_wsgi_application()
