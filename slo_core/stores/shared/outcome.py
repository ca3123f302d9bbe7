"""What the answer of a store to a batch means."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AS_EXPECTED", "Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What an answer of the store means for an outbox.

    Attributes:
        is_refused: The store could not take the batch now; it comes again.
        is_new_record: The store had lost everything of the SLO.
        resent: Batches that the store had confirmed and lost, and that it will be sent again.
        missing: Batches that it had confirmed and lost, and that are not kept any more.
        unsure: Batches that it had confirmed and no longer knows of; in case it has them they are not sent again.
        given_up: Events that it may have or not; in case it has them they are not sent again, and count as dropped.
    """

    is_refused: bool = False
    is_new_record: bool = False
    resent: int = 0
    missing: int = 0
    unsure: int = 0
    given_up: int = 0

    @property
    def is_loss(self) -> bool:
        """Whether the store no longer knows what it had confirmed."""
        return bool(self.is_new_record or self.resent or self.missing or self.unsure)


# The answer to nearly every batch.
AS_EXPECTED = Outcome()
