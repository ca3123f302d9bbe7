"""Requests that a view sends to its own application, in process: they are part of its own request."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from types import CodeType

from django.http import HttpRequest

from slo_django.served_request import ServedRequest

__all__ = ["TEST_CLIENT", "is_sub_request", "serving"]

# Without this module nothing of Django's sends requests: a look at `sys.modules` is all that most processes pay.
TEST_CLIENT = "django.test.client"

# The request that this task serves. Only a look at `finished` may follow: tasks inherit it and may outlive the request.
serving: ContextVar[ServedRequest | None] = ContextVar("slo_django.serving", default=None)


def is_sub_request(request: HttpRequest, code: CodeType) -> bool:
    """
    Whether the request was sent by code that itself serves one.

    Args:
        request: The new request.
        code: Of the function that serves requests, where it does not set `serving`; its variable `served` is the request.
    """
    outer = serving.get()
    if outer is not None:
        return not outer.finished
    # The module was loaded after the outer request had come in: by its view.
    if type(request.META.get("wsgi.input")).__name__ != "FakePayload":
        return False
    frame = sys._getframe().f_back
    while frame is not None:
        if frame.f_code is code:
            served = frame.f_locals.get("served")  # missing in the frame of the new request
            if isinstance(served, ServedRequest) and not served.finished:
                return True
        frame = frame.f_back
    return False
