"""A client that goes away is not a server error; a body that nobody needs is no disconnect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response, stream_with_context

from flask_service import Service
from slo_core.testing import FakeClock


def streaming_app(clock: FakeClock, *, with_context: bool = False) -> Flask:
    """Five chunks, 62.5 ms each: a binary fraction, so that sums of it are exact."""
    app = Flask("shop")

    @app.get("/")
    def stream() -> Response:
        def chunks() -> Iterator[bytes]:
            for _ in range(5):
                clock.advance(0.0625)
                yield b"chunk"

        return Response(stream_with_context(chunks()) if with_context else chunks())

    return app


@pytest.mark.parametrize("with_context", [True, False])
@pytest.mark.parametrize(
    ("policy", "counts"), [("auto", (0, 0)), ("ignore", (0, 0)), ("good", (1, 0)), ("bad", (0, 1))]
)
def test_a_client_that_leaves_midway_counts_as_its_slo_says(
    policy: str, counts: tuple[int, int], with_context: bool
) -> None:
    """Left out by default: nobody knows how the rest would have gone."""
    clock = FakeClock()
    app = streaming_app(clock, with_context=with_context)
    service = Service(app, {"availability": {"target": 0.9, "client_disconnect": policy}}, clock=clock)

    answer = service.ask(chunks=2)

    assert (answer.content, answer.exception) == (b"chunkchunk", None)
    assert service.counts() == counts


@pytest.mark.parametrize(("latency", "counts"), [("100ms", (0, 1)), ("125ms", (0, 0))])
def test_a_client_that_left_after_the_threshold_found_it_slow(latency: str, counts: tuple[int, int]) -> None:
    """It left at 125 ms: already too slow for 100 ms, and not to be told for 125 ms."""
    clock = FakeClock()
    definitions = {"availability": {"target": 0.9, "latency": latency, "latency_of": "total"}}
    service = Service(streaming_app(clock), definitions, clock=clock)

    service.ask(chunks=2)

    assert service.counts() == counts


def test_the_request_ends_when_the_client_has_left() -> None:
    """The event says so, with the time until then."""
    clock = FakeClock()
    service = Service(streaming_app(clock), {"seen": {"target": 0.9, "client_disconnect": "good"}}, clock=clock)

    service.ask(chunks=3)

    event = service.only_event
    assert (event.disconnected, event.status, event.route) == (True, 200, "/")
    assert (event.first_byte_seconds, event.duration_seconds) == (0.0625, 0.1875)


def test_a_client_that_left_before_the_first_byte_is_left_out() -> None:
    """The server closes a body that it never asked for."""
    clock = FakeClock()
    service = Service(streaming_app(clock), clock=clock)

    service.ask(chunks=0)

    assert (service.counts(), service.registry.internals.errors.total) == ((0, 0), 0)


def test_closing_twice_counts_once() -> None:
    """Some servers and middlewares close a body more than once."""
    service = Service(streaming_app(FakeClock()), {"availability": {"target": 0.9, "client_disconnect": "good"}})

    answer = service.ask(chunks=1)
    answer.body.close()

    assert service.counts() == (1, 0)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_an_answer_without_content_that_is_closed_unread_was_delivered(method: str, status: int) -> None:
    """A server need not ask for the body of HEAD, 204 and 304."""
    app = Flask("shop")
    app.add_url_rule("/", "home", lambda: ("" if status != 200 else "answer", status))
    service = Service(app)

    service.ask(method, chunks=0)

    assert (service.only_event.disconnected, service.only_event.status) == (False, status)
    assert service.counts() == (1, 0)


def test_an_answer_of_announced_length_that_was_read_whole_is_complete() -> None:
    """Test clients, and servers that count, do not ask for more than Content-Length announced."""
    app = Flask("shop")
    app.add_url_rule("/", "home", lambda: "answer")
    service = Service(app)

    assert service.ask(chunks=1).content == b"answer"
    assert service.counts() == (1, 0)


@pytest.mark.parametrize("body", ["", [b"", b""]])
def test_an_empty_answer_is_complete_without_a_close(body: Any) -> None:
    """Test clients read up to the first chunk, and close nothing: a test would find its request uncounted."""
    app = Flask("shop")
    app.add_url_rule("/", "home", lambda: Response(body, 412, {"Content-Length": "0"}))
    service = Service(app)

    answer = app.test_client().get("/")  # kept, for a body that is collected as garbage is closed

    assert answer.status_code == 412
    assert service.counts() == (1, 0)


def test_a_garbage_collected_stream_is_closed_and_left_out() -> None:
    """A generator in a middleware around us that is dropped midway raises GeneratorExit."""
    clock = FakeClock()
    service = Service(streaming_app(clock), clock=clock)
    inner = service.app.wsgi_app

    def around(environ: Any, start_response: Any) -> Iterator[bytes]:
        body = inner(environ, start_response)
        try:
            yield from body
        finally:
            body.close()  # type: ignore[attr-defined]

    service.app.wsgi_app = around  # type: ignore[method-assign]

    service.ask(chunks=2)

    assert (service.counts(), service.registry.internals.errors.total) == ((0, 0), 0)


def test_what_runs_at_the_close_of_a_broken_off_stream_is_not_the_requests_time() -> None:
    """One chunk after 62.5 ms, then the client left; cleaning up for a second is nobody's wait."""
    clock = FakeClock()
    app = streaming_app(clock)
    stream = app.view_functions["stream"]

    def cleaning_up() -> Response:
        response: Response = stream()  # type: ignore[assignment]  # Flask's type allows for much more
        response.call_on_close(lambda: clock.advance(1))
        return response

    app.view_functions["stream"] = cleaning_up
    service = Service(app, {"availability": {"target": 0.9, "client_disconnect": "good"}}, clock=clock)

    service.ask(chunks=1)

    assert service.only_event.duration_seconds == 0.0625


def test_a_body_is_closed_once_however_often_we_are() -> None:
    """What an application leaves for the close runs once."""
    app = streaming_app(FakeClock())
    closed: list[bool] = []

    @app.get("/closing")
    def closing() -> Response:
        response = Response(iter([b"chunk"]))
        response.call_on_close(lambda: closed.append(True))
        return response

    answer = Service(app).ask(path="/closing")
    answer.body.close()

    assert closed == [True]
