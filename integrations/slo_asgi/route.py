"""The route that took a request, read from the scope afterwards: routers announce it nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from slo_core.conventions import ROUTE_SCOPE_KEY
from slo_core.http.lifespan import Scope
from slo_core.http.request import RouteMatch

__all__ = ["RouteResolver"]

# Applications have a handful of route tables: their own, and those of mounted applications.
_REMEMBERED_TABLES = 16
_REMEMBERED_ROUTES = 1024


class RouteResolver:
    """Resolves the routes of finished requests, and remembers routes and route tables."""

    __slots__ = ("_known", "_tables")

    def __init__(self) -> None:
        # By identity, because Starlette's routes have no hash; the route itself is kept, so that no other gets its id.
        self._known: dict[tuple[int, int], tuple[object, object, RouteMatch]] = {}
        self._tables: dict[tuple[int, int], tuple[object, dict[int, list[_Candidate]]]] = {}

    def resolve(self, scope: Scope, *, path: str) -> RouteMatch | None:
        """
        The route of a finished request.

        Args:
            scope: Its scope, after the application ran.
            path: The path, below the root path as the request came in.

        Returns:
            None when no route took it.
        """
        given = scope.get(ROUTE_SCOPE_KEY)
        endpoint = scope.get("endpoint")
        if isinstance(given, str):
            return RouteMatch(given, view=endpoint)
        fastapi = scope.get("fastapi")
        if isinstance(fastapi, dict):
            if "frontend_path" in fastapi:
                return _frontend(scope, str(fastapi["frontend_path"]))
            context = fastapi.get("effective_route_context")
        else:
            context = None
        if endpoint is None:
            return None
        route = scope.get("route")
        if route is None or "app_root_path" in scope:
            # Below a mount the template depends on more than the route.
            return self._match(scope, route, context, endpoint, path)
        key = (id(route), id(context))
        known = self._known.get(key)
        if known is not None and known[2].view is endpoint:
            return known[2]
        route_match = self._match(scope, route, context, endpoint, path)
        if route_match is not None:
            if len(self._known) >= _REMEMBERED_ROUTES:
                self._known.clear()
            self._known[key] = (route, context, route_match)
        return route_match

    def _match(self, scope: Scope, route: Any, context: object, endpoint: object, path: str) -> RouteMatch | None:
        included = _included_route(context, route)
        if included is not None:
            template, name = included
        elif isinstance(getattr(route, "path_format", None), str):
            if _is_mount(route):
                return self._mounted(scope, route, endpoint)
            template, name = route.path_format, getattr(route, "name", None)
        else:
            return self._look_up(scope, endpoint, path=path)
        return RouteMatch(_mount_prefix(scope, template) + template, view_name=name or None, view=endpoint)

    def _mounted(self, scope: Scope, mount: Any, endpoint: object) -> RouteMatch | None:
        """The mount is the innermost route: it holds a raw ASGI application, or a router of which no route matched."""
        if getattr(mount, "routes", None):
            return None
        template = f"{_mount_prefix(scope, '')}/{{path}}"
        return RouteMatch(template, view_name=mount.name or None, view=endpoint, is_static=_is_static(endpoint))

    def _look_up(self, scope: Scope, endpoint: object, *, path: str) -> RouteMatch | None:
        """Starlette before 1.7 names the endpoint only: look it up in the application's routes."""
        routes = getattr(scope.get("app"), "routes", None)
        if not routes:
            return RouteMatch(view=endpoint, is_static=True) if _is_static(endpoint) else None
        key = (id(routes), len(routes))
        known = self._tables.get(key)
        if known is None:
            if len(self._tables) >= _REMEMBERED_TABLES:
                self._tables.clear()
            known = self._tables[key] = (routes, _by_endpoint(routes))
        candidates = known[1].get(id(endpoint), ())
        if len(candidates) > 1:  # one endpoint serves several routes
            below = path.removeprefix(_mounted_at(scope))
            candidates = [each for each in candidates if each.may_have_taken(scope, below)]
        if not candidates:
            return None
        route = max(candidates, key=lambda each: len(each.mounts)).route
        if _is_mount(route):
            return self._mounted(scope, route, endpoint)
        template = route.path_format
        return RouteMatch(_mount_prefix(scope, template) + template, view_name=route.name or None, view=endpoint)


