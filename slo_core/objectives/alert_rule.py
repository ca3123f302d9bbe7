"""Multi-window, multi-burn-rate alert rules."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TypeVar

from slo_core.errors import ConfigError, Problem, unquoted_hint
from slo_core.objectives.duration import format_duration, parse_duration

__all__ = ["AlertRule"]


_RECENT_SECONDS = 300
DEFAULT_MIN_FAILURES = 2

Number = int | float | Decimal | Fraction
T = TypeVar("T")


@lru_cache(maxsize=1024, typed=True)
def exact(value: Number) -> Fraction:
    """A number as the fraction of its digits: 14.4 is 72/5, not the nearest binary float."""
    return Fraction(Decimal(repr(float(value)))) if isinstance(value, float) else Fraction(value)


@dataclass(frozen=True, slots=True, init=False)
class AlertRule:
    """
    One row of a multi-window, multi-burn-rate table.

    It fires when both windows burn at or over the factor, the long one holds at least `min_failures` bad
    events, and measuring reaches back at least the short window. Until it reaches back the long one, the
    `recent_window` must burn, too.

    Attributes:
        long_window: How much is significant, in whole seconds; text such as `"1h"` is understood.
        short_window: How soon the alert resets, in whole seconds, shorter than the long one.
        severity: `"page"` or `"ticket"` by convention.
        burn_rate: The factor itself. Give this or `budget_share`.
        budget_share: The share of the whole budget that the long window may spend: 0.02 for 2 %.
        min_failures: Bad events the long window must hold, so that one failure in a quiet hour does not page.

    Raises:
        ConfigError: A `ValueError` that names every field that is wrong.
    """

    long_window: int
    short_window: int
    severity: str
    burn_rate: Fraction | None = None
    budget_share: Fraction | None = None
    min_failures: int = DEFAULT_MIN_FAILURES

    def __init__(
        self,
        long_window: float | str,
        short_window: float | str,
        *,
        severity: str,
        burn_rate: Number | None = None,
        budget_share: Number | None = None,
        min_failures: int = DEFAULT_MIN_FAILURES,
    ) -> None:
        problems: list[Problem] = []
        long = _converted(problems, "long_window", whole_seconds, long_window)
        short = _converted(problems, "short_window", whole_seconds, short_window)
        factor = _converted(problems, "burn_rate", _positive, burn_rate)
        share = _converted(problems, "budget_share", _positive, budget_share)
        if long is not None and short is not None and short >= long:
            problems.append(_problem("short_window", f"expected less than the long window ({long} s), got {short} s"))
        if not isinstance(severity, str) or not severity:
            problems.append(_problem("severity", f'expected text such as "page" or "ticket", got {severity!r}'))
        if (burn_rate is None) == (budget_share is None):
            problems.append(Problem("AlertRule", "expected exactly one of burn_rate and budget_share"))
        if share is not None and share > 1:
            problems.append(_problem("budget_share", f"expected a share up to 1, got {budget_share!r}"))
        if isinstance(min_failures, bool) or not isinstance(min_failures, int) or min_failures < 1:
            problems.append(
                _problem(
                    "min_failures", f"expected a whole number from 1, got {min_failures!r}", unquoted_hint(min_failures)
                )
            )
        if problems:
            raise ConfigError(problems)
        assign = object.__setattr__  # the way into a frozen dataclass
        for name, value in (("long_window", long), ("short_window", short), ("severity", severity),
                            ("burn_rate", factor), ("budget_share", share), ("min_failures", min_failures)):  # fmt: skip
            assign(self, name, value)

    @property
    def key(self) -> tuple[str, int, int]:
        """Identifies a rule within an SLO."""
        return (self.severity, self.long_window, self.short_window)

    @property
    def recent_window(self) -> int:
        """
        The window that must burn, too, while measuring reaches back less than the long one: at most five minutes.

        Otherwise an incident of the first minutes would start the rule long after its end, when measuring reaches back
        the short window at last.
        """
        return min(self.short_window, _RECENT_SECONDS)

    def factor(self, window_seconds: int) -> Fraction:
        """
        The burn rate this rule compares with, in an SLO of that window.

        2 % of a 30-day budget in one hour is a burn rate of 14.4.
        """
        if self.burn_rate is not None:
            return self.burn_rate
        assert self.budget_share is not None  # checked by the constructor
        return self.budget_share * window_seconds / self.long_window

    def __str__(self) -> str:
        return f"{self.severity} {format_duration(self.long_window)}/{format_duration(self.short_window)}"


def whole_seconds(field: str, value: object) -> int:
    """
    A duration in whole seconds.

    Raises:
        ValueError: Not a duration, or not whole; the message starts with `field`.
    """
    try:
        seconds = parse_duration(value)
    except ValueError as exc:
        raise ValueError(f"{field}: {exc}") from None
    if seconds != int(seconds):
        raise ValueError(f"{field}: expected whole seconds, got {value!r}")
    return int(seconds)


def _positive(field: str, value: object) -> Fraction | None:
    if value is None:
        return None
    is_number = isinstance(value, (int, float, Decimal, Fraction)) and not isinstance(value, bool)
    try:
        # As a float, too: a Decimal may be so small that its fraction does not fit into memory.
        if is_number and math.isfinite(value) and float(value) > 0:  # type: ignore[arg-type]  # a number: just asked
            return exact(value)
    except (OverflowError, ValueError):  # beyond every float, or a signalling NaN
        pass
    hint = unquoted_hint(value)
    raise ValueError(f"{field}: expected a number above 0, got {value!r}{'; ' if hint else ''}{hint}")


def _converted(
    problems: list[Problem], name: str, convert: Callable[[str, object], T | None], value: object
) -> T | None:
    """The converted value of one field; a bad one is noted and None."""
    path = f"AlertRule.{name}"
    try:
        return convert(path, value)
    except ValueError as exc:
        message, _, hint = str(exc).removeprefix(f"{path}: ").partition("; ")
        problems.append(_problem(name, message, hint))
        return None


def _problem(name: str, message: str, hint: str = "") -> Problem:
    return Problem(f"AlertRule.{name}", message, hint)
