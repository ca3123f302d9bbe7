"""The body of a WSGI request: read as before, and a client that hangs up meanwhile is noted."""

from __future__ import annotations

from typing import Any

__all__ = ["BodyWatch"]


class BodyWatch:
    """
    Stands in for the stream that Django reads a request's body from.

    The exception of a client that hangs up does not always reach us: Django's CSRF check answers it with 403, and
    applications with an error page of their own. A client that closes its connection in order causes no exception at
    all: the body is shorter than its length says.

    Args:
        stream: Django's.

    Attributes:
        seen: The client has hung up.
    """

    __slots__ = ("_stream", "seen")

    follows_answer = False

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.seen = False

    def read(self, size: int | None = -1, /) -> bytes:
        """As the stream's."""
        try:
            content: bytes = self._stream.read(size)
        except OSError:
            self.seen = True
            raise
        self._note_end(content, size)
        return content

    def readline(self, size: int | None = -1, /) -> bytes:
        """As the stream's."""
        try:
            line: bytes = self._stream.readline(size)
        except OSError:
            self.seen = True
            raise
        if not line.endswith(b"\n"):
            self._note_end(line, size)
        return line

    def look(self) -> bool:
        """Whether the client has hung up."""
        return self.seen

    def _note_end(self, content: bytes, size: int | None) -> None:
        """A short answer ends the body. When that is not all of it, the client has left; unless more comes after all."""
        if size is None or size < 0 or len(content) < size:
            position, length = getattr(self._stream, "_pos", None), getattr(self._stream, "limit", None)
            self.seen = isinstance(position, int) and isinstance(length, int) and position < length
        else:
            self.seen = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
