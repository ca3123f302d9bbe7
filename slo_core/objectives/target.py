"""The objective: the smallest share of events that must be good."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

__all__ = ["Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """
    The objective: the smallest share of events that must be good.

    Attributes:
        ratio: Above 0 and below 1; 0.999 is "three nines".
        allowance: `1 - ratio` as the exact fraction of the digits of `ratio`: 1/1000 for 0.999, where
            `1 - 0.999` in floats is 0.0010000000000000009.

    Raises:
        ValueError: The ratio is not a number above 0 and below 1.
    """

    ratio: float
    allowance: Fraction = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        ratio = self.ratio
        if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0 < ratio < 1:
            raise ValueError(f"expected a ratio between 0 and 1, got {ratio!r}{_percent_hint(ratio)}")
        # float() also turns a float subclass (numpy's) into one whose repr is its digits.
        object.__setattr__(self, "ratio", float(ratio))
        object.__setattr__(self, "allowance", _allowance(self.ratio))

    @property
    def highest_burn_rate(self) -> Fraction:
        """The burn rate of a total outage: 1000 for 0.999."""
        return 1 / self.allowance


# Snapshots need it again and again, and a service has few targets.
@lru_cache(maxsize=1024)
def _allowance(ratio: float) -> Fraction:
    # Fractions, because a Decimal difference is rounded to the digits of the host's decimal context.
    return 1 - Fraction(repr(ratio))


def _percent_hint(ratio: object) -> str:
    if isinstance(ratio, (int, float)) and not isinstance(ratio, bool) and 1 < ratio < 100:
        return f"; did you mean {float(Fraction(repr(ratio)) / 100)!r}?"
    return ""
