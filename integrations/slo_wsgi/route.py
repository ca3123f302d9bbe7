"""The route that takes a request, as the application puts it into the environ."""

from __future__ import annotations

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
    """Reads the route template from `environ["slo_route"]`, where the application put it."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        # One object for each template: the recorder remembers by it how requests are counted.
        self._known: dict[str, RouteMatch] = {}

    def find(self, environ: WSGIEnvironment, observed: ObservedRequest) -> RouteMatch | None:
        template = environ.get(ROUTE_SCOPE_KEY)
        if not isinstance(template, str):
            return None
        route_match = self._known.get(template)
        if route_match is None:
            if len(self._known) >= _REMEMBERED_ROUTES:
                self._known.clear()
            route_match = self._known[template] = RouteMatch(template)
        return route_match
