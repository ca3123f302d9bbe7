"""The route that took a request, read from the scope afterwards: routers announce it nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from slo_asgi.route_table import RouteTable, innermost_of, is_mount, is_static, routed_app_of
from slo_core.conventions import ROUTE_SCOPE_KEY
from slo_core.http.lifespan import Scope
from slo_core.http.markers import NO_MARKS, marks_of
from slo_core.http.recorder import HTTPRecorder
from slo_core.http.request import ObservedRequest, RouteMatch

__all__ = ["RouteResolver"]

# Applications have a handful of route tables: their own, and those of mounted applications.
_REMEMBERED_TABLES = 16
_REMEMBERED_ROUTES = 1024

# An application that has no routes and is a view for static files.
_STATIC_FILES = RouteMatch(is_static=True)


class RouteResolver:
    """
    Resolves the routes of finished requests, and remembers routes and route tables.

    Args:
        recorder: Says whether routes matter to a request that no router saw.
        app: The application that holds the routes, perhaps within layers that keep what they wrap as `app`.
    """

    __slots__ = ("_app", "_known", "_known_names", "_recorder", "_table", "_table_version", "_tables")

    def __init__(self, recorder: HTTPRecorder, app: object) -> None:
        self._recorder = recorder
        self._app = app
        # By identity, because Starlette's routes have no hash; the route itself is kept, so that no other gets its id.
        self._known: dict[int | tuple[int, int], tuple[object, object, RouteMatch]] = {}
        self._known_names: dict[tuple[object, object, int], RouteMatch] = {}
        self._tables: dict[tuple[int, int], tuple[object, dict[int, list[_Candidate]]]] = {}
        self._table: RouteTable | None = None
        self._table_version: object = None

    def resolve(self, scope: Scope, observed: ObservedRequest) -> RouteMatch | None:
        """
        The route of a finished request.

        Args:
            scope: Its scope, after the application ran.
            observed: The request.

        Returns:
            None when no route took it.
        """
        routed = scope
        if observed.marks is not None:
            notes = observed.marks.notes
            if notes is not None and notes.router_scope is not None:
                routed = notes.router_scope
        if "app_root_path" not in routed and ROUTE_SCOPE_KEY not in routed:
            # Nearly every request: an earlier one of its route has made the match.
            try:
                route = routed["route"]
                key: int | tuple[int, int] = id(route)  # as `_key` makes it
                if "fastapi" in routed and type(routed["fastapi"]) is dict:
                    key = _key(route, routed["fastapi"].get("effective_route_context"))
                known_match = self._known[key][2]
                # The endpoint is the route's own, unless something replaced one of them.
                if known_match.view is routed["endpoint"]:
                    return known_match
            except KeyError:
                pass
        route_match = self._routed(routed, observed)
        if route_match is None and routed is not scope and ROUTE_SCOPE_KEY in scope:
            route_match = self._routed(scope, observed)
        return self._not_routed(scope, observed) if route_match is None else route_match

    def route_table(self) -> RouteTable | None:
        """The routes of the application; None where it has none that are known."""
        app = routed_app_of(self._app)
        if app is None:
            return None
        # FastAPI's routers, which may be included before they have their routes, count their changes.
        count_changes = getattr(getattr(app, "router", None), "_get_routes_version", None)
        version = (id(app), len(app.routes), count_changes() if callable(count_changes) else None)
        if version != self._table_version:
            self._table = None
            self._table_version = version  # first: a table that cannot be made is not tried at each request
            self._table = RouteTable(app.routes)
        return self._table

    def _not_routed(self, scope: Scope, observed: ObservedRequest) -> RouteMatch | None:
        """
        The route of a request that never reached its router: a layer around it answered, or raised.

        A view of slo-suite counts for nothing, also where another layer answers in its place. The other routes matter
        where the answer is neither a 404 nor a redirect, which would be left out.
        """
        table = self.route_table()
        if table is None:
            return _STATIC_FILES if is_static(innermost_of(self._app)) else None
        own_view = table.own_view(observed.path)
        if own_view is not None:
            return own_view
        status = observed.status
        if status is not None and (status == 404 or 300 <= status < 400):
            return None
        if not (self._recorder.needs_routes or table.marked):
            return None
        route_match = table.match(observed.method, observed.path, scope.get("headers", ()))
        mounted_at = str(scope.get("path", "")).removesuffix(observed.path)
        if route_match is None or route_match.route is None or "app_root_path" not in scope or not mounted_at:
            return route_match
        # This installation is mounted itself.
        mounted_at = mounted_at.removeprefix(scope["app_root_path"])
        prefix = _with_names(mounted_at, scope.get("path_params", {}), route_match.route)
        return RouteMatch(
            prefix + route_match.route,
            view_name=route_match.view_name, view=route_match.view, is_static=route_match.is_static,
        )  # fmt: skip

    def _named(self, route: object, name: object, view: object) -> RouteMatch | None:
        """A route that the application or its framework named itself."""
        route = route if isinstance(route, str) else None
        name = name if isinstance(name, str) and name else None
        key = (route, name, id(view))
        known = self._known_names.get(key)
        if known is None or known.view is not view:
            if len(self._known_names) >= _REMEMBERED_ROUTES:
                self._known_names.clear()
            known = self._known_names[key] = RouteMatch(
                route, view_name=name, view=view, is_static=is_static(view), matched=True
            )
        return known

    def _routed(self, scope: Scope, observed: ObservedRequest) -> RouteMatch | None:
        given = scope.get(ROUTE_SCOPE_KEY)
        endpoint = scope.get("endpoint")
        if given is not None:
            if isinstance(given, str):
                return self._named(given, None, endpoint)
            if isinstance(given, Mapping):
                return self._named(given.get("route"), given.get("name"), given.get("view", endpoint))
        handler = scope.get("route_handler")
        if handler is not None and "path_template" in scope:  # Litestar's
            view = handler if marks_of(handler) != NO_MARKS else getattr(handler, "fn", handler)
            name = getattr(handler, "name", None) or getattr(handler, "handler_name", None)
            return self._named(scope["path_template"], name, view)
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
        route_match = self._match(scope, route, context, endpoint, observed.path)
        if route_match is None:
            return None
        table = self._table or self.route_table()
        if table is not None and route_match.route in table.hiding:
            # A view of slo-suite would answer there, if this route did not come first.
            return (table.own_view(observed.path) if observed.method in ("GET", "HEAD") else None) or route_match
        if route is None or "app_root_path" in scope:
            return route_match  # below a mount the template depends on more than the route
        if len(self._known) >= _REMEMBERED_ROUTES:
            self._known.clear()
        self._known[_key(route, context)] = (route, context, route_match)
        return route_match

    def _match(self, scope: Scope, route: Any, context: object, endpoint: object, path: str) -> RouteMatch | None:
        included = _included_route(context, route)
        if included is not None:
            template, name = included
        elif isinstance(getattr(route, "path_format", None), str):
            if is_mount(route):
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
        return RouteMatch(template, view_name=mount.name or None, view=endpoint, is_static=is_static(endpoint))

    def _look_up(self, scope: Scope, endpoint: object, *, path: str) -> RouteMatch | None:
        """Starlette before 1.7 names the endpoint only: look it up in the application's routes."""
        routes = getattr(scope.get("app"), "routes", None)
        if not routes:
            return _without_template(endpoint)
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
            return _without_template(endpoint)
        route = max(candidates, key=lambda each: len(each.mounts)).route
        if is_mount(route):
            return self._mounted(scope, route, endpoint)
        template = route.path_format
        return RouteMatch(_mount_prefix(scope, template) + template, view_name=route.name or None, view=endpoint)


