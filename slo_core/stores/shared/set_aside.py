"""A batch that a store cannot take, whatever is tried: it is found out, so that it does not hold up all others."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Sequence

from slo_core.stores.buckets import Applied, Batch, Note
from slo_core.stores.shared.flush_round import BatchGroup
from slo_core.stores.shared.outbox import Outbox

__all__ = ["SetAside"]

# So often a batch fails by itself, while the store answers all others, until it is set aside.
_ATTEMPTS = 3

# A number that no writer reaches: a store answers what it has noted, and adds nothing.
_ASKING = 2**40


class SetAside:
    """
    Sends groups of batches; where the store cannot take one of them, each by itself.

    Args:
        apply: Sends batches; `BucketStore.apply`.
        note: Called with the number of events of a batch that is set aside, and with the store's words.
    """

    __slots__ = ("_apply", "_attempts", "_note")

    def __init__(self, apply: Callable[[Sequence[Batch]], Applied], note: Callable[[int, Exception], None]) -> None:
        self._apply = apply
        self._note = note
        self._attempts: dict[Outbox, int] = {}

    def apply(self, group: BatchGroup) -> Applied:
        """
        The store's answer to a group; None for a batch that it cannot take.

        Raises:
            Exception: What the store raises when it is out of reach.
        """
        try:
            applied = self._apply([batch for _, batch in group])
        except Exception as exc:
            if not _is_about_content(exc):
                raise
            return self._each_applied(group)
        if self._attempts:
            for outbox, batch in group:
                if 0 < batch.number < _ASKING:
                    self._attempts.pop(outbox, None)
        return applied

    def _each_applied(self, group: BatchGroup) -> Applied:
        notes: list[Note | None] = []
        error: Exception | None = None
        answer: Applied | None = None
        for outbox, batch in group:
            try:
                answer = self._apply([batch])
                notes += answer.notes
            except Exception as exc:
                if not _is_about_content(exc):
                    raise
                error = exc
                notes.append(None)
                answer = self._failed(outbox, batch, exc) or answer
        if answer is None or error is None:
            raise error or AssertionError("a group without batches")
        return dataclasses.replace(
            answer, notes=tuple(notes), trouble=f"{type(error).__name__}, about what it was sent"
        )

    def _failed(self, outbox: Outbox, batch: Batch, exc: Exception) -> Applied | None:
        """Set the batch aside if it has failed often enough; the store's answer when it is asked about the SLO."""
        try:
            answer = self._apply([Batch(writer=batch.writer, slo=batch.slo, number=_ASKING, nonce=batch.nonce)])
        except Exception as other:
            if not _is_about_content(other):
                raise
            return None  # it cannot even be asked about this SLO
        self._attempts[outbox] = self._attempts.get(outbox, 0) + 1
        if batch.number > 0 and outbox.has_unconfirmed and self._attempts[outbox] >= _ATTEMPTS:
            del self._attempts[outbox]
            self._note(outbox.set_aside(), exc)
        return answer


def _is_about_content(exc: Exception) -> bool:
    """Whether an exception says that a value cannot be taken; one about connections says that none can at this moment."""
    return any(
        isinstance(error, (ArithmeticError, TypeError, ValueError, struct.error))
        or any(kind.__name__ == "DataError" for kind in type(error).__mro__)  # of sqlite3, Django, redis-py
        for error in (exc, exc.__cause__)
    )
