"""The ASGI scope or WSGI environ of a Django request, which carries the request's marks."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

__all__ = ["request_scope_of"]


def request_scope_of(request: HttpRequest) -> MutableMapping[str, Any]:
    """
    The mapping that ASGI or WSGI middlewares around Django share with ours.

    The request's class decides. The middleware's mode does not: under ASGI it may run in sync mode. Nor does an attribute:
    OAuth libraries put a `scope` of their own on requests.
    """
    if isinstance(request, ASGIRequest):
        return request.scope  # type: ignore[return-value]  # a dict, which ASGI lets middlewares write to
    return request.META
