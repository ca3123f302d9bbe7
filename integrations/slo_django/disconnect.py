"""Whether the client of an ASGI request hung up."""

from __future__ import annotations

from slo_core.lifespan import Message, Receive

__all__ = ["DISCONNECT_KEY", "DisconnectWatch"]

# Key of the watch in an ASGI scope.
DISCONNECT_KEY = "slo_django.disconnect"


class DisconnectWatch:
    """
    Stands in for the server's `receive` and notes `http.disconnect` when the application is told so.

    Attributes:
        seen: The client has hung up.
    """

    __slots__ = ("_receive", "seen")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.seen = False

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.seen = True
        return message
