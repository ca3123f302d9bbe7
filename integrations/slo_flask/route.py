"""The route that takes a request, read from Flask's request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask, has_request_context, request
from flask.globals import app_ctx
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import MapAdapter, Rule
from werkzeug.routing.exceptions import RoutingException

from slo_core.conventions import REQUEST_MARKS_KEY
from slo_core.http.request import ObservedRequest, RouteMatch

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["RouteTable"]

# Where a Werkzeug request puts itself; Flask sets it to None when the request's context is gone.
_REQUEST = "werkzeug.request"


class RouteTable:
    """
    The routes of one application, with a `RouteMatch` for each.

    Args:
        app: The application.
    """

    __slots__ = ("_app", "_known", "_url_map", "_views")

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._url_map = app.url_map
        self._views = app.view_functions
        # By identity, because rules have no hash. The rule is kept, so that no other gets its id.
        self._known: dict[int, tuple[Rule, RouteMatch]] = {}

    def find(self, environ: WSGIEnvironment, observed: ObservedRequest) -> RouteMatch | None:
        """
        The route of a request that is being answered; None when no route takes it.

        Args:
            environ: The WSGI environ.
            observed: The request.
        """
        try:
            # Nearly every request: an earlier one of its rule has made the match.
            rule = environ[_REQUEST].url_rule
            route_match = self._known[id(rule)][1]
            # A view may be replaced at any time.
            if route_match.view is self._views[rule.endpoint]:
                return route_match
        except (AttributeError, KeyError):
            pass
        return self._look(environ, observed)

    def _look(self, environ: WSGIEnvironment, observed: ObservedRequest) -> RouteMatch | None:
        """The same, also where no rule took the request, or another application or middleware replaced it."""
        try:
            served: Any = environ[_REQUEST]
        except KeyError:
            # Never came to Flask, or a middleware in between made an environ of its own.
            served = request if has_request_context() else None
            if served is None or served.environ.get(REQUEST_MARKS_KEY) is not observed.marks:
                return None
        if served is None:
            # A middleware in between answers after Flask is done: match the route again.
            rule = _match(self._url_map.bind_to_environ(environ), observed.method)
            return None if rule is None else self._remembered_match(rule)
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
            return self._remembered_match(rule)
        return _match_of(rule, app_ctx.app, mount=_mount(observed.path, served))

    def _remembered_match(self, rule: Rule) -> RouteMatch:
        known = self._known.get(id(rule))
        if known is not None and known[1].view is self._views.get(rule.endpoint):
            return known[1]
        route_match = _match_of(rule, self._app)
        self._known[id(rule)] = (rule, route_match)
        return route_match


def _match_of(rule: Rule, app: Flask, *, mount: str = "") -> RouteMatch:
    endpoint: str = rule.endpoint
    return RouteMatch(
        mount + rule.rule,
        view_name=endpoint,
        view=app.view_functions.get(endpoint),
        is_static=endpoint == "static" or endpoint.endswith(".static"),
    )


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
