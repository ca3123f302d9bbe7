"""Single events in memory: the exact reference of the observation protocol."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from math import inf
from operator import attrgetter

from slo_core.budgets.events import Observation
from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS
from slo_core.process.arrivals import Arrivals
from slo_core.process.forks import in_forked_child

__all__ = ["InMemoryStore"]


_timestamp = attrgetter("timestamp")


class InMemoryStore:
    """
    Single events in memory, exact to the instant: the reference for an `ObservationStore` of your own.

    Memory grows with traffic. `SLOTracker` without `store=` counts in buckets instead. A forked child starts empty.

    Args:
        max_age_seconds: Events older than this, seen from the newest one, are dropped.

    Raises:
        ValueError: `max_age_seconds` is not above 0.
    """

    __slots__ = ("__weakref__", "_arrivals", "_max_age_seconds", "_observations", "_trimmed_before")

    def __init__(self, max_age_seconds: int) -> None:
        if not max_age_seconds > 0:
            raise ValueError(f"InMemoryStore.max_age_seconds: must be positive, got {max_age_seconds!r}")
        self._max_age_seconds = max_age_seconds
        self._start_empty()
        in_forked_child(self._start_empty)

    def _start_empty(self) -> None:
        self._observations: list[Observation] = []
        self._trimmed_before = -inf
        self._arrivals = Arrivals(self._take)

    def record(self, observation: Observation) -> None:
        """Keep one event, in the order of time even if it comes late."""
        self._arrivals.add(observation)

    def _take(self, observation: Observation) -> None:
        observations = self._observations
        if observations and observation.timestamp < observations[-1].timestamp:
            insort(observations, observation, key=_timestamp)
        else:
            observations.append(observation)
        # Dropping from the front of a list moves all the rest: do it for many at a time.
        first_kept = self._first_kept()
        if first_kept > len(observations) // 8:
            del observations[:first_kept]

    def window(self, now: float, seconds: int) -> list[Observation]:
        """Events later than `now - seconds`, up to a minute after `now`: slightly fast clocks are tolerated."""
        with self._arrivals:
            first = max(bisect_right(self._observations, now - seconds, key=_timestamp), self._first_kept())
            end = bisect_right(self._observations, now + FUTURE_TOLERANCE_SECONDS, key=_timestamp)
            return self._observations[first:end]

    @property
    def kept_since(self) -> float:
        """Since when every event is kept, within the clock difference that is tolerated; minus infinity without events."""
        with self._arrivals:
            observations = self._observations
            newest = observations[-1].timestamp if observations else -inf
            return max(self._trimmed_before, newest - self._max_age_seconds - FUTURE_TOLERANCE_SECONDS)

    def trim(self, before: float) -> None:
        """Drop events older than `before` (seconds since the epoch)."""
        with self._arrivals:
            self._trimmed_before = max(self._trimmed_before, before)
            del self._observations[: bisect_left(self._observations, before, key=_timestamp)]

    def __len__(self) -> int:
        with self._arrivals:
            return len(self._observations) - self._first_kept()

    def _first_kept(self) -> int:
        """Where the events begin that are not too old, seen from the newest."""
        observations = self._observations
        if not observations:
            return 0
        return bisect_left(observations, observations[-1].timestamp - self._max_age_seconds, key=_timestamp)
