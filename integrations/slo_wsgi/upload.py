"""The body of a request, on its way from the client to the application."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Upload", "follow_upload"]

# Methods that not every server's stream has.
_UNBUFFERED = ("read1", "readinto", "readinto1")

# Not nothing, and no longer than any server takes.
_LENGTH = re.compile(r"0*[1-9][0-9]{0,17}")


class Upload:
    """
    Stands in for `wsgi.input`, and notes when the client goes away before its body has arrived.

    An error of the server's stream and an end that comes too early both mean that. Frameworks make a 400 of it, or an
    exception, which reach no client; some servers let the application take the part for the whole. Everything but reading
    is left to the server's own stream.

    Args:
        stream: The server's stream.
        length: The bytes that the client announced; None for a chunked body.

    Attributes:
        is_broken: The client went away.
    """

    __slots__ = ("_left", "_stream", "is_broken")

    def __init__(self, stream: Any, length: int | None) -> None:
        self._stream = stream
        self._left = length
        self.is_broken = False

    @property  # type: ignore[misc]  # libraries look at what kind of stream it is
    def __class__(self) -> type:
        return type(self._stream)

    # Called as the application called it: some servers' `read` takes no None, and granian's no -1.

    def read(self, *size: Any, **named: Any) -> bytes:
        data: bytes = self._followed(lambda: self._stream.read(*size, **named))
        self._note(len(data), _size(size, named))
        return data

    def readline(self, *size: Any, **named: Any) -> bytes:
        line: bytes = self._followed(lambda: self._stream.readline(*size, **named))
        wanted = _size(size, named)
        self._note(len(line), 1 if wanted < 0 else min(wanted, 1))
        return line

    def readlines(self, *hint: Any, **named: Any) -> list[bytes]:
        lines: list[bytes] = self._followed(lambda: self._stream.readlines(*hint, **named))
        self._note(sum(map(len, lines)), 1 if _size(hint, named) > 0 else -1)
        return lines

    def __enter__(self) -> Upload:
        self._stream.__enter__()
        return self

    def __exit__(self, *exception: object) -> Any:
        return self._stream.__exit__(*exception)

    def __iter__(self) -> Iterator[bytes]:
        iterator = iter(self._stream)
        return self if iterator is self._stream else self._lines(iterator)

    def __next__(self) -> bytes:
        return self._next(self._stream)

    def _lines(self, iterator: Iterator[bytes]) -> Iterator[bytes]:
        while True:
            try:
                line = self._next(iterator)
            except StopIteration:
                return
            yield line

    def _next(self, iterator: Iterator[bytes]) -> bytes:
        try:
            line: bytes = self._followed(lambda: next(iterator))
        except StopIteration:
            self._note(0, 1)
            raise
        self._note(len(line), 0)
        return line

    def _followed(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except OSError:
            self.is_broken = True
            raise

    def _note(self, count: int, wanted: int) -> None:
        """Note how many bytes came, of the number that was asked for; -1 asks for all."""
        if self._left is None:
            return
        expected = self._left if wanted < 0 else min(wanted, self._left)
        self._left -= count
        # Decided again each time, because a stream that is not buffered may hand over less than was asked for.
        self.is_broken = count < expected

    def __getattr__(self, name: str) -> Any:
        if name in _UNBUFFERED:
            # Only where the server's stream has it: frameworks ask.
            read = getattr(self._stream, name)
            return lambda *arguments: self._partly(lambda: read(*arguments))
        if name in self.__slots__:
            raise AttributeError(name)
        return getattr(self._stream, name)

    def _partly(self, read: Callable[[], Any]) -> Any:
        """A read that may return less than was asked for, and nothing only at the end."""
        result = self._followed(read)
        self._note(result if isinstance(result, int) else len(result or b""), 1)
        return result

    def __deepcopy__(self, memo: object) -> Upload:
        # For middlewares that copy the environ: there is one stream.
        return self


def _size(given: tuple[Any, ...], named: dict[str, Any]) -> int:
    """The size or hint that a read was called with; -1 where it asks for all."""
    for size in (*given, *named.values()):
        return -1 if size is None else int(size)
    return -1


def follow_upload(environ: WSGIEnvironment) -> Upload | None:
    """Put an `Upload` in the place of the environ's `wsgi.input`; None where the request announces no body."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        length = None
    else:
        announced = str(environ.get("CONTENT_LENGTH") or "")
        if not _LENGTH.fullmatch(announced):
            return None
        length = int(announced)
    stream = environ.get("wsgi.input")
    if stream is None:
        return None
    upload = environ["wsgi.input"] = Upload(stream, length)
    return upload
