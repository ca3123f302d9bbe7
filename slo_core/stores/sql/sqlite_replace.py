"""Puts the content of one SQLite store in the place of another's, which may be in use."""

from __future__ import annotations

import sqlite3
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
            version_of(new, target)
            old.backup(new)
            (events,) = new.execute("SELECT COALESCE(SUM(good + bad), 0) FROM slo").fetchone()
            return int(events)
    except sqlite3.Error as exc:
        raise StoreError(f"store sqlite:///{target} cannot be replaced by {source}: {exc}") from exc
