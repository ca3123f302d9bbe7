"""Every view of the project's URL configuration, with the route and view name of its requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from django.conf import settings
from django.urls import ResolverMatch, URLPattern, URLResolver, get_resolver
from django.urls.resolvers import LocalePrefixPattern, RegexPattern

from slo_django.url_configurations import url_configurations

__all__ = ["MappedView", "Route", "mapped_views"]

_GLOB_SPECIAL = re.compile(r"[*?\[]")
_REGEX_SPECIAL = re.compile(r"[\\.$*+?{}()|\[\]]")


@dataclass(frozen=True, slots=True)
class Route:
    """
    A route template, put together along nested includes.

    Attributes:
        template: As in a `RouteMatch`, with a leading slash.
        start: The literal start of all its paths.
        is_fixed: It has no variable part: `start` is the path.
    """

    template: str = "/"
    start: str = "/"
    is_fixed: bool = True

    def join(self, template: str, *, is_regex: bool) -> Route:
        """Append the route of an included pattern."""
        text = template.removeprefix("^") if is_regex else template
        joined = replace(self, template=self.template + text)
        if not self.is_fixed:
            return joined
        fixed = _regex_start(text) if is_regex else text.partition("<")[0]
        # An expression is never fixed: it may lack a "$".
        return replace(joined, start=self.start + fixed, is_fixed=not is_regex and fixed == text)

    def may_match(self, glob: str) -> bool:
        """Whether the glob matches the template, or could match one of its paths. False is certain."""
        if fnmatchcase(self.template, glob):
            return True
        special = _GLOB_SPECIAL.search(glob)
        start = glob if special is None else glob[: special.start()]
        return not self.is_fixed and (start.startswith(self.start) or self.start.startswith(start))


def _regex_start(expression: str) -> str:
    """The characters that every match of an expression starts with."""
    special = _REGEX_SPECIAL.search(expression)
    if special is None:
        return expression
    if "|" in expression:
        return ""
    # "colou?r": the character before the mark is not certain either.
    return expression[: special.start() - (special[0] in "*?{")]


@dataclass(frozen=True, slots=True)
class MappedView:
    """
    One pattern of the URL configuration.

    Attributes:
        route: Where it answers.
        view_name: Its name with namespaces, or the dotted path of the view.
        view: The view itself.
    """

    route: Route
    view_name: str
    view: object


def mapped_views() -> Iterator[MappedView]:
    """Every view, includes and namespaces followed; under `i18n_patterns` once for each language."""
    for urlconf in url_configurations().known:
        yield from _walk(get_resolver(urlconf).url_patterns, Route(), ())


def _walk(
    patterns: list[URLPattern | URLResolver], base: Route, namespaces: tuple[str | None, ...]
) -> Iterator[MappedView]:
    for pattern in patterns:
        for route in _routes(base, pattern):
            if isinstance(pattern, URLPattern):
                match = ResolverMatch(pattern.callback, (), {}, pattern.name, namespaces=list(namespaces))
                yield MappedView(route, match.view_name, pattern.callback)
            else:
                yield from _walk(pattern.url_patterns, route, (*namespaces, pattern.namespace))


def _routes(base: Route, pattern: URLPattern | URLResolver) -> Iterator[Route]:
    own = pattern.pattern
    if isinstance(own, LocalePrefixPattern):
        for language, _ in settings.LANGUAGES:
            bare = language == settings.LANGUAGE_CODE and not own.prefix_default_language
            yield base.join("" if bare else f"{language}/", is_regex=False)
    else:
        yield base.join(str(own), is_regex=isinstance(own, RegexPattern))
