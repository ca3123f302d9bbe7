"""Bodies with a Content-Length over ASGI: they are whole with their last byte, though an empty message may follow."""

from __future__ import annotations

from slo_core.http.lifespan import Message

__all__ = ["AnnouncedBody"]


class AnnouncedBody:
    """
    Counts the bytes of one response's body down to zero.

    A client that has all of them may go before the empty message that ends the body.

    Args:
        start: The message that started the response.
    """

    __slots__ = ("_remaining",)

    def __init__(self, start: Message) -> None:
        headers = start.get("headers") or ()
        lengths = [value for name, value in headers if name.lower() == b"content-length"]
        self._remaining = int(lengths[0]) if lengths and lengths[0].isdigit() else None

    def is_whole_with(self, message: Message) -> bool:
        """Whether this message of the body, the next one, reaches the announced length; False where none was announced."""
        if self._remaining is None or "body" not in message:
            self._remaining = None  # a file, whose message tells no length
            return False
        self._remaining -= len(message["body"])
        return self._remaining <= 0
