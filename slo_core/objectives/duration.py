"""Durations as people write them: `"30d"`, `"300ms"`, `1.5`."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import lru_cache

from slo_core.errors import plain_number

__all__ = ["format_duration", "parse_duration"]

# "m" is minutes and "w" weeks, as in Prometheus; months and years have no fixed length and are left out.
UNIT_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
    "w": Decimal(604800),
}
# Compiled by the first text: not every service has one.
_PART = r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*"


def parse_duration(value: object) -> float:
    """
    Seconds in a duration.

    Args:
        value: A number of seconds, or text made of numbers and units (`"1h30m"`); the units are ms, s, m, h, d, w.

    Returns:
        Seconds, above 0.

    Raises:
        ValueError: Not a duration, not finite, or not above 0. The message says what was expected.
    """
    seconds: float
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f'expected seconds or a duration such as "30d", "1h30m" or "300ms", got {value!r}')
    try:
        seconds = float(_parse_text(value) if isinstance(value, str) else value)
    except OverflowError:  # an int beyond every float
        seconds = math.inf
    if not math.isfinite(seconds) or seconds <= 0:
        raise ValueError(f"expected a duration above 0 seconds, got {value!r}")
    return seconds


def _parse_text(text: str) -> Decimal:
    position, total = 0, Decimal(0)
    stripped = text.strip()
    while position < len(stripped):
        part = re.compile(_PART).match(stripped, position)
        if part is None:
            hint = _hint(stripped)
            raise ValueError(f'expected seconds or a duration such as "30d", "1h30m" or "300ms", got {text!r}{hint}')
        total += Decimal(part[1]) * UNIT_SECONDS[part[2]]
        position = part.end()
    return total


def _hint(text: str) -> str:
    """What to write in place of text that is nearly a duration."""
    number = plain_number(text)
    if number and float(number) > 0:
        return f'; it has no unit: write "{number}s" for seconds, or another of ms, s, m, h, d, w'
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([A-Za-z]{1,12})", text)
    unit = match[2].casefold() if match is not None else ""
    if match is None or not unit:
        return ""
    if match[2] == "M" or unit.startswith(("mo", "y")):
        return (
            '; months and years differ in length: write days, such as "30d"; the window "month" is that of the calendar'
        )
    known = next((short for start, short in _UNIT_WORDS if unit.startswith(start)), None)
    return "" if known is None else f'; did you mean "{match[1]}{known}"?'


# The starts of words for units, as people write them.
_UNIT_WORDS = (("ms", "ms"), ("mil", "ms"), ("s", "s"), ("m", "m"), ("h", "h"), ("d", "d"), ("w", "w"))


# A page names the same windows in every line.
@lru_cache(maxsize=1024)
def format_duration(seconds: float) -> str:
    """
    A duration as a person would write it.

    Args:
        seconds: A length of time, 0 or more.

    Returns:
        The largest units that say it exactly (`"30d"`, `"1h30m"`, `"300ms"`); fractions of a millisecond stay as seconds.
    """
    milliseconds = Decimal(repr(float(seconds))) * 1000
    if milliseconds != int(milliseconds):
        return f"{seconds:g}s"
    rest, parts = int(milliseconds), []
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
