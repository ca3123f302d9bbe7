"""What one process of a service has, without a process: a store with its own writer, a tracker, clocks."""

from __future__ import annotations

from typing import Any

from faulty_store import FaultyStore
from slo_core import SLODefinition, SLOTracker
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.testing import FakeClock

__all__ = ["Process"]

SLO = SLODefinition("availability", 0.999)


class Process:
    """
    A process that flushes when it is told to.

    Args:
        buckets: Its shared store.
        clock: Its wall clock.
        monotonic: The clock of its waiting.
        definition: Its SLO.

    Attributes:
        network: Between it and the store.
    """

    def __init__(self, buckets: Any, clock: FakeClock, monotonic: FakeClock, definition: SLODefinition = SLO) -> None:
        self.network = FaultyStore(buckets)
        # The thread never comes by itself.
        self.store = WriteBehindStore(self.network, clock=clock, monotonic=monotonic, flush_interval=3600.0)
        self.tracker = SLOTracker(definition, store=self.store, clock=clock)

    def record(self, good: int, bad: int = 0) -> None:
        """So many events, now."""
        for success, count in ((True, good), (False, bad)):
            for _ in range(count):
                self.tracker.record(success)

    def totals(self) -> tuple[int, int]:
        """Good and bad events ever."""
        snapshot = self.tracker.snapshot()
        return snapshot.lifetime_good, snapshot.lifetime_bad
