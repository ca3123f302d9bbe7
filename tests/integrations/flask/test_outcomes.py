"""Answers and failures: each request counts once, good or bad by what went out on the wire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, Response, abort, got_request_exception
from werkzeug.exceptions import NotFound

from flask_service import Service


def shop() -> Flask:
    app = Flask("shop")

    @app.get("/status/<int:code>")
    def status(code: int) -> tuple[str, int]:
        return "answer", code

    @app.get("/boom")
    def boom() -> str:
        raise RuntimeError("boom")

    @app.get("/abort")
    def leave() -> str:
        raise SystemExit(1)

    @app.get("/refuse")
    def refuse() -> str:
        abort(403)

    @app.get("/unavailable")
    def unavailable() -> str:
        abort(503)

    return app


@pytest.mark.parametrize(
    ("status", "good"), [(200, True), (204, True), (302, True), (404, True), (429, True), (500, False), (503, False)]
)
def test_an_answer_is_good_below_500(status: int, good: bool) -> None:
    """4xx are answers, 5xx are failures; both count once, with the route that took them."""
    service = Service(shop())

    assert service.ask(path=f"/status/{status}").status == status
    event = service.only_event
    assert (event.status, event.route, event.view_name) == (status, "/status/<int:code>", "status")
    assert event.outcomes == {"availability": good}
    assert service.counts() == ((1, 0) if good else (0, 1))


def test_an_unhandled_exception_is_bad() -> None:
    """Flask answers it with its error page: a 500 on the wire, and the exception is known."""
    service = Service(shop())

    assert service.ask(path="/boom").status == 500
    event = service.only_event
    assert (event.status, event.route, str(event.exception)) == (500, "/boom", "boom")
    assert service.counts() == (0, 1)


@pytest.mark.parametrize("setting", ["TESTING", "DEBUG", "PROPAGATE_EXCEPTIONS"])
def test_an_exception_that_flask_lets_through_is_bad_once(setting: str) -> None:
    """The server sees it as if we were not there; the server is who answers 500 then."""
    service = Service(shop(), **{setting: True})

    assert str(service.ask(path="/boom").exception) == "boom"
    event = service.only_event
    assert (event.status, event.route, str(event.exception)) == (500, "/boom", "boom")
    assert service.counts() == (0, 1)


@pytest.mark.parametrize("testing", [True, False])
def test_system_exit_from_a_worker_that_aborts_is_bad(testing: bool) -> None:
    """gunicorn aborts a hanging worker with SystemExit: the request failed, and the exit goes on."""
    service = Service(shop(), TESTING=testing)

    assert isinstance(service.ask(path="/abort").exception, SystemExit)
    assert isinstance(service.only_event.exception, SystemExit)
    assert service.only_event.route == "/abort"
    assert service.counts() == (0, 1)


@pytest.mark.parametrize(("path", "status", "counts"), [("/refuse", 403, (1, 0)), ("/unavailable", 503, (0, 1))])
def test_abort_is_an_answer_of_its_status(path: str, status: int, counts: tuple[int, int]) -> None:
    """`abort(403)` is how views answer; it is no unhandled exception, and `abort(503)` is a plain 503."""
    service = Service(shop())

    assert service.ask(path=path).status == status
    assert (service.only_event.exception, service.counts()) == (None, counts)


@pytest.mark.parametrize(("status", "counts"), [(400, (1, 0)), (503, (0, 1))])
def test_a_handled_exception_is_what_its_handler_answers(status: int, counts: tuple[int, int]) -> None:
    """An error handler for the exception's class turns it into an answer."""
    app = shop()
    app.register_error_handler(RuntimeError, lambda exc: ("sorry", status))
    service = Service(app)

    assert service.ask(path="/boom").status == status
    assert (service.only_event.exception, service.counts()) == (None, counts)


def test_an_exception_behind_a_page_for_500_stays_bad() -> None:
    """A handler for 500 only makes the page nicer, whatever status it gives it."""
    app = shop()
    app.register_error_handler(500, lambda exc: ("we are sorry", 200))
    service = Service(app, {"availability": {"target": 0.9, "bad_statuses": [429]}})

    assert service.ask(path="/boom").status == 200
    assert str(service.only_event.exception) == "boom"
    assert service.counts() == (0, 1)


