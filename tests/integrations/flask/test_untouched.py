"""What passes through us goes out as if we were not there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response, abort, make_response, redirect

from flask_service import Service
from slo_core import SLORegistry
from wsgi_driver import environ_of, serve


def shop() -> Flask:
    app = Flask("shop")
    app.secret_key = "only-for-tests"

    @app.get("/text")
    def text() -> Response:
        response = make_response("täxt", 203)
        response.set_cookie("cart", "7")
        response.headers.add("X-Twice", "1")
        response.headers.add("X-Twice", "2")
        return response

    @app.get("/stream")
    def stream() -> Response:
        return Response(iter([b"one", b"", b"two"]), mimetype="application/octet-stream")

    @app.get("/json")
    def json() -> dict[str, int]:
        return {"order": 7}

    app.add_url_rule("/gone", "gone", lambda: redirect("/text"))
    app.add_url_rule("/forbidden", "forbidden", lambda: abort(403))
    app.add_url_rule("/boom", "boom", lambda: 1 / 0)
    app.add_url_rule("/nothing", "nothing", lambda: ("", 204))
    return app


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "FOO"])
@pytest.mark.parametrize(
    "path", ["/text", "/stream", "/json", "/gone", "/forbidden", "/boom", "/nothing", "/nowhere", "/static/x"]
)
def test_status_headers_and_body_are_the_same_with_and_without_us(method: str, path: str) -> None:
    """Byte for byte, chunk for chunk."""
    before = serve(shop(), method, path)
    after = Service(shop()).ask(method, path)

    assert (after.status, after.headers, after.chunks) == (before.status, before.headers, before.chunks)
    assert (before.exception, after.exception) == (None, None)


class Said:
    """A server's start_response that remembers how it was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.written: list[bytes] = []

    def __call__(self, *arguments: Any) -> Any:
        self.calls.append(arguments)
        return self.write

    def write(self, data: bytes) -> None:
        self.written.append(data)


def around(wsgi_app: Any) -> Service:
    """A service whose innermost application is a plain WSGI one."""
    app = Flask("shop")
    app.wsgi_app = wsgi_app  # type: ignore[method-assign]
    return Service(app)


def test_the_third_argument_is_passed_only_when_it_was_given() -> None:
    """Some servers' start_response takes two."""
    said = Said()

    b"".join(Service(shop()).app(environ_of("GET", "/text"), said))

    assert [len(call) for call in said.calls] == [2]


