"""Checks of `slo_track` and `slo_exempt`: the SLOs they name exist, and each mark stands where it is looked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from inspect import isclass, isfunction
from typing import Any

from django.apps import apps
from django.core import checks
from django.core.checks import CheckMessage

from slo_core.errors import nearest
from slo_core.http.markers import NO_MARKS, ViewMarks, marks_of
from slo_django.checks.definitions import parsed_definitions
from slo_django.checks.messages import CheckID, sentence
from slo_django.marks import marks_by_method, marks_of_view, method_handlers, wrapped_callables
from slo_django.url_configurations import url_configurations
from slo_django.url_map import MappedView, mapped_views

__all__ = ["check_marks"]


def check_marks(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """Marks name SLOs that exist, and stand on views."""
    definitions, problems = parsed_definitions()
    views = list(mapped_views())
    messages = list(_unused_marks(views))
    if not problems:  # a broken definition is missing here, and marks that name it are no mistake
        messages.extend(_unknown_names(views, [definition.name for definition in definitions]))
    return [*messages]


def _unknown_names(views: Sequence[MappedView], known: list[str]) -> Iterator[checks.Warning]:
    seen = set()
    for mapped in views:
        for name in _marks_in_force(mapped.view).tracked:
            if name not in known and (name, mapped.view_name) not in seen:
                seen.add((name, mapped.view_name))
                yield checks.Warning(
                    f"slo_track({name!r}) on the view {mapped.view_name}: no SLO of that name is defined.",
                    hint=sentence(nearest(name, known)) if known else None,
                    id=CheckID.UNKNOWN_NAME_TRACKED,
                )


def _marks_in_force(view: object) -> ViewMarks:
    """All marks of a view that count for some of its methods."""
    whole, by_method = marks_of_view(view), marks_by_method(view)
    tracked = dict.fromkeys(name for marks in (whole, *by_method.values()) for name in marks.tracked)
    return ViewMarks(tuple(tracked), whole.exempt or any(marks.exempt for marks in by_method.values()))


class _MarkSurvey:
    """
    Where the marks of a project stand.

    Args:
        views: All views of the URL configurations.
    """

    def __init__(self, views: Sequence[MappedView]) -> None:
        self._views = views
        self._in_force: set[int] = set()
        self._hidden: dict[int, object] = {}
        self._view_classes: dict[int, type] = {}
        for mapped in views:
            self._add(mapped.view)

    def _add(self, view: object) -> None:
        marks = _marks_in_force(view)
        for _, handler in method_handlers(view):
            self._in_force.update(map(id, wrapped_callables(handler)))
        for function in wrapped_callables(view):
            own = marks_of(function)
            if set(own.tracked) <= set(marks.tracked) and (marks.exempt or not own.exempt):
                self._in_force.add(id(function))
            else:
                self._hidden[id(function)] = function
            for view_class in (getattr(function, "view_class", None), getattr(function, "cls", None)):
                if isclass(view_class):
                    self._in_force.update(map(id, view_class.__mro__))
                    self._view_classes[id(view_class)] = view_class

    def hidden(self) -> Iterator[object]:
        """Marked functions below a decorator that does not pass the mark on."""
        yield from (function for identity, function in self._hidden.items() if identity not in self._in_force)

    def methods(self) -> Iterator[object]:
        """Marked methods of view classes that answer no HTTP method."""
        for view_class in self._view_classes.values():
            for name in dir(view_class):
                method = getattr(view_class, name, None)
                if name != "dispatch" and isfunction(method) and self._is_unused(method):
                    self._in_force.add(id(method))
                    yield method

    def unmapped(self) -> Iterator[object]:
        """Marked functions and classes beside the views of a project that are in no URL pattern."""
        for module in _modules(self._views):
            for value in list(vars(module).values()):
                if (
                    (isfunction(value) or isclass(value))
                    and value.__module__ == module.__name__
                    and self._is_unused(value)
                ):
                    yield value

    def _is_unused(self, marked: object) -> bool:
        return marks_of(marked) != NO_MARKS and id(marked) not in self._in_force and id(marked) not in self._hidden


def _unused_marks(views: Sequence[MappedView]) -> Iterator[checks.Warning]:
    survey = _MarkSurvey(views)
    kinds = [
        (
            survey.hidden(),
            "a decorator above it hides its mark.",
            "Put slo_track or slo_exempt above the other decorators.",
        ),
        (
            survey.methods(),
            "its mark is not looked at: it answers no HTTP method.",
            "Mark the class, or get, post, ...",
        ),
    ]
    if not url_configurations().may_be_others:
        kinds.append((survey.unmapped(), "it is marked, and is in no URL pattern.", "Mark the view that answers."))
    for functions, problem, hint in kinds:
        for function in functions:
            yield checks.Warning(f"{_name_of(function)}: {problem}", hint=hint, id=CheckID.UNUSED_MARK)


def _modules(views: Sequence[MappedView]) -> Iterator[Any]:
    """The modules in which the project's views stand."""
    names = {str(getattr(mapped.view, "__module__", "")) for mapped in views}
    names.update(f"{config.name}.views" for config in apps.get_app_configs())
    for name in sorted(names - {"slo_django.views"}):
        module = sys.modules.get(name)
        if module is not None:
            yield module


def _name_of(marked: object) -> str:
    return f"{getattr(marked, '__module__', '')}.{getattr(marked, '__qualname__', repr(marked))}"
