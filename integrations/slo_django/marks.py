"""The marks of a view, method by method: class views, REST framework, django-ninja, partials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from types import CellType

from slo_core.http.markers import NO_MARKS, ViewMarks, marks_of, slo_exempt, slo_track

__all__ = ["marked_as", "marks_by_method", "marks_of_view", "method_handlers", "wrapped_callables"]

# A view wrapped more often than this is looked at no further.
_DEPTH = 16

_HTTP_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")


def marks_of_view(view: object) -> ViewMarks:
    """The marks that hold for all methods of a view: on its function, its class, its instance or what a partial calls."""
    return _union(marks_of(each) for each in _layers(view))


def marks_by_method(view: object) -> dict[str, ViewMarks]:
    """
    The marks of the methods that have some of their own, those of the whole view included.

    Empty for nearly every view: then `marks_of_view` says everything.
    """
    whole = marks_of_view(view)
    marks = {method: _union((whole, marks_of(handler))) for method, handler in method_handlers(view)}
    if all(each == whole for each in marks.values()):
        return {}
    if "GET" in marks:
        marks.setdefault("HEAD", marks["GET"])
    return marks


def marked_as(marks: ViewMarks) -> object:
    """Stands in for a view with those marks."""

    def view() -> None:
        """Never called."""

    if marks.tracked:
        slo_track(*marks.tracked)(view)
    return slo_exempt(view) if marks.exempt else view


def method_handlers(view: object) -> Iterator[tuple[str, object]]:
    """The functions that answer the methods of a view, where it leaves them to several."""
    for layer in _layers(view):
        view_class = getattr(layer, "view_class", None) or getattr(layer, "cls", None)
        if isinstance(view_class, type):
            actions = getattr(layer, "actions", None)  # a REST framework's view set names its own methods
            if not isinstance(actions, Mapping):
                actions = {method: method for method in _HTTP_METHODS}
            for method, name in actions.items():
                handler = getattr(view_class, name, None)
                if handler is not None:
                    yield method.upper(), _function_of_api_view(view_class, handler)
            return
        operations = getattr(_cell(layer, "self"), "operations", None)  # django-ninja's view of one path
        if operations is None:
            operations = getattr(getattr(layer, "__self__", None), "operations", None)
        if isinstance(operations, list):
            for operation in operations:
                for method in getattr(operation, "methods", ()):
                    yield str(method).upper(), getattr(operation, "view_func", None)
            return


def wrapped_callables(view: object) -> Iterator[object]:
    """Every function in the closures of a view: what its decorators wrap, with or without `functools.wraps`."""
    waiting, seen = [view], set[int]()
    while waiting and len(seen) < _DEPTH * 4:
        function = waiting.pop()
        if id(function) in seen:
            continue
        seen.add(id(function))
        yield function
        waiting.extend(each for each in (*_layers(function), *_cells(function).values()) if callable(each))


def _layers(view: object) -> Iterator[object]:
    """A view, and what its partials and decorators with `functools.wraps` call."""
    for _ in range(_DEPTH):
        yield view
        if isinstance(view, partial):
            view = view.func
        elif (wrapped := getattr(view, "__wrapped__", None)) is not None:
            view = wrapped
        else:
            break
    if not isinstance(view, type) and not hasattr(view, "__code__"):
        yield vars(type(view)).get("__call__")  # a view that is an object, as Django's feeds are


def _function_of_api_view(view_class: type, handler: object) -> object:
    """REST framework's `api_view` makes a class of a function, and shows the function nowhere."""
    function = _cell(handler, "func") if view_class.__qualname__ == "WrappedAPIView" else None
    return handler if function is None else function


def _cell(function: object, name: str) -> object:
    return _cells(function).get(name)


def _cells(function: object) -> dict[str, object]:
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    cells: Iterable[CellType] = getattr(function, "__closure__", None) or ()
    contents = {}
    for name, cell in zip(names, cells, strict=False):
        try:
            contents[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    return contents


def _union(all_marks: Iterable[ViewMarks]) -> ViewMarks:
    tracked: tuple[str, ...] = ()
    exempt = False
    for marks in all_marks:
        tracked += tuple(name for name in marks.tracked if name not in tracked)
        exempt = exempt or marks.exempt
    return ViewMarks(tracked, exempt) if tracked or exempt else NO_MARKS
