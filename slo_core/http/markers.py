"""Marks on views: count their requests for an SLO by name, or never."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

__all__ = ["NO_MARKS", "ViewMarks", "marks_of", "slo_exempt", "slo_track"]

V = TypeVar("V", bound=Callable[..., Any])

_TRACKED = "_slo_tracked"
_EXEMPT = "_slo_exempt"


def slo_track(*names: str) -> Callable[[V], V]:
    """
    Mark a view: its requests count for these SLOs, whatever their routes say.

    Works on functions and on view classes, below or above other decorators that use `functools.wraps`.

    Args:
        names: Names of SLOs, of kind `"http"` or `"custom"`.

    Raises:
        TypeError: No name, or used without parentheses.
    """
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError('slo_track: expected names of SLOs, as in @slo_track("checkout")')

    def mark(view: V) -> V:
        setattr(view, _TRACKED, (*getattr(view, _TRACKED, ()), *names))
        return view

    return mark


def slo_exempt(view: V) -> V:
    """Mark a view: its requests count for no SLO."""
    setattr(view, _EXEMPT, True)
    return view


class ViewMarks(NamedTuple):
    """
    The marks of one view.

    Attributes:
        tracked: Names of SLOs that its requests count for.
        exempt: Its requests count for none.
    """

    tracked: tuple[str, ...] = ()
    exempt: bool = False


NO_MARKS = ViewMarks()


def marks_of(view: object) -> ViewMarks:
    """
    The marks of a view as a framework hands it over.

    Looks at the view itself, at the function behind partials, and at the class behind `as_view()` (Django: `view_class`,
    REST framework: `cls`).
    """
    marks = NO_MARKS
    candidates = [view, getattr(view, "view_class", None), getattr(view, "cls", None)]
    while isinstance(view, partial):
        view = view.func
        candidates.append(view)
    for candidate in candidates:
        tracked, exempt = getattr(candidate, _TRACKED, ()), getattr(candidate, _EXEMPT, False)
        if tracked or exempt:
            marks = ViewMarks((*marks.tracked, *tracked), marks.exempt or exempt)
    return marks