def test_an_http_exception_that_an_extension_signals_is_an_answer() -> None:
    """Flask signals only what nobody handled; extensions that build on its signal send answers, too."""
    app = shop()

    @app.get("/signalled")
    def signalled() -> str:
        got_request_exception.send(app, exception=NotFound())
        abort(404)

    service = Service(app)

    assert service.ask(path="/signalled").status == 404
    assert (service.only_event.exception, service.counts()) == (None, (1, 0))


def test_an_exception_in_a_before_request_function_is_bad() -> None:
    """It counts for the route that would have taken the request."""
    app = shop()

    @app.before_request
    def fail() -> None:
        raise RuntimeError("before")

    service = Service(app)

    assert service.ask(path="/status/200").status == 500
    assert (service.only_event.route, str(service.only_event.exception)) == ("/status/<int:code>", "before")
    assert service.counts() == (0, 1)


def test_an_early_answer_of_a_before_request_function_counts() -> None:
    """A 503 while in maintenance is a failure of the route that was asked for."""
    app = shop()
    app.before_request(lambda: ("maintenance", 503))
    service = Service(app)

    assert service.ask(path="/status/200").content == b"maintenance"
    assert (service.only_event.status, service.only_event.route) == (503, "/status/<int:code>")
    assert service.counts() == (0, 1)


def test_an_exception_in_an_after_request_function_is_bad_once() -> None:
    """Flask runs it again for the error page; the request stays one."""
    app = shop()

    @app.after_request
    def fail(response: Response) -> Response:
        raise RuntimeError("after")

    service = Service(app)

    assert service.ask(path="/status/200").status == 500
    assert str(service.only_event.exception) == "after"
    assert service.counts() == (0, 1)


def test_an_exception_in_a_teardown_function_before_the_response_left_is_bad() -> None:
    """Flask tears down before the server has the body: nothing went out yet, and the server answers 500."""
    app = shop()

    @app.teardown_request
    def fail(exc: BaseException | None) -> None:
        raise RuntimeError("teardown")

    service = Service(app)

    assert str(service.ask(path="/status/200").exception) == "teardown"
    assert (service.only_event.status, service.counts()) == (500, (0, 1))


def test_an_exception_after_the_stream_began_is_bad() -> None:
    """200 went out and stays, but the client was left with half an answer."""
    app = shop()

    @app.get("/stream")
    def stream() -> Response:
        def chunks() -> Iterator[bytes]:
            yield b"one"
            raise RuntimeError("midway")

        return Response(chunks())

    service = Service(app)

    answer = service.ask(path="/stream")
    assert (answer.status, answer.content, str(answer.exception)) == (200, b"one", "midway")
    event = service.only_event
    assert (event.status, event.route, str(event.exception)) == (200, "/stream", "midway")
    assert service.counts() == (0, 1)


def test_an_exception_before_a_streams_first_chunk_is_a_500() -> None:
    """Headers wait for the first byte, so that a server can still answer 500, and does."""
    app = shop()

    @app.get("/stream")
    def stream() -> Response:
        def chunks() -> Iterator[bytes]:
            raise RuntimeError("at once")
            yield b""

        return Response(chunks())

    service = Service(app)

    assert str(service.ask(path="/stream").exception) == "at once"
    assert (service.only_event.status, service.counts()) == (500, (0, 1))


def test_an_exception_while_the_stream_is_closed_is_not_the_requests() -> None:
    """Everything was delivered."""
    app = shop()

    @app.get("/stream")
    def stream() -> Response:
        response = Response(iter([b"one", b"two"]))

        @response.call_on_close
        def fail() -> None:
            raise RuntimeError("closing")

        return response

    service = Service(app)

    answer = service.ask(path="/stream")
    assert (answer.content, str(answer.exception)) == (b"onetwo", "closing")
    assert service.counts() == (1, 0)
