"""Clients that go away: no failure of the service, unless it had kept them waiting."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from asgi_driver import serve
from asgi_service import Service
from slo_asgi import instrument
from slo_core.testing import FakeClock

DEFINITIONS: dict[str, Any] = {
    "availability": {"target": 0.9},
    "latency": {"target": 0.9, "latency": "250ms"},
    "ignore": {"target": 0.9, "latency": "250ms", "client_disconnect": "ignore"},
    "good": {"target": 0.9, "latency": "250ms", "client_disconnect": "good"},
    "bad": {"target": 0.9, "latency": "250ms", "client_disconnect": "bad"},
}
# What a client that went away is to each of them: nothing to the first three, before 250 ms have passed.
LEFT_EARLY = {"good": True, "bad": False}
# Nobody waits longer than 250 ms and is left out of "latency": impatient clients are the first sign of an outage.
LEFT_LATE = {"latency": False, "good": True, "bad": False}

START = {"type": "http.response.start", "status": 200, "headers": []}
frameworks = pytest.mark.parametrize("framework", [Starlette, FastAPI])
placements = pytest.mark.parametrize("inside", [True, False])
# The moment of leaving, and what it makes of the request.
moments = pytest.mark.parametrize(("seconds", "outcomes"), [(0.125, LEFT_EARLY), (0.375, LEFT_LATE)])


def app_with(framework: type[Any], view: Any) -> Any:
    app = framework()
    app.add_route("/", view, methods=["GET", "POST"])
    return app


@frameworks
@placements
def test_a_plain_answer_does_not_notice_on_spec_2_3(framework: Any, inside: bool) -> None:
    """Nothing tells of it, the application answered: good."""

    async def view(request: Request) -> Response:
        return PlainTextResponse("answer")

    service = Service(app_with(framework, view), DEFINITIONS, inside=inside)
    service.ask(disconnect_after=0)

    assert set(service.only_event.outcomes.values()) == {True}
    assert len(service.only_event.outcomes) == len(DEFINITIONS)


@frameworks
@placements
@moments
@pytest.mark.parametrize("sent", [0, 1])
def test_a_plain_answer_that_cannot_be_sent(
    framework: Any, inside: bool, seconds: float, outcomes: Any, sent: int
) -> None:
    """Servers of spec 2.4 raise OSError from `send`."""
    clock = FakeClock()

    async def view(request: Request) -> Response:
        clock.advance(seconds)
        return PlainTextResponse("answer")

    service = Service(app_with(framework, view), DEFINITIONS, clock=clock, inside=inside)
    service.ask(spec_version="2.4", os_error_after=sent)

    assert service.only_event.disconnected
    assert service.only_event.exception is None
    assert service.only_event.outcomes == outcomes


def endless(clock: FakeClock, seconds: float) -> Any:
    async def chunks() -> AsyncIterator[bytes]:
        clock.advance(seconds)
        while True:
            yield b"chunk"
            await asyncio.sleep(0)

    async def view(request: Request) -> Response:
        return StreamingResponse(chunks())

    return view


@frameworks
@placements
@moments
@pytest.mark.parametrize(
    "leaving",
    [
        {"spec_version": "2.3", "disconnect_after": 3},  # the application returns without a last body
        {"spec_version": "2.4", "os_error_after": 3},  # the application raises ClientDisconnect
    ],
)
def test_a_client_that_leaves_in_the_middle_of_a_stream(
    framework: Any, inside: bool, leaving: Any, seconds: float, outcomes: Any
) -> None:
    """The first byte was in time, or it was not."""
    clock = FakeClock()
    service = Service(app_with(framework, endless(clock, seconds)), DEFINITIONS, clock=clock, inside=inside)

    answer = service.ask(**leaving)

    assert answer.status == 200
    assert service.only_event.disconnected
    assert service.only_event.first_byte_seconds == seconds
    assert service.only_event.outcomes == outcomes


@frameworks
@placements
@moments
def test_a_client_that_leaves_while_its_body_is_read(
    framework: Any, inside: bool, seconds: float, outcomes: Any
) -> None:
    """Starlette raises ClientDisconnect, and what is made of that reaches nobody: it is no 500."""
    clock = FakeClock()

    async def reading(request: Request) -> Response:
        clock.advance(seconds)
        async for _ in request.stream():
            pass
        return PlainTextResponse("read")

    service = Service(app_with(framework, reading), DEFINITIONS, clock=clock, inside=inside)
    service.app = without_body(service.app)
    service.ask("POST", disconnect_after=0)

    assert service.only_event.status is None
    assert service.only_event.disconnected
    assert service.only_event.outcomes == outcomes


def without_body(app: Any) -> Any:
    """The client leaves before it has sent the request's body."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await app(scope, receive, send)

    return wrapped


