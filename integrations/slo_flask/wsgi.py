"""The WSGI middleware: every request through a Flask application, counted once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.wsgi import ClosingIterator

from slo_core.http.recorder import HTTPRecorder
from slo_flask.route import RouteTable
from slo_flask.served_request import SERVED_REQUEST_KEY, ServedRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["SLOMiddleware"]


class SLOMiddleware:
    """
    Stands in for `app.wsgi_app`: outside of Flask's request context, where the last byte of a stream is seen too.

    Request hooks would cost several times as much, and do not see streams.

    Args:
        wsgi_app: The application's own `wsgi_app`.
        recorder: Counts.
        app: The application, for its routes and views.
    """

    __slots__ = ("_recorder", "_routes", "_wsgi_app")

    def __init__(self, wsgi_app: WSGIApplication, recorder: HTTPRecorder, app: Flask) -> None:
        self._wsgi_app = wsgi_app
        self._recorder = recorder
        self._routes = RouteTable(app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        recorder = self._recorder
        served = None
        try:
            path: str = environ.get("PATH_INFO") or "/"
            if not path.isascii():
                # PEP 3333: each character is one byte of the path.
                path = path.encode("latin-1", "replace").decode("utf-8", "replace")
            served = recorder.begin(environ, environ.get("REQUEST_METHOD", ""), path, ServedRequest)
            if served is not None:
                served.recorder = recorder
                served.routes = self._routes
                served.environ = environ
                served.server_start_response = start_response
                served.remaining = None
                served.outer = environ.get(SERVED_REQUEST_KEY)
                environ[SERVED_REQUEST_KEY] = served
        except Exception as exc:  # the request must go on
            recorder.internal_errors.report("a WSGI request could not be taken up", exc)
        if served is None:
            return self._wsgi_app(environ, start_response)
        try:
            body = self._wsgi_app(environ, served.start_response)
        except BaseException as exc:
            served.raised(exc)
            raise
        if type(body) is ClosingIterator:  # nearly every body: Werkzeug's responses return it
            served.body = body
            return served
        return served.follow(body)
