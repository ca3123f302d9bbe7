"""Every request through a WSGI application, counted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from slo_core.conventions import REQUEST_MARKS_KEY
from slo_core.http.recorder import HTTPRecorder
from slo_core.http.request import RequestMarks
from slo_wsgi.route import Routes
from slo_wsgi.served_request import SERVED_REQUEST_KEY, ServedRequest
from slo_wsgi.upload import follow_upload

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["WSGIObserver"]

# Where a2wsgi, a bridge from ASGI to WSGI, hands over the ASGI scope; the README names it for other bridges.
_ASGI_SCOPE = "asgi.scope"


class WSGIObserver:
    """
    A WSGI middleware that observes, and changes neither the response nor how it is made.

    Args:
        wsgi_app: The application.
        recorder: Counts.
        routes: Finds the routes of requests.
        usual_body: The class of nearly all the application's bodies; never a list, a tuple or a server's file wrapper.
    """

    __slots__ = ("_recorder", "_routes", "_usual_body", "_wsgi_app")

    def __init__(
        self, wsgi_app: WSGIApplication, recorder: HTTPRecorder, routes: Routes, *, usual_body: type | None = None
    ) -> None:
        self._wsgi_app = wsgi_app
        self._recorder = recorder
        self._routes = routes
        self._usual_body = usual_body

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        recorder = self._recorder
        served = None
        try:
            path: str = environ.get("PATH_INFO") or "/"
            if not path.isascii():
                # PEP 3333: each character is one byte of the path.
                path = path.encode("latin-1", "replace").decode("utf-8", "replace")
            if _ASGI_SCOPE in environ:
                _share_marks(environ)
            method: str = environ.get("REQUEST_METHOD", "")
            served = recorder.begin(environ, method, path, ServedRequest)
            if served is None:
                self._not_counted(environ, path)
            else:
                served.recorder = recorder
                served.routes = self._routes
                served.environ = environ
                served.server_start_response = start_response
                served.remaining = served.upload = None
                served.outer = environ.get(SERVED_REQUEST_KEY)
                environ[SERVED_REQUEST_KEY] = served
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
        if type(body) is self._usual_body:
            served.body = body
            return served
        return served.follow(body)

    def _not_counted(self, environ: WSGIEnvironment, path: str) -> None:
        """The request counts for no SLO here: there is none, or an installation around this one counts it for all."""


def _share_marks(environ: WSGIEnvironment) -> None:
    """Share the marks that an ASGI installation around the bridge left in its scope."""
    scope = environ[_ASGI_SCOPE]
    marks = scope.get(REQUEST_MARKS_KEY) if isinstance(scope, Mapping) else None
    if isinstance(marks, RequestMarks):
        environ.setdefault(REQUEST_MARKS_KEY, marks)
