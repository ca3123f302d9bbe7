"""Malformed requests: whatever comes in, no error is ours, and the answer is Flask's."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, request

from flask_service import Service
from wsgi_driver import environ_of, serve


def shop() -> Flask:
    app = Flask("shop")

    @app.route("/form", methods=["GET", "POST"])
    def form() -> str:
        return f"{len(request.form)} {request.args.get('q', '')}"

    app.add_url_rule("/<path:anything>", "anything", lambda anything: "anything", methods=["GET"])
    return app


@pytest.mark.parametrize("length", ["-1", "a lot", "", "9" * 400, "1e3", "٣"])
def test_a_bad_content_length_is_answered(length: str) -> None:
    """Of the request: Flask reads what it can."""
    service = Service(shop())
    extra = {"CONTENT_LENGTH": length, "CONTENT_TYPE": "application/x-www-form-urlencoded"}

    answer = service.ask("POST", "/form", **extra)

    assert answer.status == serve(shop(), "POST", "/form", **extra).status
    assert (service.only_event.route, service.only_event.status) == ("/form", answer.status)


@pytest.mark.parametrize("path", ["/\xff\xfe\x80", "/\xe4\xb8", "/%ff%00", "/\x00", "/a\nb", "/../../etc", "//", "/;"])
def test_a_path_that_is_no_text_is_answered(path: str) -> None:
    """Bytes that are no UTF-8, escapes of escapes, control characters."""
    service = Service(shop())

    answer = service.ask(path=path)

    assert answer.status == serve(shop(), path=path).status
    assert service.registry.internals.errors.total == 0
    assert [event.status for event in service.events] in ([], [answer.status])


def test_an_unknown_method_is_other() -> None:
    """FOO on a path that has a route is a 405, which is an answer."""
    service = Service(shop())

    assert service.ask("FOO", "/form").status == 405
    event = service.only_event
    assert (event.method, event.route, event.outcomes) == ("_OTHER", "/form", {"availability": True})


@pytest.mark.parametrize("method", ["", "get", "G E T", "\xff", "X" * 65536])
def test_a_strange_method_is_answered(method: str) -> None:
    """The method is never an error of ours, and never a name of its own."""
    service = Service(shop())

    answer = service.ask(method, "/form")

    assert answer.status == serve(shop(), method, "/form").status
    assert service.registry.internals.errors.total == 0
    assert {event.method for event in service.events} <= {"_OTHER", "GET"}


def test_a_path_of_64_kib_counts() -> None:
    """For the route that takes it, and the pattern is matched against all of it."""
    service = Service(shop(), {"availability": {"target": 0.9, "routes": ["*end"]}})

    assert service.ask(path="/" + "a" * 65536 + "end").status == 200
    assert service.only_event.route == "/<path:anything>"
    assert service.counts() == (1, 0)


@pytest.mark.parametrize("missing", ["PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "SERVER_PROTOCOL", "wsgi.errors"])
def test_an_environ_that_lacks_a_part_is_answered(missing: str) -> None:
    """PEP 3333 lets servers leave out what is empty."""
    service = Service(shop())
    environ = environ_of("GET", "/form")
    del environ[missing]
    statuses: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        statuses.append(status)

    b"".join(service.app(environ, start_response))

    assert len(statuses) == 1
    assert service.registry.internals.errors.total == 0


@pytest.mark.parametrize("host", ["", "a b", "[::1", "x" * 70000, "\xff", "localhost:port"])
def test_a_bad_host_is_answered(host: str) -> None:
    """Flask may refuse it."""
    service = Service(shop())

    answer = service.ask(path="/form", HTTP_HOST=host)

    assert answer.status == serve(shop(), path="/form", HTTP_HOST=host).status
    assert service.registry.internals.errors.total == 0


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("200", []),
        ("200 OK", [("Content-Length", "a lot")]),
        ("200 OK", [("Content-Length", "")]),
        ("two hundred", []),
        ("", []),
    ],
)
def test_a_malformed_answer_of_a_middleware_goes_out_as_it_is(status: str, headers: list[tuple[str, str]]) -> None:
    """What we cannot read of a response is noted as an incident, and the server gets the response."""
    said: list[Any] = []
    app = shop()

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, headers)
        return [b"answer"]

    app.wsgi_app = answer  # type: ignore[method-assign]
    service = Service(app)

    body = service.app(environ_of("GET", "/form"), lambda *arguments: said.append(arguments))

    assert (list(body), said) == ([b"answer"], [(status, headers)])
