"""SLOs that count the same requests: one look at the second serves them all."""

from __future__ import annotations

import math
from _thread import get_ident

from slo_core.process.internal_errors import InternalErrors, user_code_errors
from slo_core.tracking.event_counter import EventCounter, ThreadCounts, ThreadRow

__all__ = ["NOT_COUNTED", "CounterGroup", "CounterGroups", "TimedCounter"]

# The threshold in seconds (`ALWAYS_BAD` where something else has decided), and whether it applies to the last byte.
TimedCounter = tuple[EventCounter, float, bool]

NOT_COUNTED = "a request could not be counted for one of its SLOs"


class CounterGroup:
    """
    Counters of several SLOs that the same requests are counted in, and how.

    Args:
        good: Of the SLOs for which the requests are good.
        bad: Of those for which they are bad.
        timed: Of those for which the time decides.
        internal_errors: Is given what a user's own store raises.

    Attributes:
        rows: By thread identifier. A row holds the counts of each counter, in their order, and is valid from its `start` to
            its `end`; in another second `rotate` makes it valid again.
    """

    __slots__ = ("_bad", "_good", "_internal_errors", "_timed", "rows")

    def __init__(
        self,
        good: tuple[EventCounter, ...],
        bad: tuple[EventCounter, ...],
        timed: tuple[TimedCounter, ...],
        internal_errors: InternalErrors,
    ) -> None:
        self._good = good
        self._bad = bad
        self._timed = timed
        self._internal_errors = internal_errors
        self.rows: dict[int, ThreadRow] = {}

    def rotate(self, now: float) -> ThreadRow:
        """The calling thread's row for the second of `now`."""
        thread = get_ident()
        row = self.rows.get(thread)
        if row is None:
            row = self.rows[thread] = ThreadRow()
        row.good = tuple(self._counts(counter, thread, now) for counter in self._good)
        bad = tuple(self._counts(counter, thread, now) for counter in self._bad)
        timed = tuple(
            (counts := self._counts(counter, thread, now), limit, to_end, counts.cells, counter.edges)
            for counter, limit, to_end in self._timed
        )
        row.bad, row.timed = bad or None, timed or None
        every = (*row.good, *bad, *(counts for counts, *_ in timed))
        second = math.floor(now)
        # Each of the counts learns of the row before the row is valid, and the row looks at them again after that: another
        # thread may end their second at any moment.
        for counts in every:
            if row not in counts.rows:
                counts.rows.append(row)
        row.start, row.end = float(second), second + 1.0
        if any(counts.start != row.start or counts.end != row.end for counts in every):
            row.end = -math.inf
        return row

    def _counts(self, counter: EventCounter, thread: int, now: float) -> ThreadCounts:
        counts = counter.thread_counts.get(thread)
        if counts is not None and counts.start <= now < counts.end:
            return counts
        try:
            return counter.rotate(now)
        except user_code_errors() as exc:  # from a user's own store; the other SLOs count all the same
            self._internal_errors.report(NOT_COUNTED, exc)
            lost = counter.new_counts(0)  # never handed to a store: this event is lost
            lost.end = -math.inf
            return lost


class CounterGroups:
    """
    The groups of one installation. Routes are many, and most of them count for the same SLOs in the same way.

    Args:
        internal_errors: As in `CounterGroup`.
    """

    __slots__ = ("_groups", "_internal_errors")

    def __init__(self, internal_errors: InternalErrors) -> None:
        self._internal_errors = internal_errors
        self._groups: dict[tuple[object, ...], CounterGroup] = {}

    def of(
        self, good: tuple[EventCounter, ...], bad: tuple[EventCounter, ...], timed: tuple[TimedCounter, ...]
    ) -> CounterGroup:
        """The group of these counters; each is compared by identity."""
        key = (good, bad, timed)
        # setdefault is atomic: all threads share the group of the first one.
        return self._groups.get(key) or self._groups.setdefault(key, CounterGroup(*key, self._internal_errors))
