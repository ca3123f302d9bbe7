"""Websockets over WSGI: an ordinary request, until the application takes the connection from its server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slo_core.http.request import ObservedRequest

__all__ = ["WEBSOCKET_KEY", "exempt_websocket"]

# In the WSGI environ of each request that asks for one (RFC 6455).
WEBSOCKET_KEY = "HTTP_SEC_WEBSOCKET_KEY"

# There when the server made the websocket before it called the application: gevent-websocket.
_MADE_BY_SERVER = "wsgi.websocket"


def exempt_websocket(observed: ObservedRequest, environ: Mapping[str, Any]) -> None:
    """
    Leave a request for a websocket out, unless the application refused it with an ordinary answer.

    Applications end a websocket with an exception, without a response, or with one that is never sent: each library has its
    own way. Whether an exception came before the connection was taken, or after, cannot be known either.

    Args:
        observed: The request.
        environ: Its WSGI environ.
    """
    is_refused = observed.exception is None and observed.status is not None and observed.status >= 400
    if not is_refused or environ.get(_MADE_BY_SERVER) is not None:
        observed.noting().exempt = True
