"""How requests of one status, or that one exception has ended, are counted: worked out once, used for each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from slo_core.budgets.causes import Cause
from slo_core.http.bound_slo import BoundSLO
from slo_core.http.causes import SLOW
from slo_core.http.classify import StatusOutcome
from slo_core.http.counter_group import CounterGroups, TimedCounter
from slo_core.tracking.event_counter import ALWAYS_BAD, EventCounter
from slo_core.tracking.tracker import SLOTracker

__all__ = ["CountingPlan"]


class CountingPlan:
    """
    How the SLOs that take a request count it, when it had a certain status, and perhaps a certain exception decides.

    `HTTPRecorder` carries the plan out for all SLOs in one loop. `SLOTracker.record` for each of them would take twice
    as long: two calls and a look at the clock.

    Args:
        bound_slos: The SLOs.
        status: The status.
        counter_groups: Those of the installation.
        place: Where bad ones are counted in the list of causes.
        exception: The name of the exception that decides; None where the status does.

    Attributes:
        clock: The clock of all SLOs that count: seconds since the epoch.
        rows: By thread identifier: where the SLOs count. Valid for a second, as `CounterGroup` says.
        rotate: Makes the calling thread's row.
        bad_cause: What a bad request is counted as, where the status or the exception has decided.
        slow_cause: The same, where the time does.
        needs_end: The time of the last byte decides for one of the SLOs.
        undecided: SLOs whose classifier has to see each request, or whose tracker counts in another way.
    """

    __slots__ = ("bad_cause", "clock", "needs_end", "rotate", "rows", "slow_cause", "undecided")

    def __init__(
        self,
        bound_slos: Iterable[BoundSLO],
        status: int,
        counter_groups: CounterGroups,
        place: str,
        exception: str | None = None,
    ) -> None:
        self.bad_cause, self.slow_cause = Cause(place, exception or str(status)), Cause(place, SLOW)
        self.clock: Callable[[], float] = time.time
        good: list[EventCounter] = []
        bad: list[EventCounter] = []
        timed: list[TimedCounter] = []
        undecided = []
        for slo in bound_slos:
            tracker, classifier = slo.tracker, slo.classifier
            outcome = classifier.outcome_of_status(status, has_failed=exception is not None)
            if outcome is StatusOutcome.LEFT_OUT:
                continue
            # A subclass may pass each event on to other code: its own `record` has to run.
            counter = tracker.internals.counter if type(tracker).record is SLOTracker.record else None
            if not (good or bad or timed):
                self.clock = tracker.internals.clock
            if outcome is StatusOutcome.BY_CLASSIFIER or counter is None or tracker.internals.clock is not self.clock:
                undecided.append(slo)
                continue
            if outcome is StatusOutcome.BY_TIME:
                timed.append((counter, classifier.threshold, classifier.timed_to_end))
            elif outcome is StatusOutcome.BAD and counter.edges:
                timed.append((counter, ALWAYS_BAD, classifier.timed_to_end))
            else:
                (good if outcome is StatusOutcome.GOOD else bad).append(counter)
        self.needs_end = any(to_end for *_, to_end in timed)
        self.undecided = tuple(undecided)
        group = counter_groups.of(tuple(good), tuple(bad), tuple(timed))
        self.rows, self.rotate = group.rows, group.rotate
