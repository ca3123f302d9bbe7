"""Which route of which application took a request, as Flask's request context tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask, has_request_context, request
from flask.globals import app_ctx
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import MapAdapter, Rule
from werkzeug.routing.exceptions import RoutingException

from slo_core.conventions import REQUEST_MARKS_KEY
from slo_core.request import RequestMarks, Resolved

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Route", "find_route"]

# Where a Werkzeug request puts itself; Flask sets it to None when the request's context is gone.
_REQUEST = "werkzeug.request"


class Route:
    """
    A rule and the application it belongs to, which may be mounted inside the one that is asked.

    Args:
        app: The application.
        rule: Its rule.
    """

    __slots__ = ("_app", "_rule")

    def __init__(self, app: Flask, rule: Rule) -> None:
        self._app = app
        self._rule = rule

    def resolve(self, path: str, script_name: str, environ: WSGIEnvironment) -> Resolved:
        """
        What the recorder asks for.

        Args:
            path: The path as it came to the middleware.
            script_name: SCRIPT_NAME as it came to the middleware.
            environ: As the application left it.
        """
        rule = self._rule
        endpoint: str = rule.endpoint
        template = rule.rule
        inner_name: str = environ.get("SCRIPT_NAME", "")
        if inner_name != script_name:
            template = _mount(path, script_name, inner_name) + template
        return Resolved(
            template,
            view_name=endpoint,
            view=self._app.view_functions.get(endpoint),
            is_static=endpoint == "static" or endpoint.endswith(".static"),
        )


def _mount(path: str, script_name: str, inner_name: str) -> str:
    """
    Where a dispatcher inside the middleware mounted the application; empty when none did.

    Proxy middlewares set SCRIPT_NAME from headers, which anybody may send: believed is only what stood in the path.
    """
    mount = inner_name.removeprefix(script_name)
    return mount if inner_name.startswith(script_name) and path.startswith(mount + "/") else ""


def find_route(app: Flask, environ: WSGIEnvironment, marks: RequestMarks) -> Route | None:
    """
    The route that takes the request, asked while it is being answered; None when none does.

    Args:
        app: The application the middleware belongs to.
        environ: The WSGI environ.
        marks: The request's own.
    """
    try:
        served: Any = environ[_REQUEST]
    except KeyError:
        # Never came to Flask, or a middleware in between made an environ of its own.
        served = request if has_request_context() else None
        if served is None or served.environ.get(REQUEST_MARKS_KEY) is not marks:
            return None
    if served is None:
        # A middleware in between answers after Flask is done: the router is asked again.
        return _route(app, _match(app.url_map.bind_to_environ(environ), environ["REQUEST_METHOD"]))
    rule: Rule | None = getattr(served, "url_rule", None)
    if rule is not None:
        return Route(app if rule.map is app.url_map else app_ctx.app, rule)
    if isinstance(getattr(served, "routing_exception", None), MethodNotAllowed):
        # The path has routes, though none for the method: any of them will do.
        adapter = app_ctx.app.create_url_adapter(served)
        return None if adapter is None else _route(app_ctx.app, _match(adapter, served.method))
    return None


def _route(app: Flask, rule: Rule | None) -> Route | None:
    return None if rule is None else Route(app, rule)


def _match(adapter: MapAdapter, method: str) -> Rule | None:
    try:
        return adapter.match(method=method, return_rule=True)[0]
    except MethodNotAllowed as exc:
        allowed = next(iter(exc.valid_methods or ()), None)
        return None if allowed is None else _match(adapter, allowed)
    except (HTTPException, RoutingException):  # no route, or a redirect to one
        return None
