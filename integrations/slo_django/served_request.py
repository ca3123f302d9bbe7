"""One request on its way through Django, observed for the recorder."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncIterator

from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from slo_core.http.recorder import HTTPRecorder
from slo_core.http.request import ObservedRequest, RouteMatch
from slo_django.asgi import DisconnectWatch
from slo_django.route import RouteResolver
from slo_django.streaming import AsyncBody, SyncBody

__all__ = ["ServedRequest"]


class ServedRequest(ObservedRequest):
    """
    Fills itself in, and finishes at the first sign of the request's end.

    The middleware sets its attributes, for the same reason as the recorder sets those of an `ObservedRequest`.

    Attributes:
        recorder: Counts it.
        request: Django's request.
        watch: Knows whether an ASGI client has hung up; None without `with_lifespan`.
        routes: Resolves its route.
    """

    __slots__ = ("recorder", "request", "routes", "watch")

    recorder: HTTPRecorder
    request: HttpRequest
    watch: DisconnectWatch | None
    routes: RouteResolver

    def answered(self, response: HttpResponseBase) -> None:
        """
        The application returned its response.

        The end of a stream is observed. For any other response the request ends here: Django reports no later end. So it
        does for a file, because a server does not use sendfile when the content is replaced.
        """
        try:
            # After a disconnect, the response reaches no client.
            if self.watch is not None and self.watch.seen:
                self.disconnected = True
            else:
                self.status = response.status_code
            if not response.streaming or isinstance(response, FileResponse):
                self.first_byte = self.ended = self.recorder.timer()
            elif isinstance(response, StreamingHttpResponse):
                self._follow(response)
                return
        except Exception as exc:  # the response must go out
            self.recorder.internal_errors.report("a Django response could not be followed", exc)
        self.finish()

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

    def raised(self, exception: BaseException) -> None:
        """The application raised, before its response or in the midst of it."""
        if isinstance(exception, CancelledError) and self._has_client_left():
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
        self.recorder.finish(self, self._resolve)
        # The request would lead back to this object, and both would wait for the garbage collector.
        self.request._slo_served_request = None  # type: ignore[attr-defined]

    def now(self) -> float:
        """The recorder's time."""
        return self.recorder.timer()

    def _has_client_left(self) -> bool:
        """
        Whether Django cancelled the request because the client hung up.

        A server that shuts down cancels requests as well; `with_lifespan` knows the difference. Without it, a cancelled
        request counts as a disconnect under ASGI, and as the application's exception under WSGI.
        """
        return isinstance(self.request, ASGIRequest) if self.watch is None else self.watch.seen

    def _resolve(self) -> RouteMatch:
        return self.routes.resolve(self.request)
