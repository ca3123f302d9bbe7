"""Requests that ask for a websocket: Flask-Sock, Flask-SocketIO, gevent-websocket and the like."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from slo_core.http.websocket import exempt_websocket
from slo_wsgi.served_upload import ServedUpload

if TYPE_CHECKING:
    from _typeshed import OptExcInfo

__all__ = ["ServedWebsocket"]


class ServedWebsocket(ServedUpload):
    """Counts only where the application refuses it with a status of 400 or above."""

    __slots__ = ()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        write = super().start_response(status, headers, exc_info)
        exempt_websocket(
            self, self.request_scope
        )  # here too, because a body that is complete does not come by `finish`
        return write

    def finish(self) -> None:
        exempt_websocket(self, self.request_scope)
        super().finish()
