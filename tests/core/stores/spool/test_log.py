"""Entries count together or not at all, and a log finds room for itself."""

from __future__ import annotations

import pytest

from slo_core.stores.spool.entries import Baseline, Declare, Pending, SpoolDamageError
from slo_core.stores.spool.file_layout import (
    COMMIT,
    HEADER_WORDS,
    Area,
    Commit,
    file_words,
    log_area,
    segment_words,
    slot_area,
)
from slo_core.stores.spool.header import SpoolHeader, write_header
from slo_core.stores.spool.log import SpoolFullError, SpoolLog
from spool_memory import NotedMemory

ORDERS = Declare(0, "orders", "{}", "f", 3600, 900.0)


def a_log(**options: int) -> tuple[NotedMemory, SpoolLog]:
    memory = NotedMemory(**options)
    write_header(memory, SpoolHeader("a" * 32, 1000))
    return memory, SpoolLog(memory)


def test_areas_share_a_segment_without_gap_or_overlap() -> None:
    """Header, slots and two halves, in every segment that a file may have."""
    for segment in range(13):
        first = HEADER_WORDS if segment == 0 else 0
        areas = [slot_area(segment), log_area(2 * segment), log_area(2 * segment + 1)]
        for area in areas:
            assert (area.segment, area.start) == (segment, first)
            first = area.start + area.size
        assert segment_words(segment) - 1 <= first <= segment_words(segment)
    assert [8 * file_words(count) for count in (1, 2, 13)] == [16 << 10, 32 << 10, 64 << 20]


def test_several_entries_are_committed_by_one_store() -> None:
    """No prefix of the words that are stored shows one without the other."""
    memory, log = a_log()
    log.append(ORDERS)
    seen: set[int] = set()
    memory.on_store = lambda *_: seen.add(SpoolLog(memory).state().waiting)

    log.append(Pending(0, 1, 2, 0), Pending(0, 2, 3, 0), Pending(0, 3, 0, 4))

    assert seen == {0, 9}


def test_a_full_half_gives_way_to_the_other() -> None:
    """With what the log says, in as few entries as there can be."""
    memory, log = a_log(most_segments=1)
    log.append(ORDERS)
    for slot in range(400):
        log.append(Baseline(slot % 5, slot, 0))

    assert Commit.of(memory.segments[0][COMMIT]).half in (0, 1)
    assert log.state().baselines == {slot: (395 + slot, 0) for slot in range(5)}


def test_it_grows_while_there_is_room_and_then_says_so() -> None:
    """What was in it before stays."""
    memory, log = a_log(most_segments=3)
    log.append(ORDERS)
    written = 0
    with pytest.raises(SpoolFullError):
        for written in range(10_000):
            log.append(Pending(0, written, 1, 0))

    assert memory.segment_count == 3
    assert SpoolLog(memory).state().waiting == written > 200
    log.compact()
    assert SpoolLog(memory).state().waiting == written


def test_what_cannot_be_written_changes_nothing() -> None:
    """Neither the file nor what comes next."""
    _, log = a_log()
    log.append(ORDERS)
    with pytest.raises(SpoolDamageError):
        log.append(Pending(0, 1, 1, 0), Pending(0, -1, 1, 0))
    log.append(Pending(0, 1, 5, 0))

    assert log.state().waiting == 5


@pytest.mark.parametrize("word", [-1, 2 << 32, 900 << 32 | 5, 0xFFFF_FFFF, Commit(0, 3).word])
def test_a_commit_word_may_be_anything(word: int) -> None:
    """No half, a length beyond its end, the middle of an entry."""
    memory, log = a_log()
    log.append(ORDERS)
    memory.cells(Area(0, 0, HEADER_WORDS))[COMMIT] = word

    with pytest.raises(SpoolDamageError):
        SpoolLog(memory)
