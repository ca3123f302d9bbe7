"""`with_lifespan`: what a server is told at start and stop, and what passes through."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from slo_test_project.project import OpenProject

from hung_store import HungReads
from slo_core import SLORegistry
from slo_django import get_registry
from slo_django.asgi import with_lifespan


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[SLORegistry]]:
    """The registries that were flushed."""
    found: list[SLORegistry] = []
    monkeypatch.setattr(SLORegistry, "close", lambda registry: found.append(registry))
    yield found


def talk(application: Any) -> list[str]:
    """A server's start and stop; what it was answered."""
    sent: list[str] = []
    messages = ["lifespan.startup", "lifespan.shutdown"]

    async def receive() -> dict[str, Any]:
        return {"type": messages.pop(0)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    asyncio.run(with_lifespan(application)({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send))
    return sent


COMPLETE = ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_django_is_flushed_at_shutdown(flushed: list[SLORegistry]) -> None:
    """Django raises at a lifespan: the wrapper answers in its place, and hands over what was counted."""
    registry = get_registry()

    assert talk(ASGIHandler()) == COMPLETE
    assert flushed == [registry]


def test_a_layer_around_django_that_refuses_to_start_is_not_started(flushed: list[SLORegistry]) -> None:
    """Its exception reaches the server, a ValueError too; Django's own refusal, which it would pass on, does not."""

    async def needs_licence(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("the licence server is away")

    async def transparent(scope: Any, receive: Any, send: Any) -> None:
        await ASGIHandler()(scope, receive, send)

    with pytest.raises(ValueError, match="the licence server is away"):
        talk(needs_licence)
    assert flushed == []
    assert talk(transparent) == COMPLETE
    assert talk(with_lifespan(ASGIHandler())) == COMPLETE


def test_what_was_never_used_is_not_built_at_shutdown(flushed: list[SLORegistry]) -> None:
    """A server that stops before its first request opens no store."""
    assert talk(ASGIHandler()) == COMPLETE
    assert flushed == []


def test_an_application_with_a_lifespan_keeps_it(flushed: list[SLORegistry]) -> None:
    """A router around Django may have start-up code of its own."""
    get_registry()
    heard = []

    async def router(scope: Any, receive: Any, send: Any) -> None:
        for answer in COMPLETE:
            heard.append((await receive())["type"])
            await send({"type": answer})

    assert talk(router) == COMPLETE
    assert heard == ["lifespan.startup", "lifespan.shutdown"]
    assert len(flushed) == 1


def test_requests_pass_through(open_for: OpenProject) -> None:
    """A request is answered, counted, and the same to the byte."""
    project = open_for("asgi")

    wrapped = project.get("/", application=with_lifespan(ASGIHandler()))
    bare = project.get("/")

    assert (wrapped.status, wrapped.headers, wrapped.chunks) == (bare.status, bare.headers, bare.chunks)
    assert project.counts() == (2, 0)


def test_other_protocols_pass_untouched() -> None:
    """A websocket is the router's affair."""
    seen = []

    async def router(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    scope = {"type": "websocket"}
    receive, send = object(), object()
    asyncio.run(with_lifespan(router)(scope, receive, send))  # type: ignore[arg-type]  # only handed through

    assert seen == [(scope, receive, send)]
    assert scope == {"type": "websocket"}


async def status_of(app: Any, path: str) -> int | None:
    """The status of one answer."""
    statuses: list[int] = []
    incoming = [{"type": "http.request", "body": b"", "more_body": False}]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": [], "server": ("testserver", 80),
        "client": ("127.0.0.1", 1),
    }  # fmt: skip

    async def receive() -> Any:
        return incoming.pop() if incoming else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    await app(scope, receive, send)
    return statuses[0]


def test_readers_of_a_store_that_hangs_leave_the_applications_threads_alone(
    open_for: OpenProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`to_thread` and `getaddrinfo` share asyncio's pool, here of one thread: while pages wait for the store it is free."""
    project = open_for("asgi", SLO_STORE=f"sqlite:///{tmp_path}/slo.db", SLO_SERVICE="shop", SLO_STATUS_PATH="/slo")
    app, hung = ASGIHandler(), HungReads(monkeypatch)
    paths = ["/metrics", "/slo", "/slo.json"] * 4

    async def main() -> list[int | None]:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        readers = [asyncio.ensure_future(status_of(app, path)) for path in paths]
        try:
            while not hung.began.is_set():
                await asyncio.sleep(0.01)
            assert await asyncio.wait_for(asyncio.to_thread(lambda: 1), 60) == 1
            assert await asyncio.wait_for(loop.getaddrinfo("localhost", 80), 60)
        finally:
            hung.release.set()
        return await asyncio.gather(*readers)

    assert asyncio.run(main()) == [200] * len(paths)
    project.registry.close()
