"""Real ASGI servers: each counts; clients that hang up, and streams that the server's own stop ends, are no failures."""

from __future__ import annotations

import http.client
import importlib.util
import socket
import threading
import urllib.request
from pathlib import Path

import pytest

from slo_core import HTTPRule, SLODefinition, SLORegistry
from slo_servers import HOST, PATIENCE_SECONDS, free_port, python, start_server, wait_for_notes

SHOP = """
import asyncio
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route
from slo_asgi import SLOMiddleware, instrument
from slo_core import SLORegistry

DEFINITIONS = {"availability": {"target": 0.99}}


def note(word):
    with open("notes", "a") as notes:
        notes.write(word + "\\n")


async def quick(request):
    return PlainTextResponse("quick")


async def slow(request):
    note("began")
    try:
        await asyncio.sleep(30)
    finally:
        note("ended")


async def too_slow(request):
    await asyncio.wait_for(asyncio.sleep(30), 0.1)


async def events(request):
    async def forever():
        note("began")
        while True:
            yield b"tick"
            await asyncio.sleep(0.05)

    return StreamingResponse(forever())


async def chunks(request):
    async def three():
        for _ in range(3):
            yield b"chunk"

    return StreamingResponse(three())


async def notices(request):
    note("looks")
    while not await request.is_disconnected():
        await asyncio.sleep(0.05)
    note("left")
    raise RuntimeError("the client has gone")


VIEWS = {"/quick": quick, "/chunks": chunks, "/slow": slow, "/too-slow": too_slow, "/events": events, "/notices": notices}
routes = [Route(path, view) for path, view in VIEWS.items()]
app = Starlette(routes=[*routes, Mount("/mounted", routes=routes)])
instrument(app, DEFINITIONS, store="sqlite:///counts.db")
by_hand = SLOMiddleware(Starlette(routes=routes), registry=SLORegistry.from_config(DEFINITIONS, store="sqlite:///counts.db"))
"""

SERVERS = {
    "uvicorn": ("uvicorn", "-m uvicorn shop:{app} --port {port} --timeout-graceful-shutdown 1"),
    "hypercorn": ("hypercorn", "-m hypercorn shop:{app} --bind 127.0.0.1:{port} --graceful-timeout 1"),
    "gunicorn": ("gunicorn.asgi", "-m gunicorn -k asgi -b 127.0.0.1:{port} --graceful-timeout 1 shop:{app}"),
    "daphne": ("daphne", "-m daphne -p {port} --application-close-timeout 1 shop:{app}"),
    # It waits for open streams, and kills the worker when it has waited long enough.
    "granian": ("granian", "-m granian --interface asgi --port {port} --workers-kill-timeout 2 shop:{app}"),
}


def command(server: str, app: str, port: int) -> list[str]:
    module, arguments = SERVERS[server]
    try:
        installed = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        installed = False
    if not installed:
        pytest.skip(f"{server} is not installed")
    return python(*arguments.format(app=app, port=port).split())


def read(port: int, path: str) -> None:
    """Read an answer to its end, whatever that is."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            while answer.read1():
                pass
    except (OSError, http.client.HTTPException):
        pass


def counts(folder: Path) -> tuple[int, int]:
    """Good and bad events in the store."""
    with SLORegistry(f"sqlite:///{folder}/counts.db") as registry:
        snapshot = registry.define(SLODefinition("availability", 0.99, http=HTTPRule())).snapshot()
    return snapshot.total - snapshot.failures, snapshot.failures


def hang_up(port: int, path: str, folder: Path, word: str) -> None:
    """Two clients that ask, and leave when the views have noted that they work."""
    with socket.create_connection((HOST, port)) as one, socket.create_connection((HOST, port)) as other:
        for client in (one, other):
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
        wait_for_notes(folder, word, 2)


@pytest.mark.parametrize(
    ("server", "app", "path"),
    [
        ("uvicorn", "app", "/events"), ("uvicorn", "app", "/mounted/events"), ("uvicorn", "by_hand", "/events"),
        ("uvicorn", "app", "/slow"), ("hypercorn", "app", "/events"), ("hypercorn", "by_hand", "/slow"),
        ("gunicorn", "app", "/events"), ("gunicorn", "by_hand", "/events"), ("daphne", "app", "/events"),
        ("daphne", "by_hand", "/slow"), ("granian", "app", "/events"), ("granian", "by_hand", "/slow"),
    ],
)  # fmt: skip
def test_it_counts_what_is_the_applications_own(server: str, app: str, path: str, tmp_path: Path) -> None:
    """
    Good, bad, streams that come to their end; neither scrapes nor a path that does not exist.

    What a view raises when it sees its client leave is no failure: each server says it to a view that asks. A deploy is no
    outage of every open stream; a time-out of the application's own is.
    """
    (tmp_path / "shop.py").write_text(SHOP)
    port = free_port()
    with start_server(command(server, app, port), port=port, cwd=tmp_path):
        for answered in ("/quick", "/chunks", "/chunks", "/too-slow", "/metrics", "/nowhere"):
            read(port, answered)
        hang_up(port, "/notices", tmp_path, "looks")
        wait_for_notes(tmp_path, "left", 2)
        listeners = [threading.Thread(target=read, args=(port, path), daemon=True) for _ in range(2)]
        for listener in listeners:
            listener.start()
        wait_for_notes(tmp_path, "began", 2)
    for listener in listeners:
        listener.join(PATIENCE_SECONDS)

    assert counts(tmp_path) == (3, 1)


@pytest.mark.parametrize("server", ["gunicorn", "daphne", "uvicorn"])
def test_a_client_that_hangs_up_is_left_out(server: str, tmp_path: Path) -> None:
    """Some servers cancel the application, and leave the disconnect in the queue."""
    # gunicorn cancels three seconds after the client has gone, uvicorn never.
    seconds = 1 if server == "uvicorn" else 20
    shop = SHOP.replace("asyncio.sleep(30)\n", f"asyncio.sleep({seconds})\n        return await quick(request)\n", 1)
    (tmp_path / "shop.py").write_text(shop)
    port = free_port()
    with start_server(command(server, "app", port), port=port, cwd=tmp_path):
        read(port, "/quick")
        hang_up(port, "/slow", tmp_path, "began")
        wait_for_notes(tmp_path, "ended", 2)

    good, bad = counts(tmp_path)
    assert bad == 0
    # uvicorn cancels nothing, and the view does not look: nothing tells of the client that went away.
    assert good == (3 if server == "uvicorn" else 1)
