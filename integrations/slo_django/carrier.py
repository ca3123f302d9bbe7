"""Where a request's marks travel: the ASGI scope or the WSGI environ behind a Django request."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, cast

from django.http import HttpRequest

__all__ = ["carrier_of"]


def carrier_of(request: HttpRequest) -> MutableMapping[str, Any]:
    """
    What an ASGI or WSGI middleware around Django shares with us.

    Told by the request, not by the middleware's mode: under ASGI a middleware may well run in sync mode.
    """
    scope = getattr(request, "scope", None)
    return request.META if scope is None else cast("MutableMapping[str, Any]", scope)
