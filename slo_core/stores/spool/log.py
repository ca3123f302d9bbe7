"""The log of a spool: entries count once one word says so."""

from __future__ import annotations

from collections.abc import Iterator

from slo_core.stores.spool.entries import Entry, SpoolDamageError, decoded, encoded
from slo_core.stores.spool.file_layout import COMMIT, HEADER_WORDS, Area, Cells, Commit, SpoolMemory, log_area
from slo_core.stores.spool.state import SpoolState

__all__ = ["SpoolFullError", "SpoolLog"]

# A log whose state fills more than this share of its half moves to a larger segment, where there may be one.
_FULL_SHARE = 2


class SpoolFullError(Exception):
    """The file holds no more, and cannot grow."""


class SpoolLog:
    """
    The log of one file, for one thread at a time.

    Entries are written behind those that count; then one store of the commit word makes them count, all of them. When
    a half is full, the state is written into the other one, and the same word makes that half count.

    Args:
        memory: The file. It may hold anything.

    Raises:
        SpoolDamageError: It holds no log.
    """

    __slots__ = ("_cells", "_header", "_memory")

    def __init__(self, memory: SpoolMemory) -> None:
        self._memory = memory
        self._header = memory.cells(Area(0, 0, HEADER_WORDS))
        self._cells: dict[int, Cells] = {}  # by half
        commit = self._commit()
        if not 0 <= commit.half < 2 * memory.segment_count or commit.length > log_area(commit.half).size:
            raise SpoolDamageError(f"there is no log where it should be: {commit}")
        for _ in self._entries():
            pass

    def _commit(self) -> Commit:
        # Always from the file: an exception that a signal handler raises leaves nothing behind that differs from it.
        return Commit.of(self._header[COMMIT])

    def _half(self, half: int) -> Cells:
        cells = self._cells.get(half)
        if cells is None:
            cells = self._cells[half] = self._memory.cells(log_area(half))
        return cells

    def _entries(self) -> Iterator[Entry]:
        commit = self._commit()
        return decoded(self._half(commit.half)[: commit.length])

    def state(self) -> SpoolState:
        """
        What all entries say.

        Raises:
            SpoolDamageError: They do not fit together.
        """
        return SpoolState(self._entries())

    def append(self, *entries: Entry) -> None:
        """
        Add entries: all of them, or none if the process ends meanwhile.

        Raises:
            SpoolFullError: There is no room; nothing was added.
            SpoolDamageError: Nothing could read them back; nothing was added.
        """
        half, length = self._commit()
        cells = self._half(half)
        # The last word is the checksum of all entries until now.
        words = encoded(entries, cells[length - 1] if length else 0)
        end = length + len(words)
        if end > log_area(half).size:
            self._rewrite(entries)
            return
        cells[length:end] = words
        self._header[COMMIT] = Commit(half, end).word

    def compact(self) -> None:
        """
        Write the state as a log that is as short as can be.

        Raises:
            SpoolFullError: There is no room; nothing has changed.
        """
        self._rewrite(())

    def _rewrite(self, entries: tuple[Entry, ...]) -> None:
        state = self.state()
        for entry in entries:
            state.apply(entry)
        words = encoded(state.entries(), 0)
        half = self._roomy_half(len(words))
        self._half(half)[: len(words)] = words
        self._header[COMMIT] = Commit(half, len(words)).word

    def _roomy_half(self, length: int) -> int:
        """A half that does not count now and has room for so many words, and for as many more if that can be."""
        other: int = self._commit().half ^ 1
        while True:
            halves: list[int] = [other, *range(other - other % 2 + 2, 2 * self._memory.segment_count)]
            for half in halves:
                if length * _FULL_SHARE <= log_area(half).size:
                    return half
            if not self._memory.grow():
                break
        for half in halves:
            if length <= log_area(half).size:
                return half
        raise SpoolFullError(f"there is no room for a log of {length} words")
