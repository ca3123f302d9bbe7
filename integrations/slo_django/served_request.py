"""One request on its way through Django, observed for the recorder."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncIterator
from io import BufferedIOBase, BufferedRandom, BufferedReader, FileIO
from math import inf
from typing import Protocol

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, StreamingHttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch

from slo_core.http.request import ObservedRequest, RouteMatch
from slo_core.http.websocket import exempt_websocket
from slo_django.route import RouteResolver
from slo_django.streaming import AsyncBody, SyncBody

__all__ = ["ClientWatch", "ServedRequest", "ServedWebsocket", "WatchedRequest"]

# How far an exception is traced back to those that it was raised from.
_CAUSES = 16

# Packages whose middlewares answer with a static file before Django looks for a view.
_STATIC_FILE_SERVERS = ("whitenoise", "servestatic")
_STATIC_FILE = RouteMatch(is_static=True)

# How deep a file is looked for in others.
_WRAPPERS = 4

_NOT_FOLLOWED = "a Django response could not be followed"


class ClientWatch(Protocol):
    """
    Knows whether the client has hung up.

    Attributes:
        seen: It has.
        follows_answer: It also observes how the answer is sent, and ends the request itself.
    """

    follows_answer: bool
    seen: bool

    def look(self) -> bool:
        """The same, when the request was cancelled: the news may not have been read yet."""


class ServedRequest(ObservedRequest):
    """
    Fills itself in, and finishes at the first sign of the request's end.

    The middleware sets its attributes, for the same reason as the recorder sets those of an `ObservedRequest`.

    Attributes:
        request: Django's request.
        routes: Resolves its route, for the recorder that counts it.
        watch: Knows whether the client has hung up; None under ASGI without `with_lifespan`, and under WSGI for a request
            without a body.
        failed_match: The match of the view whose exception reached the last resort. Unset until then.
    """

    __slots__ = ("failed_match", "request", "routes")

    request: HttpRequest
    routes: RouteResolver
    watch: ClientWatch | None = None
    failed_match: ResolverMatch | None

    def answered(self, response: HttpResponseBase) -> None:
        """
        The application returned its response.

        The end of a stream is observed. For any other response the request ends here: Django reports no later end.
        """
        recorder = self.routes.recorder
        try:
            if self.disturbance is not None and self.is_answered:
                self._note_retry()
            # After a disconnect, the response reaches no client.
            if self.disturbance is None or not self.disconnected:
                self.status = response.status_code
            if response.streaming:
                self._note_trace(response)
                if self._follow(response):
                    return
            timer = recorder.timer
            self.first_byte = self.ended = timer()
        except Exception as exc:  # the response must go out
            recorder.internal_errors.report(_NOT_FOLLOWED, exc)
        self.finish()

    def _follow(self, response: HttpResponseBase) -> bool:
        """Observe how the content of a response is sent; False where that cannot be."""
        self._note_static_file(response)
        is_asgi = isinstance(self.request, ASGIRequest)
        if not isinstance(response, StreamingHttpResponse) or not _yields_its_content(type(response), is_asgi=is_asgi):
            return False
        if isinstance(response, FileResponse) and not is_asgi and _is_sent_by_server(response, self.request):
            return False
        # Reading the property gives the chunks as bytes; setting it registers our close() among the response's own.
        chunks = response.streaming_content
        if isinstance(chunks, AsyncIterator):
            response.streaming_content = AsyncBody(chunks, self, is_collected=not is_asgi)
        else:
            response.streaming_content = SyncBody(chunks, self, is_collected=is_asgi)
        return True

    def _note_trace(self, response: HttpResponseBase) -> None:
        """Note the trace of a request that ends after the middlewares of Django, and with them the span."""
        recorder = self.routes.recorder
        if response.status_code >= 400 or recorder.failure_notes.slow_after != inf:
            recorder.failure_notes.note_trace(self, response.status_code, recorder.timer)

    def _note_retry(self) -> None:
        """A middleware may have sent the request once more through the views: then that answer decides."""
        if self.request.resolver_match is not self.failed_match:
            self.exception, self.is_answered = None, False

    def _note_static_file(self, response: HttpResponseBase) -> None:
        """WhiteNoise answers in front of the router, and not only under `STATIC_URL`: `WHITENOISE_ROOT`."""
        if self.request.resolver_match is None and type(response).__module__.partition(".")[0] in _STATIC_FILE_SERVERS:
            self.route_match = _STATIC_FILE

    def note_first_byte(self) -> None:
        """The first byte of the body was handed over."""
        try:
            self.first_byte = self.routes.recorder.timer()
        except Exception as exc:  # from a user's own timer; the response must go out
            self.routes.recorder.internal_errors.report(_NOT_FOLLOWED, exc)

    def note_client_left(self) -> None:
        """The client hung up before it was sent everything."""
        self.disconnected = True
        try:
            self.ended = self.routes.recorder.timer()
        except Exception as exc:  # as above
            self.routes.recorder.internal_errors.report(_NOT_FOLLOWED, exc)

    def reached_last_resort(self, exception: BaseException) -> None:
        """No code of the application handled the exception: Django's `handler500` answers, if nothing has yet."""
        if self.finished or self.status is not None:
            return
        if self._is_of_client(exception):
            self.disconnected = True
        elif not settings.DEBUG_PROPAGATE_EXCEPTIONS:  # then Django raises it again, and a middleware may handle it
            self.exception = exception
            self.is_answered = True
            self.failed_match = self.request.resolver_match
            recorder = self.routes.recorder
            recorder.failure_notes.note_trace(self, 500, recorder.timer)

    def raised(self, exception: BaseException) -> None:
        """The application raised, before its response or in the midst of it."""
        self.is_answered = False
        if self.first_byte is None and not isinstance(self.request, ASGIRequest):
            # PEP 3333: headers wait for the first byte of the body. Without one the server answers 500.
            self.status = None
        if isinstance(exception, CancelledError) and isinstance(self.request, ASGIRequest):
            # Without `with_lifespan` a client that hangs up is not told from a server that shuts down.
            if self.watch is None or self.watch.look():
                self.disconnected = True
            elif self.status is not None:
                # Only the server cancels a stream whose client is there: it stops.
                self.noting().exempt = True
            else:
                self.exception = exception
        elif self._is_of_client(exception):
            self.disconnected = True
        else:
            self.exception = exception
        self.finish()

    def broke_off(self, *, ended: float | None = None) -> None:
        """
        The server stopped asking for the body.

        Args:
            ended: When the last chunk was handed over; None is now.
        """
        if self.finished:
            return
        # The answer to HEAD has no body to break off: a server may close it unread.
        if self.first_byte is not None or self.method != "HEAD":
            self.disconnected = True
            self.ended = ended
        self.finish()

    def finish(self) -> None:
        """The request is over; a second call does nothing."""
        self.routes.recorder.finish(self)
        # The request would lead back to this object, and both would wait for the garbage collector.
        self.request._slo_served_request = None  # type: ignore[attr-defined]

    def now(self) -> float:
        """The recorder's time."""
        return self.routes.recorder.timer()

    def _is_of_client(self, exception: BaseException) -> bool:
        """Whether the exception comes from a client that hung up in the midst of its request."""
        if self.disconnected or (self.watch is not None and self.watch.seen):
            return True
        # Under ASGI Django has read the whole body before: there it is a fault of our own temporary file.
        if isinstance(self.request, ASGIRequest):
            return False
        cause: BaseException | None = exception
        for _ in range(_CAUSES):
            if cause is None or isinstance(cause, UnreadablePostError):
                break
            cause = cause.__cause__ or cause.__context__
        return isinstance(cause, UnreadablePostError)

    def resolve(self) -> RouteMatch:
        return self.routes.resolve(self.request, self.status)


