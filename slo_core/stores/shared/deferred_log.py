"""Log messages about a store, written once its lock is released."""

from __future__ import annotations

from slo_core.process.internal_errors import InternalErrors

__all__ = ["DeferredLog"]


class DeferredLog:
    """Messages that wait until no lock is held: a logging handler is code of the application, and may take long."""

    __slots__ = ("_internal_errors", "_messages")

    def __init__(self) -> None:
        self._internal_errors = InternalErrors()
        self._messages: list[tuple[int, str, str]] = []

    def note(self, level: int, trouble: str, detail: str = "") -> None:
        """
        Add a message, to be written later.

        Args:
            level: Of the log record.
            trouble: What happened, in words that stay the same: each trouble is logged at most once a minute.
            detail: More about it, in words that may differ.
        """
        self._messages.append((level, trouble, detail))

    def write(self) -> None:
        """Log every message; the caller holds no lock."""
        while self._messages:
            try:
                level, trouble, detail = self._messages.pop(0)
            except IndexError:  # another thread was faster
                return
            self._internal_errors.report(trouble, detail=detail, level=level)