@moments
def test_a_cancelled_request_whose_client_was_seen_to_leave(seconds: float, outcomes: Any) -> None:
    """Servers and frameworks cancel what nobody waits for."""
    clock = FakeClock()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        clock.advance(seconds)
        while (await receive())["type"] != "http.disconnect":
            pass
        raise asyncio.CancelledError

    service = Service(app, DEFINITIONS, clock=clock)
    answer = service.ask(disconnect_after=0)

    assert isinstance(answer.exception, asyncio.CancelledError)
    assert service.only_event.status is None
    assert service.only_event.outcomes == outcomes


def test_a_cancelled_request_whose_client_still_waits_is_bad() -> None:
    """A server that shuts down cancels too."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await asyncio.sleep(60)

    service = Service(app, DEFINITIONS)
    answer = service.ask(cancel_after=1)

    assert isinstance(answer.exception, asyncio.CancelledError)
    assert isinstance(service.only_event.exception, asyncio.CancelledError)
    assert service.only_event.outcomes == dict.fromkeys(DEFINITIONS, False)


@placements
def test_an_os_error_of_the_applications_own_is_bad(inside: bool) -> None:
    """A file that is missing is no client that left."""

    async def view(request: Request) -> Response:
        raise FileNotFoundError("template.html")

    service = Service(app_with(Starlette, view), DEFINITIONS, inside=inside)
    service.ask(spec_version="2.4")

    assert service.only_event.outcomes == dict.fromkeys(DEFINITIONS, False)


@placements
@frameworks
@moments
@pytest.mark.parametrize("exception", [RuntimeError("the client has gone"), HTTPException(503), KeyError("clean-up")])
def test_what_is_raised_after_the_application_saw_its_client_leave_is_no_failure(
    framework: Any, inside: bool, seconds: float, outcomes: Any, exception: Exception
) -> None:
    """Code that notices stops in one way or another, and whatever it answers reaches no client."""
    clock = FakeClock()

    async def view(request: Request) -> Response:
        clock.advance(seconds)
        while not await request.is_disconnected():
            await asyncio.sleep(0)
        raise exception

    service = Service(app_with(framework, view), DEFINITIONS, clock=clock, inside=inside)
    service.ask(disconnect_after=0)

    assert service.only_event.outcomes == outcomes


def test_what_breaks_a_stream_off_after_the_client_was_seen_to_leave_is_no_failure() -> None:
    """As before the response: the client had gone first."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        while (await receive())["type"] != "http.disconnect":
            pass
        raise RuntimeError("clean-up failed")

    service = Service(app, DEFINITIONS)
    service.ask(disconnect_after=1)

    assert service.only_event.outcomes == LEFT_EARLY


@frameworks
def test_a_failure_before_the_client_left_is_bad(framework: Any) -> None:
    """An error page that is a stream looks for its client; the request has failed by then."""

    async def view(request: Request) -> Response:
        raise RuntimeError("bug")

    async def chunks() -> AsyncIterator[str]:
        await asyncio.sleep(1)
        yield "sorry"

    async def page(request: Request, exc: Exception) -> Response:
        return StreamingResponse(chunks(), status_code=500)

    app = app_with(framework, view)
    app.add_exception_handler(Exception, page)
    registry = instrument(app, DEFINITIONS)
    serve(app, disconnect_after=0)

    assert [snapshot.failures for snapshot in registry.snapshot_all()] == [1] * len(DEFINITIONS)


