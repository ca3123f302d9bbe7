"""A file that is about to become an SQLite database."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE, S_IWGRP

__all__ = ["make_if_missing"]


def make_if_missing(path: Path) -> None:
    """
    Make a file that root's commands do not lock the workers out of: its owner is that of its folder.

    SQLite itself gives the files beside it the same owner. Other users than root can make files of their own only, and for
    them nothing is done.

    Args:
        path: The file; its folder may be missing, which SQLite reports.
    """
    if os.name != "posix" or os.geteuid() != 0:
        return
    with suppress(OSError):
        folder = path.parent.stat()
        # O_EXCL: a file that exists is left alone.
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        try:
            # A group that may write in the folder may write in the file.
            os.fchmod(descriptor, S_IMODE(os.fstat(descriptor).st_mode) | folder.st_mode & S_IWGRP)
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
        finally:
            os.close(descriptor)
