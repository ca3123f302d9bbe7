"""One request on its way through a WSGI application, observed for the recorder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from math import inf
from typing import TYPE_CHECKING, Any

from slo_core.http.request import ObservedRequest, RequestMarks, RouteMatch, shared_marks
from slo_core.process.internal_errors import user_code_errors
from slo_wsgi.body import chunks_of, content_length, is_file, may_have_body

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from slo_core.http.recorder import HTTPRecorder
    from slo_wsgi.route import Routes

__all__ = ["ObservedApp", "ServedRequest", "decoded_path", "served_request_of"]

_NOT_FOLLOWED = "a WSGI response could not be followed"


class ObservedApp:
    """
    What serving a request of one installation needs.

    Args:
        wsgi_app: The application.
        recorder: Counts.
        routes: Finds the routes of requests.
        context: Holds something in a thread or task that serves a request of the framework.
        request_class: The class of requests that announce no body.
    """

    __slots__ = ("context", "recorder", "request_class", "routes", "wsgi_app")

    def __init__(
        self,
        wsgi_app: WSGIApplication,
        recorder: HTTPRecorder,
        routes: Routes,
        *,
        context: ContextVar[Any],
        request_class: type[ServedRequest],
    ) -> None:
        self.wsgi_app = wsgi_app
        self.recorder = recorder
        self.routes = routes
        self.context = context
        self.request_class = request_class


class ServedRequest(ObservedRequest):
    """
    Fills itself in, and finishes at the first sign of the request's end.

    It also stands in for the application's body, so that a request costs one object. It takes a chunk from the body when
    the server asks for one, never ahead.

    The middleware sets its attributes, for the same reason as the recorder sets those of an `ObservedRequest`.

    Attributes:
        observed_app: The installation that observes it.
        server_start_response: The server's.
        outer: The same request as observed by an installation around this one. Unset while `marks` is None.
        body: The application's; empty after it was closed. Unset until it is returned.
        headers: Of the response. Unset until it has started.
        remaining: Bytes of the body to come; None without a Content-Length. Unset until its first chunk.
        iterator: Iterates over the body. Unset until `next` is called on this object itself.
    """

    __slots__ = (
        "body", "headers", "iterator", "observed_app", "outer", "remaining", "server_start_response",
    )  # fmt: skip

    request_scope: WSGIEnvironment
    observed_app: ObservedApp
    server_start_response: StartResponse
    outer: ObservedRequest | None
    body: Iterable[bytes]
    headers: list[tuple[str, str]]
    remaining: int | None
    iterator: Iterator[bytes]

    @property
    def path(self) -> str:
        return decoded_path(self.raw_path)

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """Handed to the application in place of the server's."""
        try:
            # RFC 9112: three digits; and nearly every answer, without two calls.
            self.status = 200 if status == "200 OK" else int(status[:3])
            if self.disturbance is not None:
                self.answer_disturbed(self.status)
            self.headers = headers  # of a second call too: the first response was never sent
            self.route_match = self.observed_app.routes.find(self.request_scope, self)
            recorder = self.observed_app.recorder
            if self.status is not None and (self.status >= 400 or recorder.failure_notes.slow_after != inf):
                # Before the context of the request ends, and with it the span of its trace.
                recorder.failure_notes.note_trace(self, self.status, recorder.timer)
        except Exception as exc:  # the response must go out
            self._answer_oddly(status, headers, exc)
        start_response = self.server_start_response  # a variable, as in `WSGIObserver`
        if exc_info is None:
            return start_response(status, headers)
        return start_response(status, headers, exc_info)

    def _answer_oddly(self, status: str, headers: list[tuple[str, str]], error: Exception) -> None:
        try:
            if status[:3].isdecimal():
                raise error
            self.status = 0  # some servers send "0 OK", and it is invalid for every client
            self.headers = headers
            self.route_match = self.observed_app.routes.find(self.request_scope, self)
        except Exception as exc:  # the response must go out
            self.observed_app.recorder.internal_errors.report(_NOT_FOLLOWED, exc)

    def answer_disturbed(self, status: int) -> None:
        """The answer starts, after something had happened to the request."""
        if not self.is_answered and status < 500:
            # Reported by code that answered it, and not by the framework's last resort: the answer decides.
            self.exception = None

    def follow(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """
        The application returned its body; return the body for the server.

        A file that the server may send by itself stays the same object. A list and a tuple stay too, because servers take
        the Content-Length from them. For all three the request ends here: WSGI reports no later end.
        """
        self.body = body
        if type(body) in (list, tuple):
            for chunk in body:
                if type(chunk) is not bytes:
                    self._note_odd(chunk)
        elif not is_file(body, self.request_scope):
            self.body = chunks_of(body, self.request_scope)
            return self
        self.finish()
        return body

    def __iter__(self) -> Iterator[bytes]:
        # A generator: a server resumes it in a third of the time that a `__next__` of this class would take.
        body = self.body  # not below: it is unset for code that goes through the values of an environ
        try:
            for chunk in body:
                if type(chunk) is not bytes and not self.finished:
                    self._note_odd(chunk)
                    yield chunk
                    if not self.finished:
                        self.exception = None  # the server took it
                    continue
                if not self.finished and (self.first_byte is None or self.remaining is not None):
                    # Not in a method of its own, which would take 0.05 us of each request.
                    try:
                        now = None
                        if self.first_byte is None:
                            # An empty chunk may end a response, too: test clients ask for no more.
                            self.remaining = self._announced()
                            if chunk:
                                self.first_byte = now = self.observed_app.recorder.timer()
                        if self.remaining is not None:
                            self.remaining -= len(chunk)
                            if self.remaining <= 0:
                                # The request is over with the last byte of the Content-Length. Test clients do not ask
                                # for a chunk after it: waiting for that would leave out their requests.
                                self.ended = now
                                self.finish()
                    except user_code_errors() as exc:  # the response must go out
                        self.observed_app.recorder.internal_errors.report(_NOT_FOLLOWED, exc)
                yield chunk
        except GeneratorExit:  # the iteration was given up, perhaps without a close()
            self._broke_off()
            raise
        except BaseException as exc:
            self.raised(exc)
            raise
        if not self.finished:
            self.finish()

    def __next__(self) -> bytes:
        # WSGI promises an iterable; Flask's body is an iterator too, and some middlewares rely on that.
        try:
            iterator = self.iterator
        except AttributeError:
            iterator = self.iterator = iter(self)
        return next(iterator)

    def close(self) -> None:
        """Called by the server when it needs no more of the body."""
        # First, because the time and the errors of the code that runs at a response's close are not the request's.
        if not self.finished:
            self._broke_off()
        body, self.body = self.body, ()
        close = getattr(body, "close", None)
        if close is not None:
            close()

    def reported(self, exception: BaseException, *, is_last_resort: bool) -> None:
        """
        An exception was reported while the request's context still exists.

        Args:
            exception: The exception.
            is_last_resort: No code of the application handled it: the framework makes an error page of it. An exception
                that the application reports itself is a failure only if it answers with 500 or above.
        """
        if self.is_answered or self.finished:
            return
        if is_last_resort:
            self.is_answered = True
        elif self.status is not None and self.status < 500:
            return
        self.exception = exception
        recorder = self.observed_app.recorder
        recorder.failure_notes.note_trace(self, 500, recorder.timer)
        try:
            self.route_match = self.observed_app.routes.find(self.request_scope, self)
        except Exception as exc:  # the framework has a response to make
            self.observed_app.recorder.internal_errors.report(_NOT_FOLLOWED, exc)

    def retried(self) -> None:
        """A middleware hands the application the same request again: that answer decides."""
        self.is_answered = False
        self.exception = None

    def raised(self, exception: BaseException) -> None:
        """The application raised, before its response or in the midst of it."""
        if self.finished:
            return
        self.is_answered = False
        if self.first_byte is None:
            # PEP 3333: headers wait for the first byte of the body. Without one the server answers 500.
            self.status = None
        self.exception = exception
        self.finish()

    def _broke_off(self) -> None:
        """The server needs no more of the body: if part of it is left, the client went away."""
        if self.finished:
            return
        # A server may close a body unread where there is nothing to send.
        if self.first_byte is not None or may_have_body(self.method, self.status, self._announced()):
            self.disconnected = True
        self.finish()

    def _note_odd(self, chunk: object) -> None:
        """A chunk is no bytes: no server sends a text, and not all of them send other objects that hold bytes."""
        try:
            may_be_sent = isinstance(chunk, (bytes, bytearray, memoryview))
            if may_be_sent and type(self.body) in (list, tuple):
                return  # what the server makes of it is not seen
            if self.first_byte is None:
                self.first_byte = self.observed_app.recorder.timer()
                self.remaining = None
            self.is_answered = False
            self.exception = TypeError(f"a body is made of bytes, and a chunk is of the type {type(chunk).__name__}")
            if not may_be_sent:
                self.finish()  # some servers leave it out, and go on
        except Exception as exc:  # the response must go out
            self.observed_app.recorder.internal_errors.report(_NOT_FOLLOWED, exc)

    def _announced(self) -> int | None:
        """The bytes of the body; None where they are unknown."""
        return None if self.status is None else content_length(self.headers)

    def finish(self) -> None:
        """The request is over; a second call does nothing."""
        self.observed_app.recorder.finish(self)
        if self.marks is not None:
            self.leave(self.marks)

    def share(self) -> RequestMarks:
        is_new = self.marks is None
        marks = super().share()
        if is_new:
            self.enter(marks)
            if self.finished:
                self.leave(marks)
        return marks

    def enter(self, marks: RequestMarks) -> None:
        """This installation is the innermost one until `leave`."""
        self.outer = marks.innermost
        marks.innermost = self

    def leave(self, marks: RequestMarks) -> None:
        """The request is over here. The one around may serve it again, and learns then of an exception nothing handled."""
        # Without it the environ would lead to this object for longer than that is needed.
        outer = self.outer
        marks.innermost = None if outer is None or outer.finished else outer

    def resolve(self) -> RouteMatch | None:
        # SystemExit, and any exception with PROPAGATE_EXCEPTIONS, passes Flask without a call of start_response.
        return None if self.exception is None else self.observed_app.routes.find(self.request_scope, self)


def decoded_path(path: str) -> str:
    """A path as it stands in an environ. PEP 3333: each of its characters is one byte."""
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


def served_request_of(environ: WSGIEnvironment) -> ServedRequest | None:
    """The unfinished request of an environ, as the innermost installation sees it; None where no installation counts it."""
    marks = shared_marks(environ)
    return marks.innermost if marks is not None and isinstance(marks.innermost, ServedRequest) else None
