"""All events that wait in a process at one moment, in groups that a slow store can take one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable

from slo_core.stores.buckets import Batch
from slo_core.stores.shared.clock_reading import ClockReading
from slo_core.stores.shared.outbox import MOST_INCREMENTS, Outbox

__all__ = ["BatchGroup", "FlushRound"]

# Batches that are sent together, at most one of each SLO.
BatchGroup = list[tuple[Outbox, Batch]]


class FlushRound:
    """
    Everything that was pending when the round began, of every SLO; events that come meanwhile are left for the next round.

    An SLO may have several batches, of which one is sent at a time: its declaration or a question, one that is unconfirmed,
    those that are sent again after a gap, and then what has come since, in more than one if it is much.

    Args:
        outboxes: Of all SLOs.
    """

    __slots__ = ("_has_refused", "_may_freeze", "_queue")

    def __init__(self, outboxes: Iterable[Outbox]) -> None:
        self._queue = deque(outboxes)
        self._may_freeze = set(self._queue)
        self._has_refused = False

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be sent in this round."""
        return not self._queue

    @property
    def is_complete(self) -> bool:
        """Whether the store has all of it."""
        return self.is_over and not self._has_refused

    def next_group(self, *, now: ClockReading, take_errors: Callable[[], int]) -> BatchGroup:
        """
        The batches to be sent next, frozen from now on; empty when there are none.

        As many as hold `MOST_INCREMENTS` together, and the last one whole: a batch is frozen to be sent right away.

        Args:
            now: By both clocks.
            take_errors: Returns how many failures a new batch is to report, and forgets them.
        """
        group: BatchGroup = []
        increments = 0
        while self._queue and increments < MOST_INCREMENTS:
            outbox = self._queue.popleft()
            batch = outbox.question(now=now)
            if batch is not None:
                pass
            elif outbox.has_unconfirmed:
                batch = outbox.next_batch(now=now)
            elif outbox in self._may_freeze:
                batch = outbox.next_batch(now=now, errors=take_errors() if outbox.is_declared else 0)
                if not outbox.has_rest:
                    self._may_freeze.discard(outbox)
            else:
                continue
            if batch is not None:
                group.append((outbox, batch))
                increments += len(batch.increments)
        return group

    def answered(self, group: BatchGroup, *, refused: Collection[Outbox] = ()) -> None:
        """
        Queue the outboxes again that have more; the store has answered a group, and the outboxes have noted the answer.

        Args:
            group: The group that was sent.
            refused: Outboxes whose batches the store has not applied; they are not tried again in this round.
        """
        self._has_refused = self._has_refused or bool(refused)
        for outbox, _ in group:
            if outbox not in refused and (outbox.has_unconfirmed or outbox in self._may_freeze):
                self._queue.append(outbox)
