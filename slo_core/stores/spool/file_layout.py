"""Where everything stands in a spool file: header, segments, slots and the halves of the log."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple, Protocol, overload

__all__ = [
    "CHECKSUM",
    "COMMIT",
    "CREATED",
    "FORMAT",
    "FORMAT_VERSION",
    "HEADER_WORDS",
    "MAGIC",
    "MAGIC_WORD",
    "MOST_SEGMENTS",
    "SLOT_WORDS",
    "WORD_BYTES",
    "WRITER",
    "Area",
    "Cells",
    "Commit",
    "SpoolMemory",
    "file_words",
    "log_area",
    "segment_start",
    "segment_words",
    "slot_area",
    "slot_count",
]

# Everything is made of words: signed, of the machine's byte order, each at an address that it divides, so that the machine
# stores it in one step.
WORD_BYTES = 8

# 16 KiB. Each further segment doubles the file.
_FIRST_WORDS = 2048

# 64 MiB, the most that a folder may hold.
MOST_SEGMENTS = 13

# Words of the header. The magic word is written last: without it the file holds nothing.
MAGIC, FORMAT, CHECKSUM, CREATED = 0, 1, 2, 3
WRITER = 4  # and the next word
COMMIT = 8
HEADER_WORDS = 32

MAGIC_WORD = int.from_bytes(b"SLOSPOOL", "little")
FORMAT_VERSION = 1

# Tag, second, good, bad.
SLOT_WORDS = 4

# An eighth of each segment is slots; the two halves of the log share the rest.
_SLOT_SHARE = 8


class Cells(Protocol):
    """
    Neighbouring words of a file.

    A word is stored in one step. A list of words is not: a process may be killed after any of them.
    """

    @overload
    def __getitem__(self, index: int, /) -> int: ...
    @overload
    def __getitem__(self, index: slice, /) -> Sequence[int]: ...
    @overload
    def __setitem__(self, index: slice, value: array[int], /) -> None: ...
    @overload
    def __setitem__(self, index: int, value: int, /) -> None: ...


class Area(NamedTuple):
    """
    A part of a segment.

    Attributes:
        segment: Number of the segment.
        start: Its first word in the segment.
        size: How many words.
    """

    segment: int
    start: int
    size: int


class SpoolMemory(Protocol):
    """The segments of one file: mapped, or in the memory of a test."""

    @property
    def segment_count(self) -> int:
        """How many segments there are, at least 1."""

    def cells(self, area: Area) -> Cells:
        """The words of an area."""

    def grow(self) -> bool:
        """Add a segment, filled with zeros; False where the file cannot be larger."""


class Commit(NamedTuple):
    """
    The word that decides what the log holds: one store changes all of it.

    Attributes:
        half: Number of the half of the log that counts; see `log_area`.
        length: How many words of it.
    """

    half: int
    length: int

    @property
    def word(self) -> int:
        """The word."""
        return self.half << 32 | self.length

    @classmethod
    def of(cls, word: int) -> Commit:
        """From the word, which may be anything."""
        return cls(word >> 32, word & 0xFFFF_FFFF)


def segment_words(segment: int) -> int:
    """How many words a segment holds."""
    return _FIRST_WORDS << max(0, segment - 1)


def segment_start(segment: int) -> int:
    """The word of the file that a segment begins with."""
    return _FIRST_WORDS << (segment - 1) if segment else 0


def file_words(segments: int) -> int:
    """How many words a file of so many segments holds."""
    return segment_start(segments)


def slot_area(segment: int) -> Area:
    """The slots of a segment."""
    return Area(segment, HEADER_WORDS if segment == 0 else 0, segment_words(segment) // _SLOT_SHARE)


def slot_count(segments: int) -> int:
    """How many slots so many segments hold."""
    return sum(slot_area(segment).size for segment in range(segments)) // SLOT_WORDS


def log_area(half: int) -> Area:
    """
    A half of the log.

    Args:
        half: Twice the number of its segment, and one more for the second half.
    """
    segment = half // 2
    slots = slot_area(segment)
    first = slots.start + slots.size
    size = (segment_words(segment) - first) // 2
    return Area(segment, first + half % 2 * size, size)
