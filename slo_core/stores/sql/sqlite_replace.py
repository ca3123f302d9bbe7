"""Puts the content of one SQLite store in the place of another's, which may be in use."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from slo_core.errors import StoreError
from slo_core.stores.sql.sqlite_schema import version_of

__all__ = ["replace_sqlite_file"]

# How long to wait for those that write to either file.
_TIMEOUT_SECONDS = 10.0


def replace_sqlite_file(source: Path, target: Path) -> int:
    """
    Replace all that a file holds, of every service, in one transaction; how many events it holds then.

    Processes that use the target go on with the new content, and its identity. If it is an older copy of the same store,
    they send again the batches of the last two minutes, which they still keep.

    Args:
        source: The file to read; it may be in use.
        target: The file to replace; it may be in use, and is made when it is missing.

    Raises:
        StoreError: The source is no store of ours, or the target belongs to another program; or one cannot be used now.
    """
    try:
        with (
            closing(
                sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=_TIMEOUT_SECONDS)
            ) as old,
            closing(sqlite3.connect(target, timeout=_TIMEOUT_SECONDS)) as new,
        ):
            if source.exists() and target.exists() and source.samefile(target):
                raise StoreError(f"store sqlite:///{target}: source and target are the same file")
            if not version_of(old, source):
                raise StoreError(f"store sqlite:///{source}: the file is empty")
            _put_in_place(old, new, is_empty=not version_of(new, target))
            (events,) = new.execute("SELECT COALESCE(SUM(good + bad), 0) FROM slo").fetchone()
            return int(events)
    except sqlite3.Error as exc:
        raise StoreError(f"store sqlite:///{target} cannot be replaced by {source}: {exc}") from exc


def _put_in_place(old: sqlite3.Connection, new: sqlite3.Connection, *, is_empty: bool) -> None:
    """
    Copy all pages; by way of another file where their sizes differ: a file in WAL mode takes pages of its own size only.

    Args:
        old: To the file to read.
        new: To the file to replace.
        is_empty: Whether that holds nothing yet.
    """
    page_bytes, needed = (connection.execute("PRAGMA page_size").fetchone()[0] for connection in (old, new))
    if is_empty or page_bytes == needed:
        old.backup(new)
        return
    with tempfile.TemporaryDirectory(prefix="slo-") as folder:
        path = str(Path(folder, "copy.db"))
        old.execute(f"PRAGMA page_size = {needed}")
        old.execute("VACUUM INTO ?", (path,))
        with closing(sqlite3.connect(path)) as copy:
            copy.backup(new)