def _yields_its_content(kind: type[StreamingHttpResponse], *, is_asgi: bool) -> bool:
    """Whether a class of responses yields what is set as its content: a subclass may make chunks of its own."""
    iterate = kind.__aiter__ if is_asgi else kind.__iter__
    expected = StreamingHttpResponse.__aiter__ if is_asgi else StreamingHttpResponse.__iter__
    return iterate is expected and kind.streaming_content is StreamingHttpResponse.streaming_content


def _is_sent_by_server(response: FileResponse, request: HttpRequest) -> bool:
    """Whether a WSGI server may use sendfile, which it does not when the content is replaced."""
    file: object = response.file_to_stream
    for _ in range(_WRAPPERS):  # Django's File and those of `tempfile`
        if file is None or isinstance(file, (BufferedIOBase, FileIO)):
            break
        file = getattr(file, "file", None)
    # Not by `fileno()`: a file that is spooled in memory is written to disk by that.
    is_of_system = isinstance(file, (BufferedReader, BufferedRandom, FileIO))
    return is_of_system and request.META.get("wsgi.file_wrapper") is not None


class WatchedRequest(ServedRequest):
    """One whose client is watched."""

    __slots__ = ("watch",)

    watch: ClientWatch

    def answered(self, response: HttpResponseBase) -> None:
        if self.watch.seen:
            self.disconnected = True
        elif self.watch.follows_answer:
            if self.is_answered:
                self._note_retry()
            self._note_trace(response)
            if response.streaming:
                self._note_static_file(response)
            return
        super().answered(response)


class ServedWebsocket(ServedRequest):
    """A request under WSGI for a websocket: counts only where the application refuses it with a status of 400 or above."""

    __slots__ = ()

    def finish(self) -> None:
        exempt_websocket(self, self.request.META)
        super().finish()
