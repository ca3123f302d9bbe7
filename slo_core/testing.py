"""Helpers for tests: a clock that stands still, a list of the counted requests, the contract of shared stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from slo_core.http.request import RequestEvent
from slo_core.stores.contract.batches import batch_of, declared
from slo_core.stores.contract.store_contract import StoreContract
from slo_core.tracking.registry import SLORegistry

__all__ = ["FakeClock", "RequestEvent", "StoreContract", "batch_of", "capture_requests", "declared"]


class FakeClock:
    """
    A clock that moves only when a test advances it: pass it as `clock=` (and, for durations, as `timer=`).

    Args:
        now: Where it starts, in seconds since the epoch.
    """

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0) -> None:
        """Move on by the sum of the parts; negative parts step back, as a corrected clock does."""
        self.now += seconds + 60 * minutes + 3600 * hours + 86_400 * days


@contextmanager
def capture_requests(registry: SLORegistry) -> Iterator[list[RequestEvent]]:
    """
    List the requests that are counted inside the `with` block, as they come.

    Requests that no SLO counts are not listed. An event is listed when the last byte was handed over, so a streamed
    response must have been read to its end.
    """
    events: list[RequestEvent] = []
    registry.internals.request_listeners.append(events.append)
    try:
        yield events
    finally:
        registry.internals.request_listeners.remove(events.append)
