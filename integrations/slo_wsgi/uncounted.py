"""A request that an installation around this one counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from slo_core.http.inner_marks import leave_marks
from slo_core.http.request import shared_marks
from slo_wsgi.served_request import ObservedApp, ServedRequest

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["serve_uncounted"]


def serve_uncounted(
    observed_app: ObservedApp, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """
    Serve a request that counts for no SLO of this installation, and leave the marks of its view to those that count it.

    Args:
        observed_app: This installation.
        environ: The WSGI environ.
        start_response: The server's, or that of the installation around this one.
    """
    wsgi_app = observed_app.wsgi_app
    marks = shared_marks(environ)
    if marks is None:  # nothing counts it any more
        return wsgi_app(environ, start_response)

    # Finds its route as one that counts; it is never entered in the marks, and never finishes.
    request = observed_app.request_class()
    request.request_scope = environ
    request.method, request.raw_path = environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO") or "/"
    request.marks, request.slo_keys = marks, frozenset()
    request.status = request.disturbance = request.route_match = None
    request.observed_app, request.server_start_response = observed_app, _start_nothing

    def start_leaving_marks(
        status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        # Before the response starts: to HEAD, it ends there.
        request.start_response(status, headers)
        _leave_marks(request)
        return start_response(status, headers) if exc_info is None else start_response(status, headers, exc_info)

    try:
        return wsgi_app(environ, start_leaving_marks)
    except BaseException:
        if request.status is None:
            _leave_marks(request)
        raise


def _start_nothing(*response: object) -> Callable[[bytes], object]:
    """Stands in for the server's function, which would lead back to the request: a cycle for the garbage collector."""
    return len


def _leave_marks(request: ServedRequest) -> None:
    recorder = request.observed_app.recorder
    try:
        route_match = request.route_match
        if route_match is None and request.status is None:  # the application raised before its response
            route_match = request.observed_app.routes.find(request.request_scope, request)
        if route_match is not None:
            leave_marks(request.request_scope, route_match.view, request.method, service=recorder.service)
    except Exception as exc:  # the response must go out
        recorder.internal_errors.report("the marks of a view could not be read", exc)
