"""`/slo` as ASGI applications: the page, its JSON and its files."""

from __future__ import annotations

from slo_asgi.answer import Endpoint, view_arguments
from slo_core.http.lifespan import Receive, Scope, Send
from slo_core.status_page.view import StatusView

__all__ = ["StatusAsset", "StatusJSON", "StatusPageApp"]


class _StatusEndpoint(Endpoint):
    """
    Answers for one part of a status page.

    Args:
        view: The page.
    """

    def __init__(self, view: StatusView) -> None:
        super().__init__()
        self._view = view


class StatusPageApp(_StatusEndpoint):
    """The page itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.send_answer(scope, send, lambda: self._view.respond_page(scope["method"], **view_arguments(scope)))


class StatusJSON(_StatusEndpoint):
    """The JSON of the page."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.send_answer(scope, send, lambda: self._view.respond_json(scope["method"], **view_arguments(scope)))


class StatusAsset(_StatusEndpoint):
    """A file of the page, named by the last part of the path."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name, arguments = scope["path"].rpartition("/")[2], view_arguments(scope)
        del arguments["authorization"]
        await self.send_answer(scope, send, lambda: self._view.respond_asset(scope["method"], name, **arguments))
