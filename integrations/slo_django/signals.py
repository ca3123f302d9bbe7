"""Receivers of Django's signals: a setting was overridden, a request failed with an exception."""

from __future__ import annotations

import sys
from typing import Any

from django.core.signals import got_request_exception, setting_changed
from django.http import HttpRequest

from slo_core.config.settings import PREFIX
from slo_core.http.request import ObservedRequest
from slo_django.installation import current

__all__ = ["connect"]


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
    Django is about to answer 500 for an exception that nothing handled.

    Under DEBUG_PROPAGATE_EXCEPTIONS every middleware that the exception passes sends the signal again.
    """
    observed = getattr(request, "_slo_served_request", None)  # left there by the middleware
    if isinstance(observed, ObservedRequest) and not observed.finished:
        observed.exception = sys.exception()
