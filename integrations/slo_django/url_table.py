"""What has to be known of a URL configuration, to match requests that were answered before it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from slo_django.marks import marks_by_method, marks_of_view

__all__ = ["UrlTable"]


class UrlTable:
    """
    The facts of one URL configuration, gathered once.

    Args:
        urlconf: As `settings.ROOT_URLCONF`.

    Attributes:
        has_marks: Some view is marked with `slo_track` or `slo_exempt`, our own views apart.
        own_routes: The routes of our own views.
    """

    __slots__ = ("_own_parts", "_own_views", "has_marks", "own_routes")

    def __init__(self, urlconf: Any) -> None:
        self.has_marks = False
        # For each of our views a literal part of its pattern: all its paths contain it.
        self._own_parts: set[str] = set()
        self._own_views: list[object] = []
        self.own_routes: set[str] = set()
        for view, literal, route in _views(get_resolver(urlconf), "", ""):
            marks = marks_of_view(view)
            if marks.exempt and str(getattr(view, "__module__", "")).startswith("slo_django."):
                self._own_views.append(view)
                self._own_parts.add(literal)
                self.own_routes.add(route)
            elif not self.has_marks:
                self.has_marks = bool(marks.tracked or marks.exempt or marks_by_method(view))

    def may_be_own(self, path: str) -> bool:
        """Whether the path may lead to a view of slo-suite."""
        return any(part in path for part in self._own_parts)

    def is_own(self, view: object) -> bool:
        """Whether it is a view of slo-suite."""
        return any(view is own for own in self._own_views)  # not `in`: views may compare themselves


def _views(resolver: URLResolver, literal: str, around: str) -> Iterator[tuple[object, str, str]]:
    """All views, each with the longest literal part of its route, and the route as a `ResolverMatch` has it."""
    for pattern in resolver.url_patterns:
        route = pattern.pattern
        # Expressions and translated routes are left out: the part may then be empty, which every path contains.
        is_literal = isinstance(route, RoutePattern) and isinstance(getattr(route, "_route", None), str)
        start = str(route).partition("<")[0] if is_literal else ""
        longest = max(literal, start, key=len)
        if isinstance(pattern, URLResolver):
            yield from _views(pattern, longest, around + str(route))
        else:
            yield pattern.callback, longest, around + str(route)
