"""The request of an environ, as the innermost of several installations sees it."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sent_request import counts
from slo_core import HTTPRule, SLODefinition, SLORegistry
from slo_core.conventions import REQUEST_MARKS_KEY
from slo_wsgi import SLOMiddleware
from slo_wsgi.served_request import ServedRequest, served_request_of
from wsgi_driver import environ_of


def observed(app: Callable[..., Any], name: str) -> SLOMiddleware:
    """The application with an installation around it that has an SLO of its own."""
    registry = SLORegistry()
    registry.define(SLODefinition(name, 0.9, http=HTTPRule()))
    return SLOMiddleware(app, registry=registry)


def names(served: Any) -> list[str]:
    """The SLOs of an installation, and of those around it."""
    return [name for _, name in served.slo_keys] + names(served.outer) if isinstance(served, ServedRequest) else []


@pytest.mark.parametrize(
    "handed_on", [lambda environ: environ, dict, copy.deepcopy], ids=["itself", "copy", "deep copy"]
)
def test_the_innermost_of_two_is_known_until_the_answer_ends(handed_on: Callable[[Any], Any]) -> None:
    """It leads to the outer one, which is the innermost again when the inner one is done; also in copies of the environ."""
    seen: list[list[str]] = []

    def app(environ: Any, start_response: Any) -> Any:
        seen.append(names(served_request_of(environ)))
        start_response("200 OK", [])
        return [b"whole"]

    inner = observed(app, "inner")

    def between(environ: Any, start_response: Any) -> Any:
        seen.append(names(served_request_of(environ)))
        body = inner(handed_on(environ), start_response)
        seen.append(names(served_request_of(environ)))
        return body

    environ = environ_of()
    for _ in observed(between, "outer")(environ, lambda *_: lambda _: None):
        pass

    assert seen == [["outer"], ["inner", "outer"], ["outer"]]
    assert served_request_of(environ) is None


def test_a_request_that_is_not_counted_is_not_known() -> None:
    """Nothing is installed, or another library has put something of its own there."""
    assert served_request_of({}) is None
    assert served_request_of({REQUEST_MARKS_KEY: object()}) is None


def test_a_client_that_leaves_two_installations_leaves_nothing_in_the_environ() -> None:
    """The outer one ends first: what the inner one puts in its place would keep the environ in a circle."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first"
        yield b"second"

    environ = environ_of()
    body: Any = observed(observed(app, "inner"), "outer")(environ, lambda *_: lambda _: None)
    chunks = iter(body)
    next(chunks)
    body.close()

    assert environ[REQUEST_MARKS_KEY].innermost is None


def test_code_that_goes_through_the_values_of_an_environ_fails_no_request() -> None:
    """Tools that write an environ down do; the request that stands in it is an iterable, too."""
    failed = []

    def app(environ: Any, start_response: Any) -> Any:
        for value in list(environ.values()):
            try:
                list(value)
            except Exception as exc:
                failed.append(exc)
        start_response("200 OK", [])
        return [b"whole"]

    registry = SLORegistry()
    registry.define(SLODefinition("shop", 0.9, http=HTTPRule()))
    SLOMiddleware(app, registry=registry)(environ_of(), lambda *_: lambda _: None)

    assert failed
    assert counts(registry["shop"]) == (1, 0)


def bodies() -> dict[str, Callable[[Any], Any]]:
    """How applications answer."""

    def stream(environ: Any) -> Iterator[bytes]:
        yield b"first"
        yield environ["PATH_INFO"].encode()

    def fail(environ: Any) -> Any:
        raise LookupError

    return {"list": lambda environ: [b"whole"], "stream": stream, "failure": fail}


@pytest.mark.parametrize("chunks", [1, 9], ids=["left", "to its end"])
@pytest.mark.parametrize("answer", bodies().values(), ids=bodies())
def test_nothing_waits_for_the_garbage_collector(answer: Callable[[Any], Any], chunks: int) -> None:
    """A server's `start_response` leads to its environ, and the environ no longer to a finished request."""

    class Server:
        def __init__(self, app: Any) -> None:
            self.environ = environ_of()
            try:
                body: Any = app(self.environ, self.start_response)
            except LookupError:
                return
            for _ in zip(range(chunks), body, strict=False):
                pass
            if hasattr(body, "close"):
                body.close()

        def start_response(self, *_: object) -> Callable[[bytes], None]:
            return lambda data: None

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return answer(environ)

    application = observed(app, "shop")
    gc.disable()
    try:
        assert [weakref.ref(Server(application))() for _ in range(2)] == [None, None]
    finally:
        gc.enable()
