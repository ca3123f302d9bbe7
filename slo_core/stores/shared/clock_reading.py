"""One instant by two clocks: how much time has passed, also while the machine slept."""

from __future__ import annotations

from typing import NamedTuple

from slo_core.objectives.window import DAY

__all__ = ["ClockReading"]

# A machine that sleeps stops the monotonic clock and not the other; but a clock that leaps further than anything sleeps
# has been set.
_LONGEST_SLEEP_SECONDS = 366.0 * DAY


class ClockReading(NamedTuple):
    """
    One instant, by both clocks.

    Attributes:
        monotonic: Seconds since some start; stands still while the machine sleeps.
        wall: Seconds since the epoch; goes on while the machine sleeps, and may be set.
    """

    monotonic: float
    wall: float

    def seconds_since(self, earlier: ClockReading) -> float:
        """How much time has passed, by the clock that has seen more of it."""
        awake, by_the_wall = self.monotonic - earlier.monotonic, self.wall - earlier.wall
        return max(awake, by_the_wall) if by_the_wall < _LONGEST_SLEEP_SECONDS else awake
