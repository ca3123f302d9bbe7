"""The marks of a view wherever Flask and its extensions let users put them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from inspect import ismethod
from typing import Any

from slo_core.http.markers import NO_MARKS, ViewMarks, marks_of, slo_exempt, slo_track

__all__ = ["has_marked_methods", "marked_view", "view_class_of"]

# Decorators around one view: more would be a loop.
_MOST_LAYERS = 64

# What a class view is called through, whatever the method.
_DISPATCH = "dispatch_request"


class _MarkedView:
    """Carries marks that the core does not find on the view itself."""

    def __call__(self) -> None:
        """Do nothing: it only stands for the view."""


def marked_view(view: object, method: str | None = None) -> object:
    """
    The object on which the core finds all marks of a view for requests of one method.

    It looks through decorators and partials, at the class of a bound method (Flask-AppBuilder), and at the methods of class
    views, inherited ones included.

    Args:
        view: As registered with the application.
        method: The HTTP method; None takes the marks that hold for all methods.
    """
    marks = _joined(view)
    view_class = view_class_of(view)
    if view_class is not None:
        marks = _added(marks, _joined(getattr(view_class, _DISPATCH, None)))
        if method is not None:
            marks = _added(marks, _joined(_handler(view_class, method)))
    if marks == marks_of(view):
        return view
    stand_in = _MarkedView()
    if marks.tracked:
        slo_track(*marks.tracked)(stand_in)
    return slo_exempt(stand_in) if marks.exempt else stand_in


def has_marked_methods(view: object) -> bool:
    """Whether it is a class view with marks on single methods."""
    view_class: Any = view_class_of(view)
    names = [] if view_class is None else [name.lower() for name in getattr(view_class, "methods", None) or ()]
    return any(_joined(getattr(view_class, name, None)) != NO_MARKS for name in {*names, "head", "options"})


def view_class_of(view: object) -> type | None:
    """The class behind `as_view()`; None for any other view."""
    for layer in _layers(view):
        view_class = getattr(layer, "view_class", None)
        if isinstance(view_class, type):
            return view_class
    return None


def _handler(view_class: type, method: str) -> object:
    """The method of a class view that answers an HTTP method."""
    handler = getattr(view_class, method.lower(), None)
    return getattr(view_class, "get", None) if handler is None and method == "HEAD" else handler


def _layers(view: object) -> Iterator[object]:
    """The view, and what stands inside it: partials, decorated functions, the class of a bound method."""
    for _ in range(_MOST_LAYERS):
        if view is None:
            return
        yield view
        if isinstance(view, partial):
            view = view.func
            continue
        if ismethod(view):
            owner = view.__self__
            yield owner if isinstance(owner, type) else type(owner)
        view = getattr(view, "__wrapped__", None)


def _joined(view: object) -> ViewMarks:
    marks = NO_MARKS
    for layer in _layers(view):
        marks = _added(marks, marks_of(layer))
    return marks


def _added(marks: ViewMarks, more: ViewMarks) -> ViewMarks:
    tracked = [name for name in more.tracked if name not in marks.tracked]
    return ViewMarks((*marks.tracked, *tracked), marks.exempt or more.exempt)
