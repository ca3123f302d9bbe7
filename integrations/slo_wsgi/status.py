"""`/slo` as a WSGI application: the page, its JSON and its files."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from slo_core.http.answer import Answer, checked_token, plain_text
from slo_core.http.request import exempt_request
from slo_core.http.wsgi import send_answer, view_arguments
from slo_core.tracking.registry import SLORegistry

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from slo_core.status_page.view import StatusView

__all__ = ["StatusWSGIApp", "status_wsgi_app"]

DEFAULT_STATUS_PATH = "/slo"


class StatusWSGIApp:
    """
    Answers for the status page of one registry; its own requests count for no SLO.

    Args:
        registry: The SLOs.
        path: Where the page answers, as the application sees it.
        token: The token that readers must send; None asks for none.

    Raises:
        ValueError: The token is empty.
    """

    def __init__(self, registry: SLORegistry, *, path: str = DEFAULT_STATUS_PATH, token: str | None = None) -> None:
        self._registry = registry
        self._path = path.rstrip("/")
        self._token = checked_token(token)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request: GET and HEAD, 405 to all others; 404 at other paths."""
        exempt_request(environ)
        return send_answer(start_response, self._answer(environ))

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        method, arguments = environ.get("REQUEST_METHOD", ""), view_arguments(environ)
        path = environ.get("PATH_INFO", "")
        rest = path.removeprefix(self._path) if path.startswith(self._path) else None
        if rest == "":
            return self._view.respond_page(method, **arguments)
        if rest == ".json":
            return self._view.respond_json(method, **arguments)
        if rest is not None and rest.startswith("/"):
            query, encodings = arguments["query"], arguments["accept_encoding"]
            return self._view.respond_asset(method, rest[1:], query=query, accept_encoding=encodings)
        return plain_text(method, 404, f"the status page is at {self._path}\n")

    @cached_property
    def _view(self) -> StatusView:
        from slo_core.status_page.view import StatusView  # imported by the first reader, not at the start

        return StatusView(self._registry, path=self._path, token=self._token)


def status_wsgi_app(
    registry: SLORegistry, *, path: str = DEFAULT_STATUS_PATH, token: str | None = None
) -> WSGIApplication:
    """
    The status page of a registry: at `path`, its JSON at `path` with `.json`, its files below `path`.

    Hand it every request whose path begins with `path`, unchanged.

    Args:
        registry: The SLOs.
        path: Where the page answers, as the application sees it.
        token: Bearer token that readers must send, a browser as a password (any name); None asks for none.

    Raises:
        ValueError: The token is empty.
    """
    return StatusWSGIApp(registry, path=path, token=token)
