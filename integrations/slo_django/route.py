"""The route that took a request, from Django's resolver, and whether it serves static files."""

from __future__ import annotations

from django.conf import settings
from django.contrib.staticfiles.views import serve as serve_from_finders
from django.http import HttpRequest
from django.urls import ResolverMatch
from django.views.static import serve as serve_from_folder

from slo_core.http.request import NO_ROUTE_MATCH, RouteMatch

__all__ = ["RouteResolver"]

_REMEMBERED_ROUTES = 1024


class RouteResolver:
    """
    Resolves the routes of finished requests, and remembers them.

    Make it while a request is served: Django adds the script prefix of that moment to `STATIC_URL`, and remembers it.
    """

    __slots__ = ("_known", "_static_prefix")

    def __init__(self) -> None:
        self._static_prefix = _static_prefix()
        self._known: dict[tuple[object, str, str, bool], RouteMatch] = {}

    def resolve(self, request: HttpRequest) -> RouteMatch:
        """The route of a finished request; `NO_ROUTE_MATCH` where no URL pattern matched or none was tried."""
        prefix = self._static_prefix
        is_static = prefix is not None and request.path.startswith(prefix)
        match: ResolverMatch | None = request.resolver_match
        if match is None:
            return RouteMatch(is_static=True) if is_static else NO_ROUTE_MATCH
        # With the name: under a URL configuration for each host, one view may have several.
        key = (match.func, match.route, match.view_name, is_static)
        try:
            return self._known[key]
        except KeyError:
            if len(self._known) >= _REMEMBERED_ROUTES:
                self._known.clear()
            route_match = self._known[key] = _match_of(match, is_static=is_static)
            return route_match
        except TypeError:  # a view without a hash
            return _match_of(match, is_static=is_static)


def _static_prefix() -> str | None:
    """The path under which static files lie; None where they come from another host."""
    url = getattr(settings, "STATIC_URL", None)
    # A prefix of "/" alone would leave out the whole service.
    return url if isinstance(url, str) and url.startswith("/") and url.strip("/") else None


def _match_of(match: ResolverMatch, *, is_static: bool) -> RouteMatch:
    view = match.func
    return RouteMatch(
        match.route.removeprefix("^"),  # of re_path: it gives the text of its expression
        view_name=match.view_name,
        view=view,
        is_static=is_static or view is serve_from_finders or view is serve_from_folder,
    )
