"""Marks that a view does not show, because they stand on another object than the one that was registered."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from types import FunctionType
from typing import Any

from slo_core.http.markers import ViewMarks, marks_of

__all__ = ["hidden_mark"]


def hidden_mark(
    view: object,
    marks: ViewMarks,
    *,
    views: Collection[int],
    read_marks: Callable[[object], ViewMarks] = marks_of,
) -> str | None:
    """
    The dotted name of an object that carries a mark which a view does not show; None without one.

    Args:
        view: As registered.
        marks: Those that are seen on it.
        views: The identities of all registered views: a mark on one of these is seen there.
        read_marks: Reads the marks of an object.
    """
    for name, candidate in (*_by_name(view), *_inside(view)):
        lost = read_marks(candidate)
        is_lost = set(lost.tracked) - set(marks.tracked) or (lost.exempt and not marks.exempt)
        if is_lost and id(candidate) not in views:
            return name
    return None


def _by_name(view: object) -> Iterator[tuple[str, object]]:
    """What stands under the view's name in its module, or is the class that holds it: decorators may have replaced it."""
    module, qualname = getattr(view, "__module__", None), getattr(view, "__qualname__", "")
    holder: Any = sys.modules.get(module) if isinstance(module, str) else None
    for name in qualname.split(".") if isinstance(qualname, str) else []:
        holder = vars(holder).get(name) if hasattr(holder, "__dict__") else None
        if holder is None or holder is view:
            return
        yield f"{module}.{name}", holder


def _inside(view: object) -> Iterator[tuple[str, object]]:
    """The functions that a wrapper calls: without `functools.wraps` it does not carry their marks."""
    for cell in getattr(view, "__closure__", None) or ():
        try:
            function = cell.cell_contents
        except ValueError:  # not filled yet
            continue
        if isinstance(function, FunctionType):
            yield f"{function.__module__}.{function.__name__}", function
