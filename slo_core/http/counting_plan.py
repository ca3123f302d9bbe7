"""How undisturbed requests of one status are counted: worked out once, used for each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from slo_core.http.bound_slo import BoundSLO
from slo_core.http.classify import StatusOutcome
from slo_core.http.counter_group import CounterGroups
from slo_core.tracking.event_counter import EventCounter
from slo_core.tracking.tracker import SLOTracker

__all__ = ["CountingPlan"]

# The place in a row of counts, the threshold in seconds, and whether it applies to the last byte. A plain tuple: the recorder
# unpacks it for each request, and a named tuple takes 30 ns longer to unpack.
Timed = tuple[int, float, bool]


class CountingPlan:
    """
    How the SLOs that take a request count it, when it was undisturbed and had a certain status.

    `HTTPRecorder` carries the plan out for all SLOs in one loop. `SLOTracker.record` for each of them would take twice
    as long: two calls and a look at the clock.

    Args:
        bound_slos: The SLOs.
        status: The status.
        counter_groups: Those of the installation.

    Attributes:
        clock: The clock of all SLOs that count: seconds since the epoch.
        rows: By thread identifier: the counts of all SLOs that count. Valid for a second, as `CounterGroup` says.
        rotate: Makes the calling thread's row.
        good: The places in a row of the SLOs for which the status is good.
        bad: Those of the SLOs for which it is bad.
        timed: SLOs for which the time decides.
        needs_end: The time of the last byte decides for one of them.
        undecided: SLOs whose classifier has to see each request, or whose tracker counts in another way.
    """

    __slots__ = ("bad", "clock", "good", "needs_end", "rotate", "rows", "timed", "undecided")

    def __init__(self, bound_slos: Iterable[BoundSLO], status: int, counter_groups: CounterGroups) -> None:
        self.clock: Callable[[], float] = time.time
        counters: list[EventCounter] = []
        good: list[int] = []
        bad: list[int] = []
        timed: list[Timed] = []
        undecided = []
        for slo in bound_slos:
            outcome, tracker, classifier = slo.classifier.outcome_of_status(status), slo.tracker, slo.classifier
            if outcome is StatusOutcome.LEFT_OUT:
                continue
            # A subclass may pass each event on to other code: its own `record` has to run.
            counter = tracker.internals.counter if type(tracker).record is SLOTracker.record else None
            if not counters:
                self.clock = tracker.internals.clock
            if outcome is StatusOutcome.BY_CLASSIFIER or counter is None or tracker.internals.clock is not self.clock:
                undecided.append(slo)
                continue
            place = len(counters)
            counters.append(counter)
            if outcome is StatusOutcome.BY_TIME:
                timed.append((place, classifier.threshold, classifier.timed_to_end))
            else:
                (good if outcome is StatusOutcome.GOOD else bad).append(place)
        self.good, self.bad = tuple(good), tuple(bad)
        self.timed = tuple(timed)
        self.needs_end = any(to_end for *_, to_end in timed)
        self.undecided = tuple(undecided)
        group = counter_groups.of(counters)
        self.rows, self.rotate = group.rows, group.rotate
