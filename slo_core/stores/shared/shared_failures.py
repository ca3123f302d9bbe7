"""The recent failures of all processes, behind a store that writes behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from slo_core.budgets.recent_failures import DEFAULT_RECENT_FAILURES
from slo_core.stores.buckets import BucketStore

if TYPE_CHECKING:
    from slo_core.budgets.recent_failures import RecentFailure
    from slo_core.stores.shared.delivery import Delivery
    from slo_core.stores.shared.ledger import SharedLedger

__all__ = ["SharedFailures"]


class SharedFailures:
    """The part of `WriteBehindStore` that is about recent failures."""

    _buckets: BucketStore
    _delivery: Delivery
    _ledgers: Mapping[str, SharedLedger]
    _most_failures = DEFAULT_RECENT_FAILURES

    def notice_fork(self) -> None:
        """Start empty in a child."""
        raise NotImplementedError

    def use_recent_failures(self, most: int) -> None:
        """Keep so many recent failures of each SLO; 0 keeps none."""
        self._most_failures = most
        for ledger in tuple(self._ledgers.values()):
            ledger.failures.limit(most)

    def recent_failures(self, slos: Sequence[str]) -> list[tuple[RecentFailure, ...]]:
        """
        The recent failures of several SLOs, in their order, the newest first; none where the store keeps none.

        Raises:
            StoreError: The store is out of reach.
        """
        from slo_core.stores.recent_failures import RecentFailureStore

        buckets, most = self._buckets, self._most_failures
        if not isinstance(buckets, RecentFailureStore) or not most:
            return [()] * len(slos)
        self.notice_fork()

        def ask() -> list[tuple[RecentFailure, ...]]:
            self._delivery.failures.run()
            return buckets.recent_failures(slos, most=most)

        return self._delivery.read(ask, sends_first=False)