def _key(route: object, context: object) -> int | tuple[int, int]:
    return id(route) if context is None else (id(route), id(context))


class _Candidate(NamedTuple):
    """A route that names an endpoint, and the template of the mounts around it within its application."""

    mounts: str
    route: Any

    def may_have_taken(self, scope: Scope, below: str) -> bool:
        """Whether it may be the one that took a request, whose path goes on with `below` after the mounts."""
        if is_mount(self.route):
            return _mount_prefix(scope, "").endswith(self.mounts)
        template = self.route.path_format
        # The application may be mounted itself.
        return _mount_prefix(scope, template).endswith(self.mounts) and bool(self.route.path_regex.match(below))


def _frontend(scope: Scope, file: str) -> RouteMatch:
    """The route of a file below `FastAPI.frontend()`, which serves static files and names no endpoint."""
    below = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
    return RouteMatch(f"{_mount_prefix(scope, '')}{below.removesuffix(file).rstrip('/')}/{{path}}", is_static=True)


def _without_template(endpoint: object) -> RouteMatch | None:
    """The match of a chosen endpoint whose route is of no known kind; a router that found no route is no endpoint."""
    if routed_app_of(endpoint) is not None:
        return None
    return RouteMatch(view=endpoint, is_static=is_static(endpoint), matched=True)


