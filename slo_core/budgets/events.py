"""The service level indicator: good and bad events, and their counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["EventCounts", "Observation"]


@dataclass(frozen=True, slots=True)
class Observation:
    """
    One event.

    Attributes:
        timestamp: When it happened, in seconds since the epoch.
        success: True when it was good.
    """

    timestamp: float
    success: bool


# A tuple: a scrape makes hundreds, and a frozen dataclass takes half as long again to make.
class EventCounts(NamedTuple):
    """
    Good and bad events of one SLO in a span of time.

    Excluded events are in neither: `total` is what the SRE Workbook calls valid events.

    Attributes:
        good: Events that met the objective.
        bad: Events that spent error budget.
    """

    good: int = 0
    bad: int = 0

    @property
    def total(self) -> int:
        """Valid events: good and bad together."""
        return self.good + self.bad

    @property
    def has_data(self) -> bool:
        """Whether there is at least one event, which tells a quiet service from a perfect one."""
        return self.good + self.bad > 0

    def __add__(self, other: EventCounts) -> EventCounts:  # type: ignore[override]  # counts are added, not joined
        return EventCounts(self.good + other.good, self.bad + other.bad)
