"""Exceptions that Flask answers with an error page: without its signal, only the status 500 would be seen."""

from __future__ import annotations

from typing import Any

from flask import got_request_exception, has_request_context, request
from werkzeug.exceptions import HTTPException

from slo_flask.served_request import SERVED_REQUEST_KEY, ServedRequest

__all__ = ["connect"]


def connect() -> None:
    """Listen from now on; a second call changes nothing."""
    # For every application: one of them may be mounted inside another.
    got_request_exception.connect(note_exception)


def note_exception(sender: object, *, exception: BaseException, **_: Any) -> None:
    """Note an unhandled exception on the request it belongs to."""
    # An HTTPException is an answer. Flask sends none of them, but extensions that build on it do.
    if isinstance(exception, HTTPException) or not has_request_context():
        return
    served = request.environ.get(SERVED_REQUEST_KEY)
    while isinstance(served, ServedRequest):
        served.unhandled(exception)
        served = served.outer
