"""The WSGI observer: every request through a Flask application, counted once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from flask import globals as flask_globals
from flask import has_request_context, request
from werkzeug.wrappers import response as werkzeug_response
from werkzeug.wsgi import ClosingIterator

from slo_core.conventions import LOGGER_NAME
from slo_core.http.recorder import HTTPRecorder
from slo_flask.route import RouteTable
from slo_flask.served_request import ServedByFlask
from slo_wsgi.observer import WSGIObserver
from slo_wsgi.served_request import ServedRequest, served_request_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["FlaskObserver"]

# Key in the environ of a request that a view sent in process: the request that the view serves.
_WITHIN = "slo_flask.within"

# Flask's own variable: its `request` would take six times as long to look at. Flask 3.2 has one for both contexts.
_current_context: ContextVar[Any] = getattr(flask_globals, "_cv_request", None) or flask_globals._cv_app  # noqa: SLF001

# Of the generator that passes the chunks of Werkzeug's responses on.
_ENCODED = getattr(getattr(werkzeug_response, "_iter_encoded", None), "__code__", None)


class FlaskObserver(WSGIObserver):
    """
    Stands around `app.wsgi_app`: outside of Flask's request context, where the last byte of a stream is seen too.

    Request hooks would cost several times as much, and do not see streams.

    Args:
        wsgi_app: The application's own `wsgi_app`.
        recorder: Counts.
        routes: The routes of the application.
        mistakes: The mistakes at the installation, once all routes are there.
    """

    __slots__ = ("_mistakes",)

    def __init__(
        self,
        wsgi_app: WSGIApplication,
        recorder: HTTPRecorder,
        routes: RouteTable,
        *,
        mistakes: Callable[[], Iterable[str]],
    ) -> None:
        super().__init__(wsgi_app, recorder, routes, context=_current_context, request_class=ServedByFlask)
        self._mistakes = mistakes

    def _may_be_within(self, environ: WSGIEnvironment) -> None:
        # The context may be that of an application only, or be left over from a request that has ended.
        outer_environ = request.environ if has_request_context() else environ
        if outer_environ is environ:
            return
        outer = served_request_of(outer_environ) or outer_environ.get(_WITHIN)
        if isinstance(outer, ServedRequest) and not outer.finished:
            outer.share().within(environ)
            environ[_WITHIN] = outer

    def _is_complete(self, body: Iterable[bytes]) -> bool:
        """
        Whether a body is a single text that is there already, as nearly every body of Flask is.

        To follow it to its end would take a third of the time that a request costs here.
        """
        if type(body) is not ClosingIterator:  # what Werkzeug's responses return
            return False
        try:
            # One closes the chunks, the other the response. Unpacked, because an index from the end takes four times as long.
            _, close = body._callbacks  # noqa: SLF001
            chunks = close.__self__.response  # type: ignore[attr-defined]
            if type(chunks) is list:  # a stream must not be unpacked
                [chunk] = chunks
                if type(chunk) is bytes:
                    # The response's class may have an iterator of its own.
                    return body._next.args[0].gi_code is _ENCODED  # type: ignore[attr-defined]  # noqa: SLF001
        except (AttributeError, LookupError, TypeError, ValueError):  # of several chunks, or not of a response
            pass
        return False

    def _before_first(self) -> None:
        for mistake in self._mistakes():
            logging.getLogger(LOGGER_NAME).warning("%s", mistake)
