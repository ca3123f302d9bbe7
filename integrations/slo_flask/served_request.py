"""One request on its way through a Flask application: what the middleware tells the recorder about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.wsgi import ClosingIterator

from slo_core.http import HTTPRecorder
from slo_core.request import Exchange, Resolved
from slo_flask.body import ServedBody, is_file, may_have_body
from slo_flask.route import Route, find_route

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["SERVED_REQUEST_KEY", "ServedRequest"]

# Where a request is found in its environ by who learns of an exception; see `signals`.
SERVED_REQUEST_KEY = "slo_flask.served_request"


class ServedRequest:
    """
    Fills in the exchange of one request and finishes it, from wherever the end shows first.

    Args:
        recorder: Counts it.
        exchange: What is known about it so far.
        environ: The WSGI environ.
        start_response: The server's.
        app: The application the middleware belongs to.

    Attributes:
        exchange: The same.
        outer: The same request as another installation around this one sees it.
    """

    __slots__ = (
        "_app", "_environ", "_recorder", "_remaining", "_route", "_script_name", "_start_response", "exchange", "outer",
    )  # fmt: skip

    def __init__(
        self,
        recorder: HTTPRecorder,
        exchange: Exchange,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        app: Flask,
    ) -> None:
        self.exchange = exchange
        self.outer: ServedRequest | None = environ.get(SERVED_REQUEST_KEY)
        self._recorder = recorder
        self._environ = environ
        self._start_response = start_response
        self._app = app
        self._script_name: str = environ.get("SCRIPT_NAME", "")
        self._route: Route | None = None
        # Bytes of the body to come, where Content-Length tells.
        self._remaining: int | None = None
        environ[SERVED_REQUEST_KEY] = self

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """Handed to the application in place of the server's."""
        try:
            self._note_response(status, headers)
        except Exception as exc:  # the response must go out
            self._recorder.incidents.report("a WSGI response could not be followed", exc)
        if exc_info is None:
            return self._start_response(status, headers)
        return self._start_response(status, headers, exc_info)

    def _note_response(self, status: str, headers: list[tuple[str, str]]) -> None:
        self.exchange.status = int(status.partition(" ")[0])
        # A second call starts over: the first response was never sent.
        self._remaining = None
        for name, value in headers:
            if name == "Content-Length" or name.lower() == "content-length":
                self._remaining = int(value)
                break
        self._route = find_route(self._app, self._environ, self.exchange.marks)

    def follow(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """
        The application returned its body: what to hand to the server in its place.

        A file goes to the server as the same object, which alone makes it use sendfile; so do a list and a tuple, whose
        length tells a server the Content-Length. They end here, as far as WSGI tells.
        """
        if type(body) is not ClosingIterator and (type(body) in (list, tuple) or is_file(body, self._environ)):
            self.finish()
            return body
        try:
            return ServedBody(body, self)
        except Exception as exc:  # not iterable: the server says so better than we could
            self.raised(exc)
            return body

    def handing_over(self, chunk: bytes) -> None:
        """
        A part of the body is about to be given to the server.

        With the last byte that Content-Length announced the request is over. To wait until the server asks for more
        would count the background work of some servers, and nothing at all of test clients that never ask.
        """
        exchange = self.exchange
        try:
            if exchange.first_byte is None:
                exchange.first_byte = self._recorder.timer()
                if self._remaining is None:
                    return
                self._remaining -= len(chunk)
                if self._remaining <= 0:
                    exchange.ended = exchange.first_byte
                    self.finish()
            elif self._remaining is not None:
                self._remaining -= len(chunk)
                if self._remaining <= 0:
                    self.finish()
        except Exception as exc:  # the response must go out
            self._recorder.incidents.report("a WSGI response could not be followed", exc)

    def raised(self, exception: BaseException) -> None:
        """The application raised, before its response or in the midst of it."""
        exchange = self.exchange
        if exchange.finished:
            return
        if exchange.first_byte is None:
            # PEP 3333: headers wait for the first byte of the body. Without one the server answers 500.
            exchange.status = None
        if isinstance(exception, GeneratorExit):
            exchange.disconnected = True
        else:
            exchange.exception = exception
        self.finish()

    def broke_off(self) -> None:
        """The server closes the body: if it has not asked for all of it, its client went away."""
        exchange = self.exchange
        if exchange.finished:
            return
        # Where there is no body to send, a server may close it unread.
        if exchange.first_byte is not None or may_have_body(exchange.method, exchange.status, self._remaining):
            exchange.disconnected = True
        self.finish()

    def finish(self) -> None:
        """The request is over; a second call does nothing."""
        exchange = self.exchange
        if exchange.finished:
            return
        self._recorder.finish(exchange, self._resolve)
        # What leads back to this object is let go of, so that nothing waits for the garbage collector: the environ, and
        # the traceback of an exception, whose frames hold the environ.
        exchange.exception = None
        self._environ.pop(SERVED_REQUEST_KEY, None)

    def _resolve(self) -> Resolved | None:
        route = self._route
        return None if route is None else route.resolve(self.exchange.path, self._script_name, self._environ)
