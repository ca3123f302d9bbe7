"""How long a request took: from its start to its last byte, and nothing that runs after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, Response, stream_with_context

from flask_service import Service
from slo_core.testing import FakeClock

FIRST_BYTE = {"fast": {"target": 0.9, "latency": "100ms"}}
TOTAL = {"fast": {"target": 0.9, "latency": "100ms", "latency_of": "total"}}


def seconds(value: float) -> object:
    """Sums of decimal fractions: equal to the microsecond."""
    return pytest.approx(value, abs=1e-6)


def test_the_view_is_timed() -> None:
    """Exactly at the threshold is good, just over it is bad."""
    clock = FakeClock(0.0)
    app = Flask("shop")

    @app.get("/wait/<int:milliseconds>")
    def wait(milliseconds: int) -> str:
        clock.advance(milliseconds / 1000)
        return "done"

    service = Service(app, {"fast": {"target": 0.9, "latency": "125ms"}}, clock=clock)
    service.ask(path="/wait/125")
    service.ask(path="/wait/126")

    assert [event.duration_seconds for event in service.events] == [0.125, seconds(0.126)]
    assert [event.outcomes for event in service.events] == [{"fast": True}, {"fast": False}]


@pytest.mark.parametrize("fails", [True, False])
def test_what_runs_at_the_close_of_a_response_is_not_the_requests_time(fails: bool) -> None:
    """`call_on_close` runs after the last byte: 0.3 s of it add nothing, and its failure is not the request's."""
    clock = FakeClock()
    app = Flask("shop")

    @app.get("/")
    def home() -> Response:
        response = Response("answer")

        @response.call_on_close
        def work() -> None:
            clock.advance(0.3)
            if fails:
                raise RuntimeError("afterwards")

        return response

    service = Service(app, FIRST_BYTE, clock=clock)
    answer = service.ask()

    assert (answer.content, answer.exception is not None) == (b"answer", fails)
    event = service.only_event
    assert (event.duration_seconds, event.exception, event.outcomes) == (0.0, None, {"fast": True})


def streaming_app(clock: FakeClock, *, with_context: bool) -> Flask:
    """Five chunks, 50 ms each: the first byte after 50 ms, the last after 250 ms."""
    app = Flask("shop")

    @app.get("/")
    def stream() -> Response:
        def chunks() -> Iterator[bytes]:
            for _ in range(5):
                clock.advance(0.05)
                yield b"chunk"

        return Response(stream_with_context(chunks()) if with_context else chunks())

    return app


@pytest.mark.parametrize("with_context", [True, False])
@pytest.mark.parametrize(("definitions", "good"), [(FIRST_BYTE, True), (TOTAL, False)])
def test_a_stream_is_timed_to_its_first_and_to_its_last_byte(
    definitions: dict[str, dict[str, object]], good: bool, with_context: bool
) -> None:
    """Its latency is the first byte's, unless the definition says "total"."""
    clock = FakeClock()
    service = Service(streaming_app(clock, with_context=with_context), definitions, clock=clock)

    assert service.ask().content == b"chunk" * 5
    event = service.only_event
    assert (event.first_byte_seconds, event.duration_seconds) == (seconds(0.05), seconds(0.25))
    assert event.outcomes == {"fast": good}


def test_a_stream_whose_context_is_torn_down_twice_counts_once() -> None:
    """Flask tears the request down after the view and again after a stream that keeps its context."""
    clock = FakeClock()
    app = streaming_app(clock, with_context=True)
    teardowns = []
    app.teardown_request(lambda exc: teardowns.append(exc))
    service = Service(app, clock=clock)

    service.ask()

    assert len(teardowns) >= 1
    assert service.only_event.duration_seconds == seconds(0.25)
    assert service.counts() == (1, 0)


def test_the_clock_stops_with_the_last_announced_byte() -> None:
    """A server that dawdles over closing an answer of known length does not make it slower."""
    clock = FakeClock()
    app = Flask("shop")
    app.add_url_rule("/", "home", lambda: "answer")
    service = Service(app, FIRST_BYTE, clock=clock)

    service.ask(on_chunk=lambda: clock.advance(60))

    assert service.only_event.duration_seconds == 0.0


def test_a_teardown_function_is_the_requests_time() -> None:
    """It runs before the server has anything of the response: the client waits for it."""
    clock = FakeClock()
    app = Flask("shop")
    app.add_url_rule("/", "home", lambda: "answer")
    app.teardown_request(lambda exc: clock.advance(0.3))
    service = Service(app, FIRST_BYTE, clock=clock)

    service.ask()

    assert service.only_event.duration_seconds == seconds(0.3)
    assert service.counts("fast") == (0, 1)


def test_an_empty_answer_has_no_first_byte() -> None:
    """Its latency is its whole duration."""
    clock = FakeClock()
    app = Flask("shop")

    @app.get("/")
    def home() -> tuple[str, int]:
        clock.advance(0.2)
        return "", 204

    service = Service(app, FIRST_BYTE, clock=clock)
    service.ask()

    event = service.only_event
    assert (event.first_byte_seconds, event.duration_seconds) == (None, seconds(0.2))
    assert event.outcomes == {"fast": False}
