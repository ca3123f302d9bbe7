"""Receivers of Django's signals: a setting was overridden, a request failed with an exception."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from django.core.handlers.exception import response_for_exception
from django.core.signals import got_request_exception, setting_changed
from django.http import HttpRequest

from slo_core.config.settings import PREFIX
from slo_django.installation import current
from slo_django.served_request import ServedRequest

__all__ = ["connect"]

# Django's last resort stands this close above a receiver; libraries that watch signals put frames of their own between.
_FRAMES = 16


def connect() -> None:
    """Connect the receivers; a second call changes nothing."""
    setting_changed.connect(replace_installation, dispatch_uid="slo_django.replace_installation")
    got_request_exception.connect(note_exception, dispatch_uid="slo_django.note_exception")


def replace_installation(*, setting: str, **_: Any) -> None:
    """`override_settings` has changed a setting, or restored it."""
    if setting.startswith(PREFIX):
        current.replace()
    if setting in ("SLO_METRICS_PATH", "SLO_STATUS_PATH") and (urls := sys.modules.get("slo_django.urls")) is not None:
        urls.refresh()


def note_exception(*, request: HttpRequest | None = None, **_: Any) -> None:
    """
    Django is about to ask `handler500` for the answer to an exception that nothing handled.

    Applications and libraries send this signal too, to report an exception that they have handled: then their answer
    counts, and nothing is noted here.
    """
    served = getattr(request, "_slo_served_request", None)  # left there by the middleware
    exception = sys.exception()
    if isinstance(served, ServedRequest) and exception is not None and _is_last_resort(sys._getframe()):
        served.reached_last_resort(exception)


def _is_last_resort(frame: FrameType | None) -> bool:
    """Whether Django itself sends the signal: `response_for_exception` is among the callers."""
    for _ in range(_FRAMES):
        if frame is None:
            return False
        if frame.f_code is response_for_exception.__code__:
            return True
        frame = frame.f_back
    return False
