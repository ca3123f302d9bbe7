"""Mistakes at the installation, as sentences for the log."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from slo_asgi.answer import Endpoint
from slo_asgi.route_table import RouteTable, TableRoute
from slo_core.conventions import LOGGER_NAME
from slo_core.errors import about_slos, nearest
from slo_core.http.globs import compile_globs
from slo_core.http.hidden_marks import hidden_mark
from slo_core.http.markers import NO_MARKS, all_marks_of, marks_of
from slo_core.objectives.http_rule import KNOWN_METHODS
from slo_core.tracking.registry import SLORegistry

__all__ = ["log_mistakes"]

_logger = logging.getLogger(LOGGER_NAME)
_GLOB_SPECIAL = re.compile(r"[*?\[]")


def log_mistakes(
    registry: SLORegistry,
    table: RouteTable | None,
    *,
    middleware: Sequence[Any],
    kind: type,
    saw_lifespan: bool,
    is_warned: bool,
    own_paths: Sequence[str] = (),
) -> None:
    """
    Log what is wrong with an installation, one warning for each mistake.

    Args:
        registry: The SLOs.
        table: The routes of the application; None where they are not known.
        middleware: What the user added to the application, the outermost first; empty where that does not matter.
        kind: The class of our own middleware.
        saw_lifespan: The server has announced the start of the application.
        is_warned: `instrument` has warned of routes that hide ours.
        own_paths: Where views of ours have to answer.
    """
    if table is not None:
        for mistake in _lost_views(table, own_paths):
            _logger.warning("%s", mistake)
    for mistake in _mistakes(registry, table, middleware, kind, saw_lifespan=saw_lifespan, is_warned=is_warned):
        _logger.warning("%s", mistake)


def _mistakes(
    registry: SLORegistry,
    table: RouteTable | None,
    middleware: Sequence[Any],
    kind: type,
    *,
    saw_lifespan: bool,
    is_warned: bool,
) -> Iterator[str]:
    if len(registry) == 0:
        yield 'no SLO is defined: no request is counted; for a start: {"availability": {"target": "99.9%"}}'
    if table is not None:
        yield from _hidden_views(table, is_warned=is_warned)
        yield from about_slos(_unmatched_patterns(registry, table))
        yield from _unknown_marks(registry, table)
        yield from _unseen_marks(table)
    yield from _layers_outside(middleware, kind)
    if not (saw_lifespan or registry.internals.sees_server_stop) and registry.store.scope != "process":
        yield (
            "the server sent no lifespan before the first request: when it stops, events of the last flush interval may be "
            "lost; let the server and the layers around SLOMiddleware pass the lifespan on, or put with_lifespan(app, "
            "registry) around the outermost application"
        )


def _lost_views(table: RouteTable, own_paths: Sequence[str]) -> Iterator[str]:
    """Paths of views that `instrument` has added, and that are among the routes no longer."""
    templates = {own.template for own in table.own}
    for path in own_paths:
        if path not in templates and path.rstrip("/") not in templates:
            yield (
                f"GET {path} goes to slo-suite no longer: the routes were replaced after instrument(), as extensions for "
                "versions of an API do; call instrument() after that"
            )


def _hidden_views(table: RouteTable, *, is_warned: bool) -> Iterator[str]:
    """Paths at which a view of slo-suite and another one would answer: the first route takes all of its requests."""
    for own in table.own:
        path, is_earlier = own.template, True
        for route in table.routes:
            name = route.match.view_name or getattr(route.match.view, "__name__", "another view")
            if route is own:
                is_earlier = False
            elif isinstance(route.match.view, Endpoint):
                continue
            elif route.is_below_mount and route.template == f"{path}/{{path}}":
                yield (
                    f"GET {path} goes to slo-suite, and only {path}/ to what is mounted there: mount it elsewhere, or pass "
                    "another metrics_path= or status_path="
                )
            elif route.template == path and (route.methods is None or "GET" in route.methods):
                if not is_earlier:
                    yield (
                        f"GET {path} goes to slo-suite: {name!r} was added at the same path later, and never answers; give "
                        "it another path, or pass another metrics_path= or status_path="
                    )
                elif not is_warned:
                    yield f"GET {path} goes to {name!r}, which was added before the view of slo-suite: that never answers"


def _unmatched_patterns(registry: SLORegistry, table: RouteTable) -> Iterator[tuple[str, str]]:
    """The SLO of each pattern that matches nothing, and a sentence about it."""
    if not table.is_complete:
        return
    names = sorted({route.match.view_name for route in table.routes if route.match.view_name is not None})
    for tracker in registry:
        rule = tracker.definition.http
        if rule is None:
            continue
        for pattern in rule.views:
            glob = compile_globs([pattern])
            if glob is not None and not any(glob.match(name) for name in names):
                hint = nearest(pattern, names)
                yield tracker.name, f": views: {pattern!r} is the name of no route of this application; {hint}"
        for pattern in () if rule.unmatched else rule.routes:  # such an SLO counts paths without a route, on purpose
            if not any(_may_match(route, pattern) for route in table.routes):
                hint = (
                    "templates start with a slash"
                    if pattern[:1] not in "/*?["
                    else "it may be answered by a middleware"
                )
                yield tracker.name, f": routes: {pattern!r} matches no route of this application ({hint})"


def _may_match(route: TableRoute, glob: str) -> bool:
    """Whether the glob matches the template, or could match one of its paths. False is certain."""
    template = route.template
    if fnmatchcase(template, glob):
        return True
    special = _GLOB_SPECIAL.search(glob)
    start = glob if special is None else glob[: special.start()]
    fixed, brace, _ = template.partition("{")
    return bool(brace) and (start.startswith(fixed) or fixed.startswith(start))


def _unknown_marks(registry: SLORegistry, table: RouteTable) -> Iterator[str]:
    reported = set()
    for route in table.routes:
        for name in all_marks_of(route.match.view).tracked:
            if name not in registry and name not in reported:
                reported.add(name)
                yield f"slo_track({name!r}) on the view of {route.template}: no SLO of that name is defined; " + (
                    nearest(name, registry.names())
                )


def _unseen_marks(table: RouteTable) -> Iterator[str]:
    by_id = {id(route.match.view): route for route in table.routes if route.match.view is not None}
    for route in by_id.values():
        view = route.match.view
        if isinstance(view, type):
            yield from _marks_on_other_methods(view)
        name = hidden_mark(view, all_marks_of(view), views=by_id)
        if name is not None:
            yield (
                f"the mark on {name} is not seen by the view of {route.template}: mark the function that is registered, "
                "below the route's own decorator and above those that do not use functools.wraps"
            )


def _marks_on_other_methods(view_class: type) -> Iterator[str]:
    for name in dir(view_class):
        # HEAD counts as GET.
        answers = name.upper() in KNOWN_METHODS and name != "head"
        if not answers and not name.startswith("__") and marks_of(getattr(view_class, name, None)) != NO_MARKS:
            yield (
                f"the mark on {view_class.__qualname__}.{name} does nothing: mark get, post and the like, or the class; HEAD "
                "counts as GET"
            )


def _layers_outside(middleware: Sequence[Any], kind: type) -> Iterator[str]:
    classes = [getattr(each, "cls", None) for each in middleware]
    first = next((index for index, each in enumerate(classes) if isinstance(each, type) and issubclass(each, kind)), 0)
    if first:
        names = ", ".join(getattr(each, "__name__", "a layer") for each in classes[:first])
        yield (
            f"SLOMiddleware is not the outermost middleware: what {names} answers or raises is not counted; "
            "add SLOMiddleware last, or use instrument()"
        )
