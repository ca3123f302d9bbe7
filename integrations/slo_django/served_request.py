"""One request on its way through Django: what the middleware tells the recorder about it."""

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
    Fills itself in and is finished, from wherever the end shows first.

    Its attributes are set by the middleware, for the same reason as those of an `ObservedRequest` by the recorder.

    Attributes:
        recorder: Counts it.
        request: Django's view of it.
        watch: Knows whether an ASGI client has hung up; None where nobody watches.
        routes: Tells its route.
    """

    __slots__ = ("recorder", "request", "routes", "watch")

    recorder: HTTPRecorder
    request: HttpRequest
    watch: DisconnectWatch | None
    routes: RouteResolver

    def answered(self, response: HttpResponseBase) -> None:
        """
        The application returned its response.

        A plain one ends here, as far as Django tells. A stream ends later. A file ends here too: whatever replaces its
        content would keep the server from sending it with sendfile.
        """
        try:
            # What answers a client that was seen to leave reaches nobody.
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
            ended: When the last chunk was handed over, if that is known better than by asking the clock now.
        """
        if self.finished:
            return
        # To HEAD there is no body to break off: a server may close it unread.
        if self.first_byte is not None or self.method != "HEAD":
            self.disconnected = True
            self.ended = ended
        self.finish()

    def finish(self) -> None:
        """The request is over; a second call does nothing."""
        self.recorder.finish(self, self._resolve)
        # The request would lead back to this object, and both would wait for the garbage collector.
        self.request._slo_exchange = None  # type: ignore[attr-defined]

    def now(self) -> float:
        """The recorder's time."""
        return self.recorder.timer()

    def _has_client_left(self) -> bool:
        """
        Whether it was the client that had Django cancel the request.

        Django cancels when the client hangs up; a server that shuts down cancels as well. `with_lifespan` tells the two
        apart. Without it a cancelled ASGI request is taken for a client's doing, and under WSGI for the application's.
        """
        return isinstance(self.request, ASGIRequest) if self.watch is None else self.watch.seen

    def _resolve(self) -> RouteMatch:
        return self.routes.resolve(self.request)
