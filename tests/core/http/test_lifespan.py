"""ASGI lifespan: events are handed over before the server is told that shutdown is complete."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from slo_core import SLORegistry
from slo_core.http.lifespan import ASGIApp, Receive, Scope, Send, serve_lifespan
from slo_core.stores.memory.store import MemoryStore


class FlushingStore(MemoryStore):
    """Notes on a common list when it is flushed."""

    def __init__(self, log: list[str], *, fails: bool = False) -> None:
        super().__init__()
        self.log = log
        self.fails = fails
        self.thread: threading.Thread | None = None

    def close(self) -> None:
        self.thread = threading.current_thread()
        if self.fails:
            raise OSError("out of reach")
        self.log.append("close")


def is_value_error(exc: Exception) -> bool:
    """An integration that recognizes its framework's refusal."""
    return isinstance(exc, ValueError)


def serve(app: ASGIApp, registry: SLORegistry | None, log: list[str], *, messages: int = 2) -> None:
    """A server's side of a lifespan: startup, shutdown; what is said is noted on the log."""

    async def main() -> None:
        waiting = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}][:messages]

        async def receive() -> dict[str, Any]:
            if not waiting:
                await asyncio.sleep(3600)
            return waiting.pop(0)

        async def send(message: Any) -> None:
            log.append(message["type"])

        await asyncio.wait_for(
            serve_lifespan(
                app, {"type": "lifespan"}, receive, send, registry=lambda: registry, is_refusal=is_value_error
            ),
            timeout=60,
        )

    asyncio.run(main())


async def app_with_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def app_that_fails_at_shutdown(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.failed", "message": "sorry"})


async def app_that_raises(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("Django can only handle ASGI/HTTP connections, not lifespan.")


async def app_that_returns(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return


@pytest.mark.parametrize("app", [app_with_lifespan, app_that_raises, app_that_returns])
def test_events_are_handed_over_before_shutdown_is_complete(app: ASGIApp) -> None:
    """Also for an application that is known to have no lifespan: the server is answered in its place."""
    log: list[str] = []

    serve(app, SLORegistry(FlushingStore(log)), log)

    assert log == ["lifespan.startup.complete", "close", "lifespan.shutdown.complete"]


def test_events_are_handed_over_when_shutdown_fails_too() -> None:
    """They are ours, the failure is not."""
    log: list[str] = []

    serve(app_that_fails_at_shutdown, SLORegistry(FlushingStore(log)), log)

    assert log == ["lifespan.startup.complete", "close", "lifespan.shutdown.failed"]


def test_an_application_that_fails_at_its_startup_fails() -> None:
    """It spoke: its exception is the server's to see."""
    log: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise LookupError("no database")

    with pytest.raises(LookupError, match="no database"):
        serve(app, SLORegistry(FlushingStore(log)), log)
    assert log == []


@pytest.mark.parametrize("exception", [RuntimeError("SECRET is not set"), AssertionError(), KeyError("path")])
def test_an_exception_that_is_not_known_to_mean_no_lifespan_reaches_the_server(exception: Exception) -> None:
    """It may be a start that failed: only the server knows whether to serve after it."""
    log: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise exception

    with pytest.raises(type(exception)) as caught:
        serve(app, SLORegistry(FlushingStore(log)), log)
    assert caught.value is exception
    assert log == []


@pytest.mark.parametrize("first", ["receive", "send"])
def test_an_application_that_has_begun_its_lifespan_has_one(first: str) -> None:
    """Its exception reaches the server, even one that would be a refusal before its first message."""
    log: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (receive() if first == "receive" else send({"type": "lifespan.startup.failed"}))
        raise ValueError("no database")

    with pytest.raises(ValueError, match="no database"):
        serve(app, SLORegistry(FlushingStore(log)), log)
    assert log == (["lifespan.startup.failed"] if first == "send" else [])


def test_without_a_way_to_recognize_a_refusal_every_exception_reaches_the_server() -> None:
    """An ASGI application of which nothing is known."""

    async def main() -> None:
        async def receive() -> dict[str, Any]:
            raise AssertionError("the server was answered")

        async def send(message: Any) -> None:
            raise AssertionError("the server was answered")

        await serve_lifespan(app_that_raises, {"type": "lifespan"}, receive, send, registry=lambda: None)

    with pytest.raises(ValueError, match="not lifespan"):
        asyncio.run(main())


def test_a_store_out_of_reach_does_not_keep_the_server_up() -> None:
    """It is reported, and shutdown is complete."""
    log: list[str] = []
    registry = SLORegistry(FlushingStore(log, fails=True))

    serve(app_with_lifespan, registry, log)

    assert log == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert registry.internals.errors.total == 1


def test_nothing_to_flush_is_fine() -> None:
    """A disabled installation has no registry."""
    log: list[str] = []

    serve(app_that_raises, None, log)

    assert log == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_registry_that_cannot_be_had_does_not_keep_the_server_up() -> None:
    """Whatever the integration's settings raise by then."""
    log: list[str] = []

    async def main() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "lifespan.shutdown"}

        async def send(message: Any) -> None:
            log.append(message["type"])

        def registry() -> SLORegistry:
            raise LookupError

        await serve_lifespan(app_that_returns, {"type": "lifespan"}, receive, send, registry=registry)

    asyncio.run(main())

    assert log == ["lifespan.shutdown.complete"]


def test_flushing_blocks_no_event_loop() -> None:
    """It is done in a thread."""
    store = FlushingStore([])

    serve(app_with_lifespan, SLORegistry(store), [])

    assert store.thread is not threading.main_thread()
