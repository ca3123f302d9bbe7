"""The limits of a gate as people type them: `10%` of the budget, a burn rate of `6/1h`, a time of `2d`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from slo_core.errors import ConfigError, Problem, plain_number
from slo_core.objectives.alert_rule import whole_seconds

__all__ = ["BurnLimit", "parse_burn_limit", "parse_min_budget", "parse_min_time"]

_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)"
_SHARE = re.compile(rf"{_NUMBER}\s*(%?)")
_LIMIT = re.compile(rf"{_NUMBER}x?\s*/\s*(\S+)")


@dataclass(frozen=True, slots=True)
class BurnLimit:
    """
    How fast the budget may burn.

    Attributes:
        factor: The highest burn rate that is accepted.
        window_seconds: The window, one of the SLO's.
    """

    factor: Fraction
    window_seconds: int


def parse_min_budget(text: str) -> Fraction:
    """
    The share of the budget that must be left: `"10%"`, `"0.1"`.

    Raises:
        ConfigError: Not a share from 0 to 100 %.
    """
    match = _SHARE.fullmatch(text.strip())
    share = Fraction(-1) if match is None else Fraction(match[1]) / (100 if match[2] else 1)
    if not 0 <= share <= 1:
        hint = f'did you mean "{match[1]}%"?' if match is not None and not match[2] and share <= 100 else ""
        raise ConfigError([Problem("--min-budget", f'expected a share from "0%" to "100%", got {text!r}', hint)])
    return share


def parse_burn_limit(text: str) -> BurnLimit:
    """
    How fast the budget may burn: `"6/1h"` is a burn rate of 6 over an hour.

    Raises:
        ConfigError: Not a number above 0 and a window of whole seconds.
    """
    match = _LIMIT.fullmatch(text.strip())
    factor, seconds, hint = Fraction(0), 0, ""
    if match is not None:
        try:
            factor, seconds = Fraction(match[1]), whole_seconds("window", match[2])
        except ValueError as exc:
            hint = str(exc).partition("; ")[2]
    elif plain_number(text):
        hint = f'in which window? "{plain_number(text)}/1h"'
    if factor <= 0 or seconds <= 0:
        message = f'expected a burn rate and a window such as "6/1h", got {text!r}'
        raise ConfigError([Problem("--max-burn", message, hint)])
    return BurnLimit(factor, seconds)


def parse_min_time(text: str) -> int:
    """
    The seconds for which the budget must last: `"2d"`.

    Raises:
        ConfigError: Not a duration of whole seconds.
    """
    try:
        return whole_seconds("time", text)
    except ValueError as exc:
        message, _, hint = str(exc).removeprefix("time: ").partition("; ")
        raise ConfigError([Problem("--min-time", message, hint)]) from None
