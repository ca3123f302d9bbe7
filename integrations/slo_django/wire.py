"""What passes between an ASGI server and Django in one request: observed, and unchanged."""

from __future__ import annotations

from asyncio import CancelledError, sleep
from typing import TYPE_CHECKING

from slo_core.http.announced_body import AnnouncedBody
from slo_core.http.lifespan import Message, Receive, Send

if TYPE_CHECKING:
    from slo_django.served_request import ServedRequest

__all__ = ["WIRE_KEY", "IncompleteResponseError", "Wire"]

# Key of the wire in an ASGI scope.
WIRE_KEY = "slo_django.wire"


class IncompleteResponseError(Exception):
    """The application returned after it had started a response and before it had ended it."""


class Wire:
    """
    Stands in for the server's `receive` and `send`.

    Servers drop what is sent to a client that has gone, without a word, and Django learns of it in another task: a stream
    that never waits runs to its end before. So the server is asked before the last message.

    Args:
        receive: The server's.
        send: The server's.

    Attributes:
        seen: The client has hung up before it was sent everything.
        served: The request, once the middleware has begun to observe it; None before and after.
    """

    __slots__ = ("_body", "_is_handed_over", "_receive", "_send", "_start", "seen", "served")

    # The request ends with the last message, and not when the middleware has its response.
    follows_answer = True
    seen: bool
    served: ServedRequest | None

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.seen = self._is_handed_over = False
        self.served = None
        self._start: Message | None = None
        self._body: AnnouncedBody | None = None

    def __copy__(self) -> Wire:
        return self

    def __deepcopy__(self, memo: object) -> Wire:
        # A middleware may hand on a deep copy of the scope: the wire is the same one.
        return self

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()  # no wire of another process

    async def receive(self) -> Message:
        """Handed to the application in place of the server's."""
        message = await self._receive()
        # Some servers say it once they have the last message, too.
        if message.get("type") == "http.disconnect" and not self._is_handed_over:
            self._note_client_left()
        return message

    async def send(self, message: Message) -> None:
        """Handed to the application in place of the server's."""
        served = self.served
        if served is None or served.finished:
            await self._send(message)
            return
        message_type = message.get("type")
        if message_type == "http.response.start":
            self._start = message
            await self._send(message)
            if not self.seen:
                served.status = message.get("status")
            return
        is_last = message_type != "http.response.body" or not message.get("more_body") or self._is_whole_with(message)
        if served.first_byte is not None:
            if is_last:
                await sleep(0)  # granian's threads tell the loop
                self.look()
        elif is_last or message.get("body"):
            served.note_first_byte()
        self._is_handed_over = is_last
        try:
            await self._send(message)
        except OSError:  # from version 2.4 of ASGI on
            self._is_handed_over = False
            self._note_client_left()
            raise
        if is_last:
            served.finish()

    def _is_whole_with(self, message: Message) -> bool:
        if self._start is not None:
            self._body, self._start = AnnouncedBody(self._start), None
        return self._body is not None and self._body.is_whole_with(message)

    def look(self) -> bool:
        """
        Whether the client has hung up, though the application may not have received it yet.

        Some servers put `http.disconnect` in the queue and cancel the application before it can read it. `receive` is
        stepped once, without waiting. Call it when the application is cancelled, or about to end: another message would be
        lost.
        """
        if self.seen:
            return True
        try:
            step = self._receive().__await__()
            try:
                next(step)
            finally:
                close = getattr(step, "close", None)  # an awaitable of a server written in Rust has none
                if close is not None:
                    close()
        except StopIteration as end:
            if isinstance(end.value, dict) and end.value.get("type") == "http.disconnect":
                self._note_client_left()
        except Exception:  # the server's own: the connection is closed, or it allows one reader only
            return False
        return self.seen

    def raised(self, exception: BaseException) -> None:
        """The application raised."""
        served = self.served
        if served is None or served.finished:
            return
        if self.seen and isinstance(exception, (CancelledError, OSError)):
            served.finish()
        else:
            served.raised(exception)

    def returned(self) -> None:
        """The application returned."""
        served = self.served
        if served is None or served.finished:
            return
        # Django returns when it has noticed that the client has gone.
        if not self.look() and served.status is not None:
            served.exception = IncompleteResponseError("the application returned before its response had ended")
            served.is_answered = False
        served.finish()

    def _note_client_left(self) -> None:
        self.seen = True
        served = self.served
        if served is not None and not served.finished:
            served.note_client_left()