def test_a_failure_whose_error_page_could_not_be_sent_is_bad() -> None:
    """The application failed while its client was there, as far as it knew."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            raise RuntimeError("bug")
        except RuntimeError:
            with contextlib.suppress(OSError):
                await send({**START, "status": 500})
            raise

    service = Service(app, DEFINITIONS)
    service.ask(os_error_after=0)

    assert service.only_event.outcomes == dict.fromkeys(DEFINITIONS, False)


def test_a_group_of_errors_is_a_hang_up_when_all_of_them_are() -> None:
    """Task groups wrap what their tasks raise."""
    raised: list[BaseException] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send(START)
        except OSError as exc:
            raise BaseExceptionGroup("tasks", [exc, *raised]) from exc

    service = Service(app)
    service.ask(os_error_after=0)
    raised.append(RuntimeError("also"))
    service.ask(os_error_after=0)

    assert service.counts() == (0, 1)
    assert service.registry.internals.errors.total == 0


def test_an_application_that_swallows_the_disconnect() -> None:
    """It stops in silence: the client had gone, nothing failed."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            while True:
                await send(START if "started" not in scope else {"type": "http.response.body", "more_body": True})
                scope["started"] = True
        except OSError:
            return

    service = Service(app, DEFINITIONS)
    service.ask(os_error_after=4)

    assert service.only_event.outcomes == LEFT_EARLY


def test_a_disconnect_after_the_answer_changes_nothing() -> None:
    """The connection ends some time; that is how `receive` says so."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"answer"})
        while (await receive())["type"] != "http.disconnect":
            pass

    service = Service(app, DEFINITIONS)
    service.ask(disconnect_after=2)

    assert not service.only_event.disconnected
    assert service.only_event.outcomes == dict.fromkeys(DEFINITIONS, True)


@frameworks
@placements
@pytest.mark.parametrize("middlewares", [0, 1])
def test_a_disconnect_that_only_says_that_the_answer_is_complete(
    framework: Any, inside: bool, middlewares: int
) -> None:
    """A server on trio says so before its last `send` returns; the stream is cancelled in there, complete as it is."""

    async def view(request: Request) -> Response:
        return StreamingResponse(iter([b"an", b"swer"]))

    async def unchanged(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    app = app_with(framework, view)
    for _ in range(middlewares):
        app.add_middleware(BaseHTTPMiddleware, dispatch=unchanged)
    service = Service(app, DEFINITIONS, inside=inside)
    answer = service.ask(disconnect_after=4)

    assert [message.get("more_body") for message in answer.messages] == [None, True, True, False]
    assert not service.only_event.disconnected
    assert service.only_event.outcomes == dict.fromkeys(DEFINITIONS, True)


def test_an_answer_whose_last_message_the_server_refuses_is_not_complete() -> None:
    """As where it is shorter than its Content-Length; the application need not let the error out."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        with contextlib.suppress(RuntimeError):
            await send({"type": "http.response.body", "body": b"answer"})

    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        async def refuse(message: Any) -> None:
            if message["type"] == "http.response.body":
                raise RuntimeError("Response content shorter than Content-Length")
            await send(message)

        await service.app(scope, receive, refuse)

    service = Service(app)
    serve(refusing)

    assert service.counts() == (0, 1)


def test_we_never_read_what_is_the_applications() -> None:
    """`receive` is wrapped, not called: an application that reads nothing leaves its request unread."""
    reads = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"answer"})

    service = Service(app)

    async def run() -> None:
        async def receive() -> Any:
            nonlocal reads
            reads += 1
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            pass

        await service.app({"type": "http", "method": "GET", "path": "/", "headers": []}, receive, send)

    asyncio.run(run())

    assert reads == 0
    assert service.counts() == (1, 0)


@frameworks
@placements
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_client_that_has_everything_may_go_before_the_message_that_ends_the_body(
    framework: Any, inside: bool, method: str
) -> None:
    """As it does after the last byte of the Content-Length, and to HEAD after the headers."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"12345"
        await asyncio.sleep(60)  # the proxy's upstream closes slowly; the client leaves meanwhile
        yield b""

    async def view(request: Request) -> Response:
        return StreamingResponse(chunks(), headers={"content-length": "5"} if method == "GET" else None)

    app = framework()
    app.add_route("/", view, methods=["GET", "HEAD"])
    service = Service(app, DEFINITIONS, inside=inside)
    service.ask(method, disconnect_after=2 if method == "GET" else 1)

    assert not service.only_event.disconnected
    assert service.only_event.outcomes["availability"]
