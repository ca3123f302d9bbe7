"""Simulated traffic: the number of good and bad events until any second."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from slo_core.budgets.events import EventCounts

__all__ = ["Stretch", "Traffic", "parse_rate", "parse_share"]

# A bucket is an unsigned 64-bit counter: 93 days at this rate leave room to spare.
HIGHEST_RATE = 1_000_000_000

_RATE_UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:/\s*(s|sec|min|m|h|d))?")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)")


def parse_rate(text: str) -> Fraction:
    """
    Events a second.

    Args:
        text: A number and a unit of time: `"50/s"`, `"0.2/s"`, `"10/h"`; without a unit it is events a second.

    Returns:
        The exact fraction of the digits, above 0.

    Raises:
        ValueError: Not a rate, 0, or above a thousand million events a second.
    """
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'expected a rate such as "50/s", "0.2/s" or "10/h", got {text!r}')
    rate = Fraction(Decimal(match[1])) / _RATE_UNITS[match[2] or "s"]
    if not 0 < rate <= HIGHEST_RATE:
        raise ValueError(f"expected a rate above 0 and up to {HIGHEST_RATE:,}/s, got {text!r}")
    return rate


def parse_share(text: str) -> Fraction:
    """
    A share of events.

    Args:
        text: A percentage or a ratio: `"15%"`, `"0.15"`.

    Returns:
        The exact fraction of the digits, from 0 to 1.

    Raises:
        ValueError: Not a share, or above 1.
    """
    match = _SHARE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'expected a share such as "15%" or "0.15", got {text!r}')
    share = Fraction(Decimal(match[1])) / (100 if match[2] else 1)
    if share > 1:
        hint = "" if match[2] or share > 100 else f'; did you mean "{match[1]}%"?'
        raise ValueError(f"expected a share up to 100%, got {text!r}{hint}")
    return share


@dataclass(frozen=True, slots=True)
class Stretch:
    """
    Seconds in which traffic stays the same.

    Attributes:
        start: Its first second.
        end: The second it ends before.
        rate: Events a second, 0 or more; need not be whole.
        error_ratio: Share of them that is bad, from 0 to 1.
    """

    start: int
    end: int
    rate: Fraction
    error_ratio: Fraction

    def extremes(self, *, shortest: int, longest: int) -> tuple[EventCounts, EventCounts]:
        """
        The best and the worst counts of any part of it.

        Args:
            shortest: The shortest length of the part, in seconds.
            longest: The longest.

        Returns:
            The most good and fewest bad events, and the fewest good and most bad ones. No single part need have them;
            but where every second holds the same whole numbers, they have the ratio of every part.
        """
        bad = self.rate * self.error_ratio
        if self.rate.denominator == bad.denominator == 1:
            good = int(self.rate - bad)
            return EventCounts(good * shortest, int(bad) * shortest), EventCounts(good * longest, int(bad) * longest)
        fewest, most = math.floor(self.rate * shortest), math.ceil(self.rate * longest)
        best = EventCounts(math.ceil(most * (1 - self.error_ratio)), math.floor(fewest * self.error_ratio))
        worst = EventCounts(math.floor(fewest * (1 - self.error_ratio)), math.ceil(most * self.error_ratio))
        return best, worst


@dataclass(frozen=True, slots=True)
class _Sum:
    """The counts before a stretch of traffic, and how its events are numbered."""

    counts: EventCounts
    start: int
    end: int
    # (events + carry) / denominator, in integers: the fraction of an event goes on into the next stretch.
    rate: int
    rate_carry: int
    rate_denominator: int
    errors: int
    errors_carry: int
    errors_denominator: int

    def at(self, second: int) -> EventCounts:
        elapsed = min(second, self.end) - self.start
        events = (self.rate * elapsed + self.rate_carry) // self.rate_denominator
        # By the number of the event, not by time: then no second has more bad events than events.
        bad = (self.errors * events + self.errors_carry) // self.errors_denominator
        return EventCounts(self.counts.good + events - bad, self.counts.bad + bad)

    def left_over(self) -> tuple[Fraction, Fraction]:
        """The fractions of an event and of a bad event that the next stretch takes over."""
        shares = self.rate * (self.end - self.start) + self.rate_carry
        events = shares // self.rate_denominator
        return (
            Fraction(shares % self.rate_denominator, self.rate_denominator),
            Fraction((self.errors * events + self.errors_carry) % self.errors_denominator, self.errors_denominator),
        )


class Traffic:
    """
    Events spread as evenly as whole events can be, the same ones every time.

    Fractions of an event are carried on, so that no sum over any length of time is off by an event or more.

    Args:
        stretches: In order of time, without overlap; between them there are no events.

    Raises:
        ValueError: A stretch begins before the one before it has ended.
    """

    __slots__ = ("_starts", "_sums", "stretches")

    def __init__(self, stretches: Iterable[Stretch]) -> None:
        self.stretches = tuple(stretch for stretch in stretches if stretch.end > stretch.start)
        self._sums: list[_Sum] = []
        counts, rate_carry, errors_carry = EventCounts(), Fraction(0), Fraction(0)
        for stretch in self.stretches:
            if self._sums and stretch.start < self._sums[-1].end:
                raise ValueError(f"expected stretches in order of time, got {stretch} before {self._sums[-1].end}")
            rate_denominator = math.lcm(stretch.rate.denominator, rate_carry.denominator)
            errors_denominator = math.lcm(stretch.error_ratio.denominator, errors_carry.denominator)
            begun = _Sum(
                counts=counts,
                start=stretch.start,
                end=stretch.end,
                rate=int(stretch.rate * rate_denominator),
                rate_carry=int(rate_carry * rate_denominator),
                rate_denominator=rate_denominator,
                errors=int(stretch.error_ratio * errors_denominator),
                errors_carry=int(errors_carry * errors_denominator),
                errors_denominator=errors_denominator,
            )
            self._sums.append(begun)
            counts = begun.at(stretch.end)
            rate_carry, errors_carry = begun.left_over()
        self._starts = [begun.start for begun in self._sums]

    def before(self, second: int) -> EventCounts:
        """Every event that comes before a second begins."""
        index = bisect_right(self._starts, second) - 1
        return self._sums[index].at(second) if index >= 0 else EventCounts()

    def between(self, start: int, end: int) -> EventCounts:
        """Events from a second on, until another begins."""
        until, first = self.before(end), self.before(start)
        return EventCounts(until.good - first.good, until.bad - first.bad)

    def steady_over(self, start: int, end: int) -> Stretch | None:
        """The stretch that holds all of these seconds; None when traffic changes between them."""
        index = bisect_right(self._starts, start) - 1
        stretch = self.stretches[index] if index >= 0 else None
        return stretch if stretch is not None and end <= stretch.end else None
