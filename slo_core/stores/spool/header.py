"""The header of a spool file: what it is, and whose."""

from __future__ import annotations

import zlib
from array import array
from typing import NamedTuple

from slo_core.stores.spool.entries import SpoolDamageError
from slo_core.stores.spool.file_layout import (
    CHECKSUM,
    CREATED,
    FORMAT,
    FORMAT_VERSION,
    HEADER_WORDS,
    MAGIC,
    MAGIC_WORD,
    WRITER,
    Area,
    Cells,
    SpoolMemory,
)

__all__ = ["NewerSpoolError", "SpoolHeader", "read_header", "write_header"]

_AREA = Area(0, 0, HEADER_WORDS)


class NewerSpoolError(Exception):
    """A newer version of slo-suite has written the file: it is left alone."""


class SpoolHeader(NamedTuple):
    """
    Whose file it is.

    Attributes:
        writer: Id of the process: 32 hexadecimal digits.
        created: When the file was made, in whole seconds since the epoch.
    """

    writer: str
    created: int


def write_header(memory: SpoolMemory, header: SpoolHeader) -> None:
    """Make a file that holds zeros an empty spool."""
    cells = memory.cells(_AREA)
    words = array("q", bytes.fromhex(header.writer))
    cells[FORMAT], cells[CREATED] = FORMAT_VERSION, header.created
    cells[WRITER], cells[WRITER + 1] = words
    cells[CHECKSUM] = _checksum(cells)
    cells[MAGIC] = MAGIC_WORD


def read_header(memory: SpoolMemory) -> SpoolHeader | None:
    """
    The header; None where the process has ended before it was complete: the file holds nothing.

    Raises:
        NewerSpoolError: A newer version has written the file.
        SpoolDamageError: The file is no spool.
    """
    cells = memory.cells(_AREA)
    if cells[MAGIC] == 0:
        return None
    if cells[MAGIC] != MAGIC_WORD:
        raise SpoolDamageError("the file does not begin as a spool does")
    if cells[FORMAT] > FORMAT_VERSION:
        raise NewerSpoolError(f"the file has format {cells[FORMAT]}; this version reads {FORMAT_VERSION}")
    if cells[FORMAT] != FORMAT_VERSION or cells[CHECKSUM] != _checksum(cells):
        raise SpoolDamageError("the header of the file is damaged")
    writer = array("q", cells[WRITER : WRITER + 2]).tobytes().hex()
    return SpoolHeader(writer, cells[CREATED])


def _checksum(cells: Cells) -> int:
    return zlib.crc32(array("q", (cells[FORMAT], cells[CREATED], cells[WRITER], cells[WRITER + 1])))
