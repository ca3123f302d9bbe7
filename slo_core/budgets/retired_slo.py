"""An SLO that stands in a store and that no process declares any more."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["RetiredSLO"]


class RetiredSLO(NamedTuple):
    """
    An SLO that is left out of status, metrics and gate; its counts stay where they are.

    Attributes:
        name: Its name.
        seen_at: When a process last declared it or counted for it, in seconds since the epoch; None where even its record
            has expired.
    """

    name: str
    seen_at: float | None
