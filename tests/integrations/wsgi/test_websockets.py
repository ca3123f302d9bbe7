"""Requests that ask for a websocket: left out however they end, unless the application refuses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, abort

from slo_core import HTTPRule, SLODefinition, SLORegistry
from slo_flask import SLO
from slo_wsgi import SLOMiddleware
from wsgi_driver import serve

HANDSHAKE = {"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "Upgrade", "HTTP_SEC_WEBSOCKET_KEY": "c2xv"}


def counts(registry: SLORegistry) -> tuple[int, int]:
    """Good and bad events."""
    assert registry.internals.errors.total == 0
    snapshot = registry["availability"].snapshot()
    return snapshot.total - snapshot.failures, snapshot.failures


def answering(status: str) -> Callable[[Any, Any], list[bytes]]:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, [])
        return [b"answer"]

    return application


def ending(error: BaseException) -> Callable[[Any, Any], list[bytes]]:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        raise error

    return application


def taken(environ: Any, start_response: Any) -> list[bytes]:
    """eventlet, gevent-websocket: no response."""
    return []


@pytest.mark.parametrize(
    ("application", "expected"),
    [
        (ending(StopIteration()), (0, 0)),  # Flask-Sock and simple-websocket on gunicorn
        (ending(ConnectionError()), (0, 0)),  # on Werkzeug's server
        (ending(RuntimeError()), (0, 0)),
        (taken, (0, 0)),
        (answering("101 Switching Protocols"), (0, 0)),
        (answering("200 OK"), (0, 0)),
        (answering("400 Bad Request"), (1, 0)),
        (answering("403 Forbidden"), (1, 0)),
        (answering("503 Service Unavailable"), (0, 1)),
    ],
)
def test_a_websocket_is_left_out_and_a_refusal_counts(application: Any, expected: tuple[int, int]) -> None:
    """Each library has its own way to end one."""
    registry = SLORegistry()
    registry.define(SLODefinition("availability", 0.9, http=HTTPRule()))

    serve(SLOMiddleware(application, registry=registry), **HANDSHAKE)

    assert counts(registry) == expected


def test_a_websocket_that_the_server_made_cannot_be_refused() -> None:
    """gevent-websocket calls the application afterwards, and sends no response of it."""
    registry = SLORegistry()
    registry.define(SLODefinition("availability", 0.9, http=HTTPRule()))

    serve(SLOMiddleware(answering("400 Bad Request"), registry=registry), **HANDSHAKE, **{"wsgi.websocket": object()})

    assert counts(registry) == (0, 0)


class Taken(Response):
    """Flask-Sock's response on gunicorn."""

    def __call__(self, *_: Any) -> Any:
        raise StopIteration


@pytest.mark.parametrize(
    ("view", "expected"),
    [(lambda: Taken(), (0, 0)), (lambda: "ok", (0, 0)), (lambda: abort(403), (1, 0)), (lambda: 1 / 0, (0, 0))],
)
def test_the_same_in_flask(view: Callable[[], Any], expected: tuple[int, int]) -> None:
    """An exception that Flask makes a page of may have come after the connection was taken: it is left out."""
    app = Flask("shop")
    app.config["SLO_DEFINITIONS"] = {"availability": {"target": 0.9}}
    app.add_url_rule("/", "socket", view, websocket=True)
    SLO(app)

    serve(app, **HANDSHAKE)

    assert counts(app.extensions["slo"].registry) == expected
