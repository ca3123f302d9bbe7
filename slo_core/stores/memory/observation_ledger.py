"""A ledger over a user's own `ObservationStore`: every event is handed on, every window is counted exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from slo_core.budgets.bucket import BucketRange, Increment
from slo_core.budgets.events import EventCounts, Observation
from slo_core.objectives.window import Span
from slo_core.process.arrivals import Arrivals
from slo_core.process.forks import in_forked_child
from slo_core.stores.base import ObservationStore, Reading

__all__ = ["ObservationLedger"]


class ObservationLedger:
    """
    The events of one SLO in an `ObservationStore`, without buckets in between.

    How long the store keeps them is its own affair: `trim` is for its owner to call, and never called here.
    """

    __slots__ = (
        "__weakref__", "_arrivals", "_clock", "_data_since", "_last_event_at", "_lifetime_bad", "_lifetime_good", "_store",
    )  # fmt: skip

    def __init__(self, store: ObservationStore, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self.reset()
        in_forked_child(self.reset)

    def reset(self) -> None:
        """Set the lifetime totals to 0; what the user's store does in a forked child is its own affair."""
        self._arrivals = Arrivals(self._take)
        self._lifetime_good = 0
        self._lifetime_bad = 0
        self._data_since = self._clock()
        self._last_event_at: float | None = None

    def record(self, observation: Observation) -> None:
        """Keep one event."""
        self._store.record(observation)
        self._arrivals.add((observation.timestamp, int(observation.success), int(not observation.success)))

    def add(self, second: int, good: int, bad: int, *, live: bool) -> None:  # part of the protocol
        """Keep several events of one second."""
        for success, count in ((True, good), (False, bad)):
            for _ in range(count):
                self._store.record(Observation(timestamp=float(second), success=success))
        self._arrivals.add((float(second), good, bad))

    def _take(self, arrival: tuple[float, int, int]) -> None:
        timestamp, good, bad = arrival
        self._lifetime_good += good
        self._lifetime_bad += bad
        self._data_since = min(self._data_since, timestamp)
        if self._last_event_at is None or timestamp > self._last_event_at:
            self._last_event_at = timestamp

    def attach_counter(self, drain: Callable[[], None], rearm: Callable[[], None]) -> None:
        """Nothing to do: no event waits."""

    def wake(self) -> None:
        """Nothing to do: no event waits."""

    def read(self, spans: Sequence[Span]) -> Reading:
        """Each span counted event by event."""
        counts = tuple(self._count(span) for span in spans)
        with self._arrivals:
            lifetime = EventCounts(self._lifetime_good, self._lifetime_bad)
            return Reading(
                counts=counts,
                lifetime=lifetime,
                data_since=self._data_since,
                dropped=0,
                last_event_at=self._last_event_at,
                kept_since=getattr(self._store, "kept_since", -math.inf),
            )

    def series(self, ranges: Sequence[BucketRange]) -> list[list[Increment]]:
        """For each range its buckets that hold events, oldest first, added up from single events."""
        return [self._series(buckets) for buckets in ranges]

    def _series(self, buckets: BucketRange) -> list[Increment]:
        width, first, last = buckets
        # A bucket holds the instant it starts at, the store's window does not.
        events = self._store.window(float((last + 1) * width), (last + 1 - first) * width + 1)
        counts: dict[int, list[int]] = {}
        for event in events:
            bucket = math.floor(event.timestamp / width)
            if first <= bucket <= last:
                counts.setdefault(bucket, [0, 0])[not event.success] += 1
        return [Increment(width, bucket, *counts[bucket]) for bucket in sorted(counts)]

    def _count(self, span: Span) -> EventCounts:
        # A whole number of seconds may reach back further than a calendar window: `holds` has the last word.
        seconds = math.ceil(span.at - span.start) if span.includes_start else span.reach_seconds
        events = [event for event in self._store.window(span.at, seconds) if span.holds(event.timestamp)]
        bad = sum(1 for event in events if not event.success)
        return EventCounts(len(events) - bad, bad)