def _included_route(context: object, route: object) -> tuple[str, str | None] | None:
    """FastAPI from 0.137: the route that an included router chose, with the prefix it was included under."""
    if context is None:
        return None
    original = getattr(context, "original_route", None)
    if original is not route and hasattr(route, "path_format"):
        return None  # left over from an outer application, in which this one is mounted
    effective = getattr(context, "starlette_route", None) or context
    if is_mount(effective):
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
    return _with_names(_mounted_at(scope), scope.get("path_params", {}), template)


def _with_names(mounted_at: str, path_params: Mapping[str, object], template: str) -> str:
    parts = mounted_at.split("/")
    end = len(parts)
    # From the right, because the client's value may equal a literal part: "/by/{name}" requested as "/by/by".
    for name, value in reversed(list(path_params.items())):
        if f"{{{name}}}" in template:
            continue
        words = str(value).split("/")  # of `{rest:path}` several
        size = len(words)
        for start in range(end - size, -1, -1):
            if parts[start : start + size] == words or (size == 1 and _spells(parts[start], value)):
                parts[start : start + size] = [f"{{{name}}}"]
                end = start
                break
    return "/".join(parts)


def _spells(part: str, value: object) -> bool:
    """Whether a part of a path stands for a converted value in another spelling: 007 for 7."""
    if isinstance(value, str):
        return False
    try:
        return bool(type(value)(part) == value)  # type: ignore[call-arg]  # int, float, UUID
    except (TypeError, ValueError):
        return False


def _mounted_at(scope: Scope) -> str:
    """The path of the mounts around the matched route, as it was requested."""
    if "app_root_path" not in scope:
        return ""  # nothing is mounted: the root path is the server's
    return str(scope.get("root_path", "")).removeprefix(scope["app_root_path"])


def _by_endpoint(routes: Iterable[Any], mounts: str = "") -> dict[int, list[_Candidate]]:
    """Every route that ends a search, those below mounts included, by the identity of its endpoint."""
    by_endpoint: dict[int, list[_Candidate]] = {}
    for route in routes:
        inner = getattr(route, "routes", None)
        around = mounts + route.path_format.removesuffix("/{path}") if is_mount(route) else mounts
        if inner:
            for endpoint, candidates in _by_endpoint(inner, around).items():
                by_endpoint.setdefault(endpoint, []).extend(candidates)
        elif is_mount(route):
            by_endpoint.setdefault(id(route.app), []).append(_Candidate(around, route))
        elif hasattr(route, "path_format") and hasattr(route, "path_regex") and hasattr(route, "endpoint"):
            by_endpoint.setdefault(id(route.endpoint), []).append(_Candidate(around, route))
    return by_endpoint
