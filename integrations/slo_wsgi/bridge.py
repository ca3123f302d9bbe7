"""Bridges from ASGI to WSGI: an ASGI installation around one may count the same request."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from slo_core.conventions import LOGGER_NAME, REQUEST_MARKS_KEY
from slo_core.http.request import shared_marks

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["ASGI_SCOPE_KEY", "share_marks", "warn_of_bridge"]

# Where a2wsgi hands over the ASGI scope; the README names it for other bridges.
ASGI_SCOPE_KEY = "asgi.scope"

# Bridges that hand over nothing, by the module of the object that takes the response.
_SILENT_BRIDGES = {"asgiref.wsgi": "asgiref's WsgiToAsgi", "starlette.middleware.wsgi": "Starlette's WSGIMiddleware"}


def share_marks(environ: WSGIEnvironment) -> None:
    """Share the marks that an ASGI installation around the bridge left in its scope."""
    scope = environ[ASGI_SCOPE_KEY]
    marks = shared_marks(scope) if isinstance(scope, Mapping) else None
    if marks is not None:
        environ.setdefault(REQUEST_MARKS_KEY, marks)


def warn_of_bridge(environ: WSGIEnvironment, start_response: StartResponse) -> None:
    """
    Warn that a request may count twice: it came over a bridge that does not hand over the ASGI scope.

    Args:
        environ: Of the request.
        start_response: The bridge's, or the server's.
    """
    if ASGI_SCOPE_KEY in environ or "slo_asgi" not in sys.modules:
        return
    for base in type(getattr(start_response, "__self__", None)).__mro__:
        bridge = _SILENT_BRIDGES.get(base.__module__)
        if bridge is not None:
            logging.getLogger(LOGGER_NAME).warning(
                "requests come over %s, which does not say whether slo_asgi around it counts them too: mount the "
                "application with a2wsgi, or count on one side (SLO_ENABLED = False inside, exclude= outside)",
                bridge,
            )
            return
