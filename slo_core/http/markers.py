"""Marks on views: count their requests for an SLO by name, or never."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

from slo_core.objectives.http_rule import KNOWN_METHODS

__all__ = ["NO_MARKS", "ViewMarks", "all_marks_of", "marks_of", "slo_exempt", "slo_track"]

V = TypeVar("V", bound=Callable[..., Any])

_TRACKED = "_slo_tracked"
_EXEMPT = "_slo_exempt"

# Starlette's, FastAPI's and Litestar's routers and applications; Flask's blueprints and applications.
_OF_ROUTERS = ("routes", "deferred_functions", "url_map")


def slo_track(*names: str) -> Callable[[V], V]:
    """
    Mark a view: its requests count for these SLOs, whatever their routes say.

    Works on functions and on view classes, below or above other decorators that use `functools.wraps`.

    Args:
        names: Names of SLOs, of kind `"http"` or `"custom"`.

    Raises:
        TypeError: No name, or used without parentheses; or the view is a router, a blueprint or an application.
    """
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError('slo_track: expected names of SLOs, as in @slo_track("checkout")')

    def mark(view: V) -> V:
        _refuse_routers(view, "slo_track")
        setattr(view, _TRACKED, (*getattr(view, _TRACKED, ()), *names))
        return view

    return mark


def slo_exempt(view: V) -> V:
    """
    Mark a view: its requests count for no SLO.

    Raises:
        TypeError: It is a router, a blueprint or an application.
    """
    _refuse_routers(view, "slo_exempt")
    setattr(view, _EXEMPT, True)
    return view


def _refuse_routers(view: object, name: str) -> None:
    """A mark on something that holds views would do nothing: requests are matched to the views in it."""
    if not isinstance(view, type) and any(hasattr(view, attribute) for attribute in _OF_ROUTERS):
        raise TypeError(
            f"{name}: expected a view, got {type(view).__name__}, which holds views: mark these, or name their paths in "
            "routes= or exclude= of the SLO"
        )


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


def marks_of(view: object, method: str | None = None) -> ViewMarks:
    """
    The marks of a view as a framework hands it over.

    Looks at the view itself, at the function behind partials, and at the class behind `as_view()` (Django: `view_class`,
    REST framework: `cls`). Of a class view (Starlette's `HTTPEndpoint`, Quart's `MethodView`) the marks of the method that
    answers join those of the class.

    Args:
        view: The view.
        method: What the request counts as; None reads the marks that hold for all methods.
    """
    marks = NO_MARKS
    view_class = getattr(view, "view_class", None)
    candidates = [view, view_class, getattr(view, "cls", None)]
    if method is not None and (isinstance(view, type) or method in (getattr(view_class, "methods", None) or ())):
        candidates.append(getattr(view if isinstance(view, type) else view_class, method.lower(), None))
    while isinstance(view, partial):
        view = view.func
        candidates.append(view)
    for candidate in candidates:
        tracked, exempt = getattr(candidate, _TRACKED, ()), getattr(candidate, _EXEMPT, False)
        if tracked or exempt:
            marks = ViewMarks((*marks.tracked, *tracked), marks.exempt or exempt)
    return marks


def all_marks_of(view: object) -> ViewMarks:
    """The marks of a view that hold for any method, taken together."""
    of_methods = [marks_of(view, method) for method in sorted(KNOWN_METHODS)]
    tracked = dict.fromkeys(name for marks in of_methods for name in marks.tracked)
    return ViewMarks(tuple(tracked), any(marks.exempt for marks in of_methods))
