"""What a process has for its store at one moment, in slices that a slow store can take one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable

from slo_core.stores.buckets import Batch
from slo_core.stores.shared.outbox import MOST_INCREMENTS, ClockReading, Outbox

__all__ = ["BatchGroup", "FlushRound"]

# Batches that are sent together, at most one of each SLO.
BatchGroup = list[tuple[Outbox, Batch]]


class FlushRound:
    """
    All that was pending when it began, of every SLO; what comes meanwhile is left for the next one.

    An SLO may have several batches, of which one is sent at a time: one that is unconfirmed, those that are sent again
    after a gap, and then what has come since, in more than one if it is much.

    Args:
        outboxes: Of all SLOs.
    """

    __slots__ = ("_may_freeze", "_queue")

    def __init__(self, outboxes: Iterable[Outbox]) -> None:
        self._queue = deque(outboxes)
        self._may_freeze = set(self._queue)

    @property
    def is_over(self) -> bool:
        """Whether the store has it all."""
        return not self._queue

    def next_group(self, *, now: ClockReading, take_errors: Callable[[], int]) -> BatchGroup:
        """
        The batches to be sent next, frozen from now on; empty when there are none.

        As many as hold `MOST_INCREMENTS` together, and the last one whole: a batch is frozen to be sent at once.

        Args:
            now: By both clocks.
            take_errors: How many failures are to be reported; whoever asks reports them.
        """
        found: BatchGroup = []
        increments = 0
        while self._queue and increments < MOST_INCREMENTS:
            outbox = self._queue.popleft()
            if outbox.has_unconfirmed:
                batch = outbox.next_batch(now=now)
            elif outbox in self._may_freeze:
                batch = outbox.next_batch(now=now, errors=take_errors())
                if not outbox.has_rest:
                    self._may_freeze.discard(outbox)
            else:
                continue
            if batch is not None:
                found.append((outbox, batch))
                increments += len(batch.increments)
        return found

    def answered(self, sent: BatchGroup, *, left: Collection[Outbox] = ()) -> None:
        """
        A slice has been answered, and noted in its outboxes: see which have more.

        Args:
            sent: The slice.
            left: Those whose batches the store has not taken; they are not tried again this time.
        """
        for outbox, _ in sent:
            if outbox not in left and (outbox.has_unconfirmed or outbox in self._may_freeze):
                self._queue.append(outbox)
