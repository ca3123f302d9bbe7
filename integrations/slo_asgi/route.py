"""Which route took a request: asked of the scope afterwards, since routers tell nobody."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from slo_core.conventions import ROUTE_SCOPE_KEY
from slo_core.http import Resolved
from slo_core.lifespan import Scope

__all__ = ["RouteResolver"]

# Applications have a handful of route tables: their own, and those of mounted applications.
_REMEMBERED_TABLES = 16
_REMEMBERED_ROUTES = 1024


class RouteResolver:
    """Tells the route of finished requests; remembers what it found out about routes and route tables."""

    __slots__ = ("_known", "_templates")

    def __init__(self) -> None:
        # By identity, because Starlette's routes have no hash; the route itself is kept, so that no other gets its id.
        self._known: dict[tuple[int, int], tuple[object, object, Resolved]] = {}
        self._templates: dict[tuple[int, int], dict[object, list[tuple[str, str | None]]]] = {}

    def resolve(self, scope: Scope, *, path: str) -> Resolved | None:
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
            return Resolved(given, view=endpoint)
        if endpoint is None:
            return None
        route = scope.get("route")
        fastapi = scope.get("fastapi")
        context = fastapi.get("effective_route_context") if isinstance(fastapi, dict) else None
        if route is None or "app_root_path" in scope:
            # Below a mount the template depends on more than the route.
            return self._tell(scope, route, context, endpoint, path)
        key = (id(route), id(context))
        known = self._known.get(key)
        if known is not None and known[2].view is endpoint:
            return known[2]
        resolved = self._tell(scope, route, context, endpoint, path)
        if resolved is not None:
            if len(self._known) >= _REMEMBERED_ROUTES:
                self._known.clear()
            self._known[key] = (route, context, resolved)
        return resolved

    def _tell(self, scope: Scope, route: Any, context: object, endpoint: object, path: str) -> Resolved | None:
        included = _included_route(context, route)
        if included is not None:
            template, name = included
        elif isinstance(getattr(route, "path_format", None), str):
            if _is_mount(route):
                return self._mounted(scope, route, endpoint)
            template, name = route.path_format, getattr(route, "name", None)
        else:
            return self._look_up(scope, endpoint, path=path)
        return Resolved(_mount_prefix(scope, template) + template, view_name=name or None, view=endpoint)

    def _mounted(self, scope: Scope, mount: Any, endpoint: object) -> Resolved | None:
        """The mount was the last to take it: a raw ASGI application, or a router of which no route matched."""
        if getattr(mount, "routes", None):
            return None
        template = f"{_mount_prefix(scope, '')}/{{path}}"
        return Resolved(template, view_name=mount.name or None, view=endpoint, is_static=_is_static(endpoint))

    def _look_up(self, scope: Scope, endpoint: object, *, path: str) -> Resolved | None:
        """Starlette before 1.7 names the endpoint only: look it up in the application's routes."""
        if _is_static(endpoint):
            return Resolved(view=endpoint, view_name="static", is_static=True)
        routes = getattr(scope.get("app"), "routes", None)
        if not routes:
            return None
        key = (id(routes), len(routes))
        templates = self._templates.get(key)
        if templates is None:
            if len(self._templates) >= _REMEMBERED_TABLES:
                self._templates.clear()
            templates = self._templates[key] = {}
            for owner, template, name in _flatten(routes, ""):
                templates.setdefault(owner, []).append((template, name))
        candidates = templates.get(endpoint, [])
        if len(candidates) == 1:
            template, name = candidates[0]
            return Resolved(template, view_name=name, view=endpoint)
        found = _walk(routes, {"type": "http", "path": path, "root_path": "", "method": scope["method"], "headers": []})
        if found is None:
            return None
        return Resolved(found[0], view_name=found[1], view=endpoint)


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
        return ""  # nothing is mounted: the root path is the server's
    prefix = scope.get("root_path", "").removeprefix(scope["app_root_path"])
    parameters = {
        str(value): name for name, value in scope.get("path_params", {}).items() if f"{{{name}}}" not in template
    }
    if not parameters:
        return str(prefix)
    return "/".join(f"{{{parameters[part]}}}" if part in parameters else part for part in prefix.split("/"))


def _is_mount(route: object) -> bool:
    routing = sys.modules.get("starlette.routing")  # whoever has a route of Starlette's has imported it
    return routing is not None and isinstance(route, routing.Mount)


def _is_static(endpoint: object) -> bool:
    static = sys.modules.get("starlette.staticfiles")
    return static is not None and isinstance(endpoint, static.StaticFiles)


def _flatten(routes: Iterable[Any], prefix: str) -> Iterator[tuple[object, str, str | None]]:
    """Endpoint, template and name of every route, mounts included."""
    for route in routes:
        if _is_mount(route):
            inner = getattr(route, "routes", None)
            if inner:
                yield from _flatten(inner, prefix + route.path)
            else:
                yield route.app, f"{prefix}{route.path}/{{path}}", route.name or None
        elif hasattr(route, "path_format") and hasattr(route, "endpoint"):
            yield route.endpoint, prefix + route.path_format, getattr(route, "name", None)


def _walk(routes: Iterable[Any], scope: dict[str, Any]) -> tuple[str, str | None] | None:
    """Match again, as the router did, where one endpoint serves several routes."""
    from starlette.routing import Match

    partial = None
    for route in routes:
        match, child_scope = route.matches(scope)
        if match is Match.NONE:
            continue
        if _is_mount(route) and getattr(route, "routes", None):
            inner = _walk(route.routes, {**scope, **child_scope})
            return None if inner is None else (route.path + inner[0], inner[1])
        found = (getattr(route, "path_format", None) or route.path, getattr(route, "name", None))
        if match is Match.FULL:
            return found
        partial = partial or found
    return partial
