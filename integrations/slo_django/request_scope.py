"""Where a request's marks travel: the ASGI scope or the WSGI environ behind a Django request."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

__all__ = ["request_scope_of"]


def request_scope_of(request: HttpRequest) -> MutableMapping[str, Any]:
    """
    What an ASGI or WSGI middleware around Django shares with us.

    Told by the request's class, not by the middleware's mode: under ASGI a middleware may well run in sync mode. Nor by
    an attribute: OAuth libraries put a `scope` of their own on requests.
    """
    if isinstance(request, ASGIRequest):
        return request.scope  # type: ignore[return-value]  # a dict, which ASGI lets middlewares write to
    return request.META
