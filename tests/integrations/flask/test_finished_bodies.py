"""Bodies that are there when the application returns, and those that are not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from flask import Flask, Response
from werkzeug.wsgi import ClosingIterator

from slo_core.tracking.registry import SLORegistry
from slo_flask import SLO


def made(view: Any) -> tuple[Any, SLORegistry]:
    """What a server gets for a request to a view, and what counted it."""
    app = Flask("shop")
    app.config["SLO_DEFINITIONS"] = {"availability": {"target": 0.9}}
    app.get("/")(view)
    SLO(app)
    registry: SLORegistry = app.extensions["slo"].registry
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "shop", "SERVER_PORT": "80", "wsgi.url_scheme": "http",
    }  # fmt: skip
    return app.wsgi_app(environ, lambda *_: lambda _: None), registry


def counted(registry: SLORegistry) -> tuple[int, int]:
    """Good and bad."""
    snapshot = registry["availability"].snapshot()
    return snapshot.total - snapshot.failures, snapshot.failures


def test_a_text_goes_to_the_server_as_flask_returned_it() -> None:
    """It counts then: what happens to it afterwards is not the application's."""
    body, registry = made(lambda: "ok")

    assert type(body) is ClosingIterator
    assert counted(registry) == (1, 0)
    body.close()
    assert counted(registry) == (1, 0)


def breaks() -> Iterator[bytes]:
    """A stream that fails midway."""
    yield b"first"
    raise RuntimeError("midway")


@pytest.mark.parametrize("view", [lambda: breaks(), lambda: Response(breaks())])
def test_a_body_that_may_still_fail_is_followed(view: Any) -> None:
    """A view may return it, or a response that has it."""
    body, registry = made(view)

    assert counted(registry) == (0, 0)
    with pytest.raises(RuntimeError):
        list(body)
    assert counted(registry) == (0, 1)


class Sealed(Response):
    """A response with an iterator of its own, as for encryption."""

    def iter_encoded(self) -> Iterator[bytes]:
        yield b"o"
        raise RuntimeError("midway")


def test_a_text_that_its_response_iterates_over_itself_is_followed() -> None:
    """It may still fail."""
    body, registry = made(lambda: Sealed("ok"))

    assert counted(registry) == (0, 0)
    with pytest.raises(RuntimeError):
        list(body)
    assert counted(registry) == (0, 1)


@pytest.mark.parametrize("chunks", [[["no bytes"]], [b"ok", ["no bytes"]]])
def test_a_list_that_holds_more_than_one_text_is_followed(chunks: Any) -> None:
    """A chunk that is no bytes breaks the answer off."""
    body, registry = made(lambda: Response(chunks))

    assert counted(registry) == (0, 0)
    assert list(body) == chunks
    assert counted(registry) == (0, 1)


class Foreign:
    """A closing iterator whose last callback belongs to no response."""

    def __init__(self, callbacks: Any) -> None:
        self.callbacks = callbacks

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return ClosingIterator(iter([b"ok"]), self.callbacks)


@pytest.mark.parametrize("callbacks", [None, [], [lambda: None], [{}.clear], [[].clear]])
def test_a_body_of_another_maker_is_followed(callbacks: Any) -> None:
    """Middlewares make such bodies, too."""
    app = Flask("shop")
    app.config["SLO_DEFINITIONS"] = {"availability": {"target": 0.9}}
    app.wsgi_app = Foreign(callbacks)  # type: ignore[method-assign]
    SLO(app)
    registry: SLORegistry = app.extensions["slo"].registry
    body = app.wsgi_app({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: lambda _: None)

    assert counted(registry) == (0, 0)
    assert list(body) == [b"ok"]
    assert counted(registry) == (1, 0)
    assert registry.internals.errors.total == 0