class _Candidate(NamedTuple):
    """A route that names an endpoint, and the template of the mounts around it within its application."""

    mounts: str
    route: Any

    def may_have_taken(self, scope: Scope, below: str) -> bool:
        """Whether it may be the one that took a request, whose path goes on with `below` after the mounts."""
        if _is_mount(self.route):
            return _mount_prefix(scope, "").endswith(self.mounts)
        template = self.route.path_format
        # The application may be mounted itself.
        return _mount_prefix(scope, template).endswith(self.mounts) and bool(self.route.path_regex.match(below))


def _frontend(scope: Scope, file: str) -> RouteMatch:
    """The route of a file below `FastAPI.frontend()`, which serves static files and names no endpoint."""
    below = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
    return RouteMatch(f"{_mount_prefix(scope, '')}{below.removesuffix(file).rstrip('/')}/{{path}}", is_static=True)


def _included_route(context: object, route: object) -> tuple[str, str | None] | None:
    """FastAPI from 0.137: the route that an included router chose, with the prefix it was included under."""
    if context is None:
        return None
    original = getattr(context, "original_route", None)
    if original is not route and hasattr(route, "path_format"):
        return None  # left over from an outer application, in which this one is mounted
    effective = getattr(context, "starlette_route", None) or context
    if _is_mount(effective):
        return None
    template = getattr(effective, "path_format", None)
    return (template, getattr(effective, "name", None)) if isinstance(template, str) else None


def _mount_prefix(scope: Scope, template: str) -> str:
    """
    The template of the mounts around the matched route.

    A mount adds the matched path to the root path; where a parameter of the mount stands in it, its name goes back in.
    """
    if "app_root_path" not in scope:
        return ""
    parts = _mounted_at(scope).split("/")
    end = len(parts)
    # From the right, because the client's value may equal a literal part: "/by/{name}" requested as "/by/by".
    for name, value in reversed(scope.get("path_params", {}).items()):
        text = str(value)
        if f"{{{name}}}" in template or text not in parts[:end]:
            continue
        end -= 1 + parts[:end][::-1].index(text)
        parts[end] = f"{{{name}}}"
    return "/".join(parts)


def _mounted_at(scope: Scope) -> str:
    """The path of the mounts around the matched route, as it was requested."""
    if "app_root_path" not in scope:
        return ""  # nothing is mounted: the root path is the server's
    return str(scope.get("root_path", "")).removeprefix(scope["app_root_path"])


def _is_mount(route: object) -> bool:
    routing = sys.modules.get("starlette.routing")  # imported wherever such routes exist
    return routing is not None and isinstance(route, routing.Mount)


def _is_static(endpoint: object) -> bool:
    static = sys.modules.get("starlette.staticfiles")
    return static is not None and isinstance(endpoint, static.StaticFiles)


def _by_endpoint(routes: Iterable[Any], mounts: str = "") -> dict[int, list[_Candidate]]:
    """Every route that ends a search, those below mounts included, by the identity of its endpoint."""
    by_endpoint: dict[int, list[_Candidate]] = {}
    for route in routes:
        inner = getattr(route, "routes", None)
        around = mounts + route.path_format.removesuffix("/{path}") if _is_mount(route) else mounts
        if inner:
            for endpoint, candidates in _by_endpoint(inner, around).items():
                by_endpoint.setdefault(endpoint, []).extend(candidates)
        elif _is_mount(route):
            by_endpoint.setdefault(id(route.app), []).append(_Candidate(around, route))
        elif hasattr(route, "path_format") and hasattr(route, "path_regex") and hasattr(route, "endpoint"):
            by_endpoint.setdefault(id(route.endpoint), []).append(_Candidate(around, route))
    return by_endpoint
