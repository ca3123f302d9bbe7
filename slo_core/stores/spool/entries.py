"""The entries of a spool's log, as words and back: nothing that is read is trusted."""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from slo_core.objectives.window import LATEST_TIME
from slo_core.stores.spool.file_layout import WORD_BYTES

__all__ = [
    "Baseline",
    "Confirm",
    "Counted",
    "Declare",
    "Drop",
    "Entry",
    "Freeze",
    "Frozen",
    "Pending",
    "Settle",
    "Spoke",
    "SpoolDamageError",
    "decoded",
    "encoded",
]

# Longer texts are not written, and not read.
LONGEST_TEXT = 64 * 1024
# No process counts so many events.
MOST_EVENTS = 2**53
MOST_SLOS = 2**16
MOST_SECONDS = 5_000
_MOST_NUMBER = 2**40
_MOST_SLOTS = 2**20

# (second, good, bad)
Counted = tuple[tuple[int, int, int], ...]


class SpoolDamageError(ValueError):
    """A spool holds what no version of slo-suite writes."""


class Declare(NamedTuple):
    """
    An SLO that the process counts for; see `slo_core.stores.buckets.Declaration`.

    Attributes:
        slo: Its number in this file.
        name: Its name.
        definition: As in the declaration.
        fingerprint: As there.
        keeps_seconds: As there.
        since: As there.
        frozen_count: How many batches of it were ever frozen in this file.
        dropped: Events that were given up, and that the store has not been told of.
        is_live: Whether all pending events were counted when they happened.
    """

    slo: int
    name: str
    definition: str
    fingerprint: str
    keeps_seconds: int
    since: float
    frozen_count: int = 0
    dropped: int = 0
    is_live: bool = True


class Settle(NamedTuple):
    """
    The totals of a slot as they were read: what they have grown by is pending.

    Attributes:
        slot: Number of the slot.
        slo: Number of the SLO.
        second: In which it counts.
        good: Good events ever counted in the slot.
        bad: Bad events ever counted in it.
        is_live: They were counted when they happened.
    """

    slot: int
    slo: int
    second: int
    good: int
    bad: int
    is_live: bool = True


class Baseline(NamedTuple):
    """The totals of a slot up to which everything is in the log."""

    slot: int
    good: int
    bad: int


class Pending(NamedTuple):
    """Events that no batch holds yet."""

    slo: int
    second: int
    good: int
    bad: int


class Freeze(NamedTuple):
    """
    A batch as it will be sent: its events are pending no more.

    Attributes:
        slo: Number of the SLO.
        writer: The writer's id.
        number: Of the batch.
        nonce: Of the batch.
        at: When it was frozen, seconds since the epoch.
        store_id: Of the store that it was frozen for; empty where that is not known.
        generation: As in the batch's `after`; empty without one.
        swept: As in the batch's `after`.
        swept_at: As in the batch's `after`.
        dropped: As in the batch.
        errors: As in the batch.
        newest: As in the batch, -1 for None.
        is_live: As in the batch.
        counted: Its events.
    """

    slo: int
    writer: str
    number: int
    nonce: str
    at: float
    store_id: str
    generation: str
    swept: int
    swept_at: float
    dropped: int
    errors: int
    newest: int
    is_live: bool
    counted: Counted


class Frozen(NamedTuple):
    """A batch that was frozen before; its events were taken from the pending ones then. Attributes as in `Freeze`."""

    slo: int
    writer: str
    number: int
    nonce: str
    at: float
    store_id: str
    generation: str
    swept: int
    swept_at: float
    dropped: int
    errors: int
    newest: int
    is_live: bool
    counted: Counted


class Confirm(NamedTuple):
    """The store has a batch."""

    slo: int
    writer: str
    number: int


class Drop(NamedTuple):
    """
    A batch is given up: it is not sent any more.

    Attributes:
        slo: Number of the SLO.
        writer: The writer's id.
        number: Of the batch.
        is_counted: Its events count as dropped; not where it goes on under another number.
    """

    slo: int
    writer: str
    number: int
    is_counted: bool


class Spoke(NamedTuple):
    """The store that the process has spoken to last."""

    store_id: str


Entry = Declare | Settle | Baseline | Pending | Freeze | Frozen | Confirm | Drop | Spoke

_BATCH = ["o", "w", "n", "w", "f", "t", "t", "i", "f", "e", "e", "m", "b", "c"]

# By its number in the file, the class of an entry and what its fields are: see `_word_of` and `_Reader`.
_KINDS: tuple[tuple[type[Entry], Sequence[str]], ...] = (
    (Declare, ["o", "t", "t", "t", "i", "f", "n", "e", "b"]),
    (Settle, ["p", "o", "s", "e", "e", "b"]),
    (Baseline, ["p", "e", "e"]),
    (Pending, ["o", "s", "e", "e"]),
    (Freeze, _BATCH),
    (Frozen, _BATCH),
    (Confirm, ["o", "w", "n"]),
    (Drop, ["o", "w", "n", "b"]),
    (Spoke, ["w"]),
)
_NUMBER_OF = {kind: number for number, (kind, _) in enumerate(_KINDS)}

# The smallest and the largest number of each kind of field.
_BOUNDS = {
    "o": (0, MOST_SLOS),  # an SLO
    "p": (0, _MOST_SLOTS),  # a slot
    "n": (0, _MOST_NUMBER),
    "e": (0, MOST_EVENTS),
    "s": (0, LATEST_TIME),  # a second
    "m": (-1, LATEST_TIME),  # a second, or -1 for none
    "i": (0, 2**62),
    "b": (0, 1),
}

