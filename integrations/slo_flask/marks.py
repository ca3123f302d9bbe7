"""The marks of a view wherever Flask and its extensions let users put them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from inspect import ismethod

from slo_core.http.markers import NO_MARKS, ViewMarks, marks_of, slo_exempt, slo_track

__all__ = ["DISPATCH", "has_marked_methods", "joined", "marked_view", "marks_by_method", "marks_in", "view_class_of"]

# Decorators around one view: more would be a loop.
_MOST_LAYERS = 64

# What a class view is called through, whatever the method.
DISPATCH = "dispatch_request"


class _MarkedView:
    """Carries marks that the core does not find on the view itself."""

    def __call__(self) -> None:
        """Do nothing: it only stands for the view."""


def marked_view(view: object, method: str) -> object:
    """
    The object on which the core finds all marks of a view for requests of one method.

    Args:
        view: As registered with the application.
        method: The HTTP method.
    """
    marks = marks_in(view)
    view_class = view_class_of(view)
    if view_class is not None:
        of_methods = marks_by_method(view_class)
        name = method.lower()
        # As Flask's `MethodView` does.
        name = "get" if name == "head" and not hasattr(view_class, "head") else name
        marks = joined(marks, of_methods.get(name, NO_MARKS))
    if marks == marks_of(view):
        return view
    stand_in = _MarkedView()
    if marks.tracked:
        slo_track(*marks.tracked)(stand_in)
    return slo_exempt(stand_in) if marks.exempt else stand_in


def marks_in(view: object) -> ViewMarks:
    """
    The marks of a view that hold for all methods.

    They may stand on the view itself, on functions inside decorators and partials, on the class of a bound method
    (Flask-AppBuilder), and on a class view or its `dispatch_request`.
    """
    marks = NO_MARKS
    for layer in _layers(view):
        marks = joined(marks, marks_of(layer))
    view_class = view_class_of(view)
    return marks if view_class is None else joined(marks, marks_in(getattr(view_class, DISPATCH, None)))


def marks_by_method(view_class: type) -> dict[str, ViewMarks]:
    """The marks on the methods of a class view, inherited ones included, by their names."""
    methods: Iterable[str] = getattr(view_class, "methods", None) or ()
    names = {"head", "options", *(method.lower() for method in methods)}
    return {name: marks_in(getattr(view_class, name, None)) for name in sorted(names)}


def has_marked_methods(view: object) -> bool:
    """Whether it is a class view with marks on single methods."""
    view_class = view_class_of(view)
    return view_class is not None and any(marks != NO_MARKS for marks in marks_by_method(view_class).values())


def joined(marks: ViewMarks, more: ViewMarks) -> ViewMarks:
    """Both marks on one view."""
    tracked = [name for name in more.tracked if name not in marks.tracked]
    return ViewMarks((*marks.tracked, *tracked), marks.exempt or more.exempt)


def view_class_of(view: object) -> type | None:
    """The class behind `as_view()`; None for any other view."""
    for layer in _layers(view):
        view_class = getattr(layer, "view_class", None)
        if isinstance(view_class, type):
            return view_class
    return None


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
