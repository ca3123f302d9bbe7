"""Exceptions that Flask answers with an error page: without its signal, only the status would be seen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from flask import Flask, got_request_exception, has_request_context, request, request_started
from werkzeug.exceptions import HTTPException

from slo_core.http.request import ObservedRequest
from slo_wsgi.served_request import ServedRequest, served_request_of

__all__ = ["connect"]

_FLASK = "flask.app"


def connect() -> None:
    """Listen from now on; a second call changes nothing."""
    # For every application: one of them may be mounted inside another.
    got_request_exception.connect(note_exception)


def note_exception(sender: object, *, exception: BaseException, **_: Any) -> None:
    """Note an exception on the request it belongs to."""
    if not has_request_context():
        return
    served = served_request_of(request.environ)
    if served is None:
        return
    is_last_resort = _is_in_last_resort(sys._getframe(1))  # noqa: SLF001  # part of CPython and PyPy for this use
    # An HTTPException is an answer; extensions that build on Flask's signal send it, too.
    if isinstance(exception, HTTPException) and not is_last_resort:
        return
    if is_last_resort and _propagates(sender):
        is_last_resort = False  # a middleware around Flask may catch and answer it
    elif is_last_resort:
        _watch_for_retry(served)
    for each in _with_outer(served):
        each.reported(exception, is_last_resort=is_last_resort)


def _watch_for_retry(served: ServedRequest) -> None:
    """Forget what was reported when a middleware around Flask hands it the same request again."""
    marks = served.share()

    def started(sender: object, **_: Any) -> None:
        # One of the installations around this one, where this one counted the first attempt.
        unfinished = served_request_of(request.environ)
        is_retried = unfinished is not None and unfinished.share() is marks
        if is_retried:
            for each in _with_outer(unfinished):
                each.retried()
        if is_retried or marks.innermost is None:
            request_started.disconnect(started)

    # Until the next request only: a receiver costs each request a microsecond.
    request_started.connect(started, weak=False)


def _with_outer(served: ObservedRequest | None) -> Iterator[ServedRequest]:
    while isinstance(served, ServedRequest):
        yield served
        served = served.outer


def _propagates(app: object) -> bool:
    """Whether `Flask.handle_exception` raises the exception again."""
    if not isinstance(app, Flask):
        return False
    configured = app.config["PROPAGATE_EXCEPTIONS"]
    return bool(app.testing or app.debug) if configured is None else bool(configured)


def _is_in_last_resort(frame: FrameType | None) -> bool:
    """
    Whether `Flask.handle_exception` is running for the request, and so has sent the signal.

    Extensions (Flask-RESTful, Flask-RESTX), error handlers and views send the same signal for exceptions that they answer
    themselves, and it carries nothing that tells the two apart. A wrapper around the method would be lost on applications
    that a dispatcher mounts, and on extensions that replace the method.
    """
    while frame is not None:
        if frame.f_globals.get("__name__") == _FLASK:
            if frame.f_code.co_name == "handle_exception":
                return True
            if frame.f_code.co_name == "wsgi_app":
                return False
        frame = frame.f_back
    return False
