"""
The files beside an SQLite file, `-wal` and `-shm`: they belong to one file, whatever is put in its place.

SQLite finds them by name, and takes those of a file that was moved away for those of the file that is there now: it
writes pages of the one into the other (https://sqlite.org/howtocorrupt.html, sections 1.2 and 4.2).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["FileIdentity", "file_identity", "leave_file"]

# Device and inode of the file itself, and of its side files; None where there is none.
FileIdentity = tuple[tuple[int, int] | None, ...]

_SIDE_FILES = ("-wal", "-shm")


def file_identity(path: Path) -> FileIdentity:
    """Which files are there now under the name of a file and those of its side files."""
    return tuple(_inode(f"{path}{suffix}") for suffix in ("", *_SIDE_FILES))


def leave_file(connection: sqlite3.Connection, path: Path, opened: FileIdentity) -> None:
    """
    Close a file that was deleted, or in whose place another one is, so that the other is not harmed by it.

    What is only in the write-ahead log goes into the file that was moved away. Its side files are deleted, if they are
    still those of the connection: the file that is there now has none, or its own.

    Args:
        connection: To the file that was opened.
        path: Where it was.
        opened: What was there when it was opened.
    """
    try:
        with suppress(sqlite3.Error):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if file_identity(path)[0] != opened[0]:
            # Before the connection is closed: as long as it is open, no other file can be given the numbers of these.
            with suppress(OSError), _alone_in(path.parent):
                for suffix, inode in zip(_SIDE_FILES, opened[1:], strict=True):
                    if inode is not None and _inode(f"{path}{suffix}") == inode:
                        os.unlink(f"{path}{suffix}")  # noqa: PTH108
    finally:
        connection.close()


def _inode(name: str) -> tuple[int, int] | None:
    try:
        status = os.stat(name)  # noqa: PTH116  # asked for before each transaction: Path takes twice as long
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold off other processes that do the same: one might delete the side files that another has just made."""
    try:
        import fcntl
    except ImportError:  # Windows, where a file in use can be neither moved nor deleted
        yield
        return
    # Of the folder. A descriptor of the file itself would take away SQLite's locks on it when it is closed.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
