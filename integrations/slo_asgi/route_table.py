"""The routes of a Starlette or FastAPI application as one table, for requests that were answered before the router."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from slo_asgi.answer import Endpoint
from slo_core.http.markers import NO_MARKS, all_marks_of
from slo_core.http.request import RouteMatch

__all__ = ["RouteTable", "is_mount", "is_static", "routed_app_of"]

_MOUNTED_PATH = "/{path}"
_MOUNTED_PATTERN = "/(?P<path>.*)$"
_NAMED_GROUP = re.compile(r"\(\?P<\w+>")

# What Starlette's convertors of text, integers, decimal numbers and UUIDs match: none of them matches a slash.
_WITHIN_A_SEGMENT = frozenset(
    {
        "[^/]+",
        "[0-9]+",
        r"[0-9]+(\.[0-9]+)?",
        "[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}",
    }
)

# Around an application stands a dozen of layers at most.
_LAYERS = 64


class TableRoute:
    """
    A route that ends a search.

    Args:
        template: With the templates of the mounts around it.
        pattern: Of whole paths; compiled when the first path needs it.
        name: Of the route.
        view: The endpoint.
        methods: None is all.
        ends_here: Nothing answers there: a mount of which no route matched.
        has_fixed_length: Every parameter stands for one segment of the path.
    """

    __slots__ = ("_compiled", "ends_here", "has_fixed_length", "match", "methods", "pattern", "template")

    def __init__(
        self,
        template: str,
        pattern: str,
        *,
        name: object = None,
        view: object = None,
        methods: frozenset[str] | None = None,
        ends_here: bool = False,
        has_fixed_length: bool = False,
    ) -> None:
        self.has_fixed_length = has_fixed_length
        self.template = template
        self.pattern = pattern
        self.methods = methods
        self.ends_here = ends_here
        self.match = RouteMatch(
            template, view_name=name if isinstance(name, str) and name else None, view=view, is_static=is_static(view)
        )
        self._compiled: re.Pattern[str] | None = None

    @property
    def is_below_mount(self) -> bool:
        """Whether it stands for all paths below a mount, and not for that of the mount itself."""
        return self.pattern.endswith("/.*")

    def takes(self, path: str) -> bool:
        """Whether the path matches."""
        if not path.startswith(self.template.partition("{")[0]):
            return False  # most are spared the compilation
        if self._compiled is None:
            self._compiled = re.compile(f"^{self.pattern}$")
        return self._compiled.match(path) is not None


class _AskedRoute:
    """A route that only knows itself which requests it takes: a `Host`, or a class of a user's own."""

    __slots__ = ("prefix", "route", "template")

    def __init__(self, route: Any, template: str, pattern: str) -> None:
        self.route = route
        self.template = template
        self.prefix = re.compile(pattern)

    def match(self, method: str, path: str, headers: object) -> RouteMatch | None:
        """The match of a request that it takes; None when it does not take it."""
        prefix = self.prefix.match(path)
        if prefix is None:
            return None
        path = path[prefix.end() :] or "/"
        scope: dict[str, Any] = {
            "type": "http", "method": method, "path": path, "root_path": "", "headers": headers, "path_params": {},
        }  # fmt: skip
        match, child_scope = self.route.matches(scope)
        if match.name == "NONE":
            return None
        routes = getattr(self.route, "routes", None)
        if routes:
            return RouteTable(routes, self.template).match(method, path, headers)
        return RouteMatch(view=child_scope.get("endpoint"), matched=True)


