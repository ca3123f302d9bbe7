"""Pytest plugin: `SLO.init_app` for every Flask application, and the wire counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, request

from slo_flask import SLO
from wire_ledger import DEFINITIONS, Ledger, LedgerPlugin, WireRequest

_ledger = Ledger()
_KEY = "foreign.wire"


def pytest_configure(config: pytest.Config) -> None:
    """Inject."""
    config.pluginmanager.register(LedgerPlugin(_ledger))
    make, call, handle_exception = Flask.__init__, Flask.__call__, Flask.handle_exception
    dispatch = Flask.full_dispatch_request

    def make_counted(self: Flask, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        # Without a metrics view: tests compare the routes of their application.
        self.config["SLO_METRICS_PATH"] = None
        SLO().init_app(self, definitions=DEFINITIONS)
        del self.config["SLO_METRICS_PATH"]

    def call_on_wire(self: Flask, environ: Any, start_response: Any) -> Any:
        if _KEY in environ:
            return call(self, environ, start_response)
        registry = self.extensions["slo"].registry
        wire = environ[_KEY] = _ledger.begin(environ["REQUEST_METHOD"], registry)
        return _serve(lambda *args: call(self, *args), wire, environ, start_response)

    def handle_exception_noting(self: Flask, e: Exception) -> Any:
        response = handle_exception(self, e)  # raises where it answers nothing
        wire = request.environ.get(_KEY)
        if wire is not None:
            wire.is_last_resort = True
        return response

    def dispatch_noting(self: Flask) -> Any:
        wire = request.environ.get(_KEY)
        if wire is not None:
            wire.has_route = request.url_rule is not None
            # The endpoints that Flask and blueprints add for their static folders.
            wire.is_static = (request.endpoint or "").rpartition(".")[2] == "static"
        return dispatch(self)

    Flask.__init__ = make_counted
    Flask.__call__ = call_on_wire
    Flask.full_dispatch_request = dispatch_noting
    Flask.handle_exception = handle_exception_noting


def _serve(app: Any, wire: WireRequest, environ: Any, start_response: Any) -> Any:
    body = _WireBody(wire)

    def wire_start_response(status: str, headers: Any, *exc_info: Any) -> Any:
        wire.status = int(status[:3])
        body.remaining = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
        if wire.method == "HEAD" or wire.status in (204, 304):
            body.remaining = 0
        return start_response(status, headers, *exc_info)

    try:
        body.chunks = app(environ, wire_start_response)
    except BaseException:
        wire.is_raised = True
        raise
    if isinstance(body.chunks, (list, tuple)) or body.remaining == 0:
        wire.is_complete = True
    return body


class _WireBody:
    """The body as the server iterates over it."""

    chunks: Any = ()
    remaining: int | None = None

    def __init__(self, wire: WireRequest) -> None:
        self._wire = wire

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self.chunks:
                if self.remaining is not None:
                    self.remaining -= len(chunk)
                    if self.remaining <= 0:
                        self._wire.is_complete = True
                yield chunk
        except GeneratorExit:
            self._give_up()
            raise
        except BaseException:
            if self._wire.is_open:
                self._wire.is_raised = True
            raise
        self._wire.is_complete = True

    def close(self) -> None:
        """The server needs no more of it."""
        self._give_up()
        close = getattr(self.chunks, "close", None)
        if close is not None:
            close()

    def _give_up(self) -> None:
        if self._wire.is_open:
            self._wire.is_client_gone = True
