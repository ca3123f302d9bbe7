"""The increments of a large batch, in a fifth of the memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import overload

from slo_core.stores.buckets import Increment
from slo_core.stores.layout import spread

__all__ = ["increments_of"]

# Smaller batches are not worth it.
_LARGE_SECONDS = 64


def increments_of(counted: Sequence[tuple[int, int, int]], *, first: Mapping[int, int]) -> Sequence[Increment]:
    """
    Every event once in each width, sorted; see `spread`.

    A batch is kept until the store has it, and for two minutes after that. After an outage it is large.

    Args:
        counted: (second, good, bad) for each second that holds events.
        first: As for `spread`.
    """
    if len(counted) <= _LARGE_SECONDS:
        return spread(counted, first=first)
    return _PackedIncrements(counted, first)


class _PackedIncrements(Sequence[Increment]):
    """They are worked out from the seconds each time that they are looked at, which takes some milliseconds."""

    __slots__ = ("_first", "_length", "_numbers")

    def __init__(self, counted: Sequence[tuple[int, int, int]], first: Mapping[int, int]) -> None:
        self._first = first
        self._numbers = array("q", chain.from_iterable(counted))  # second, good, bad, second...
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