class RouteTable:
    """
    Finds the route of a request without calling the router.

    A path without parameters is looked up in a dictionary. The others are compared with the routes that have as many segments
    and the same literal ones, or that begin like it where a parameter takes several segments; in the order in which the
    router would ask them.

    Args:
        routes: Of the application.
        template: Of what stands around the application.

    Attributes:
        routes: All that end a search, in the router's order.
        own: Those of slo-suite.
        is_complete: Every route has a path that is known here.
        hiding: Templates of routes that take the path of a view of slo-suite, because they come first.
        marked: Whether a view that is not ours has marks or serves static files: then the route decides even where no SLO
            names routes.
    """

    __slots__ = (
        "_asked",
        "_by_path",
        "_by_segments",
        "_by_start",
        "_lengths",
        "_positions",
        "hiding",
        "is_complete",
        "marked",
        "own",
        "routes",
    )

    def __init__(self, routes: Iterable[Any], template: str = "") -> None:
        self.routes: list[TableRoute] = []
        self._asked: list[tuple[int, _AskedRoute]] = []
        self._by_path: dict[str, list[int]] = {}
        self._by_start: dict[str, list[int]] = {}
        # By the number of segments, the positions of the literal ones, and those.
        self._by_segments: dict[tuple[int, tuple[int, ...], tuple[str, ...]], list[int]] = {}
        self._positions: dict[int, set[tuple[int, ...]]] = {}
        self.is_complete = True
        for each in _flat(routes, template, ""):
            if isinstance(each, TableRoute):
                self._add(each, each.template[len(template) :])
                continue
            self.is_complete = False
            if each is not None:
                self._asked.append((len(self.routes), each))
        self._lengths = sorted({len(start) for start in self._by_start})
        self.own = [route for route in self.routes if isinstance(route.match.view, Endpoint)]
        self.hiding = frozenset(
            route.template
            for own in self.own
            for route in self.routes[: self.routes.index(own)]
            if not isinstance(route.match.view, Endpoint) and route.takes(own.template)
        )
        views = [route.match for route in self.routes if not isinstance(route.match.view, Endpoint)]
        self.marked = any(match.is_static or all_marks_of(match.view) != NO_MARKS for match in views)

    def _add(self, route: TableRoute, template: str) -> None:
        start, brace, _ = template.partition("{")
        if not brace:
            indexes = self._by_path.setdefault(start, [])
        elif not route.has_fixed_length:
            indexes = self._by_start.setdefault(start, [])
        else:
            segments = template.split("/")
            positions = tuple(at for at, segment in enumerate(segments) if "{" not in segment)
            self._positions.setdefault(len(segments), set()).add(positions)
            key = (len(segments), positions, tuple(segments[at] for at in positions))
            indexes = self._by_segments.setdefault(key, [])
        indexes.append(len(self.routes))
        self.routes.append(route)

    def own_view(self, path: str) -> RouteMatch | None:
        """The view of slo-suite at that path."""
        for route in self.own:
            if route.template == path or ("{" in route.template and route.takes(path)):
                return route.match
        return None

    def match(self, method: str, path: str, headers: object = ()) -> RouteMatch | None:
        """
        The route that would take a request; None when none would.

        Args:
            method: As it came.
            path: Below the application's root path.
            headers: Of the ASGI scope, for routes by host.
        """
        indexes = list(self._by_path.get(path, ()))
        for length in self._lengths:
            if length > len(path):
                break
            indexes += self._by_start.get(path[:length], ())
        segments = path.split("/")
        for positions in self._positions.get(len(segments), ()):
            indexes += self._by_segments.get((len(segments), positions, tuple([segments[at] for at in positions])), ())
        indexes.sort()
        asked = iter(self._asked)
        next_asked = next(asked, None)
        partial = None
        for index in indexes:
            while next_asked is not None and next_asked[0] <= index:
                asked_match = next_asked[1].match(method, path, headers)
                if asked_match is not None:
                    return asked_match
                next_asked = next(asked, None)
            route = self.routes[index]
            if route.template != path and not route.takes(path):
                continue
            if route.ends_here:
                return partial
            if route.methods is None or method in route.methods:
                return route.match
            # The route of a method that it does not take answers 405, unless a later one takes it.
            partial = partial or route.match
        while next_asked is not None:
            asked_match = next_asked[1].match(method, path, headers)
            if asked_match is not None:
                return asked_match
            next_asked = next(asked, None)
        return partial


