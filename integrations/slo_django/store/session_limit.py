"""A limit that belongs to the session, for one transaction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.db import Error

__all__ = ["limit_lock_wait"]


def limit_lock_wait(cursor: Any, setting: str | None) -> Callable[[], None]:
    """
    Have statements wait for a locked row for a second at most; returns what gives the session back as it was.

    Behind a pooler the session belongs to others, too; rolling back and closing do not undo a setting.

    Args:
        cursor: Of a connection without a transaction.
        setting: The session's setting, in seconds; None for no limit.
    """
    if setting is None:
        return lambda: None
    cursor.execute(f"SELECT @@SESSION.{setting}")  # our own name
    ((seconds,),) = cursor.fetchall()
    cursor.execute(f"SET SESSION {setting} = 1")

    def restore() -> None:
        with suppress(Error):  # the connection is broken, and its session gone
            cursor.execute(f"SET SESSION {setting} = %s", [seconds])

    return restore
