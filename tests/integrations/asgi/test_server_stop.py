"""A cancellation is a hang-up where the disconnect is waiting, and left out where the server stops itself."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from asgi_driver import http_scope
from asgi_service import Service
from slo_asgi import instrument
from slo_core.testing import FakeClock

START = {"type": "http.response.start", "status": 200, "headers": []}
DEFINITIONS = {"availability": {"target": 0.9}, "latency": {"target": 0.9, "latency": "250ms"}}


def serve_cancelled(app: Any, waiting: list[dict[str, Any]], message: str | None = None, send: Any = None) -> None:
    """Cancel a request, with messages of the server that it has not received."""

    async def run() -> None:
        queue: asyncio.Queue[Any] = asyncio.Queue()

        async def accept(_: Any) -> None:
            pass

        task = asyncio.ensure_future(app(http_scope(), queue.get, send or accept))
        await asyncio.sleep(0.01)
        for each in waiting:
            queue.put_nowait(each)
        task.cancel(message)
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


async def stuck(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(30)


async def streaming(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send({"type": "http.response.body", "body": b"x", "more_body": True})
    await asyncio.sleep(30)


BODY = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}


@pytest.mark.parametrize("app", [stuck, streaming])
@pytest.mark.parametrize("waiting", [[GONE], [BODY, GONE], [BODY] * 3 + [GONE]])
def test_a_cancellation_after_a_disconnect_is_a_hang_up(app: Any, waiting: Any) -> None:
    """gunicorn and daphne leave the disconnect in the queue, behind a body that was not read."""
    service = Service(app)

    serve_cancelled(service.app, waiting)

    assert service.events == []


@pytest.mark.parametrize("app", [stuck, streaming])
@pytest.mark.parametrize("waiting", [[], [BODY]])
def test_a_cancellation_without_a_disconnect_stays_bad(app: Any, waiting: Any) -> None:
    """A time-out around the application, for one; nothing waits for a message."""
    service = Service(app)

    serve_cancelled(service.app, waiting)

    assert service.counts() == (0, 1)


def test_a_hang_up_past_the_threshold_is_bad_for_latency() -> None:
    """As every other hang-up."""
    clock = FakeClock()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        clock.advance(1)
        await asyncio.sleep(30)

    service = Service(app, DEFINITIONS, clock=clock)

    serve_cancelled(service.app, [GONE])

    assert service.only_event.outcomes == {"latency": False}


def test_a_receive_that_fails_changes_nothing() -> None:
    """The cancellation goes on, and is bad."""
    service = Service(stuck)

    async def run() -> None:
        async def receive() -> Any:
            raise RuntimeError("no connection")

        task = asyncio.ensure_future(service.app(http_scope(), receive, lambda message: None))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())

    assert service.counts() == (0, 1)


@pytest.mark.parametrize("app", [stuck, streaming])
def test_uvicorn_says_why_it_cancels(app: Any) -> None:
    """Its graceful stop took too long."""
    service = Service(app)

    serve_cancelled(service.app, [], "Task cancelled, timeout graceful shutdown exceeded")

    assert service.events == []


class _Server:
    """Like uvicorn's, and Twisted's reactor: a method of it handles the signal."""

    def __init__(self) -> None:
        self.should_exit = self._stopped = False

    def handle_exit(self, number: int, frame: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    """A server that handles SIGTERM."""
    server = _Server()
    before = signal.signal(signal.SIGTERM, server.handle_exit)
    yield server
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("name", ["should_exit", "_stopped"])
@pytest.mark.parametrize("stops", [True, False])
def test_a_stream_that_ends_because_the_server_stops_is_left_out(server: _Server, stops: bool, name: str) -> None:
    """sse-starlette ends its streams in the middle, and returns."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        setattr(server, name, stops)

    service = Service(app)
    service.ask()

    assert service.counts() == ((0, 0) if stops else (0, 1))


def test_a_failure_while_the_server_stops_stays_bad(server: _Server) -> None:
    """A bug is a bug."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        server.should_exit = True
        await send(START)
        raise RuntimeError("a bug")

    service = Service(app)
    service.ask()

    assert service.counts() == (0, 1)


def test_what_is_cancelled_after_the_lifespan_ended_is_left_out() -> None:
    """gunicorn sends the shutdown first, and cancels what still runs; hypercorn's context says the same."""

    async def view(request: Request) -> Response:
        await asyncio.sleep(30)
        raise AssertionError

    app = Starlette()
    app.add_route("/", view)
    registry = instrument(app, DEFINITIONS)

    async def run() -> None:
        received = asyncio.Queue[Any]()

        async def send(message: Any) -> None:
            pass

        received.put_nowait({"type": "lifespan.startup"})
        lifespan = asyncio.ensure_future(app({"type": "lifespan", "state": {}}, received.get, send))
        task = asyncio.ensure_future(app(http_scope(), asyncio.Queue[Any]().get, send))
        await asyncio.sleep(0.01)
        received.put_nowait({"type": "lifespan.shutdown"})
        await lifespan
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())

    assert registry["availability"].snapshot().total == 0


def test_hypercorn_says_that_it_is_terminated() -> None:
    """In the context of the stream that `send` belongs to."""
    service = Service(streaming)

    class Stream:
        context = SimpleNamespace(terminated=SimpleNamespace(is_set=lambda: True))

        async def app_send(self, message: Any) -> None:
            pass

    serve_cancelled(service.app, [], send=Stream().app_send)

    assert service.events == []
