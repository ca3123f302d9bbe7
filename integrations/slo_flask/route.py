"""The route that takes a request, read from Flask's request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask, has_request_context, request
from flask.globals import app_ctx
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import MapAdapter, Rule
from werkzeug.routing.exceptions import RoutingException

from slo_core.http.markers import NO_MARKS, slo_exempt
from slo_core.http.recorder import HTTPRecorder
from slo_core.http.request import ObservedRequest, RouteMatch, shared_marks
from slo_core.objectives.http_rule import KNOWN_METHODS, OTHER_METHOD
from slo_flask.marks import has_marked_methods, marked_view, marks_in

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["REQUEST", "RouteTable"]

# Where a Werkzeug request puts itself; Flask sets it to None when the request's context is gone.
REQUEST = "werkzeug.request"


class RouteTable:
    """
    The routes of one application, with a `RouteMatch` for each.

    Args:
        app: The application.
        recorder: Knows whether early answers are worth matching.
        metrics_path: Where our metrics view answers; None is nowhere.
        status_path: Where our status page answers.

    Attributes:
        own_paths: Where our views answer, the files of the status page apart.
        views: Those of the application, by endpoint.
        latest: By endpoint, the last rule that a match was made for, with the view and the match. Most endpoints have one rule.
    """

    __slots__ = ("_app", "_asset_prefix", "_by_method", "_known", "_marks_seen", "_own_match", "_recorder",
                 "_static_starts", "_url_map", "latest", "own_paths", "views")  # fmt: skip

    def __init__(
        self, app: Flask, recorder: HTTPRecorder, *, metrics_path: str | None = None, status_path: str | None = None
    ) -> None:
        self._app = app
        self._recorder = recorder
        self._url_map = app.url_map
        self.views = app.view_functions
        self.latest: dict[str, tuple[Rule, object, RouteMatch]] = {}
        # By identity, because rules have no hash. The rule is kept, so that no other gets its id.
        self._known: dict[int, tuple[Rule, object, RouteMatch]] = {}
        self._by_method: dict[tuple[int, str], tuple[Rule, object, RouteMatch]] = {}
        # How many views there were when they were searched for marks, and whether one had any.
        self._marks_seen = (0, False)
        # How static files' paths begin, found at the same time.
        self._static_starts: tuple[str, ...] = ()
        page = None if status_path is None else status_path.rstrip("/")
        own = [metrics_path] if page is None else [metrics_path, page, f"{page}.json"]
        self.own_paths = frozenset(path for path in own if path is not None)
        self._asset_prefix = None if page is None else f"{page}/"
        self._own_match = RouteMatch(view=slo_exempt(lambda: None), matched=True)

    def is_own(self, path: str) -> bool:
        """Whether one of our own views answers at a path."""
        return path in self.own_paths or (
            self._asset_prefix is not None and path.rpartition("/")[0] == self._asset_prefix[:-1]
        )

    def find(self, environ: WSGIEnvironment, observed: ObservedRequest) -> RouteMatch | None:
        """
        The route of a request that is being answered; None when no route takes it.

        Args:
            environ: The WSGI environ.
            observed: The request.
        """
        try:
            # An earlier request of the rule has made the match.
            rule = environ[REQUEST].url_rule
            known = self._known[id(rule)]
            # A view may be replaced at any time.
            if known[1] is self.views[rule.endpoint]:
                return known[2]
        except (AttributeError, KeyError):
            pass
        return self._look(environ, observed)

    def _look(self, environ: WSGIEnvironment, observed: ObservedRequest) -> RouteMatch | None:
        """The same, also where no rule took the request, or another application or middleware replaced it."""
        try:
            served: Any = environ[REQUEST]
        except KeyError:
            # Never came to Flask, or a middleware in between made an environ of its own.
            served = request if has_request_context() else None
            if served is None or shared_marks(served.environ) is not observed.share():
                return self._match_early(environ, observed)
        if served is None:
            # A middleware in between answers after Flask is done: match the route again.
            return self._match_path(environ, observed)
        rule = getattr(served, "url_rule", None)
        if rule is None:
            if not isinstance(getattr(served, "routing_exception", None), MethodNotAllowed):
                return None
            # The path has routes, but none for the method: any of them will do.
            adapter = app_ctx.app.create_url_adapter(served)
            rule = None if adapter is None else _match(adapter, observed.method)
            if rule is None:
                return None
        if rule.map is self._url_map:
            return self._remembered_match(rule, observed.method)
        return _match_of(rule, app_ctx.app, observed.method, mount=_mount(observed.path, served))

    def _match_early(self, environ: WSGIEnvironment, observed: ObservedRequest) -> RouteMatch | None:
        """
        A middleware in between answered, or raised, and the request never came to Flask's routing.

        Where no SLO asks for routes, no view is marked and no static file is asked for, the match would change nothing. A
        404 or a redirect from there is an answer about the path, as Flask's own are.
        """
        if self.is_own(observed.path):
            return self._own_match
        status = observed.status
        if status is not None and (status == 404 or 300 <= status < 400):
            return None
        has_marked_views = self._has_marked_views()
        if not (self._recorder.needs_routes or has_marked_views or observed.path.startswith(self._static_starts)):
            return None
        return self._match_path(environ, observed)

    def _has_marked_views(self) -> bool:
        count, is_marked = self._marks_seen
        if count != len(self.views):
            is_marked = any(
                marks_in(view) != NO_MARKS or has_marked_methods(view)
                for rule in self._url_map.iter_rules()
                if not self.is_own(rule.rule) and (view := self.views.get(rule.endpoint)) is not None
            )
            static = (rule.rule for rule in self._url_map.iter_rules() if _is_static(rule.endpoint))
            self._static_starts = tuple(rule.partition("<")[0] for rule in static)
            self._marks_seen = (len(self.views), is_marked)
        return is_marked

    def _match_path(self, environ: WSGIEnvironment, observed: ObservedRequest) -> RouteMatch | None:
        """Match the path as it came: a dispatcher in between may have taken a part of it off."""
        path = observed.path.encode("utf-8", "replace").decode("latin-1")
        as_it_came = self._app.request_class({**environ, "PATH_INFO": path}, populate_request=False)
        try:
            adapter = self._app.create_url_adapter(as_it_came)
        except HTTPException:  # a host that Flask does not trust
            return None
        rule = None if adapter is None else _match(adapter, observed.method)
        return None if rule is None else self._remembered_match(rule, observed.method)

    def _remembered_match(self, rule: Rule, method: str) -> RouteMatch:
        view = self.views.get(rule.endpoint)
        known = self._known.get(id(rule))
        if known is not None and known[1] is view:
            return known[2]
        method = method if method in KNOWN_METHODS else OTHER_METHOD
        known = self._by_method.get((id(rule), method))
        if known is not None and known[1] is view:
            return known[2]
        route_match = _match_of(rule, self._app, method)
        if has_marked_methods(view):
            self._by_method[id(rule), method] = (rule, view, route_match)
        else:
            self._known[id(rule)] = self.latest[rule.endpoint] = (rule, view, route_match)
        return route_match


def _match_of(rule: Rule, app: Flask, method: str, *, mount: str = "") -> RouteMatch:
    endpoint: str = rule.endpoint
    return RouteMatch(
        mount + rule.rule,
        view_name=endpoint,
        view=marked_view(app.view_functions.get(endpoint), method),
        is_static=_is_static(endpoint),
    )


def _is_static(endpoint: str) -> bool:
    return endpoint == "static" or endpoint.endswith(".static")


def _mount(path: str, served: Any) -> str:
    """
    The path at which a dispatcher inside the middleware mounted the application; empty when none did.

    It must be part of the request's path, because proxy middlewares set SCRIPT_NAME from headers that any client can send.
    """
    mount = path.removesuffix(served.path)
    return mount if mount != path and served.root_path.endswith(mount) else ""


def _match(adapter: MapAdapter, method: str) -> Rule | None:
    try:
        return adapter.match(method=method, return_rule=True)[0]
    except MethodNotAllowed as exc:
        allowed = next(iter(exc.valid_methods or ()), None)
        return None if allowed is None else _match(adapter, allowed)
    except (HTTPException, RoutingException):  # no route, or a redirect to one
        return None
