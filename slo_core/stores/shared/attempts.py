"""How attempts to reach a store went, and when the next one is due."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

__all__ = ["Attempts"]

# Failed attempts are repeated after a pause that doubles up to this.
_LONGEST_PAUSE_SECONDS = 30.0


class Attempts:
    """
    The attempts of one process to reach its store.

    Args:
        interval: Seconds between two attempts that succeed, and after a first failure; with each further one twice as long.
        monotonic: Measures the pauses.

    Attributes:
        is_up: Whether the last attempt succeeded.
        next_at: When the next one is due, by the monotonic clock.
    """

    __slots__ = ("_failures", "_interval", "_monotonic", "_unreported", "is_up", "next_at")

    def __init__(self, *, interval: float, monotonic: Callable[[], float]) -> None:
        self._interval = interval
        self._monotonic = monotonic
        self.reset()

    def reset(self) -> None:
        """Start without any attempt, in a forked child."""
        self._unreported = 0
        self.succeeded()

    @property
    def is_due(self) -> bool:
        """Whether no pause after a failure is left."""
        return self._monotonic() >= self.next_at

    @property
    def pause_seconds(self) -> float:
        """How long to wait until the next attempt, at least the interval."""
        return max(self._interval, self.next_at - self._monotonic())

    def succeeded(self) -> None:
        """Note a success."""
        self._failures = 0  # in a row
        self.next_at = -math.inf
        self.is_up = True

    def failed(self) -> None:
        """Note a failure, and put the next attempt off."""
        self._failures += 1
        self._unreported += 1
        self.is_up = False
        pause = min(_LONGEST_PAUSE_SECONDS, self._interval * 2 ** min(self._failures - 1, 10))
        # Jitter, so that a fleet does not come back all at once.
        self.next_at = self._monotonic() + pause * random.uniform(0.5, 1.0)  # noqa: S311

    def take_unreported(self) -> int:
        """How many failures no batch has reported yet; a batch of the caller's reports them."""
        unreported, self._unreported = self._unreported, 0
        return unreported
