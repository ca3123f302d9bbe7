"""The project's database, for callers inside a running event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from slo_core.stores.base import StoreScope
from slo_core.stores.buckets import Applied, Batch, Query, Series, Stored, StoreIdentity

if TYPE_CHECKING:
    from slo_core.budgets.closed_period import ClosedPeriod
    from slo_core.budgets.episodes import Episode
    from slo_core.budgets.marks import Mark
    from slo_core.budgets.recent_failures import RecentFailure
    from slo_core.stores.causes import CauseQuery, StoredCauses
    from slo_core.stores.closed_periods import PeriodQuery, StoredPeriods
    from slo_django.store.bucket_store import DjangoBucketStore

__all__ = ["AsyncSafeBuckets"]

R = TypeVar("R")


class AsyncSafeBuckets:
    """
    A store in a database of Django's, usable in async views too.

    Django refuses its databases to the thread of a running event loop. There each call is made by a thread of its own,
    and waited for: the loop stands still as long, as it does with every other store. A view that must not wait calls
    `sync_to_async(get_registry().snapshot_all)()`.

    Args:
        buckets: The store. It can do all that the protocols of stores name, and so can this.
    """

    def __init__(self, buckets: DjangoBucketStore) -> None:
        self._buckets = buckets
        self.backend: str = buckets.backend
        self.service: str = buckets.service
        self.keeps_latencies = buckets.keeps_latencies

    @property
    def scope(self) -> StoreScope:
        """The store's."""
        return self._buckets.scope

    @property
    def default_flush_interval(self) -> float:
        """The store's."""
        return self._buckets.default_flush_interval

    def identity(self) -> StoreIdentity:
        """Which store it is."""
        return _off_loop(self._buckets.identity)

    def apply(self, batches: Sequence[Batch]) -> Applied:
        """Add batches."""
        return _off_loop(lambda: self._buckets.apply(batches))

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        """Records and sums."""
        return _off_loop(lambda: self._buckets.read(queries))

    def series(self, queries: Sequence[Query]) -> list[Series]:
        """Buckets with events."""
        return _off_loop(lambda: self._buckets.series(queries))

    def keep_periods(self, periods: Sequence[ClosedPeriod]) -> None:
        """Write closed periods."""
        _off_loop(lambda: self._buckets.keep_periods(periods))

    def read_periods(self, queries: Sequence[PeriodQuery]) -> list[StoredPeriods]:
        """Closed periods."""
        return _off_loop(lambda: self._buckets.read_periods(queries))

    def read_causes(self, queries: Sequence[CauseQuery]) -> list[StoredCauses]:
        """Causes of bad events, or latencies."""
        return _off_loop(lambda: self._buckets.read_causes(queries))

    def add_marks(self, marks: Sequence[Mark]) -> None:
        """Add marks."""
        _off_loop(lambda: self._buckets.add_marks(marks))

    def marks(self, since: float) -> tuple[Mark, ...]:
        """The marks since an instant."""
        return _off_loop(lambda: self._buckets.marks(since))

    def keep_episodes(self, slo: str, episodes: Sequence[Episode]) -> None:
        """Add episodes of one SLO."""
        _off_loop(lambda: self._buckets.keep_episodes(slo, episodes))

    def read_episodes(self, slos: Sequence[str], since: float) -> list[tuple[Episode, ...]]:
        """The episodes since an instant."""
        return _off_loop(lambda: self._buckets.read_episodes(slos, since))

    def add_recent_failures(self, failures: Mapping[str, Sequence[RecentFailure]], *, most: int) -> None:
        """Add recent failures."""
        _off_loop(lambda: self._buckets.add_recent_failures(failures, most=most))

    def recent_failures(self, slos: Sequence[str], *, most: int) -> list[tuple[RecentFailure, ...]]:
        """The newest failures."""
        return _off_loop(lambda: self._buckets.recent_failures(slos, most=most))

    def delete_slo(self, slo: str, *, not_seen_since: float) -> bool:
        """Delete an SLO with its counts."""
        return _off_loop(lambda: self._buckets.delete_slo(slo, not_seen_since=not_seen_since))

    def names(self) -> list[str]:
        """The SLOs of this service."""
        return _off_loop(self._buckets.names)

    def services(self) -> list[str]:
        """Every service of the store."""
        return _off_loop(self._buckets.services)

    def prune(self) -> int:
        """Delete what is old."""
        return _off_loop(self._buckets.prune)

    def close(self) -> None:
        """Release the store."""
        self._buckets.close()

    def forget(self) -> None:
        """Let go of a parent's connections."""
        self._buckets.forget()

    def __repr__(self) -> str:
        return repr(self._buckets)


def _off_loop(call: Callable[[], R]) -> R:
    """The result of a call, made by another thread where this one runs an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call()
    result: Future[R] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as exc:  # raised again by the caller
            result.set_exception(exc)

    # Not a pool's thread: at the end of the interpreter pools take no more work, and counts are flushed then.
    Thread(target=run, name="slo-database", daemon=True).start()
    return result.result()
