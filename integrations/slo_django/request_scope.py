"""The ASGI scope or WSGI environ of a Django request, which carries the request's marks."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from slo_core.conventions import REQUEST_MARKS_KEY
from slo_core.http.request import shared_marks

__all__ = ["ASGI_SCOPE_KEY", "request_scope_of", "share_marks"]

# Where a2wsgi hands over the ASGI scope.
ASGI_SCOPE_KEY = "asgi.scope"


def request_scope_of(request: HttpRequest) -> MutableMapping[str, Any]:
    """
    The mapping that ASGI or WSGI middlewares around Django share with ours.

    The request's class decides. The middleware's mode does not: under ASGI it may run in sync mode. Nor does an attribute:
    OAuth libraries put a `scope` of their own on requests.
    """
    if isinstance(request, ASGIRequest):
        return request.scope  # type: ignore[return-value]  # a dict, which ASGI lets middlewares write to
    return request.META


def share_marks(environ: MutableMapping[str, Any]) -> None:
    """Share the marks that an ASGI installation around the bridge to WSGI left in its scope."""
    scope = environ[ASGI_SCOPE_KEY]
    marks = shared_marks(scope) if isinstance(scope, Mapping) else None
    if marks is not None:
        environ.setdefault(REQUEST_MARKS_KEY, marks)
