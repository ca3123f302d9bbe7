"""A batch that a store cannot take, whatever is tried: it is found out, so that it does not hold up all others."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Sequence

from slo_core.errors import DamagedError, StoreError
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

    Attributes:
        unable: The SLOs whose last batch the store could not take, each with the store's words.
    """

    __slots__ = ("_apply", "_attempts", "_note", "unable")

    def __init__(self, apply: Callable[[Sequence[Batch]], Applied], note: Callable[[int, Exception], None]) -> None:
        self._apply = apply
        self._note = note
        self._attempts: dict[Outbox, int] = {}
        self.unable: dict[str, str] = {}

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
        if self._attempts or self.unable:
            for outbox, batch in group:
                self.unable.pop(batch.slo, None)
                if 0 < batch.number < _ASKING:
                    self._attempts.pop(outbox, None)
        return applied

    def _each_applied(self, group: BatchGroup) -> Applied:
        notes: list[Note | None] = []
        trouble: str | None = None
        answer: Applied | None = None
        for outbox, batch in group:
            try:
                answer = self._apply([batch])
                notes += answer.notes
                self.unable.pop(batch.slo, None)
            except Exception as exc:
                if not _is_about_content(exc):
                    raise
                trouble = self.unable[batch.slo] = _in_words(exc)
                notes.append(None)
                answer = self._failed(outbox, batch, exc) or answer
        if answer is None:
            answer = self._apply([])  # it can be asked about none of these SLOs; whether it is there at all
        return dataclasses.replace(answer, notes=tuple(notes), trouble=trouble)

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


def _in_words(exc: Exception) -> str:
    # The text of others may hold a password.
    return str(exc) if isinstance(exc, StoreError) else f"{type(exc).__name__}, about what it was sent"


def _is_about_content(exc: Exception) -> bool:
    """Whether an exception says that a value cannot be taken; one about connections says that none can at this moment."""
    return any(
        isinstance(error, (ArithmeticError, DamagedError, TypeError, ValueError, struct.error))
        or any(kind.__name__ == "DataError" for kind in type(error).__mro__)  # of sqlite3, Django, redis-py
        for error in (exc, exc.__cause__)
    )
