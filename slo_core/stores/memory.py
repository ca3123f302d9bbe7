"""Events in this process's memory: the default store, and the exact reference of the observation protocol."""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect_right, insort
from collections.abc import Callable, Sequence
from operator import attrgetter

from slo_core.conventions import LOGGER_NAME
from slo_core.definition import SLODefinition
from slo_core.sli import EventCounts, Observation
from slo_core.stores.base import Reading, Scope, StoreHealth
from slo_core.stores.tiers import BucketTiers
from slo_core.window import FUTURE_TOLERANCE_SECONDS, Span

__all__ = ["InMemoryStore", "MemoryLedger", "MemoryStore"]

logger = logging.getLogger(LOGGER_NAME)

_timestamp = attrgetter("timestamp")


class MemoryLedger:
    """One SLO's events in tiers of buckets; at most 256 KiB whatever the traffic."""

    __slots__ = ("_clock", "_data_since", "_dropped", "_lifetime_bad", "_lifetime_good", "_lock", "_longest", "_tiers")

    def __init__(self, longest_seconds: int, *, clock: Callable[[], float]) -> None:
        self._longest = longest_seconds
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Start empty, with locks of its own: a thread of the parent may have held the old one."""
        self._lock = threading.Lock()
        self._tiers = BucketTiers(self._longest)
        self._lifetime_good = 0
        self._lifetime_bad = 0
        self._dropped = 0
        self._data_since = self._clock()

    def add(self, second: int, good: int, bad: int, *, live: bool) -> None:
        """Count events of one second; what is older than everything kept is dropped, and counted as dropped."""
        restarted = False
        with self._lock:
            kept = self._tiers.add(second, good, bad)
            if not kept and live:
                # The clock stepped back by more than everything kept: what was counted lies in a future that
                # never came. Windows start anew, lifetime totals go on.
                self._tiers = BucketTiers(self._longest)
                kept = restarted = self._tiers.add(second, good, bad)
            if kept:
                self._lifetime_good += good
                self._lifetime_bad += bad
                if second + 1 <= self._data_since:  # earlier than the second measuring began in
                    self._data_since = float(second)
            else:
                self._dropped += good + bad
        if restarted:
            logger.warning("the clock stepped back further than an SLO's history reaches: its windows start anew")

    def read(self, spans: Sequence[Span]) -> Reading:
        """All spans at one moment."""
        with self._lock:
            return Reading(
                counts=self._tiers.count(spans),
                lifetime=EventCounts(self._lifetime_good, self._lifetime_bad),
                data_since=self._data_since,
                dropped=self._dropped,
            )


class MemoryStore:
    """
    The store behind `memory://`: each process counts its own events and forgets them when it ends.

    For tests and for services with one worker. A forked child starts empty.
    """

    backend = "memory"
    scope: Scope = "process"
    store_id: str | None = None

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.created = clock()

    def ledger(self, definition: SLODefinition) -> MemoryLedger:
        """A new, empty ledger."""
        return MemoryLedger(definition.longest_seconds, clock=self._clock)

    def health(self) -> StoreHealth:
        """Always well: there is nothing to reach."""
        return StoreHealth()

    def flush(self) -> None:
        """Nothing to do: memory is where the events already are."""

    def close(self) -> None:
        """Nothing to do: memory is released with the process."""

    def __repr__(self) -> str:
        return "MemoryStore()"


class InMemoryStore:
    """
    Single events in memory, exact to the instant: the reference for an `ObservationStore` of your own.

    Memory grows with traffic. `SLOTracker` without `store=` counts in buckets instead.

    Args:
        max_age_seconds: Events older than this, seen from the newest one, are dropped.

    Raises:
        ValueError: `max_age_seconds` is not above 0.
    """

    __slots__ = ("_lock", "_max_age_seconds", "_observations")

    def __init__(self, max_age_seconds: int) -> None:
        if not max_age_seconds > 0:
            raise ValueError(f"InMemoryStore.max_age_seconds: must be positive, got {max_age_seconds!r}")
        self._max_age_seconds = max_age_seconds
        self._observations: list[Observation] = []
        self._lock = threading.Lock()

    def record(self, observation: Observation) -> None:
        """Keep one event, in the order of time even if it comes late."""
        with self._lock:
            observations = self._observations
            if observations and observation.timestamp < observations[-1].timestamp:
                insort(observations, observation, key=_timestamp)
            else:
                observations.append(observation)
            oldest_kept = observations[-1].timestamp - self._max_age_seconds
            # Dropping from the front of a list moves all the rest: do it for many at a time.
            if observations[len(observations) // 8].timestamp < oldest_kept:
                self._drop_before(oldest_kept)

    def window(self, now: float, seconds: int) -> list[Observation]:
        """Events later than `now - seconds`, up to a minute after `now`: slightly fast clocks are tolerated."""
        with self._lock:
            first = bisect_right(self._observations, now - seconds, key=_timestamp)
            end = bisect_right(self._observations, now + FUTURE_TOLERANCE_SECONDS, key=_timestamp)
            return self._observations[first:end]

    def trim(self, before: float) -> None:
        """Drop events older than `before` (seconds since the epoch)."""
        with self._lock:
            self._drop_before(before)

    def _drop_before(self, before: float) -> None:
        observations = self._observations
        kept = next((index for index, event in enumerate(observations) if event.timestamp >= before), len(observations))
        del observations[:kept]

    def __len__(self) -> int:
        with self._lock:
            oldest_kept = self._observations[-1].timestamp - self._max_age_seconds if self._observations else 0
            return sum(1 for event in self._observations if event.timestamp >= oldest_kept)
