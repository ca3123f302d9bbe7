"""Stores that keep recent failures, and which ones are kept: the same rule in every store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from slo_core.budgets.recent_failures import RecentFailure, failure_in
from slo_core.objectives.window import DAY

__all__ = ["FAILURES_KEPT_SECONDS", "RecentFailureStore", "newest_first"]

# About as long as programs keep traces.
FAILURES_KEPT_SECONDS = 8 * DAY


@runtime_checkable
class RecentFailureStore(Protocol):
    """
    The part of a `BucketStore` that keeps recent failures; a store of your own may be without it.

    They are kept as well as it goes, apart from batches: no count depends on them.
    """

    def add_recent_failures(self, failures: Mapping[str, Sequence[RecentFailure]], *, most: int) -> None:
        """
        Add failures, in one round trip. Kept are the newest of each SLO, for 8 days.

        Args:
            failures: By the name of the SLO, in the order in which they happened.
            most: So many of each SLO are kept.
        """

    def recent_failures(self, slos: Sequence[str], *, most: int) -> list[tuple[RecentFailure, ...]]:
        """
        The newest failures of several SLOs, in their order, the newest first; damaged ones are left out.

        Args:
            slos: The names; none is kept of one that is not known.
            most: So many of each.
        """


def newest_first(texts: Iterable[object], *, most: int) -> tuple[RecentFailure, ...]:
    """So many failures from their texts in a store, the newest first; damaged ones are left out."""
    failures = [failure for text in texts if (failure := failure_in(text)) is not None]
    failures.sort(key=lambda failure: -failure.at)
    return tuple(failures[:most])
