"""What Django tells by signals: a setting was overridden, a request failed with an exception."""

from __future__ import annotations

import sys
from typing import Any

from django.core.signals import got_request_exception, setting_changed
from django.http import HttpRequest

from slo_core.config.settings import PREFIX
from slo_core.http.request import ObservedRequest
from slo_django.installation import current

__all__ = ["EXCHANGE_ATTRIBUTE", "connect"]

# Where the middleware leaves the exchange on a request, for the receiver below.
EXCHANGE_ATTRIBUTE = "_slo_exchange"


def connect() -> None:
    """Listen; a second call changes nothing."""
    setting_changed.connect(replace_installation, dispatch_uid="slo_django.replace_installation")
    got_request_exception.connect(note_exception, dispatch_uid="slo_django.note_exception")


def replace_installation(*, setting: str, **_: Any) -> None:
    """`override_settings` changed a setting, or puts it back."""
    if setting.startswith(PREFIX):
        current.replace()
    if setting in ("SLO_METRICS_PATH", "SLO_STATUS_PATH") and (urls := sys.modules.get("slo_django.urls")) is not None:
        urls.refresh()


def note_exception(*, request: HttpRequest | None = None, **_: Any) -> None:
    """
    Django is about to answer 500 for an exception that nothing handled.

    Sent once more by every middleware that it passes under DEBUG_PROPAGATE_EXCEPTIONS.
    """
    observed = getattr(request, EXCHANGE_ATTRIBUTE, None)
    if isinstance(observed, ObservedRequest) and not observed.finished:
        observed.exception = sys.exception()
