"""Bodies of streaming responses: passed on chunk by chunk, with the times of the first and the last."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Protocol

__all__ = ["AsyncBody", "StreamedRequest", "SyncBody"]


class StreamedRequest(Protocol):
    """The part of a `ServedRequest` that a body reports to."""

    first_byte: float | None

    def note_first_byte(self) -> None: ...

    def now(self) -> float: ...

    def raised(self, exception: BaseException) -> None: ...

    def broke_off(self, *, ended: float | None = None) -> None: ...

    def finish(self) -> None: ...


class SyncBody:
    """
    The chunks of a sync stream.

    An iterator rather than a generator: the clean-up of an abandoned generator runs wherever the garbage collector
    collects it.

    Args:
        chunks: The chunks.
        served: The request.
        is_collected: Under ASGI Django collects them all before it sends the first.
    """

    __slots__ = ("_chunks", "_is_collected", "_served")

    def __init__(self, chunks: Iterable[bytes], served: StreamedRequest, *, is_collected: bool) -> None:
        self._chunks = iter(chunks)
        self._served = served
        self._is_collected = is_collected

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        served = self._served
        try:
            chunk = next(self._chunks)
        except StopIteration:
            served.finish()
            raise
        except BaseException as exc:
            served.raised(exc)
            raise
        if chunk and served.first_byte is None and not self._is_collected:
            served.note_first_byte()
        return chunk

    def close(self) -> None:
        """Called by the server, through the response's `close`."""
        self._served.broke_off()


class AsyncBody:
    """
    The chunks of an async stream.

    A generator, because Django does not close the response of a stream that could not be sent; asyncio then closes the
    generator, on the event loop.

    Args:
        chunks: The chunks.
        served: The request.
        is_collected: Under WSGI Django collects them all before it returns the first.
    """

    __slots__ = ("_chunks", "_is_collected", "_served")

    def __init__(self, chunks: AsyncIterable[bytes], served: StreamedRequest, *, is_collected: bool) -> None:
        self._chunks = chunks
        self._served = served
        self._is_collected = is_collected

    async def __aiter__(self) -> AsyncIterator[bytes]:
        served, handed_over = self._served, None
        try:
            async for chunk in self._chunks:
                if chunk and served.first_byte is None and not self._is_collected:
                    served.note_first_byte()
                handed_over = served.now()
                yield chunk
        except GeneratorExit:
            served.broke_off(ended=handed_over)
            raise
        except BaseException as exc:
            served.raised(exc)
            raise
        served.finish()

    def close(self) -> None:
        """Called by Django's ASGI handler, through the response's `close`."""
        self._served.broke_off()
