"""Django under other ASGI servers, with a lifespan: it boots, counts what left, and keeps the counts when it is stopped."""

from __future__ import annotations

import importlib.util
import socket
import struct
import time
import urllib.request
from pathlib import Path

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_servers import HOST, PATIENCE_SECONDS, fetch, free_port, python, start_server, wait_for_notes

SHOP = """
import asyncio
import io
import time
import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import include, path
from slo_django.asgi import with_lifespan

settings.configure(
    ALLOWED_HOSTS=["*"], DATABASES={}, INSTALLED_APPS=["slo_django"], SECRET_KEY="x" * 60, ROOT_URLCONF=__name__,
    MIDDLEWARE=["slo_django.middleware.SLOMiddleware"], SLO_STORE="sqlite:///slo.db", SLO_SERVICE="shop",
    SLO_FLUSH_INTERVAL=30,
    SLO_DEFINITIONS={
        "availability": {"target": 0.9}, "strict": {"target": 0.9, "client_disconnect": "bad"},
        "latency": {"target": 0.9, "latency": "500ms", "routes": ["/collected/"]},
    },
)
django.setup()

def note(word):
    with open("notes", "a") as notes:
        notes.write(word + "\\n")

async def waits(request):
    note("waits")
    await asyncio.sleep(60)

async def streams(request):
    async def chunks():
        while True:
            yield b"tick"
            await asyncio.sleep(0.05)
    return StreamingHttpResponse(chunks())

def collected(request):
    def chunks():
        note("began")
        for _ in range(10):
            time.sleep(0.1)
            yield b"tick"
        note("ended")
    return StreamingHttpResponse(chunks())

async def download(request):
    async def chunks():
        for _ in range(400):
            yield CHUNK
    return StreamingHttpResponse(chunks())

async def waiting_download(request):
    async def chunks():
        for _ in range(400):
            yield CHUNK
            await asyncio.sleep(0.001)
    return StreamingHttpResponse(chunks())

def plain(request):
    return HttpResponse(CHUNK * 400)

def file(request):
    return FileResponse(io.BytesIO(CHUNK * 400), filename="report")

CHUNK = b"x" * 2**16
urlpatterns = [
    *(path(f"{view.__name__}/", view) for view in (collected, download, waiting_download, plain, file)),
    path("", lambda request: HttpResponse("home")), path("waits/", waits), path("streams/", streams),
    path("", include("slo_django.urls")),
]
application = with_lifespan(get_asgi_application())
"""

SERVERS = {
    "uvicorn": ("-m", "uvicorn", "--port", "{port}", "--loop", "asyncio", "--http", "h11", "shop:application"),
    "daphne": ("-m", "daphne", "-b", "127.0.0.1", "-p", "{port}", "shop:application"),
    "hypercorn": ("-m", "hypercorn", "-b", "127.0.0.1:{port}", "shop:application"),
    "granian": ("-m", "granian", "--interface", "asgi", "--port", "{port}", "shop:application"),
    "gunicorn.asgi": ("-m", "gunicorn", "-k", "asgi", "-b", "127.0.0.1:{port}", "shop:application"),
}
CUT = dict.fromkeys(SERVERS, ("collected", "download", "plain", "file"))
# daphne takes all that it is given, whatever the client does: only while Django still makes the answer is it seen.
CUT["daphne"] = ("collected",)
# granian notices in another thread, and drops what is sent until then: a stream that never waits can end before.
CUT["granian"] = ("collected", "waiting_download", "plain", "file")


def command(server: str, port: int) -> list[str]:
    try:
        is_installed = importlib.util.find_spec(server) is not None
    except ModuleNotFoundError:
        is_installed = False
    if not is_installed:
        pytest.skip(f"{server} is not installed")
    return python(*(argument.format(port=port) for argument in SERVERS[server]))


def counts(folder: Path, name: str) -> tuple[int, int]:
    """Events and failures in the store."""
    with SLORegistry(store=f"sqlite:///{folder}/slo.db", service="shop") as registry:
        snapshot = registry.define(SLODefinition(name, 0.9)).snapshot()
    return snapshot.total, snapshot.failures


def cut(port: int, path: str, folder: Path) -> None:
    """Take the beginning of an answer, and reset the connection."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client.settimeout(PATIENCE_SECONDS)
        client.connect((HOST, port))
        client.sendall(f"GET /{path}/ HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
        if path == "collected":
            wait_for_notes(folder, "began", 2)  # the first one was taken whole
        else:
            assert client.recv(65_536)
            time.sleep(0.3)  # until all buffers between are full
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("server", SERVERS)
def test_cut_downloads_are_clients_that_left(server: str, tmp_path: Path) -> None:
    """What leaves on the wire counts: answers that were cut, whole ones, and the first byte of a collected stream."""
    (tmp_path / "shop.py").write_text(SHOP)
    port = free_port()

    with start_server(command(server, port), port=port, cwd=tmp_path, ready="/metrics"):
        for path in CUT[server]:
            fetch(f"http://{HOST}:{port}/{path}/")
        for path in CUT[server]:
            cut(port, path, tmp_path)
        wait_for_notes(tmp_path, "ended", 2)
        time.sleep(0.2)  # the server is not stopped between the end of the view and its count

    whole = len(CUT[server])
    assert counts(tmp_path, "availability") == (whole, 0)
    assert counts(tmp_path, "strict") == (2 * whole, whole)
    assert counts(tmp_path, "latency") == (1, 1)


@pytest.mark.parametrize("server", SERVERS)
def test_requests_count_and_clients_that_leave_do_not(server: str, tmp_path: Path) -> None:
    """Three answers are good; a client that leaves a view or a stream is left out, and so is a scrape."""
    (tmp_path / "shop.py").write_text(SHOP)
    port = free_port()

    with start_server(command(server, port), port=port, cwd=tmp_path, ready="/metrics"):
        for path in ("", "", "", "metrics"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60) as answer:
                assert answer.status == 200
        with socket.create_connection((HOST, port)) as client:
            client.sendall(b"GET /waits/ HTTP/1.1\r\nHost: shop\r\n\r\n")
            wait_for_notes(tmp_path, "waits", 1)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/streams/", timeout=60) as answer:
            assert answer.read(4) == b"tick"

    assert counts(tmp_path, "availability") == (3, 0)
