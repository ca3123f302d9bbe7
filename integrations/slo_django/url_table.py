"""What has to be known of a URL configuration, to match requests that were answered before it was asked."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLResolver
from django.urls.resolvers import RegexPattern, RoutePattern

from slo_django.marks import marks_by_method, marks_of_view
from slo_django.narrow_resolver import NarrowResolver, literal_start

__all__ = ["UrlTable"]


class UrlTable:
    """
    The facts of one URL configuration, gathered once.

    Args:
        resolver: Django's, of that configuration.

    Attributes:
        resolver: The same.
        narrow_resolver: Resolves as it does, and faster.
        is_translated: The active language decides which paths some view has.
        has_marks: Some view is marked with `slo_track` or `slo_exempt`, our own views apart.
        own_routes: The routes of our own views.
    """

    __slots__ = ("_own_parts", "_own_views", "has_marks", "is_translated", "narrow_resolver", "own_routes", "resolver")

    def __init__(self, resolver: URLResolver) -> None:
        self.resolver = resolver
        self.narrow_resolver = NarrowResolver(resolver)
        self.has_marks = False
        self.is_translated = _is_translated(resolver)
        # For each of our views a literal part of its pattern: all its paths contain it.
        self._own_parts: set[str] = set()
        self._own_views: list[object] = []
        self.own_routes: set[str] = set()
        for view, literal, route in _views(resolver, "", ""):
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
        # It may be empty, which every path contains.
        longest = max(literal, literal_start(pattern), key=len)
        if isinstance(pattern, URLResolver):
            yield from _views(pattern, longest, around + str(pattern.pattern))
        else:
            yield pattern.callback, longest, around + str(pattern.pattern)


def _is_translated(resolver: URLResolver) -> bool:
    for pattern in resolver.url_patterns:
        route = pattern.pattern
        # A translated text is no `str`; LocalePrefixPattern, and classes of others, are neither of the two.
        text = getattr(route, "_route", getattr(route, "_regex", None))
        if type(route) not in {RoutePattern, RegexPattern} or not isinstance(text, str):
            return True
        if isinstance(pattern, URLResolver) and _is_translated(pattern):
            return True
    return False
