"""The wrapper around `app.wsgi_app`: notes what goes over the wire, and changes none of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from flask import Flask, has_request_context, request
from werkzeug.wsgi import ClosingIterator

from slo_core.http import Exchange, HTTPRecorder, Resolved

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["CountedBody", "CountedWSGI", "note_exception"]

_EXCHANGE_KEY = "slo_flask.exchange"

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


def note_exception(_sender: Flask, exception: BaseException, **_: object) -> None:
    """Receiver of `got_request_exception`: nobody handled it, and Flask is about to answer 500 for it."""
    exchange = request.environ.get(_EXCHANGE_KEY) if has_request_context() else None
    if isinstance(exchange, Exchange) and not exchange.finished:
        exchange.exception = exception


class CountedWSGI:
    """
    Counts the requests of a Flask application.

    Args:
        wsgi_app: What `app.wsgi_app` was.
        app: The application, for its views.
        recorder: Counts.
    """

    __slots__ = ("app", "recorder", "wsgi_app")

    def __init__(self, wsgi_app: WSGIApplication, app: Flask, recorder: HTTPRecorder) -> None:
        self.wsgi_app = wsgi_app
        self.app = app
        self.recorder = recorder

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        path = environ.get("PATH_INFO", "")
        if not path.isascii():
            # PEP 3333: bytes that only look like Latin-1.
            path = path.encode("latin-1", "replace").decode("utf-8", "replace")
        exchange = self.recorder.begin(environ, environ.get("REQUEST_METHOD", ""), path)
        if exchange is None:
            return self.wsgi_app(environ, start_response)
        environ[_EXCHANGE_KEY] = exchange
        watch = _Watch(self.recorder, exchange, self.app, environ, start_response)
        try:
            body = self.wsgi_app(environ, watch.start_response)
        except BaseException as exc:
            exchange.exception = exc
            watch.finish()
            raise
        if _is_file(body, environ):
            # The server sends it by itself, if it is given this very object.
            watch.finish()
            return body
        return CountedBody(body, watch)


def _is_file(body: Iterable[bytes], environ: WSGIEnvironment) -> bool:
    wrapper = environ.get("wsgi.file_wrapper")
    if wrapper is None or isinstance(body, ClosingIterator):
        return False
    # uWSGI's is a function: what is not Werkzeug's own iterator was passed through on purpose.
    return isinstance(body, wrapper) if isinstance(wrapper, type) else True


class _Watch:
    """One request between server and application."""

    __slots__ = ("app", "environ", "exchange", "recorder", "resolved", "server_start_response", "to_come")

    def __init__(
        self,
        recorder: HTTPRecorder,
        exchange: Exchange,
        app: Flask,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> None:
        self.recorder = recorder
        self.exchange = exchange
        self.app = app
        self.environ = environ
        self.server_start_response = start_response
        self.resolved: Resolved | None = None
        # Bytes of the body that are still to come; None while nobody said how many.
        self.to_come: int | None = None

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        # The route is known while Flask's request is current: now, and no longer when the body is iterated.
        try:
            self.exchange.status = int(status[:3])
            self.resolved = self._route()
            self.to_come = _content_length(headers)
        except Exception as exc:  # the response must go out
            self.recorder.incidents.report("the route of a request could not be told", exc)
        if exc_info is None:
            return self.server_start_response(status, headers)
        return self.server_start_response(status, headers, exc_info)

    def _route(self) -> Resolved | None:
        if not has_request_context() or request.environ is not self.environ:
            return None  # a WSGI middleware between Flask and us answered
        rule = request.url_rule
        if rule is None:
            return None
        endpoint = rule.endpoint
        is_static = endpoint == "static" or endpoint.endswith(".static")
        view = self.app.view_functions.get(endpoint)
        return Resolved(rule.rule, view_name=endpoint, view=view, is_static=is_static)

    def finish(self) -> None:
        exchange = self.exchange
        if exchange.ended is None:
            exchange.ended = self.recorder.timer()
        self.recorder.finish(exchange, self._resolve)

    def _resolve(self) -> Resolved | None:
        return self.resolved


def _content_length(headers: list[tuple[str, str]]) -> int | None:
    for name, value in headers:
        if name.lower() == "content-length":
            return int(value)
    return None


class CountedBody:
    """
    The body of a response, chunk by chunk as the application gives it.

    The request is over with the last byte that Content-Length promised, or when the body is exhausted; in any case
    before `close()` runs what the application left for afterwards. A body that is closed earlier was meant for a client
    that has gone.
    """

    __slots__ = ("_body", "_chunks", "_watch")

    def __init__(self, body: Iterable[bytes], watch: _Watch) -> None:
        self._body = body
        self._chunks: Iterator[bytes] | None = None
        self._watch = watch

    def __iter__(self) -> CountedBody:
        return self

    def __next__(self) -> bytes:
        watch = self._watch
        exchange = watch.exchange
        try:
            if self._chunks is None:
                self._chunks = iter(self._body)
            chunk = next(self._chunks)
        except StopIteration:
            watch.finish()
            raise
        except BaseException as exc:
            exchange.exception = exc
            watch.finish()
            raise
        if chunk:
            if exchange.first_byte is None:
                exchange.first_byte = watch.recorder.timer()
            if watch.to_come is not None:
                watch.to_come -= len(chunk)
                if watch.to_come <= 0:
                    watch.finish()
        return chunk

    def close(self) -> None:
        """Forwarded to the application's body, after the request was counted."""
        watch = self._watch
        if not watch.exchange.finished:
            watch.exchange.disconnected = not self._has_no_body()
            watch.finish()
        close: Any = getattr(self._body, "close", None)
        if close is not None:
            close()

    def _has_no_body(self) -> bool:
        """Nothing was asked for and nothing was to come: servers need not iterate to answer HEAD, 204 or 304."""
        exchange = self._watch.exchange
        return self._chunks is None and (exchange.method == "HEAD" or exchange.status in (204, 304))
