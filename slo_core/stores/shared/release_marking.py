"""Marks the release that a process counts with in its store, in passing, when it has handed events over."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from slo_core.errors import StoreError
from slo_core.stores.buckets import Batch, BucketStore

if TYPE_CHECKING:
    from slo_core.stores.shared.deferred_log import DeferredLog

__all__ = ["ReleaseMarking"]

# So often the store hears that the release still counts: it tells a release that comes back from a worker of the one
# before that is started late. More often than `slo_core.stores.marks.GONE_AFTER_SECONDS`.
_AGAIN_SECONDS = 60.0


class ReleaseMarking:
    """
    Adds the release to the marks of the service: once per fleet, because the store keeps the earliest.

    Called with the lock of the store held, and never by a request. It raises nothing: a mark that could not be written
    comes with a later flush, and has its time.

    Args:
        buckets: The store.
        log: What happened.
        clock: Returns seconds since the epoch.
        monotonic: Measures how long something lies back.

    Attributes:
        release: The release; None marks none.
    """

    __slots__ = ("_buckets", "_clock", "_due_at", "_first_at", "_log", "_monotonic", "_newest_at", "release")

    def __init__(
        self, buckets: BucketStore, log: DeferredLog, *, clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._buckets = buckets
        self._log = log
        self._clock = clock
        self._monotonic = monotonic
        self.release: str | None = None
        self.start_empty()

    def start_empty(self) -> None:
        """Know of no event, in a forked child."""
        self._first_at: float | None = None  # when the first event happened that no mark is written for
        self._newest_at = -math.inf
        self._due_at = -math.inf

    def note(self, batches: Iterable[Batch]) -> None:
        """The store has these batches."""
        now = self._clock()
        for batch in batches:
            if batch.good or batch.bad:
                # An event that carries a time of its own may lie in a past that this release did not see.
                at = float(batch.earliest) if batch.is_live and batch.earliest is not None else now
                self._first_at = at if self._first_at is None else min(self._first_at, at)
                self._newest_at = max(self._newest_at, now)

    def run(self) -> None:
        """Write what is due; usually nothing."""
        first_at, release = self._first_at, self.release
        if release is None or first_at is None or self._monotonic() < self._due_at:
            return
        from slo_core.budgets.marks import RELEASE, Mark
        from slo_core.stores.marks import MarkStore

        self._due_at = self._monotonic() + _AGAIN_SECONDS
        trouble = f"the store {self._buckets.backend} has not taken the mark of the release; it is sent again"
        if not isinstance(self._buckets, MarkStore):
            self._due_at = math.inf
            self._log.note(
                logging.WARNING,
                f"the store {self._buckets.backend} keeps no marks: the release {release!r} is not shown",
            )
            return
        try:
            last_at = max(first_at, self._newest_at)
            # Both ends: the store hears when it began, and that it counts still.
            self._buckets.add_marks([Mark(max(0.0, at), RELEASE, release) for at in dict.fromkeys((first_at, last_at))])
        except Exception as exc:  # whatever a store raises: events are whole without a mark
            detail = " ".join(str(exc).split()) if isinstance(exc, StoreError) else type(exc).__name__
            self._log.note(logging.WARNING, trouble, detail)
        else:
            self._first_at = None
