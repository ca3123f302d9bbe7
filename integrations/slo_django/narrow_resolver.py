"""Django's resolver, asked for the few URL patterns that begin as a path does."""

from __future__ import annotations

from typing import Any

from django.urls import Resolver404, ResolverMatch, URLPattern, URLResolver
from django.urls.resolvers import RoutePattern

__all__ = ["NarrowResolver", "literal_start"]

# Resolvers within resolvers: more would be a loop.
_MOST_LEVELS = 16


class NarrowResolver:
    """
    Resolves paths as a URL resolver does, in the same order, without trying each of hundreds of patterns.

    Django tries them one after the other, which takes a third of a millisecond among 500.

    Args:
        resolver: Django's.
        level: How many resolvers are around it.
    """

    __slots__ = ("_by_start", "_lengths", "_resolver", "pattern")

    def __init__(self, resolver: URLResolver, level: int = 0) -> None:
        self._resolver = resolver
        self.pattern = resolver.pattern
        self._by_start: dict[str, list[tuple[int, Any]]] = {}
        for index, each in enumerate(resolver.url_patterns):
            # A class of the project's own may resolve in its own way.
            inner = NarrowResolver(each, level + 1) if type(each) is URLResolver and level < _MOST_LEVELS else each
            self._by_start.setdefault(literal_start(each), []).append((index, inner))
        self._lengths = sorted({len(start) for start in self._by_start})

    def resolve(self, path: str) -> ResolverMatch:
        """
        The view of a path.

        Raises:
            Resolver404: No pattern has it.
        """
        match = self.pattern.match(path)
        if not match:
            raise Resolver404({"path": path})
        rest = match[0]
        candidates: list[tuple[int, Any]] = []
        for length in self._lengths:
            if length > len(rest):
                break
            candidates += self._by_start.get(rest[:length], ())
        candidates.sort(key=_position)
        resolver = self._resolver
        narrowed = URLResolver(
            resolver.pattern, [each for _, each in candidates], resolver.default_kwargs, resolver.app_name, resolver.namespace
        )  # fmt: skip
        return narrowed.resolve(path)


def literal_start(pattern: URLPattern | URLResolver) -> str:
    """
    What each path of a pattern begins with.

    It is empty, which every path begins with, for expressions and translated routes.
    """
    route = pattern.pattern
    is_literal = type(route) is RoutePattern and isinstance(getattr(route, "_route", None), str)
    return str(route).partition("<")[0] if is_literal else ""


def _position(candidate: tuple[int, Any]) -> int:
    return candidate[0]
