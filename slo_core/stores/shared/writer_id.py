"""The id under which a process numbers its batches."""

from __future__ import annotations

import secrets

__all__ = ["WriterId", "new_writer"]


def new_writer() -> str:
    """A random writer id, 128 bits in hexadecimal."""
    return secrets.token_hex(16)


class WriterId:
    """
    The writer id of a process, drawn when it is first needed.

    An image of a process that has sent nothing (a warmed-up function, a snapshot of a machine) may be started more than
    once: each copy draws an id of its own.
    """

    __slots__ = ("_id",)

    def __init__(self) -> None:
        self._id: str | None = None

    def get(self) -> str:
        """The id."""
        if self._id is None:
            self._id = new_writer()
        return self._id

    def renew(self) -> None:
        """Draw another one when it is needed next."""
        self._id = None