# An entry begins with its kind and its length, and ends with the checksum of all words up to there.
_KIND_BITS = 8
_FRAME_WORDS = 2


def encoded(entries: Iterable[Entry], checksum: int) -> array[int]:
    """
    Entries as words.

    Args:
        entries: The entries.
        checksum: The last word of the entry before them; 0 at the beginning of a log.

    Raises:
        SpoolDamageError: A value is out of bounds; nothing can read it back.
    """
    words = array("q")
    for entry in entries:
        number = _NUMBER_OF[type(entry)]
        body = array("q", (0,))
        for field, value in zip(_KINDS[number][1], entry, strict=True):
            _put(body, field, value)
        body[0] = len(body) + 1 << _KIND_BITS | number
        checksum = zlib.crc32(body, checksum)
        body.append(checksum)
        words.extend(body)
    return words


def _put(body: array[int], field: str, value: object) -> None:
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
        if len(data) > LONGEST_TEXT:
            raise SpoolDamageError(f"expected a text of at most {LONGEST_TEXT} bytes, got one of {len(data)}")
        body.append(len(data))
        body.frombytes(data + bytes(-len(data) % WORD_BYTES))
    elif field == "f":
        body.frombytes(struct.pack("d", value))
    elif isinstance(value, tuple):
        body.append(len(value))
        for counts in value:
            body.extend(counts)
    elif isinstance(value, int):
        low, high = _BOUNDS[field]
        if not low <= value <= high:
            raise SpoolDamageError(f"expected a number from {low} to {high}, got {value}")
        body.append(value)
    else:
        raise TypeError(f"no field of an entry: {value!r}")


def decoded(words: Sequence[int]) -> Iterator[Entry]:
    """
    The entries of a log.

    Args:
        words: All that is committed.

    Raises:
        SpoolDamageError: They are not what `encoded` has made.
    """
    data = array("q", words)
    at, checksum = 0, 0
    while at < len(data):
        number, length = data[at] & (1 << _KIND_BITS) - 1, data[at] >> _KIND_BITS
        if number >= len(_KINDS) or not _FRAME_WORDS <= length <= len(data) - at:
            raise SpoolDamageError(f"no entry of a log at word {at}")
        body = data[at : at + length - 1]
        checksum = zlib.crc32(body, checksum)
        if checksum != data[at + length - 1]:
            raise SpoolDamageError(f"the checksum of the entry at word {at} is wrong")
        yield _entry(number, body)
        at += length


def _entry(number: int, body: array[int]) -> Entry:
    kind, fields = _KINDS[number]
    reader = _Reader(body)
    entry = kind(*[reader.value(field) for field in fields])  # type: ignore[arg-type]  # each field is of its kind
    reader.end()
    return entry


class _Reader:
    """Reads the fields of one entry."""

    __slots__ = ("_at", "_body")

    def __init__(self, body: array[int]) -> None:
        self._body = body
        self._at = 1

    def value(self, field: str) -> object:
        """The next value."""
        if field in _BOUNDS:
            return self._number(field)
        if field == "f":
            (number,) = struct.unpack("d", self._take(1))
            if not abs(number) <= LATEST_TIME:
                raise SpoolDamageError(f"expected a time, got {number!r}")
            return number
        if field == "c":
            return self._counted()
        return self._text(is_id=field == "w")

    def end(self) -> None:
        """Nothing may be left."""
        if self._at != len(self._body):
            raise SpoolDamageError("an entry is longer than its fields")

    def _number(self, field: str) -> int | bool:
        (value,) = self._take(1)
        low, high = _BOUNDS[field]
        if not low <= value <= high:
            raise SpoolDamageError(f"expected a number from {low} to {high}, got {value}")
        return bool(value) if field == "b" else value

    def _text(self, *, is_id: bool) -> str:
        (length,) = self._take(1)
        if not 0 <= length <= LONGEST_TEXT:
            raise SpoolDamageError(f"expected a text of at most {LONGEST_TEXT} bytes, got one of {length}")
        data = self._take(-(-length // WORD_BYTES)).tobytes()[:length]
        try:
            text = data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as exc:
            raise SpoolDamageError("a text is not UTF-8") from exc
        if is_id and not (len(text) <= 32 and all(each in "0123456789abcdef" for each in text)):
            raise SpoolDamageError(f"expected an id of at most 32 hexadecimal digits, got {text[:80]!r}")
        return text

    def _counted(self) -> Counted:
        (count,) = self._take(1)
        if not 0 <= count <= MOST_SECONDS:
            raise SpoolDamageError(f"expected the events of at most {MOST_SECONDS} seconds, got {count}")
        numbers = self._take(3 * count)
        counted = tuple(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))
        if any(
            not (0 <= second <= LATEST_TIME and 0 <= good <= MOST_EVENTS and 0 <= bad <= MOST_EVENTS)
            for second, good, bad in counted
        ):
            raise SpoolDamageError("the events of a batch are out of bounds")
        return counted

    def _take(self, count: int) -> array[int]:
        taken = self._body[self._at : self._at + count]
        if len(taken) != count:
            raise SpoolDamageError("an entry is shorter than its fields")
        self._at += count
        return taken
