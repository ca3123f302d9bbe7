"""Hands recent failures over to their store, after the events, as well as it goes."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from slo_core.errors import StoreError
from slo_core.stores.buckets import BucketStore

if TYPE_CHECKING:
    from slo_core.stores.shared.deferred_log import DeferredLog
    from slo_core.stores.shared.ledger import SharedLedger

__all__ = ["FailureSending"]

# After a failure nothing is tried for so long: events must not wait for a store that cannot take these.
_AGAIN_SECONDS = 30.0


class FailureSending:
    """
    Adds the recent failures of a process to those in its store.

    Called with the lock of the store held, after the events were sent. It raises nothing: those that could not be written are
    missing in the list, and the counts are not touched.

    Args:
        buckets: The store.
        ledgers: By name, those of all SLOs.
        log: What happened.
        monotonic: Measures how long something lies back.
    """

    __slots__ = ("_buckets", "_due_at", "_ledgers", "_log", "_monotonic")

    def __init__(
        self,
        buckets: BucketStore,
        ledgers: Mapping[str, SharedLedger],
        log: DeferredLog,
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._buckets = buckets
        self._ledgers = ledgers
        self._log = log
        self._monotonic = monotonic
        self.start_empty()

    def start_empty(self) -> None:
        """Forget those of the parent, in a forked child."""
        self._due_at = -math.inf
        for ledger in tuple(self._ledgers.values()):
            ledger.failures.clear()

    def run(self) -> None:
        """Write those that wait; usually there are none, and nothing is sent."""
        waiting = [ledger for ledger in tuple(self._ledgers.values()) if ledger.failures]
        if not waiting or self._monotonic() < self._due_at:
            return  # what waits is bounded
        from slo_core.stores.recent_failures import RecentFailureStore

        most = max(ledger.failures.most for ledger in waiting)
        failures = {ledger.definition.name: ledger.failures.take() for ledger in waiting}
        if not isinstance(self._buckets, RecentFailureStore):
            return
        try:
            self._buckets.add_recent_failures(failures, most=most)
        except Exception as exc:  # whatever a store raises
            self._due_at = self._monotonic() + _AGAIN_SECONDS
            detail = " ".join(str(exc).split()) if isinstance(exc, StoreError) else type(exc).__name__
            trouble = f"the store {self._buckets.backend} has not taken recent failures: they are missing in the list"
            self._log.note(logging.WARNING, trouble, detail)
