"""Events in this process's memory: the default store, and the exact reference of the observation protocol."""

from __future__ import annotations

import logging
import math
import threading
import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from operator import attrgetter

from slo_core.bucket import BucketRange, Increment
from slo_core.conventions import LOGGER_NAME
from slo_core.definition import SLODefinition
from slo_core.forks import in_forked_child
from slo_core.sli import EventCounts, Observation
from slo_core.stores.base import Reading, ReadRequest, Scope, StoreHealth
from slo_core.stores.tiers import BucketTiers
from slo_core.window import FUTURE_TOLERANCE_SECONDS, Span

__all__ = ["InMemoryStore", "MemoryLedger", "MemoryStore"]

logger = logging.getLogger(LOGGER_NAME)

_timestamp = attrgetter("timestamp")


class MemoryLedger:
    """One SLO's events in tiers of buckets; at most 256 KiB whatever the traffic."""

    __slots__ = (
        "_clock", "_data_since", "_dropped", "_lifetime_bad", "_lifetime_good", "_lock", "_longest", "_newest", "_tiers",
    )  # fmt: skip

    def __init__(self, longest_seconds: int, *, clock: Callable[[], float]) -> None:
        self._longest = longest_seconds
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Start empty, with locks of its own: a thread of the parent may have held the old one."""
        self._lock = threading.Lock()
        self._tiers = BucketTiers(self._longest)
        self._newest: float = -math.inf
        self._lifetime_good = 0
        self._lifetime_bad = 0
        self._dropped = 0
        self._data_since = self._clock()

    def add(self, second: int, good: int, bad: int, *, live: bool) -> None:
        """
        Count events of one second; what is older than everything kept is dropped, and counted as dropped.

        Live events that come that late (their thread has been idle ever since, and nobody has read) have left every
        window, but not the lifetime totals.
        """
        restarted = False
        latest_possible = self._clock() + FUTURE_TOLERANCE_SECONDS if live else math.inf
        with self._lock:
            kept = self._tiers.add(second, good, bad)
            if not kept and self._newest > latest_possible:
                # The clock stepped back by more than everything kept: what was counted lies in a future that
                # never came. Windows start anew, lifetime totals go on.
                self._tiers = BucketTiers(self._longest)
                self._newest = -math.inf
                kept = restarted = self._tiers.add(second, good, bad)
            if kept:
                self._newest = max(self._newest, second)
            if kept or live:
                self._lifetime_good += good
                self._lifetime_bad += bad
                if second + 1 <= self._data_since:  # earlier than the second measuring began in
                    self._data_since = float(second)
            else:
                self._dropped += good + bad
        if restarted:
            logger.warning("the clock stepped back further than an SLO's history reaches: its windows start anew")

    def gather_from(self, settle: Callable[[], None], park: Callable[[], None]) -> None:
        """Nothing to do: whoever reads has settled before."""

    def wake(self) -> None:
        """Nothing to do: there is nowhere to hand events over to."""

    def read(self, spans: Sequence[Span]) -> Reading:
        """All spans at one moment."""
        with self._lock:
            return Reading(
                counts=self._tiers.count(spans),
                lifetime=EventCounts(self._lifetime_good, self._lifetime_bad),
                data_since=self._data_since,
                dropped=self._dropped,
                last_event_at=self._newest if self._newest > -math.inf else None,
            )

    def series(self, buckets: BucketRange) -> list[Increment]:
        """The buckets of a range that hold events, oldest first."""
        with self._lock:
            return self._tiers.series(buckets)


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

    def read(self, requests: Sequence[ReadRequest]) -> list[Reading]:
        """One after the other."""
        return [request.ledger.read(request.spans) for request in requests]

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

    Memory grows with traffic. `SLOTracker` without `store=` counts in buckets instead. A forked child starts empty.

    Args:
        max_age_seconds: Events older than this, seen from the newest one, are dropped.

    Raises:
        ValueError: `max_age_seconds` is not above 0.
    """

    __slots__ = ("__weakref__", "_lock", "_max_age_seconds", "_observations")

    def __init__(self, max_age_seconds: int) -> None:
        if not max_age_seconds > 0:
            raise ValueError(f"InMemoryStore.max_age_seconds: must be positive, got {max_age_seconds!r}")
        self._max_age_seconds = max_age_seconds
        self._start_empty()
        in_forked_child(self._start_empty)

    def _start_empty(self) -> None:
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
            # Dropping from the front of a list moves all the rest: do it for many at a time.
            first_kept = self._first_kept()
            if first_kept > len(observations) // 8:
                del observations[:first_kept]

    def window(self, now: float, seconds: int) -> list[Observation]:
        """Events later than `now - seconds`, up to a minute after `now`: slightly fast clocks are tolerated."""
        with self._lock:
            first = max(bisect_right(self._observations, now - seconds, key=_timestamp), self._first_kept())
            end = bisect_right(self._observations, now + FUTURE_TOLERANCE_SECONDS, key=_timestamp)
            return self._observations[first:end]

    def trim(self, before: float) -> None:
        """Drop events older than `before` (seconds since the epoch)."""
        with self._lock:
            del self._observations[: bisect_left(self._observations, before, key=_timestamp)]

    def __len__(self) -> int:
        with self._lock:
            return len(self._observations) - self._first_kept()

    def _first_kept(self) -> int:
        """Where the events begin that are not too old, seen from the newest."""
        observations = self._observations
        if not observations:
            return 0
        return bisect_left(observations, observations[-1].timestamp - self._max_age_seconds, key=_timestamp)
