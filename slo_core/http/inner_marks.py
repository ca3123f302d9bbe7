"""The marks of views in an inner installation, whose requests the installation around it counts."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from slo_core.http.markers import NO_MARKS, marks_of
from slo_core.http.request import ObservedRequest, RequestMarks, RequestNotes, counted_method, shared_marks

__all__ = ["leave_marks", "share_own_marks", "tracked_inside"]


def leave_marks(request_scope: MutableMapping[str, Any], view: object, method: str, *, service: str) -> None:
    """
    Leave the marks of a view to the installations that count its request.

    Args:
        request_scope: The ASGI scope or WSGI environ.
        view: The view that answers.
        method: As the client sent it.
        service: Whose SLOs the view names.
    """
    view_marks = marks_of(view, counted_method(method))
    shared = None if view_marks == NO_MARKS else shared_marks(request_scope)
    if shared is None:
        return
    notes = shared.noting()
    notes.exempt = notes.exempt or view_marks.exempt
    notes.tracked = tuple(dict.fromkeys((*notes.tracked, *((service, name) for name in view_marks.tracked))))


def share_own_marks(observed: ObservedRequest, marks: RequestMarks, view: object, *, service: str) -> None:
    """The same, where this installation counts the request too, and another one counts it for SLOs of the same service."""
    if marks.counted_by is observed.slo_keys:  # this one alone
        return
    if any(other == service for other, _ in marks.counted_by - observed.slo_keys):
        leave_marks(observed.request_scope, view, observed.method, service=service)


def tracked_inside(notes: RequestNotes, *, service: str) -> tuple[str, ...]:
    """The SLOs of a service that a view in an inner installation is marked with, by name."""
    return tuple(name for other, name in notes.tracked if other == service)
