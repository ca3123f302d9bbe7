"""The route that takes a request, as the application puts it into the environ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from slo_core.conventions import ROUTE_SCOPE_KEY
from slo_core.http.request import ObservedRequest, RouteMatch

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["EnvironRoutes", "Routes"]

_REMEMBERED_ROUTES = 1024


class Routes(Protocol):
    """Finds the routes of requests."""

    def find(self, environ: WSGIEnvironment, observed: ObservedRequest, /) -> RouteMatch | None:
        """
        The route of a request that is being answered; None when no route takes it.

        Args:
            environ: The WSGI environ.
            observed: The request.
        """


class EnvironRoutes:
    """
    Reads the route from `environ["slo_route"]`, where the application put it.

    It is the route's template, or a mapping with `route`, `name` and `view`, each of which may be missing.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        # One object for each route: the recorder remembers by it how requests are counted.
        self._known: dict[tuple[str | None, str | None, int], RouteMatch] = {}

    def find(self, environ: WSGIEnvironment, observed: ObservedRequest) -> RouteMatch | None:
        given = environ.get(ROUTE_SCOPE_KEY)
        if isinstance(given, str):
            return self._remembered_match(given, None, None)
        if isinstance(given, Mapping):
            return self._remembered_match(given.get("route"), given.get("name"), given.get("view"))
        return None

    def _remembered_match(self, route: object, name: object, view: object) -> RouteMatch:
        route = route if isinstance(route, str) else None
        name = name if isinstance(name, str) and name else None
        key = (route, name, id(view))
        route_match = self._known.get(key)
        # The view is kept, so that no other gets its id.
        if route_match is None or route_match.view is not view:
            if len(self._known) >= _REMEMBERED_ROUTES:
                self._known.clear()
            route_match = self._known[key] = RouteMatch(route, view_name=name, view=view, matched=True)
        return route_match
