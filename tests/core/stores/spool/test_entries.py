"""What is written is read back; anything else is refused, whatever it is."""

from __future__ import annotations

import random
from array import array

import pytest

from slo_core.stores.spool.entries import (
    LONGEST_TEXT,
    MOST_EVENTS,
    Baseline,
    Confirm,
    Declare,
    Drop,
    Entry,
    Freeze,
    Frozen,
    Pending,
    Settle,
    Spoke,
    SpoolDamageError,
    decoded,
    encoded,
)

ENTRIES: list[Entry] = [
    Spoke("5" * 32),
    Declare(0, "Bestellungen für \ud800 €", '{"name": "x"}', "f" * 64, 2_592_000, 1000.5, 3, 2, is_live=False),
    Settle(7, 0, 1000, MOST_EVENTS, 0, is_live=True),
    Baseline(7, 1, 2),
    Pending(0, 1000, 1, 2),
    Freeze(0, "a" * 32, 2, "b" * 16, 1000.25, "5" * 32, "g", 3, 999.5, 1, 2, -1, True, ((999, 1, 2), (1000, 3, 4))),
    Frozen(0, "a" * 32, 2, "b" * 16, 1000.25, "", "", 0, 0.0, 1, 2, 1000, False, ()),
    Confirm(0, "a" * 32, 2),
    Drop(0, "a" * 32, 2, is_counted=True),
]


def test_every_entry_is_read_back() -> None:
    """Each kind, one after the other, written in two parts."""
    words = encoded(ENTRIES[:4], 0)
    words += encoded(ENTRIES[4:], words[-1])

    assert list(decoded(words)) == ENTRIES


def test_a_changed_word_is_refused() -> None:
    """Whichever it is; what stands before it is read."""
    words = encoded(ENTRIES, 0)
    for index in range(len(words)):
        damaged = array("q", words)
        damaged[index] ^= 1 << index % 60
        read = []
        with pytest.raises(SpoolDamageError):
            read.extend(decoded(damaged))
        assert read == ENTRIES[: len(read)]


def test_a_cut_log_is_refused() -> None:
    """Unless it is cut between two entries."""
    words = encoded(ENTRIES, 0)
    whole = {0}
    for count in range(len(ENTRIES)):
        whole.add(len(encoded(ENTRIES[: count + 1], 0)))
    for length in range(len(words)):
        if length in whole:
            list(decoded(words[:length]))
        else:
            with pytest.raises(SpoolDamageError):
                list(decoded(words[:length]))


def test_an_entry_of_an_older_log_is_refused() -> None:
    """Its checksum goes on from another entry."""
    stale = encoded([Confirm(0, "a" * 32, 1)], encoded([Spoke("1" * 32)], 0)[-1])

    with pytest.raises(SpoolDamageError, match="checksum"):
        list(decoded(encoded([Spoke("2" * 32)], 0) + stale))


def test_any_words_are_refused() -> None:
    """They never raise anything else."""
    drawn = random.Random(7)
    for _ in range(300):
        words = [
            drawn.choice([drawn.getrandbits(63), drawn.getrandbits(12), 3 << 8 | drawn.randrange(12)])
            for _ in range(20)
        ]
        with pytest.raises(SpoolDamageError):
            list(decoded(words))


@pytest.mark.parametrize(
    "entry",
    [
        Baseline(7, MOST_EVENTS + 1, 0),
        Baseline(-1, 0, 0),
        Pending(0, 2**40 + 1, 0, 0),
        Declare(0, "x" * (LONGEST_TEXT + 1), "", "", 0, 0.0),
        Settle(0, 2**16 + 1, 0, 0, 0),
    ],
)
def test_what_could_not_be_read_is_not_written(entry: Entry) -> None:
    """A number or text out of bounds."""
    with pytest.raises(SpoolDamageError, match="expected a"):
        encoded([entry], 0)


@pytest.mark.parametrize(
    "entry", [Spoke("not hexadecimal"), Confirm(0, "A" * 32, 1), Declare(0, "", "", "", 0, float("nan"))]
)
def test_ids_and_times_are_checked(entry: Entry) -> None:
    """An id is hexadecimal, a time is a number, also where the checksum is right."""
    with pytest.raises(SpoolDamageError):
        list(decoded(encoded([entry], 0)))
