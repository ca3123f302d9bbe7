"""How undisturbed requests of one status are counted: worked out once, used for each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from slo_core.http.bound_slo import BoundSLO
from slo_core.http.classify import StatusOutcome
from slo_core.tracking.event_counter import ThreadCounts
from slo_core.tracking.tracker import SLOTracker

__all__ = ["CountingPlan"]

# `EventCounter.rotate` of an SLO.
Rotate = Callable[[float], ThreadCounts]

# Plain tuples: the recorder unpacks them for each request, and a named tuple takes 30 ns longer to unpack.
# The thread counts of an SLO, how to rotate them, and whether the event is good.
Settled = tuple[dict[int, ThreadCounts], Rotate, bool]
# The thread counts, how to rotate them, the threshold in seconds, and whether it applies to the last byte.
Timed = tuple[dict[int, ThreadCounts], Rotate, float, bool]


class CountingPlan:
    """
    How the SLOs that take a request count it, when it was undisturbed and had a certain status.

    `HTTPRecorder` carries the plan out for all SLOs in one loop. `SLOTracker.record` for each of them would take twice
    as long: two calls and a look at the clock.

    Args:
        bound_slos: The SLOs.
        status: The status.

    Attributes:
        clock: The clock of all SLOs in `settled` and `timed`: seconds since the epoch.
        settled: SLOs for which the status decides.
        timed: SLOs for which the time decides.
        needs_end: The time of the last byte decides for one of them.
        undecided: SLOs whose classifier has to see each request, or whose tracker counts in another way.
    """

    __slots__ = ("clock", "needs_end", "settled", "timed", "undecided")

    def __init__(self, bound_slos: Iterable[BoundSLO], status: int) -> None:
        self.clock: Callable[[], float] = time.time
        settled: list[Settled] = []
        timed: list[Timed] = []
        undecided = []
        for slo in bound_slos:
            outcome, tracker, classifier = slo.classifier.outcome_of_status(status), slo.tracker, slo.classifier
            if outcome is StatusOutcome.LEFT_OUT:
                continue
            # A subclass may pass each event on to other code: its own `record` has to run.
            counter = tracker.internals.counter if type(tracker).record is SLOTracker.record else None
            if not settled and not timed:
                self.clock = tracker.internals.clock
            if outcome is StatusOutcome.BY_CLASSIFIER or counter is None or tracker.internals.clock is not self.clock:
                undecided.append(slo)
            elif outcome is StatusOutcome.BY_TIME:
                timed.append((counter.thread_counts, counter.rotate, classifier.threshold, classifier.timed_to_end))
            else:
                settled.append((counter.thread_counts, counter.rotate, outcome is StatusOutcome.GOOD))
        self.settled = tuple(settled)
        self.timed = tuple(timed)
        self.needs_end = any(to_end for *_, to_end in timed)
        self.undecided = tuple(undecided)
