"""An answer of the core's, as a Flask response."""

from __future__ import annotations

from flask import Response

from slo_core.answer import Answer

__all__ = ["response_of"]


def response_of(answer: Answer) -> Response:
    """The response."""
    # Not b"": for a body, even an empty one, Werkzeug writes a Content-Length of its own over that of HEAD.
    return Response(answer.body or None, status=answer.status, headers=list(answer.headers))
