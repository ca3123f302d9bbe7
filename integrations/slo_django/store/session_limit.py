"""A limit that belongs to the session, for one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.db import Error

__all__ = ["lock_wait_limit"]


@contextmanager
def lock_wait_limit(cursor: Any, setting: str | None) -> Iterator[None]:
    """
    Have statements wait for a locked row for a second at most, and give the session back as it was.

    Behind a pooler the session belongs to others, too; rolling back and closing do not undo a setting.

    Args:
        cursor: Of a connection without a transaction.
        setting: The session's setting, in seconds; None for no limit.
    """
    if setting is None:
        yield
        return
    cursor.execute(f"SELECT @@SESSION.{setting}")  # our own name
    ((seconds,),) = cursor.fetchall()
    cursor.execute(f"SET SESSION {setting} = 1")
    try:
        yield
    finally:
        with suppress(Error):  # the connection is broken, and its session gone
            cursor.execute(f"SET SESSION {setting} = %s", [seconds])
