"""One request on its way through Django, observed for the recorder."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncIterator
from typing import Protocol

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, StreamingHttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch

from slo_core.http.recorder import HTTPRecorder
from slo_core.http.request import ObservedRequest, RouteMatch
from slo_core.http.sent_files import may_be_sent_by_server
from slo_core.http.websocket import exempt_websocket
from slo_django.route import RouteResolver
from slo_django.streaming import AsyncBody, SyncBody

__all__ = ["ClientWatch", "ServedRequest", "ServedWebsocket"]

# How far an exception is traced back to those that it was raised from.
_CAUSES = 16


class ClientWatch(Protocol):
    """
    Knows whether the client has hung up.

    Attributes:
        seen: It has.
    """

    seen: bool

    def look(self) -> bool:
        """The same, when the request was cancelled: the news may not have been read yet."""


class _ClientHasLeft:
    """A client that is known to have hung up."""

    seen = True

    def look(self) -> bool:
        return True


_CLIENT_HAS_LEFT = _ClientHasLeft()


class ServedRequest(ObservedRequest):
    """
    Fills itself in, and finishes at the first sign of the request's end.

    The middleware sets its attributes, for the same reason as the recorder sets those of an `ObservedRequest`.

    Attributes:
        recorder: Counts it.
        request: Django's request.
        watch: Knows whether the client has hung up; None under ASGI without `with_lifespan`, and under WSGI for a request
            without a body.
        routes: Resolves its route.
        failed_match: The match of the view whose exception reached the last resort. Unset until then.
    """

    __slots__ = ("failed_match", "recorder", "request", "routes", "watch")

    recorder: HTTPRecorder
    request: HttpRequest
    watch: ClientWatch | None
    routes: RouteResolver
    failed_match: ResolverMatch | None

    def answered(self, response: HttpResponseBase) -> None:
        """
        The application returned its response.

        The end of a stream is observed. For any other response the request ends here: Django reports no later end. So it
        does for a file that the server may send by itself, because it would not when the content is replaced.
        """
        try:
            if self.is_answered and self.request.resolver_match is not self.failed_match:
                # A middleware has sent the request once more through the views: that answer decides.
                self.exception, self.is_answered = None, False
            # After a disconnect, the response reaches no client.
            if self.watch is not None and self.watch.seen:
                self.disconnected = True
            else:
                self.status = response.status_code
            if not response.streaming or (isinstance(response, FileResponse) and self._is_sent_by_server(response)):
                self.first_byte = self.ended = self.recorder.timer()
            elif isinstance(response, StreamingHttpResponse):
                self._follow(response)
                return
        except Exception as exc:  # the response must go out
            self.recorder.internal_errors.report("a Django response could not be followed", exc)
        self.finish()

    def _is_sent_by_server(self, response: FileResponse) -> bool:
        if isinstance(self.request, ASGIRequest):
            return True
        wrapper, file = self.request.META.get("wsgi.file_wrapper"), response.file_to_stream
        return wrapper is not None and file is not None and may_be_sent_by_server(file, wrapper)

    def _follow(self, response: StreamingHttpResponse) -> None:
        # Reading the property gives the chunks as bytes; setting it registers our close() among the response's own.
        chunks = response.streaming_content
        if isinstance(chunks, AsyncIterator):
            response.streaming_content = AsyncBody(chunks, self)
        else:
            response.streaming_content = SyncBody(chunks, self)

    def note_first_byte(self) -> None:
        """The first byte of the body was handed over."""
        self.first_byte = self.recorder.timer()

    def reached_last_resort(self, exception: BaseException) -> None:
        """No code of the application handled the exception: Django's `handler500` answers, if nothing has yet."""
        if self.finished or self.status is not None:
            return
        if self._is_of_client(exception):
            self.watch = _CLIENT_HAS_LEFT
        elif not settings.DEBUG_PROPAGATE_EXCEPTIONS:  # then Django raises it again, and a middleware may handle it
            self.exception = exception
            self.is_answered = True
            self.failed_match = self.request.resolver_match

    def raised(self, exception: BaseException) -> None:
        """The application raised, before its response or in the midst of it."""
        self.is_answered = False
        if isinstance(exception, CancelledError) and isinstance(self.request, ASGIRequest):
            # Without `with_lifespan` a client that hangs up is not told from a server that shuts down.
            if self.watch is None or self.watch.look():
                self.disconnected = True
            elif self.status is not None:
                # Only the server cancels a stream whose client is there: it stops.
                self.marks.noting().exempt = True
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
        self.recorder.finish(self)
        # The request would lead back to this object, and both would wait for the garbage collector.
        self.request._slo_served_request = None  # type: ignore[attr-defined]

    def now(self) -> float:
        """The recorder's time."""
        return self.recorder.timer()

    def _is_of_client(self, exception: BaseException) -> bool:
        """Whether the exception comes from a client that hung up in the midst of its request."""
        # Under ASGI Django has read the whole body before: there it is a fault of our own temporary file, unless the client
        # was seen to go before anything had failed.
        if isinstance(self.request, ASGIRequest):
            return self.watch is not None and self.watch.seen
        if self.watch is not None and self.watch.seen:
            return True
        cause: BaseException | None = exception
        for _ in range(_CAUSES):
            if cause is None or isinstance(cause, UnreadablePostError):
                break
            cause = cause.__cause__ or cause.__context__
        return isinstance(cause, UnreadablePostError)

    def resolve(self) -> RouteMatch:
        return self.routes.resolve(self.request, self.status)


class ServedWebsocket(ServedRequest):
    """A request under WSGI for a websocket: counts only where the application refuses it with a status of 400 or above."""

    __slots__ = ()

    def finish(self) -> None:
        exempt_websocket(self, self.request.META)
        super().finish()
