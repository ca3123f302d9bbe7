"""Requests that fail in Django's handler before its first middleware: the server answers them with 500."""

from __future__ import annotations

import traceback
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest

from slo_core.conventions import REQUEST_MARKS_KEY
from slo_core.http.lifespan import Scope
from slo_django.installation import current
from slo_django.route import RouteResolver
from slo_django.served_request import ServedRequest

__all__ = ["count_unserved"]

_HANDLER = "django.core.handlers.asgi"


def count_unserved(scope: Scope, exception: Exception) -> None:
    """
    Count a request whose exception came out of Django's handler, if no middleware has seen the request.

    An upload that cannot be written to the disk, and a receiver of `request_started`, fail so early.

    Args:
        scope: Of the request.
        exception: What the application raised.
    """
    if REQUEST_MARKS_KEY in scope:
        return
    # Another application of the project may have raised it, whose good answers are not counted either.
    if all(frame.f_globals.get("__name__") != _HANDLER for frame, _ in traceback.walk_tb(exception.__traceback__)):
        return
    installation = current.installation
    try:
        recorder = installation.recorder
        if recorder is None:
            return
        request: Any = ASGIRequest(scope, BytesIO())
        served = recorder.begin(scope, request.method, request.path_info, ServedRequest)
        if served is not None:
            served.request, served.routes = request, RouteResolver(recorder)
            served.exception = exception
            served.finish()
    except Exception as exc:  # the server has a response to make; wrong settings are logged by the middleware
        if installation.registry_if_built is not None:
            installation.registry_if_built.internals.errors.report("a request could not be counted", exc)
