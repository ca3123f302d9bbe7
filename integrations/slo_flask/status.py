"""The routes of the status page: the page, its JSON and its files."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from flask import Flask, request

from slo_core.http.answer import Answer
from slo_core.http.wsgi import view_arguments
from slo_core.tracking.registry import SLORegistry
from slo_flask.answer import add_view
from slo_flask.bypass import Bypass

if TYPE_CHECKING:
    from slo_core.status_page.view import StatusView

__all__ = ["ENDPOINT", "StatusEndpoints", "mount"]

ENDPOINT = "slo_status"


def mount(app: Flask, path: str, registry: SLORegistry, *, token: str | None, bypass: Bypass) -> None:
    """
    Add the routes.

    Args:
        app: The application.
        path: Where the page answers.
        registry: The SLOs.
        token: The token that readers must send; None asks for none.
        bypass: Warns when requests pass the middleware by.
    """
    path = path.rstrip("/")
    views = StatusEndpoints(registry, path=path, token=token)
    add_view(app, path, ENDPOINT, views.page, bypass=bypass)
    add_view(app, f"{path}.json", f"{ENDPOINT}_json", views.page_json, bypass=bypass)
    add_view(app, f"{path}/<slo_file>", f"{ENDPOINT}_asset", views.asset, bypass=bypass)


class StatusEndpoints:
    """
    Answers at the routes.

    Args:
        registry: The SLOs.
        path: Where the page answers.
        token: The token that readers must send; None asks for none.
    """

    def __init__(self, registry: SLORegistry, *, path: str, token: str | None) -> None:
        self._registry = registry
        self._path = path
        self._token = token

    def page(self) -> Answer:
        """The page."""
        return self._view.respond_page(request.method, **view_arguments(request.environ))

    def page_json(self) -> Answer:
        """Its JSON."""
        return self._view.respond_json(request.method, **view_arguments(request.environ))

    def asset(self, slo_file: str) -> Answer:
        """A file of it."""
        arguments = view_arguments(request.environ)
        query, encodings = arguments["query"], arguments["accept_encoding"]
        return self._view.respond_asset(request.method, slo_file, query=query, accept_encoding=encodings)

    @cached_property
    def _view(self) -> StatusView:
        from slo_core.status_page.view import StatusView  # imported by the first reader, not at the start

        return StatusView(self._registry, path=self._path, token=self._token)
