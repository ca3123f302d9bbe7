"""The id under which a process numbers its batches."""

from __future__ import annotations

import hashlib
import secrets

__all__ = ["WriterId", "new_writer", "writer_from"]


def new_writer() -> str:
    """A random writer id, 128 bits in hexadecimal."""
    return secrets.token_hex(16)


def writer_from(nonce: str) -> str:
    """
    A writer id for batches that are numbered again, from the nonce of the first of them.

    Copies of a process that number the same batches again do it under the same id: they count once.
    """
    return hashlib.sha256(nonce.encode()).hexdigest()[:32]


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
