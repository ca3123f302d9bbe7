"""The application says itself whether a request was good."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

from slo_core.conventions import REQUEST_MARKS_KEY
from slo_core.http.request import shared_marks

__all__ = ["slo_failed", "slo_outcome"]

_MOST_SHOWN = 80
_REASON = re.compile(r"[a-z0-9_.:-]{1,64}")

# The attributes under which requests hold their ASGI scope or WSGI environ: Starlette's and Django's ASGI requests,
# Flask's and Werkzeug's, Django's WSGI requests.
_HOLDERS = ("scope", "environ", "META")


def slo_outcome(request_or_scope: object, good: bool, *, reason: str | None = None) -> None:
    """
    Say that a request was good or bad, whatever its status is: GraphQL and JSON-RPC answer 200 with errors inside.

    The last call counts. It decides for every SLO that counts the request; a latency SLO also asks for the time. A request
    that no SLO counts is left alone.

    Args:
        request_or_scope: The request of Starlette, FastAPI, Django or Flask, or the ASGI scope or WSGI environ itself.
        good: True for good, False for bad.
        reason: What went wrong, for the list of causes; a short constant text: letters a to z, digits and `_.:-`, at most 64
            characters.

    Raises:
        TypeError: The first argument holds no scope, or `good` is no bool.
        ValueError: The reason is not such a text.
    """
    if good is not True and good is not False:
        raise TypeError(f"slo_outcome(good=): expected True or False, got {good!r}")
    if reason is not None and (not isinstance(reason, str) or not _REASON.fullmatch(reason)):
        text = reason if isinstance(reason, str) else type(reason).__name__
        got = repr(text[:_MOST_SHOWN]) if isinstance(reason, str) else text[:_MOST_SHOWN]
        if len(text) > _MOST_SHOWN:
            got = f"{got}... of {len(text):,} characters"
        raise ValueError(f"slo_outcome(reason=): expected up to 64 characters of a-z, 0-9 and _.:-, got {got}")
    marks = shared_marks(_scope_of(request_or_scope))
    if marks is not None:
        notes = marks.noting()
        notes.outcome, notes.reason = good, reason


def slo_failed(request_or_scope: object, *, reason: str | None = None) -> None:
    """Say that a request failed; the same as `slo_outcome(request_or_scope, False)`."""
    slo_outcome(request_or_scope, False, reason=reason)


def _scope_of(request: object) -> MutableMapping[str, Any]:
    if isinstance(request, MutableMapping):
        return request
    for name in _HOLDERS:
        scope = getattr(request, name, None)
        if isinstance(scope, MutableMapping) and REQUEST_MARKS_KEY in scope:
            return scope
    for name in _HOLDERS:
        scope = getattr(request, name, None)
        if isinstance(scope, MutableMapping):
            return scope
    # REST framework wraps Django's request.
    wrapped = getattr(request, "_request", None)
    if wrapped is not None:
        return _scope_of(wrapped)
    raise TypeError(
        f"slo_outcome: expected a request, an ASGI scope or a WSGI environ, got {type(request).__name__}; "
        "pass the request object of the view"
    )