def test_a_second_call_of_start_response_replaces_the_first() -> None:
    """An application that found out late that it fails: the second status is on the wire, and exc_info goes along."""
    said = Said()

    def late(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        try:
            raise RuntimeError("late")
        except RuntimeError:
            start_response("500 Oops", [], sys.exc_info())
        return [b"sorry, this did not work"]

    service = around(late)
    assert list(service.app(environ_of(), said)) == [b"sorry, this did not work"]

    assert [call[0] for call in said.calls] == ["200 OK", "500 Oops"]
    assert [len(call) for call in said.calls] == [2, 3]
    assert said.calls[1][2][0] is RuntimeError
    assert (service.only_event.status, service.counts()) == (500, (0, 1))


def test_the_write_callable_is_the_servers_own() -> None:
    """PEP 3333's old way to send a body."""
    said = Said()

    def old(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])(b"written")
        return []

    service = around(old)

    assert list(service.app(environ_of(), said)) == []
    assert said.written == [b"written"]
    assert service.counts() == (1, 0)


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_or_tuple_reaches_the_server_as_it_is(kind: Any) -> None:
    """From its length servers tell the Content-Length."""
    body = kind([b"answer"])

    def plain(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return body

    service = around(plain)

    assert service.app(environ_of(), Said()) is body
    assert service.counts() == (1, 0)


def test_an_application_that_calls_start_response_late_is_followed() -> None:
    """A generator application calls it only when the body is asked for."""

    def generator(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("503 Overload", [])
        yield b"later"

    service = around(generator)

    assert service.ask().content == b"later"
    assert (service.only_event.status, service.counts()) == (503, (0, 1))


def test_nothing_is_asked_for_ahead() -> None:
    """Each chunk is made when the server wants it: long polling and server-sent events stay alive."""
    made: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(3):
            made.append(number)
            yield b"chunk"

    app = Flask("shop")
    app.add_url_rule("/", "home", lambda: Response(chunks()))
    seen: list[list[int]] = []
    Service(app).ask(on_chunk=lambda: seen.append(made.copy()))

    assert seen == [[0], [0, 1], [0, 1, 2]]


def test_no_start_response_at_all_is_the_servers_to_answer() -> None:
    """The server finds out and answers 500: bad, and no error of ours."""
    service = around(lambda environ, start_response: [b"headless"])

    assert service.ask().content == b"headless"
    assert (service.only_event.status, service.counts()) == (500, (0, 1))


def test_a_body_that_is_none_is_the_servers_to_answer() -> None:
    """The same TypeError, seen by the same server."""

    def nothing(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])

    service = around(nothing)

    assert isinstance(service.ask().exception, TypeError)
    assert service.counts() == (0, 1)


@pytest.mark.parametrize("path", ["/text", "/stream", "/boom", "/nowhere"])
def test_an_error_of_ours_never_reaches_the_client(path: str) -> None:
    """The response is untouched, and the incident is counted."""
    from slo_flask import SLO

    def broken() -> float:
        raise RuntimeError("broken")

    app = shop()
    registry = SLORegistry.from_config({"availability": {"target": 0.9}})
    SLO().init_app(app, registry=registry, timer=broken)

    before, after = serve(shop(), path=path), serve(app, path=path)

    assert (after.status, after.headers, after.chunks) == (before.status, before.headers, before.chunks)
    assert registry.internals.errors.total > 0


def test_a_classifier_that_raises_leaves_the_response_alone() -> None:
    """The default rule decides, and the incident is counted."""

    def classify(status: int, exception: BaseException | None) -> bool:
        raise RuntimeError("mine")

    service = Service(shop(), {"availability": {"target": 0.9, "classify": classify}})

    assert service.ask(path="/json").content == serve(shop(), path="/json").content
    assert service.counts() == (1, 0)
    assert service.registry.internals.errors.total == 1


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_timer_that_raises_leaves_the_response_alone(calls: int) -> None:
    """Whether at the start, at the first byte or at the end, the stream goes on."""
    service = Service(shop())
    times = iter([1.0] * calls)
    service.app.extensions["slo"].recorder.timer = lambda: next(times)  # StopIteration, the worst of all in a generator

    assert service.ask(path="/stream").content == b"onetwo"
    assert service.registry.internals.errors.total > 0


@pytest.mark.parametrize("path", ["/text", "/boom"])
def test_a_router_that_raises_leaves_the_response_alone(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frameworks change their routing: the request counts without a route rather than not at all."""
    service = Service(shop())
    monkeypatch.setattr("slo_flask.route.RouteTable.find", lambda *arguments: 1 / 0)

    assert service.ask(path=path).status == serve(shop(), path=path).status
    assert [event.route for event in service.events] == [None]
    assert service.registry.internals.errors.total > 0


def test_a_body_may_be_asked_for_by_next() -> None:
    """Flask's own is an iterator, and some middlewares lean on that."""
    service = Service(shop())

    body = service.app(environ_of("GET", "/stream"), Said())

    assert [next(body), next(body), next(body)] == [b"one", b"", b"two"]
    with pytest.raises(StopIteration):
        next(body)
    assert service.counts() == (1, 0)


def test_a_second_response_without_a_length_is_followed_to_its_end() -> None:
    """The two bytes that the first response announced do not end the second."""

    def late(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        start_response("200 OK", [], (None, None, None))
        yield b"more than two"
        raise RuntimeError("midway")

    service = around(late)

    assert isinstance(serve(service.app).exception, RuntimeError)
    assert service.counts() == (0, 1)
