"""What has to be known of a URL configuration, to match requests that were answered before it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from slo_django.marks import marks_by_method, marks_of_view

__all__ = ["UrlTable"]


class UrlTable:
    """
    The facts of one URL configuration, gathered once.

    Args:
        urlconf: As `settings.ROOT_URLCONF`.

    Attributes:
        has_marks: Some view is marked with `slo_track` or `slo_exempt`, our own views apart.
    """

    __slots__ = ("_own_parts", "_own_views", "has_marks")

    def __init__(self, urlconf: Any) -> None:
        self.has_marks = False
        # The literal start of each of our views' own patterns, which all its paths contain.
        self._own_parts: set[str] = set()
        self._own_views: list[object] = []
        for pattern in _patterns(get_resolver(urlconf)):
            view = pattern.callback
            marks = marks_of_view(view)
            if marks.exempt and getattr(view, "__module__", None) == "slo_django.views":
                self._own_views.append(view)
                text = str(pattern.pattern)
                # A path within an expression may begin with anything.
                self._own_parts.add(text.partition("<")[0] if text.isprintable() and "^" not in text else "")
            elif not self.has_marks:
                self.has_marks = bool(marks.tracked or marks.exempt or marks_by_method(view))

    def may_be_own(self, path: str) -> bool:
        """Whether the path may lead to a view of slo-suite."""
        return any(part in path for part in self._own_parts)

    def is_own(self, view: object) -> bool:
        """Whether it is a view of slo-suite."""
        return any(view is own for own in self._own_views)  # not `in`: views may compare themselves


def _patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern)
        else:
            yield pattern
