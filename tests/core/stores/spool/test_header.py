"""The header says whose file it is, and is checked."""

from __future__ import annotations

import pytest

from slo_core.stores.spool.entries import SpoolDamageError
from slo_core.stores.spool.file_layout import CREATED, FORMAT, HEADER_WORDS, MAGIC, WRITER, Area
from slo_core.stores.spool.header import NewerSpoolError, SpoolHeader, read_header, write_header
from spool_memory import NotedMemory

HEADER = SpoolHeader("0123456789abcdef" * 2, 1000)


def test_it_is_there_with_the_last_store_only() -> None:
    """A process that ends before has counted nothing."""
    memory = NotedMemory()
    seen: list[SpoolHeader | None] = []
    memory.on_store = lambda *_: seen.append(read_header(memory))

    write_header(memory, HEADER)

    assert seen == [None] * (len(seen) - 1) + [HEADER]


@pytest.mark.parametrize("word", [MAGIC, CREATED, WRITER, WRITER + 1])
def test_a_changed_word_is_damage(word: int) -> None:
    """Whichever it is."""
    memory = NotedMemory()
    write_header(memory, HEADER)
    memory.cells(Area(0, 0, HEADER_WORDS))[word] += 1

    with pytest.raises(SpoolDamageError):
        read_header(memory)


def test_a_newer_format_is_no_damage() -> None:
    """A newer version of slo-suite has written it."""
    memory = NotedMemory()
    write_header(memory, HEADER)
    memory.cells(Area(0, 0, HEADER_WORDS))[FORMAT] = 2

    with pytest.raises(NewerSpoolError, match="format 2"):
        read_header(memory)
