"""Bodies of requests that break off, as servers hand them over."""

from __future__ import annotations

import io

__all__ = ["BrokenUpload"]


class BrokenUpload(io.RawIOBase):
    """
    The stream of a client that went away.

    Args:
        start: What had arrived.
        error: Raised after that; None ends the stream too early.
    """

    def __init__(self, start: bytes = b"", error: Exception | None = None) -> None:
        self._start = io.BytesIO(start)
        self._error = error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self._start.read(len(buffer))
        if not data and self._error is not None:
            raise self._error
        buffer[: len(data)] = data
        return len(data)
