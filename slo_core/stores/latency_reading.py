"""Which buckets answer a question for how long the events of the last so many seconds took."""

from __future__ import annotations

from typing import NamedTuple

from slo_core.budgets.latencies import Latencies, latencies_of
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.cause_reading import cause_reading
from slo_core.stores.causes import LATENCIES, CauseQuery, StoredCauses, total_causes

__all__ = ["LatencyReading", "latency_reading"]


class LatencyReading(NamedTuple):
    """
    How to read how long the events of the last so many seconds took.

    Attributes:
        since: The first second that is read.
        query: What to ask the store.
        threshold: Of the SLO, in seconds.
        target: Of the SLO, a ratio.
    """

    since: int
    query: CauseQuery
    threshold: float
    target: float

    def latencies(self, stored: StoredCauses) -> Latencies:
        """How long the events took, from the store's answer."""
        return latencies_of(
            total_causes(stored, self.query),
            threshold=self.threshold,
            target=self.target,
            events=stored.sums,
            since=self.since,
            trouble=stored.trouble,
        )


def latency_reading(definition: SLODefinition, seconds: int, *, now: float) -> LatencyReading | None:
    """
    The buckets to read: those that causes of the same time are read from.

    Args:
        definition: The SLO.
        seconds: How far back; not further than is kept.
        now: The instant to look back from.

    Returns:
        None for an SLO without a threshold.

    Raises:
        ValueError: `seconds` is not a positive number.
    """
    threshold = None if definition.http is None else definition.http.latency_seconds
    reading = cause_reading(
        definition.name, seconds, now=now, keeps_seconds=definition.kept_seconds, what="latency(seconds)"
    )
    if threshold is None:
        return None
    return LatencyReading(reading.since, reading.query._replace(kind=LATENCIES), float(threshold), definition.target)
