"""One request on its way through a Flask application: what the middleware tells the recorder about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from werkzeug.wsgi import ClosingIterator

from slo_core.http import HTTPRecorder
from slo_core.request import Exchange, Resolved
from slo_flask.body import is_file, may_have_body
from slo_flask.route import RouteTable

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["SERVED_REQUEST_KEY", "ServedRequest"]

# Where a request is found in its environ by who learns of an exception; see `signals`.
SERVED_REQUEST_KEY = "slo_flask.served_request"

_TROUBLE = "a WSGI response could not be followed"


class ServedRequest:
    """
    Fills in the exchange of one request and finishes it, from wherever the end shows first.

    It is also the body that the server gets in place of the application's, so that a request costs one object. A chunk
    is asked for when one is asked of it, never ahead.

    Args:
        recorder: Counts it.
        exchange: What is known about it so far.
        environ: The WSGI environ.
        start_response: The server's.
        routes: Of the application the middleware belongs to.

    Attributes:
        exchange: The same.
        outer: The same request as another installation around this one sees it.
    """

    __slots__ = (
        "_body", "_close", "_environ", "_iterator", "_recorder", "_remaining", "_resolved", "_routes", "_start_response",
        "exchange", "outer",
    )  # fmt: skip

    def __init__(
        self,
        recorder: HTTPRecorder,
        exchange: Exchange,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        routes: RouteTable,
    ) -> None:
        self.exchange = exchange
        self.outer: ServedRequest | None = environ.get(SERVED_REQUEST_KEY)
        self._recorder = recorder
        self._environ = environ
        self._start_response = start_response
        self._routes = routes
        self._resolved: Resolved | None = None
        # Bytes of the body to come, where Content-Length tells.
        self._remaining: int | None = None
        self._body: Iterable[bytes]
        self._close: Callable[[], object] | None
        self._iterator: Iterator[bytes] | None = None
        environ[SERVED_REQUEST_KEY] = self

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """Handed to the application in place of the server's."""
        try:
            exchange = self.exchange
            exchange.status = int(status.partition(" ")[0])
            # A second call starts over: the first response was never sent.
            self._remaining = None
            for name, value in headers:
                if name == "Content-Length" or name.lower() == "content-length":
                    self._remaining = int(value)
                    break
            self._resolved = self._routes.find(self._environ, exchange)
        except Exception as exc:  # the response must go out
            self._recorder.incidents.report(_TROUBLE, exc)
        if exc_info is None:
            return self._start_response(status, headers)
        return self._start_response(status, headers, exc_info)

    def follow(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """
        The application returned its body: what to hand to the server in its place.

        A file goes to the server as the same object, which alone makes it use sendfile; so do a list and a tuple, whose
        length tells a server the Content-Length. They end here, as far as WSGI tells.
        """
        if type(body) is not ClosingIterator and (type(body) in (list, tuple) or is_file(body, self._environ)):
            self.finish()
            return body
        self._body = body
        self._close = getattr(body, "close", None)
        return self

    def __iter__(self) -> Iterator[bytes]:
        # A generator, which a server resumes in a third of the time that a `__next__` of ours would take.
        exchange = self.exchange
        try:
            for chunk in self._body:
                if chunk and not exchange.finished:
                    self._handing_over(chunk)
                yield chunk
        except GeneratorExit:  # whoever iterates lost interest, and may have forgotten to close
            self._broke_off()
            raise
        except BaseException as exc:
            self.raised(exc)
            raise
        self.finish()

    def __next__(self) -> bytes:
        # WSGI promises an iterable; Flask's happens to be an iterator, and some middlewares have come to lean on that.
        if self._iterator is None:
            self._iterator = iter(self)
        return next(self._iterator)

    def _handing_over(self, chunk: bytes) -> None:
        """A part of the body is about to be given to the server."""
        exchange = self.exchange
        try:
            now = None
            if exchange.first_byte is None:
                exchange.first_byte = now = self._recorder.timer()
            if self._remaining is not None:
                self._remaining -= len(chunk)
                if self._remaining <= 0:
                    # With the last byte that was announced the request is over. To wait until the server asks for more
                    # would leave out the requests of test clients, which do not ask.
                    exchange.ended = now
                    self.finish()
        except Exception as exc:  # the response must go out
            self._recorder.incidents.report(_TROUBLE, exc)

    def close(self) -> None:
        """Called by the server, once it wants no more of the body."""
        # First of all: what runs at the close of a response is not the request's time, nor its failure the request's.
        self._broke_off()
        close, self._close = self._close, None
        if close is not None:
            close()

    def unhandled(self, exception: BaseException) -> None:
        """Flask tells of an exception that no error handler took, while the request's context is there."""
        self.exchange.exception = exception
        try:
            self._resolved = self._routes.find(self._environ, self.exchange)
        except Exception as exc:  # Flask has a response to make
            self._recorder.incidents.report(_TROUBLE, exc)

    def raised(self, exception: BaseException) -> None:
        """The application raised, before its response or in the midst of it."""
        exchange = self.exchange
        if exchange.finished:
            return
        if exchange.first_byte is None:
            # PEP 3333: headers wait for the first byte of the body. Without one the server answers 500.
            exchange.status = None
        exchange.exception = exception
        self.finish()

    def _broke_off(self) -> None:
        """The server wants no more of the body: if it has not had all of it, its client went away."""
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
        # The environ would lead back to this object, and both would wait for the garbage collector.
        self._environ.pop(SERVED_REQUEST_KEY, None)

    def _resolve(self) -> Resolved | None:
        if self._resolved is None and self.exchange.exception is not None:
            # What Flask does not answer (SystemExit, or any exception with PROPAGATE_EXCEPTIONS) calls no start_response.
            return self._routes.find(self._environ, self.exchange)
        return self._resolved