def routed_app_of(app: object) -> Any:
    """The application that holds the routes, behind layers that keep what they wrap as `app`; None without one."""
    for _ in range(_LAYERS):
        if app is None:
            return None
        if isinstance(getattr(app, "routes", None), list):
            return app
        app = getattr(app, "app", None)
    return None


def innermost_of(app: object) -> object:
    """The application behind layers that keep what they wrap as `app`."""
    for _ in range(_LAYERS):
        inner = getattr(app, "app", None)
        if inner is None:
            break
        app = inner
    return app


def is_mount(route: object) -> bool:
    """Whether a route is one of Starlette's mounts."""
    routing = sys.modules.get("starlette.routing")  # imported wherever such routes exist
    return routing is not None and isinstance(route, routing.Mount)


def is_static(endpoint: object) -> bool:
    """Whether an endpoint serves static files."""
    # Litestar's routers of static files hold functions of that module.
    if str(getattr(endpoint, "__module__", "")).startswith("litestar.static_files"):
        return True
    static = sys.modules.get("starlette.staticfiles")
    return static is not None and isinstance(endpoint, static.StaticFiles)


def _flat(
    routes: Iterable[Any], template: str, pattern: str, mounts: tuple[Any, ...] = ()
) -> Iterator[TableRoute | _AskedRoute | None]:
    """The routes that end a search; None for one of another framework, of which nothing is known here."""
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)
        if callable(contexts):  # FastAPI from 0.137: a router that was included, with its prefix
            effective = [getattr(context, "starlette_route", None) or context for context in contexts()]
            yield from _flat(effective, template, pattern, mounts)
        else:
            yield from _entries(route, template, pattern, mounts)


def _entries(
    route: Any, template: str, pattern: str, mounts: tuple[object, ...]
) -> Iterator[TableRoute | _AskedRoute | None]:
    routing = sys.modules.get("starlette.routing")
    if routing is not None and isinstance(route, routing.WebSocketRoute):
        return
    own_template, own_pattern = getattr(route, "path_format", None), getattr(route, "path_regex", None)
    if not isinstance(own_template, str) or not isinstance(own_pattern, re.Pattern):
        yield _AskedRoute(route, template, pattern) if callable(getattr(route, "matches", None)) else None
        return
    own = own_pattern.pattern.removeprefix("^")
    if not is_mount(route):
        yield TableRoute(
            template + own_template, pattern + _unnamed(own.removesuffix("$")), name=getattr(route, "name", None),
            view=getattr(route, "endpoint", None), methods=_methods_of(getattr(route, "methods", None)),
            has_fixed_length=all(map(_has_fixed_length, (route, *mounts))),
        )  # fmt: skip
        return
    around = template + own_template.removesuffix(_MOUNTED_PATH)
    around_pattern = pattern + _unnamed(own.removesuffix(_MOUNTED_PATTERN))
    inner: Sequence[Any] = getattr(route, "routes", None) or getattr(routed_app_of(route.app), "routes", [])
    if inner and not any(mount is route for mount in mounts):  # an application may be mounted within itself
        yield from _flat(inner, around, around_pattern, (*mounts, route))
    yield TableRoute(
        around + _MOUNTED_PATH, f"{around_pattern}/.*", name=route.name, view=route.app, ends_here=bool(inner)
    )


def _has_fixed_length(route: Any) -> bool:
    """Whether each parameter of a route, or of a mount but for what is below it, is one segment."""
    convertors = getattr(route, "param_convertors", None)
    if not isinstance(convertors, dict):
        return False
    below = {"path"} if is_mount(route) else ()
    return all(
        getattr(each, "regex", None) in _WITHIN_A_SEGMENT for name, each in convertors.items() if name not in below
    )


def _unnamed(pattern: str) -> str:
    """A pattern whose groups have no names: those of several mounts may be the same."""
    return _NAMED_GROUP.sub("(?:", pattern)


def _methods_of(methods: object) -> frozenset[str] | None:
    return frozenset(map(str, methods)) if isinstance(methods, (set, frozenset, list, tuple)) and methods else None
