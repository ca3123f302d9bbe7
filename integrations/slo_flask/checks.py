"""Mistakes in definitions and marks that the routes of an application show."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MethodType
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from slo_core.errors import about_slos, nearest
from slo_core.http.globs import literal_start
from slo_core.http.hidden_marks import hidden_mark
from slo_core.http.markers import NO_MARKS, ViewMarks
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.http_rule import HTTPRule
from slo_core.tracking.registry import SLORegistry
from slo_flask import metrics, status
from slo_flask.marks import DISPATCH, joined, marks_by_method, marks_in, view_class_of
from slo_flask.route import RouteTable

__all__ = ["mistakes"]

# Werkzeug's middlewares keep the application they wrap under these names.
_WRAPPED = ("wsgi_app", "app", "application", "_wsgi_app")


_MOST_NAMES = 12


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """
    One rule of the application with its view.

    Attributes:
        rule: The rule.
        view: The view.
    """

    rule: Rule
    view: Any

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return str(self.rule.endpoint)

    @property
    def methods(self) -> set[str]:
        """The methods that it answers, HEAD being GET."""
        return {"GET" if method == "HEAD" else method for method in self.rule.methods or {"GET"}} - {"OPTIONS"}

    def may_match(self, glob: str) -> bool:
        """Whether the glob matches the template, or could match one of its paths. False is certain."""
        template = self.rule.rule
        if fnmatchcase(template, glob):
            return True
        before, variable, _ = template.partition("<")
        start = literal_start(glob)
        return bool(variable) and (start.startswith(before) or before.startswith(start))


def mistakes(
    app: Flask, registry: SLORegistry, routes: RouteTable, wsgi_app: object, *, exclude: Iterable[str]
) -> Iterator[str]:
    """
    A sentence for each mistake.

    Args:
        app: The application, with all its routes.
        registry: Its SLOs.
        routes: Its routes, which know our own views.
        wsgi_app: What our middleware calls.
        exclude: `SLO_EXCLUDE`.
    """
    yield from _hidden_by_ours(app, routes)
    endpoints = [
        _Endpoint(rule, app.view_functions.get(rule.endpoint))
        for rule in app.url_map.iter_rules()
        if not routes.is_own(rule.rule)
    ]
    # Another application inside may have the routes and views that are missing here.
    if _leads_to(app, wsgi_app):
        yield from about_slos(
            (tracker.name, message)
            for tracker in registry
            for message in _of_definition(tracker.definition, endpoints, tuple(exclude))
        )
    yield from _of_marks(endpoints, registry.names())


def _hidden_by_ours(app: Flask, routes: RouteTable) -> Iterator[str]:
    """Of two rules for one path, Flask uses the first: `init_app` refuses a path that is taken already."""
    for rule in app.url_map.iter_rules():
        is_beside = rule.host or rule.websocket or rule.subdomain != app.url_map.default_subdomain
        is_ours = rule.endpoint.startswith((metrics.ENDPOINT, status.ENDPOINT))
        if rule.rule in routes.own_paths and not is_ours and not is_beside:
            yield (
                f"{rule.rule} goes to slo-suite: the endpoint {rule.endpoint!r} was added at the same path later, and never "
                "answers; give it another path, or set another SLO_METRICS_PATH or SLO_STATUS_PATH, or None"
            )


def _leads_to(app: Flask, wsgi_app: object) -> bool:
    """Whether the middlewares between us and Flask are known to answer nothing on behalf of other applications."""
    for _ in range(32):
        if getattr(wsgi_app, "__self__", None) is app or wsgi_app is app:
            return True
        if hasattr(wsgi_app, "mounts"):  # a dispatcher
            return False
        wsgi_app = next((inner for name in _WRAPPED if (inner := getattr(wsgi_app, name, None)) is not None), None)
    return False


def _of_definition(definition: SLODefinition, endpoints: list[_Endpoint], exclude: tuple[str, ...]) -> Iterator[str]:
    rule = definition.http
    if rule is None:
        return
    is_complete = True
    names = sorted({endpoint.name for endpoint in endpoints})
    for pattern in rule.views:
        if not any(fnmatchcase(name, pattern) for name in names):
            is_complete = False
            yield _with_hint(f": views: {pattern!r} matches no endpoint of the application", _like(pattern, names))
    if rule.unmatched:  # counts paths without a route, on purpose
        return
    for pattern in rule.routes:
        if not any(endpoint.may_match(pattern) for endpoint in endpoints):
            is_complete = False
            hint = "" if pattern.startswith(("/", "*", "?", "[")) else "routes start with a slash"
            yield _with_hint(f": routes: {pattern!r} matches no route of the application", hint)
    if is_complete and (rule.routes or rule.views or rule.methods):
        excluded = (*exclude, *rule.exclude)
        if not any(_may_take(definition.name, rule, endpoint, excluded) for endpoint in endpoints):
            yield " can count no request: no route fits its routes, views, methods and exclude together"


def _may_take(name: str, rule: HTTPRule, endpoint: _Endpoint, exclude: tuple[str, ...]) -> bool:
    if rule.methods and not endpoint.methods & {"GET" if method == "HEAD" else method for method in rule.methods}:
        return False
    if any(fnmatchcase(endpoint.rule.rule, glob) for glob in exclude):
        return False
    if name in marks_in(endpoint.view).tracked or not (rule.routes or rule.views):
        return True
    return any(fnmatchcase(endpoint.name, glob) for glob in rule.views) or any(map(endpoint.may_match, rule.routes))


def _of_marks(endpoints: list[_Endpoint], known: list[str]) -> Iterator[str]:
    seen = set()
    views = {id(endpoint.view) for endpoint in endpoints}
    for endpoint in endpoints:
        if endpoint.view is None or endpoint.name in seen:
            continue
        seen.add(endpoint.name)
        marks = marks_in(endpoint.view)
        view_class = view_class_of(endpoint.view)
        if view_class is not None:
            of_methods = marks_by_method(view_class)
            for method_marks in of_methods.values():
                marks = joined(marks, method_marks)
            yield from _unused_on_methods(view_class, {*of_methods, DISPATCH})
        for name in dict.fromkeys(marks.tracked):
            if name not in known:
                message = f"slo_track({name!r}) on the endpoint {endpoint.name!r}: no SLO of that name is defined"
                yield _with_hint(message, _like(name, known))
        yield from _lost_on_the_way(endpoint, marks, views)


def _unused_on_methods(view_class: type, used: set[str]) -> Iterator[str]:
    for name in dir(view_class):
        attribute = getattr(view_class, name, None)
        if isinstance(attribute, MethodType):  # a class method, as `as_view`: its class may have marks of its own
            attribute = attribute.__func__
        if not name.startswith("__") and name not in used and marks_in(attribute) != NO_MARKS:
            yield (
                f"the mark on {view_class.__qualname__}.{name} does nothing: Flask calls no method of that name for a "
                "request; mark get, post and the like, dispatch_request, or the class"
            )


def _lost_on_the_way(endpoint: _Endpoint, marks: ViewMarks, views: Collection[int]) -> Iterator[str]:
    """Marks on what stands under the view's name in its module, on its class, or within it, and not on the view itself."""
    name = hidden_mark(endpoint.view, marks, views=views, read_marks=marks_in)
    if name is not None:
        yield (
            f"the mark on {name} is not seen by the endpoint {endpoint.name!r}: mark the function that is registered, below "
            "@app.route and above the other decorators; of other classes than Flask's views, mark the methods"
        )


def _like(name: str, known: list[str]) -> str:
    """A hint at what was meant; all known names only where they are few."""
    hint = nearest(name, known) if known else ""
    return hint if len(known) <= _MOST_NAMES or not hint.startswith("known") else ""


def _with_hint(message: str, hint: str) -> str:
    return f"{message}; {hint}" if hint else message
