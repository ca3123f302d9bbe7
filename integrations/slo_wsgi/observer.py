"""Every request through a WSGI application, counted once."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from slo_core.http.recorder import HTTPRecorder
from slo_core.http.websocket import WEBSOCKET_KEY
from slo_wsgi.bridge import ASGI_SCOPE_KEY, share_marks, warn_of_bridge
from slo_wsgi.route import Routes
from slo_wsgi.served_request import ObservedApp, ServedRequest, served_request_of
from slo_wsgi.served_upload import ServedUpload
from slo_wsgi.uncounted import serve_uncounted
from slo_wsgi.upload import follow_upload
from slo_wsgi.websocket import ServedWebsocket

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["ObservingMiddleware", "WSGIObserver"]

# Holds nothing: WSGI itself knows of no request that this thread or task serves.
_NO_CONTEXT: ContextVar[object] = ContextVar("slo_wsgi.no_context")


class WSGIObserver(ObservedApp):
    """
    Observes requests, and changes neither the responses nor how they are made.

    Its `serve` is the WSGI application that stands in for the observed one.

    Args:
        wsgi_app: The application.
        recorder: Counts.
        routes: Finds the routes of requests.
        context: As in `ObservedApp`.
        request_class: As in `ObservedApp`.
    """

    __slots__ = ("_app",)

    def __init__(
        self,
        wsgi_app: WSGIApplication,
        recorder: HTTPRecorder,
        routes: Routes,
        *,
        context: ContextVar[Any] = _NO_CONTEXT,
        request_class: type[ServedRequest] = ServedRequest,
    ) -> None:
        super().__init__(self._serve_first, recorder, routes, context=context, request_class=request_class)
        self._app = wsgi_app

    def serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        recorder = self.recorder
        # Variables, because to call an attribute that is no method takes 0.05 us more.
        wsgi_app = self.wsgi_app
        served = None
        try:
            path: str
            method: str
            try:
                path, method = environ["PATH_INFO"] or "/", environ["REQUEST_METHOD"]
            except KeyError:
                path, method = environ.get("PATH_INFO") or "/", environ.get("REQUEST_METHOD", "")
            if ASGI_SCOPE_KEY in environ:
                share_marks(environ)
            if self.context.get(None) is not None:
                self._may_be_within(environ)
            # Nearly every request. A `get` would take twice the time.
            if (
                method == "GET"
                and ("CONTENT_LENGTH" not in environ or not environ["CONTENT_LENGTH"])
                and WEBSOCKET_KEY not in environ
            ):
                served = recorder.begin(environ, method, path, self.request_class)
            else:
                served = _begin_upload(recorder, environ, method, path)
        except Exception as exc:  # the request must go on
            recorder.internal_errors.report("a WSGI request could not be taken up", exc)
        if served is None:
            return serve_uncounted(self, environ, start_response)
        served.observed_app = self
        served.server_start_response = start_response
        if served.marks is not None:
            served.enter(served.marks)
        try:
            body = wsgi_app(environ, served.start_response)
        except BaseException as exc:
            served.raised(exc)
            raise
        if self._is_complete(body):
            # As `ServedRequest.finish`.
            recorder.finish(served)
            if served.marks is not None:
                served.leave(served.marks)
            return body
        return served.follow(body)

    def _serve_first(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # It takes its own place away, so that later requests do not pay for a look at whether they are the first.
        self.wsgi_app = self._app
        try:
            served = served_request_of(environ)
            if served is not None and served.observed_app is self:
                warn_of_bridge(environ, served.server_start_response)
            else:
                warn_of_bridge(environ, start_response)
            self._before_first()
        except Exception as exc:  # advice only: the request must go on
            self.recorder.internal_errors.report("the installation could not be checked", exc)
        return self._app(environ, start_response)

    def _may_be_within(self, environ: WSGIEnvironment) -> None:
        """The framework serves another request: it may have been sent by the view of that one."""

    def _is_complete(self, body: Iterable[bytes]) -> bool:
        """Whether nothing can go wrong with a body any more, although it is no list: a framework knows its own bodies."""
        return False

    def _before_first(self) -> None:
        """The first request is about to be served, so that the application is complete."""


class ObservingMiddleware:
    """
    Stands in for an application that has attributes of its own.

    Some applications keep their state on a WSGI middleware, and reach it as `app.wsgi_app.name`.

    Args:
        app: The application.
        observer: Observes it.
    """

    __slots__ = ("_app", "_observer", "_serve")

    def __init__(self, app: WSGIApplication, observer: WSGIObserver) -> None:
        self._app = app
        self._observer = observer
        self._serve = observer.serve

    def __getattr__(self, name: str) -> Any:
        if name in ObservingMiddleware.__slots__ or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._app, name)

    @property
    def recorder(self) -> HTTPRecorder:
        """Counts."""
        return self._observer.recorder

    @property
    def routes(self) -> Routes:
        """Finds the routes of requests."""
        return self._observer.routes

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        return self._serve(environ, start_response)


def _begin_upload(recorder: HTTPRecorder, environ: WSGIEnvironment, method: str, path: str) -> ServedUpload | None:
    served = recorder.begin(environ, method, path, ServedWebsocket if WEBSOCKET_KEY in environ else ServedUpload)
    if served is not None:
        served.upload = None
        try:
            served.follow_upload(follow_upload(environ))
        except Exception as exc:  # the request must go on, and counts
            recorder.internal_errors.report("a WSGI request could not be taken up", exc)
    return served
