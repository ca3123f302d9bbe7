"""Requests that reach the application past the middleware, seen by our own views."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from slo_core.conventions import LOGGER_NAME, REQUEST_MARKS_KEY

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Bypass"]


class Bypass:
    """Warns, once for each application, that its requests are not counted."""

    def __init__(self) -> None:
        self._has_warned = False

    def look(self, environ: WSGIEnvironment) -> None:
        """Look at a request that one of our own views answers; the middleware marks every request."""
        if REQUEST_MARKS_KEY in environ or self._has_warned:
            return
        self._has_warned = True
        logging.getLogger(LOGGER_NAME).warning(
            "a request for %s came past SLO.init_app: app.wsgi_app was taken before, as by a dispatcher or middleware "
            "around it, and no request that comes this way is counted; call slo.init_app(app) first, or put the SLOMiddleware "
            "of slo_wsgi or slo_asgi around the whole (connexion)",
            environ.get("PATH_INFO"),
        )
