"""Django under other ASGI servers, with a lifespan: it boots, counts, and keeps the counts when it is stopped."""

from __future__ import annotations

import importlib.util
import urllib.request
from pathlib import Path

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_servers import free_port, python, start_server

SHOP = """
import asyncio
import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import include, path
from slo_django.asgi import with_lifespan

settings.configure(
    ALLOWED_HOSTS=["*"], DATABASES={}, INSTALLED_APPS=["slo_django"], SECRET_KEY="x" * 60, ROOT_URLCONF=__name__,
    MIDDLEWARE=["slo_django.middleware.SLOMiddleware"], SLO_STORE="sqlite:///slo.db", SLO_SERVICE="shop",
    SLO_FLUSH_INTERVAL=30, SLO_DEFINITIONS={"availability": {"target": 0.9}},
)
django.setup()

async def waits(request):
    await asyncio.sleep(60)

async def streams(request):
    async def chunks():
        while True:
            yield b"tick"
            await asyncio.sleep(0.05)
    return StreamingHttpResponse(chunks())

urlpatterns = [
    path("", lambda request: HttpResponse("home")), path("waits/", waits), path("streams/", streams),
    path("", include("slo_django.urls")),
]
application = with_lifespan(get_asgi_application())
"""

SERVERS = {
    "daphne": ("-m", "daphne", "-b", "127.0.0.1", "-p", "{port}", "shop:application"),
    "hypercorn": ("-m", "hypercorn", "-b", "127.0.0.1:{port}", "shop:application"),
    "granian": ("-m", "granian", "--interface", "asgi", "--port", "{port}", "shop:application"),
}


@pytest.mark.parametrize("server", SERVERS)
def test_requests_count_and_clients_that_leave_do_not(server: str, tmp_path: Path) -> None:
    """Three answers are good; a client that leaves a view or a stream is left out, and so is a scrape."""
    if importlib.util.find_spec(server) is None:
        pytest.skip(f"{server} is not installed")
    (tmp_path / "shop.py").write_text(SHOP)
    port = free_port()
    command = python(*(argument.format(port=port) for argument in SERVERS[server]))

    with start_server(command, port=port, cwd=tmp_path, ready="/metrics"):
        for path in ("", "", "", "metrics"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
                assert answer.status == 200
        with pytest.raises(TimeoutError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/waits/", timeout=0.3)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/streams/", timeout=10) as answer:
            assert answer.read(4) == b"tick"

    registry = SLORegistry(store=f"sqlite:///{tmp_path}/slo.db", service="shop")
    snapshot = registry.define(SLODefinition("availability", 0.9)).snapshot()
    registry.close()
    assert (snapshot.total, snapshot.failures) == (3, 0)
