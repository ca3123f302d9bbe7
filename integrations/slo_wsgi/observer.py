"""Every request through a WSGI application, counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from slo_core.http.recorder import HTTPRecorder
from slo_core.http.websocket import WEBSOCKET_KEY
from slo_wsgi.bridge import ASGI_SCOPE_KEY, share_marks, warn_of_bridge
from slo_wsgi.route import Routes
from slo_wsgi.served_request import ServedRequest, served_request_of
from slo_wsgi.upload import follow_upload
from slo_wsgi.websocket import ServedWebsocket

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["WSGIObserver"]

# Returns None in half the time that a function of ours would take.
_no_context = partial({}.get, None)


class WSGIObserver:
    """
    A WSGI middleware that observes, and changes neither the response nor how it is made.

    Args:
        wsgi_app: The application.
        recorder: Counts.
        routes: Finds the routes of requests.
    """

    __slots__ = ("_app", "_request_context", "_wsgi_app", "recorder", "routes")

    def __init__(self, wsgi_app: WSGIApplication, recorder: HTTPRecorder, routes: Routes) -> None:
        self._app = wsgi_app
        # It takes its own place away again, so that later requests do not pay for a look at whether they are the first.
        self._wsgi_app: WSGIApplication = self._serve_first
        self.recorder = recorder
        self.routes = routes
        # What the framework holds of the request that this thread or task serves; WSGI itself knows of none.
        self._request_context: Callable[[], object] = _no_context

    def __getattr__(self, name: str) -> Any:
        # Some applications keep their state on a WSGI middleware of their own, and reach it as `app.wsgi_app.name`.
        if name in WSGIObserver.__slots__ or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._app, name)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        recorder = self.recorder
        served = None
        try:
            path: str = environ.get("PATH_INFO") or "/"
            if not path.isascii():
                # PEP 3333: each character is one byte of the path.
                path = path.encode("latin-1", "replace").decode("utf-8", "replace")
            if ASGI_SCOPE_KEY in environ:
                share_marks(environ)
            if self._request_context() is not None:
                self._may_be_within(environ)
            method: str = environ.get("REQUEST_METHOD", "")
            served = recorder.begin(
                environ, method, path, ServedWebsocket if WEBSOCKET_KEY in environ else ServedRequest
            )
            if served is None:
                self._not_counted(environ, path)
            else:
                served.observer = self
                served.environ = environ
                served.server_start_response = start_response
                served.upload = None
                marks = served.marks
                served.outer = marks.innermost
                marks.innermost = served
                if method != "GET" or environ.get("CONTENT_LENGTH"):
                    served.upload = follow_upload(environ)
        except Exception as exc:  # the request must go on
            recorder.internal_errors.report("a WSGI request could not be taken up", exc)
        if served is None:
            return self._wsgi_app(environ, start_response)
        try:
            body = self._wsgi_app(environ, served.start_response)
        except BaseException as exc:
            served.raised(exc)
            raise
        if self._is_complete(body):
            # As `ServedRequest.finish`.
            recorder.finish(served)
            served.marks.innermost = None
            return body
        return served.follow(body)

    def _serve_first(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self._wsgi_app = self._app
        try:
            served = served_request_of(environ)
            if served is not None and served.observer is self:
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
        """Whether nothing can go wrong with a body any more, although it is no list; a framework knows its own bodies."""
        return False

    def _before_first(self) -> None:
        """The first request is about to be served, so that the application is complete."""

    def _not_counted(self, environ: WSGIEnvironment, path: str) -> None:
        """The request counts for no SLO here: there is none, or an installation around this one counts it for all."""
