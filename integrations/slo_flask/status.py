"""The routes of the status page: the page, its JSON and its files."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from slo_core.answer import Answer
from slo_core.http_rule import KNOWN_METHODS
from slo_core.markers import slo_exempt
from slo_core.registry import SLORegistry
from slo_core.request import exempt_request
from slo_flask.answer import response_of

if TYPE_CHECKING:
    from slo_core.status_page.view import StatusView

__all__ = ["ENDPOINT", "StatusEndpoints", "mount"]

ENDPOINT = "slo_status"


def mount(app: Flask, path: str, registry: SLORegistry, *, token: str | None) -> None:
    """
    Add the routes.

    Args:
        app: The application.
        path: Where the page answers.
        registry: What it shows.
        token: What it asks for; None asks for nothing.
    """
    path = path.rstrip("/")
    views = StatusEndpoints(registry, path=path, token=token)
    # With host matching a rule without a host would match none.
    host = "<slo_host>" if app.url_map.host_matching else None
    for rule, endpoint, view in (
        (path, ENDPOINT, views.page),
        (f"{path}.json", f"{ENDPOINT}_json", views.document),
        (f"{path}/<slo_file>", f"{ENDPOINT}_asset", views.asset),
    ):
        app.add_url_rule(
            rule,
            endpoint,
            # Marked as well, because hooks and a 405 of the router's answer without asking the view.
            slo_exempt(_view(view)),
            methods=sorted(KNOWN_METHODS),  # all of them, because the views answer 405 themselves
            provide_automatic_options=False,
            host=host,
        )


def _view(respond: Callable[..., Answer]) -> Callable[..., Response]:
    @wraps(respond)  # extensions tell views apart by module and name
    def view(slo_host: str = "", **parts: str) -> Response:
        exempt_request(request.environ)
        return response_of(respond(**parts))

    return view


class StatusEndpoints:
    """
    What the routes answer.

    Args:
        registry: What they show.
        path: Where the page answers.
        token: What they ask for; None asks for nothing.
    """

    def __init__(self, registry: SLORegistry, *, path: str, token: str | None) -> None:
        self._registry = registry
        self._path = path
        self._token = token
        self._made: StatusView | None = None

    def page(self) -> Answer:
        """The page."""
        return self._view.respond_page(request.method, **_asked())

    def document(self) -> Answer:
        """Its JSON."""
        return self._view.respond_json(request.method, **_asked())

    def asset(self, slo_file: str) -> Answer:
        """A file of it."""
        encodings = request.headers.get("Accept-Encoding", "")
        return self._view.respond_asset(request.method, slo_file, accept_encoding=encodings)

    @property
    def _view(self) -> StatusView:
        if self._made is None:
            from slo_core.status_page.view import StatusView  # the first reader pays for it, not the start

            self._made = StatusView(self._registry, path=self._path, token=self._token)
        return self._made


def _asked() -> dict[str, str]:
    return {
        "query": request.environ.get("QUERY_STRING", ""),
        "authorization": request.headers.get("Authorization", ""),
        "accept_encoding": request.headers.get("Accept-Encoding", ""),
    }
