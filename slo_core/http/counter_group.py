"""SLOs that count the same requests: one look at the second serves them all."""

from __future__ import annotations

import math
from _thread import get_ident
from collections.abc import Sequence

from slo_core.process.internal_errors import InternalErrors, user_code_errors
from slo_core.tracking.event_counter import EventCounter, ThreadCounts, ThreadRow

__all__ = ["NOT_COUNTED", "CounterGroup", "CounterGroups"]

NOT_COUNTED = "a request could not be counted for one of its SLOs"


class CounterGroup:
    """
    Counters of several SLOs that the same requests are counted in.

    Args:
        counters: One for each SLO.
        internal_errors: Is given what a user's own store raises.

    Attributes:
        rows: By thread identifier. A row holds the counts of each counter, in their order, and is valid from its `start` to
            its `end`; in another second `rotate` makes it valid again.
    """

    __slots__ = ("_counters", "_internal_errors", "rows")

    def __init__(self, counters: Sequence[EventCounter], internal_errors: InternalErrors) -> None:
        self._counters = tuple(counters)
        self._internal_errors = internal_errors
        self.rows: dict[int, ThreadRow] = {}

    def rotate(self, now: float) -> ThreadRow:
        """The calling thread's row for the second of `now`."""
        thread = get_ident()
        row = self.rows.get(thread)
        if row is None:
            row = self.rows[thread] = ThreadRow()
        row.counts = tuple(self._counts(counter, thread, now) for counter in self._counters)
        second = math.floor(now)
        # Each of the counts learns of the row before the row is valid, and the row looks at them again after that: another
        # thread may end their second at any moment.
        for counts in row.counts:
            if row not in counts.rows:
                counts.rows.append(row)
        row.start, row.end = float(second), second + 1.0
        if any(counts.start != row.start or counts.end != row.end for counts in row.counts):
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
            lost = ThreadCounts(0)  # never handed to a store: this event is lost
            lost.end = -math.inf
            return lost


class CounterGroups:
    """
    The groups of one installation. Routes are many, and most of them count for the same SLOs.

    Args:
        internal_errors: As in `CounterGroup`.
    """

    __slots__ = ("_groups", "_internal_errors")

    def __init__(self, internal_errors: InternalErrors) -> None:
        self._internal_errors = internal_errors
        self._groups: dict[tuple[EventCounter, ...], CounterGroup] = {}

    def of(self, counters: Sequence[EventCounter]) -> CounterGroup:
        """The group of these counters; each is compared by identity."""
        key = tuple(counters)
        # setdefault is atomic: all threads share the group of the first one.
        return self._groups.get(key) or self._groups.setdefault(key, CounterGroup(key, self._internal_errors))
