"""One request on its way through a Flask application: what the middleware tells the recorder about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from slo_core.http.recorder import HTTPRecorder
from slo_core.http.request import ObservedRequest, RouteMatch
from slo_flask.body import is_file, may_have_body
from slo_flask.route import RouteTable

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["SERVED_REQUEST_KEY", "ServedRequest"]

# Where a request is found in its environ by who learns of an exception; see `signals`.
SERVED_REQUEST_KEY = "slo_flask.served_request"

_TROUBLE = "a WSGI response could not be followed"


class ServedRequest(ObservedRequest):
    """
    Fills itself in and is finished, from wherever the end shows first.

    It is also the body that the server gets in place of the application's, so that a request costs one object. A chunk
    is asked for when one is asked of it, never ahead.

    Its attributes are set by the middleware, for the same reason as those of an `ObservedRequest` by the recorder.

    Attributes:
        recorder: Counts it.
        environ: The WSGI environ.
        server_start_response: The server's.
        routes: Of the application the middleware belongs to.
        outer: The same request as another installation around this one sees it.
        body: The application's; nothing after it was closed. Unset until it is returned.
        remaining: Bytes of the body to come, where Content-Length tells.
        iterator: Over this object as the body. Unset until somebody takes the object itself for an iterator.
    """

    __slots__ = (
        "body", "environ", "iterator", "outer", "recorder", "remaining", "routes", "server_start_response",
    )  # fmt: skip

    recorder: HTTPRecorder
    environ: WSGIEnvironment
    server_start_response: StartResponse
    routes: RouteTable
    outer: ServedRequest | None
    body: Iterable[bytes]
    remaining: int | None
    iterator: Iterator[bytes]

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """Handed to the application in place of the server's."""
        try:
            self.status = int(status.partition(" ")[0])
            # A second call starts over: the first response was never sent.
            self.remaining = None
            for name, value in headers:
                if name == "Content-Length" or name.lower() == "content-length":
                    self.remaining = int(value)
                    break
            self.route_match = self.routes.find(self.environ, self)
        except Exception as exc:  # the response must go out
            self.recorder.internal_errors.report(_TROUBLE, exc)
        if exc_info is None:
            return self.server_start_response(status, headers)
        return self.server_start_response(status, headers, exc_info)

    def follow(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """
        The application returned its body: what to hand to the server in its place.

        A file goes to the server as the same object, which alone makes it use sendfile; so do a list and a tuple, whose
        length tells a server the Content-Length. They end here, as far as WSGI tells.
        """
        if type(body) in (list, tuple) or is_file(body, self.environ):
            self.finish()
            return body
        self.body = body
        return self

    def __iter__(self) -> Iterator[bytes]:
        # A generator, which a server resumes in a third of the time that a `__next__` of ours would take.
        try:
            for chunk in self.body:
                if chunk and not self.finished and (self.first_byte is None or self.remaining is not None):
                    self._handing_over(chunk)
                yield chunk
        except GeneratorExit:  # whoever iterates lost interest, and may have forgotten to close
            self._broke_off()
            raise
        except BaseException as exc:
            self.raised(exc)
            raise
        if not self.finished:
            self.finish()

    def __next__(self) -> bytes:
        # WSGI promises an iterable; Flask's happens to be an iterator, and some middlewares have come to lean on that.
        try:
            iterator = self.iterator
        except AttributeError:
            iterator = self.iterator = iter(self)
        return next(iterator)

    def _handing_over(self, chunk: bytes) -> None:
        """A part of the body is about to be given to the server."""
        try:
            now = None
            if self.first_byte is None:
                self.first_byte = now = self.recorder.timer()
            if self.remaining is not None:
                self.remaining -= len(chunk)
                if self.remaining <= 0:
                    # With the last byte that was announced the request is over. To wait until the server asks for more
                    # would leave out the requests of test clients, which do not ask.
                    self.ended = now
                    self.finish()
        except Exception as exc:  # the response must go out
            self.recorder.internal_errors.report(_TROUBLE, exc)

    def close(self) -> None:
        """Called by the server, once it wants no more of the body."""
        # First of all: what runs at the close of a response is not the request's time, nor its failure the request's.
        if not self.finished:
            self._broke_off()
        body, self.body = self.body, ()
        close = getattr(body, "close", None)
        if close is not None:
            close()

    def unhandled(self, exception: BaseException) -> None:
        """Flask tells of an exception that no error handler took, while the request's context is there."""
        self.exception = exception
        try:
            self.route_match = self.routes.find(self.environ, self)
        except Exception as exc:  # Flask has a response to make
            self.recorder.internal_errors.report(_TROUBLE, exc)

    def raised(self, exception: BaseException) -> None:
        """The application raised, before its response or in the midst of it."""
        if self.finished:
            return
        if self.first_byte is None:
            # PEP 3333: headers wait for the first byte of the body. Without one the server answers 500.
            self.status = None
        self.exception = exception
        self.finish()

    def _broke_off(self) -> None:
        """The server wants no more of the body: if it has not had all of it, its client went away."""
        if self.finished:
            return
        # Where there is no body to send, a server may close it unread.
        if self.first_byte is not None or may_have_body(self.method, self.status, self.remaining):
            self.disconnected = True
        self.finish()

    def finish(self) -> None:
        """The request is over; a second call does nothing."""
        # What Flask does not answer (SystemExit, or any exception with PROPAGATE_EXCEPTIONS) calls no start_response.
        self.recorder.finish(self, None if self.exception is None else self._resolve)
        # The environ would lead back to this object, and both would wait for the garbage collector.
        self.environ.pop(SERVED_REQUEST_KEY, None)

    def _resolve(self) -> RouteMatch | None:
        return self.routes.find(self.environ, self)
