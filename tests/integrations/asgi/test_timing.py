"""Durations: the clock stops at the last byte of the body, not when the application returns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from asgi_driver import serve
from asgi_service import Service
from slo_core.testing import FakeClock

LATENCY: dict[str, Any] = {
    "availability": {"target": 0.9},
    "first-byte": {"target": 0.9, "latency": "100ms"},
    "total": {"target": 0.9, "latency": "100ms", "latency_of": "total"},
}


def with_background_task(task: Any) -> Starlette:
    async def view(request: Request) -> Response:
        return PlainTextResponse("done", background=BackgroundTask(task))

    return Starlette(routes=[Route("/", view)])


def with_fastapi_background_task(task: Any) -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def view(tasks: BackgroundTasks) -> str:
        tasks.add_task(task)
        return "done"

    return app


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("build", [with_background_task, with_fastapi_background_task])
def test_a_background_task_is_not_part_of_the_request(build: Any, inside: bool) -> None:
    """It runs for 300 ms after the answer: the client has waited for nothing."""
    clock = FakeClock()

    async def task() -> None:
        clock.advance(0.3)

    service = Service(build(task), LATENCY, clock=clock, inside=inside)
    service.ask()

    assert service.only_event.duration_seconds == 0
    assert service.only_event.outcomes == {"availability": True, "first-byte": True, "total": True}


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("build", [with_background_task, with_fastapi_background_task])
def test_a_failing_background_task_is_not_the_requests_failure(build: Any, inside: bool) -> None:
    """The client has its answer; the exception goes on to the server's log."""

    async def task() -> None:
        raise RuntimeError("task")

    service = Service(build(task), inside=inside)
    answer = service.ask()

    assert (answer.status, answer.exception is not None) == (200, True)
    assert service.only_event.exception is None
    assert service.counts() == (1, 0)


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("framework", [Starlette, FastAPI])
@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
def test_a_stream_has_a_first_byte_and_a_last(framework: Any, inside: bool, spec_version: str) -> None:
    """Five chunks, 50 ms before each: the first byte after 50 ms, the last after 250 ms."""
    clock = FakeClock()

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            clock.advance(0.05)
            yield b"chunk"

    async def view(request: Request) -> Response:
        return StreamingResponse(chunks())

    app = framework()
    app.add_route("/", view)
    service = Service(app, LATENCY, clock=clock, inside=inside)

    assert service.ask(spec_version=spec_version).body == b"chunk" * 5
    event = service.only_event
    assert event.first_byte_seconds == pytest.approx(0.05, abs=1e-6)
    assert event.duration_seconds == pytest.approx(0.25, abs=1e-6)
    assert event.outcomes == {"availability": True, "first-byte": True, "total": False}


def messages_app(clock: FakeClock, *messages: dict[str, Any] | float) -> Any:
    """An application that sends these messages; a number moves the clock."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            if isinstance(message, dict):
                await send(message)
            else:
                clock.advance(message)

    return app


START = {"type": "http.response.start", "status": 200, "headers": []}


@pytest.mark.parametrize(
    ("messages", "first_byte", "duration"),
    [
        # An empty chunk is no byte: the client still waits.
        ([START, 0.25, {"type": "http.response.body", "more_body": True}, 0.5,
          {"type": "http.response.body", "body": b"x"}, 1.0], 0.75, 0.75),
        # Headers out at once, the body late: the first byte of the body is what counts.
        ([START, 0.5, {"type": "http.response.body", "body": b"x"}, 1.0], 0.5, 0.5),
        # An empty answer has its first byte at its end.
        ([START, 0.5, {"type": "http.response.body"}, 1.0], 0.5, 0.5),
        # The server sends the file: over when it was handed the path.
        ([START, 0.5, {"type": "http.response.pathsend", "path": "/etc/hostname"}, 1.0], None, 0.5),
        # Announced trailers are part of the response.
        ([{**START, "trailers": True}, 0.25, {"type": "http.response.body", "body": b"x"}, 0.25,
          {"type": "http.response.trailers", "headers": [], "more_trailers": True}, 0.25,
          {"type": "http.response.trailers", "headers": []}, 1.0], 0.25, 0.75),
        # So are those after a path.
        ([{**START, "trailers": True}, {"type": "http.response.pathsend", "path": "/etc/hostname"}, 0.25,
          {"type": "http.response.trailers", "headers": []}, 1.0], None, 0.25),
        # Parts of an open file, which the server sends without copying: the first is the first byte.
        ([START, 0.25, {"type": "http.response.zerocopysend", "file": 3, "more_body": True}, 0.5,
          {"type": "http.response.zerocopysend", "file": 3}, 1.0], 0.25, 0.75),
        # What comes before the response starts is not its first byte.
        ([0.25, {"type": "http.response.push", "path": "/style.css", "headers": []}, START, 0.25,
          {"type": "http.response.body", "body": b"x"}, 1.0], 0.5, 0.5),
    ],
)  # fmt: skip
def test_the_clock_stops_at_the_last_byte(messages: list[Any], first_byte: float | None, duration: float) -> None:
    """Worked out by hand from the numbers between the messages."""
    clock = FakeClock()
    service = Service(messages_app(clock, *messages), clock=clock)

    service.ask(extensions={"http.response.trailers": {}})

    assert service.only_event.first_byte_seconds == first_byte
    assert service.only_event.duration_seconds == duration
    assert service.counts() == (1, 0)


def test_trailers_that_the_server_does_not_have_are_not_waited_for() -> None:
    """ASGI has it ignore the announcement: the response ends with its body."""
    clock = FakeClock()
    body = {"type": "http.response.body", "body": b"x"}
    service = Service(messages_app(clock, {**START, "trailers": True}, 0.25, body, 1.0), clock=clock)

    service.ask()

    assert service.only_event.duration_seconds == 0.25
    assert service.counts() == (1, 0)


def test_a_client_that_reads_slowly_is_no_delay_of_ours() -> None:
    """The first byte is timed when the application hands it over, not when the server could send it."""
    clock = FakeClock()

    async def slow_network(scope: Any, receive: Any, send: Any) -> None:
        async def slow_send(message: Any) -> None:
            clock.advance(1)
            await send(message)

        await service.app(scope, receive, slow_send)

    body = {"type": "http.response.body", "body": b"x"}
    service = Service(messages_app(clock, START, body), {"latency": {"target": 0.9, "latency": "1.5s"}}, clock=clock)

    assert serve(slow_network).status == 200
    # The start went out in 1 s, then came the body.
    assert service.only_event.first_byte_seconds == 1
    assert service.only_event.outcomes == {"latency": True}


def test_a_failure_is_timed_too() -> None:
    """An exception after 500 ms: that is how long the request took."""
    clock = FakeClock()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        clock.advance(0.5)
        raise RuntimeError("late")

    service = Service(app, clock=clock)
    service.ask()

    assert service.only_event.duration_seconds == 0.5
    assert service.only_event.first_byte_seconds is None
