"""uvicorn starts and refuses what it would start and refuse without our middlewares."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from slo_servers import free_port, python, start_server

SHOP = """
import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from starlette.applications import Starlette
from starlette.middleware import Middleware

from slo_asgi import SLOMiddleware, instrument
from slo_core import SLORegistry
from slo_django.asgi import with_lifespan

DEFINITIONS = {"availability": {"target": 0.999}}


class NeedsLicence:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            raise RuntimeError("the licence server is away")
        await self.app(scope, receive, send)


async def answer(send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})


async def silent(scope, receive, send):
    if scope["type"] == "http":
        await answer(send)


async def asserting(scope, receive, send):
    assert scope["type"] == "http", "HTTP only"
    await answer(send)


def around(app):
    return SLOMiddleware(app, registry=SLORegistry.from_config(DEFINITIONS))


settings.configure(
    ALLOWED_HOSTS=["*"], DATABASES={}, INSTALLED_APPS=["slo_django"], SECRET_KEY="x" * 60, ROOT_URLCONF="slo_django.urls",
    MIDDLEWARE=["slo_django.middleware.SLOMiddleware"], SLO_DEFINITIONS=DEFINITIONS, SLO_STORE="memory://",
)
django.setup()

wrapped = around(Starlette(middleware=[Middleware(NeedsLicence)]))
instrumented = Starlette(middleware=[Middleware(NeedsLicence)])
instrument(instrumented, DEFINITIONS)
broken_django = with_lifespan(NeedsLicence(get_asgi_application()))
django = with_lifespan(get_asgi_application())
silent = around(around(silent))
asserting = around(asserting)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with the applications."""
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def uvicorn(app: str, lifespan: str, port: int) -> list[str]:
    return python("-m", "uvicorn", f"shop:{app}", "--port", str(port), "--lifespan", lifespan)


@pytest.mark.parametrize("app", ["wrapped", "instrumented", "broken_django"])
def test_an_application_that_cannot_start_is_not_served(app: str, shop: Path) -> None:
    """`--lifespan on` ends with an error and with the exception in the log."""
    command = uvicorn(app, "on", free_port())

    ended = subprocess.run(command, cwd=shop, env={**os.environ}, capture_output=True, text=True, timeout=60)

    assert ended.returncode != 0
    assert "the licence server is away" in ended.stderr
    assert "Application startup failed" in ended.stderr


@pytest.mark.parametrize(
    ("app", "lifespan"),
    [("django", "on"), ("django", "auto"), ("silent", "on"), ("silent", "auto"), ("asserting", "auto")],
)
def test_an_application_without_a_lifespan_is_served(app: str, lifespan: str, shop: Path) -> None:
    """Django, an application that passes over the lifespan, and, where uvicorn may go on, one that asserts HTTP."""
    port = free_port()

    with start_server(uvicorn(app, lifespan, port), port=port, cwd=shop) as running:
        output = running.output()

    assert "Application startup complete" in output
    assert ("unsupported" in output) == (app == "asserting")
