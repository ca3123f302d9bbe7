"""The increments of a large batch, in a fifth of the memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import overload

from slo_core.stores.buckets import Increment
from slo_core.stores.layout import spread

__all__ = ["increments_of"]

# Smaller batches are not worth it.
_LARGE_SECONDS = 64


def increments_of(seconds: Mapping[int, Sequence[int]], *, first: Mapping[int, int]) -> Sequence[Increment]:
    """
    Every event once in each width, sorted; see `spread`.

    A batch is kept until the store has it, and for two minutes after that. After an outage it is large.

    Args:
        seconds: Good and bad events of each second.
        first: As for `spread`.
    """
    if len(seconds) <= _LARGE_SECONDS:
        return spread([(second, good, bad) for second, (good, bad) in seconds.items()], first=first)
    return _PackedIncrements(seconds, first)


class _PackedIncrements(Sequence[Increment]):
    """They are worked out from the seconds each time that they are looked at, which takes some milliseconds."""

    __slots__ = ("_first", "_length", "_numbers")

    def __init__(self, seconds: Mapping[int, Sequence[int]], first: Mapping[int, int]) -> None:
        self._first = first
        self._numbers = array("q")  # second, good, bad, second...
        for second, (good, bad) in seconds.items():
            self._numbers.extend((second, good, bad))
        self._length = len(self._spread())

    def _spread(self) -> tuple[Increment, ...]:
        numbers = self._numbers
        return spread(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True), first=self._first)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Increment]:
        return iter(self._spread())

    @overload
    def __getitem__(self, index: int) -> Increment: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Increment]: ...
    def __getitem__(self, index: int | slice) -> Increment | Sequence[Increment]:
        return self._spread()[index]

    def __repr__(self) -> str:
        return f"<{self._length} increments>"
