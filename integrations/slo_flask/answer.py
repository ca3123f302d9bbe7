"""The core's views, mounted in a Flask application."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import Flask, Response, request

from slo_core.http.answer import Answer
from slo_core.http.markers import slo_exempt
from slo_core.http.request import exempt_request
from slo_core.objectives.http_rule import KNOWN_METHODS
from slo_flask.bypass import Bypass

__all__ = ["add_view"]


def add_view(app: Flask, rule: str, endpoint: str, respond: Callable[..., Answer], *, bypass: Bypass) -> None:
    """
    Add a view whose requests count for no SLO.

    Args:
        app: The application.
        rule: Where it answers.
        endpoint: Its name in the application.
        respond: Answers the current request; the parts of the rule are its arguments.
        bypass: Warns when requests pass the middleware by.
    """

    # Marked as well, because hooks and the router's 405 answer without calling the view.
    @slo_exempt
    @wraps(respond)  # extensions identify views by module and name
    def view(slo_host: str = "", **parts: str) -> Response:
        bypass.look(request.environ)
        exempt_request(request.environ)
        answer = respond(**parts)
        # Not b"": for a body, even an empty one, Werkzeug writes a Content-Length of its own over that of HEAD.
        return Response(answer.body or None, status=answer.status, headers=list(answer.headers))

    app.add_url_rule(
        rule,
        endpoint,
        view,
        methods=sorted(KNOWN_METHODS),  # all of them, because the core answers 405 itself
        provide_automatic_options=False,
        # With host matching a rule without a host would match none.
        host="<slo_host>" if app.url_map.host_matching else None,
    )
