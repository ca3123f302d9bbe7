"""
Multi-window, multi-burn-rate alerts: the table of the SRE Workbook as data, and when a rule fires.

Source: Site Reliability Workbook, chapter 5, "Alerting on SLOs".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TypeVar

from slo_core.budget import Target
from slo_core.burn_rate import BurnRateSample, burns_at_least, exact_burn_rate
from slo_core.duration import format_duration, parse_duration
from slo_core.errors import ConfigError, Problem
from slo_core.sli import EventCounts
from slo_core.window import DAY, HOUR

__all__ = [
    "AlertRule",
    "AlertState",
    "DefaultRules",
    "RuleConcern",
    "concern_about",
    "default_rules",
    "evaluate",
    "fires",
]

Number = int | float | Decimal | Fraction
T = TypeVar("T")


def exact(value: Number) -> Fraction:
    """The fraction a number's digits say: 14.4 is 72/5, not the binary float nearest to it."""
    return Fraction(Decimal(repr(float(value)))) if isinstance(value, float) else Fraction(value)


@dataclass(frozen=True, slots=True, init=False)
class AlertRule:
    """
    One row of a multi-window, multi-burn-rate table.

    It fires when both windows burn at or over the factor, the long one holds at least `min_failures` bad
    events, and measuring reaches back at least the short window.

    Attributes:
        long_window: How much is significant, in whole seconds; text such as `"1h"` is understood.
        short_window: How soon the alert resets, in whole seconds, shorter than the long one.
        severity: Who is told: `"page"` or `"ticket"` by convention.
        burn_rate: The factor itself. Give this or `budget_share`.
        budget_share: The share of the whole budget that the long window may spend: 0.02 for 2 %.
        min_failures: Bad events the long window must hold; one failure in a quiet hour wakes nobody.

    Raises:
        ConfigError: A `ValueError` that names every field that is wrong.
    """

    long_window: int
    short_window: int
    severity: str
    burn_rate: Fraction | None = None
    budget_share: Fraction | None = None
    min_failures: int = 2

    def __init__(
        self,
        long_window: float | str,
        short_window: float | str,
        *,
        severity: str,
        burn_rate: Number | None = None,
        budget_share: Number | None = None,
        min_failures: int = 2,
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
            problems.append(_problem("min_failures", f"expected a whole number from 1, got {min_failures!r}"))
        if problems:
            raise ConfigError(problems)
        assign = object.__setattr__  # the way into a frozen dataclass
        for name, value in (("long_window", long), ("short_window", short), ("severity", severity),
                            ("burn_rate", factor), ("budget_share", share), ("min_failures", min_failures)):  # fmt: skip
            assign(self, name, value)

    @property
    def key(self) -> tuple[str, int, int]:
        """What makes a rule unique within an SLO."""
        return (self.severity, self.long_window, self.short_window)

    def factor(self, window_seconds: int) -> Fraction:
        """
        The burn rate this rule compares with, in an SLO of that window.

        2 % of a 30-day budget in one hour is a burn rate of 14.4.
        """
        if self.burn_rate is not None:
            return self.burn_rate
        assert self.budget_share is not None  # the constructor saw to it
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
            return exact(value)  # type: ignore[arg-type]
    except (OverflowError, ValueError):  # beyond every float, or a signalling NaN
        pass
    raise ValueError(f"{field}: expected a number above 0, got {value!r}")


def _converted(
    problems: list[Problem], name: str, convert: Callable[[str, object], T | None], value: object
) -> T | None:
    """The converted value of one field; a bad one is noted and None."""
    path = f"AlertRule.{name}"
    try:
        return convert(path, value)
    except ValueError as exc:
        problems.append(_problem(name, str(exc).removeprefix(f"{path}: ")))
        return None


def _problem(name: str, message: str) -> Problem:
    return Problem(f"AlertRule.{name}", message)


def _rule(severity: str, long_window: int, short_window: int, percent: int) -> AlertRule:
    return AlertRule(long_window, short_window, severity=severity, budget_share=Fraction(percent, 100))


_TABLE_30_DAYS = (
    _rule("page", 1 * HOUR, 300, 2),
    _rule("page", 6 * HOUR, 1800, 5),
    _rule("ticket", 1 * DAY, 2 * HOUR, 10),
    _rule("ticket", 3 * DAY, 6 * HOUR, 10),
)
# A share of a week is spent sooner and a share of a quarter later than the same share of a month,
# so these windows have shares of their own that keep the factors in the same range.
_TABLES = {
    7 * DAY: (
        _rule("page", 1 * HOUR, 300, 10),
        _rule("page", 6 * HOUR, 1800, 20),
        _rule("ticket", 1 * DAY, 2 * HOUR, 40),
    ),
    30 * DAY: _TABLE_30_DAYS,
    90 * DAY: (
        _rule("page", 1 * HOUR, 300, 1),
        _rule("page", 6 * HOUR, 1800, 3),
        _rule("ticket", 1 * DAY, 2 * HOUR, 5),
    ),
}


@dataclass(frozen=True, slots=True)
class RuleConcern:
    """A rule that makes little sense for its SLO, and why."""

    rule: AlertRule
    reason: str

    def __str__(self) -> str:
        return f"alert rule {self.rule}: {self.reason}"


@dataclass(frozen=True, slots=True)
class DefaultRules:
    """The default rules of a window and target, and those that were left out with the reason."""

    rules: tuple[AlertRule, ...]
    left_out: tuple[RuleConcern, ...]


def concern_about(rule: AlertRule, *, window_seconds: int, target: Target) -> RuleConcern | None:
    """What is doubtful about a rule in an SLO of that window and target; None when nothing is."""
    factor = rule.factor(window_seconds)
    # At a factor of exactly 1 a service that spends its budget evenly would alert all the time; the 30-day
    # table of the Workbook has one such row and means it.
    highest = exact_burn_rate(EventCounts(bad=1), target)
    too_low = factor < 1 or (factor == 1 and window_seconds != 30 * DAY)
    if rule.long_window > window_seconds:
        reason = (
            f"its long window ({format_duration(rule.long_window)}) is longer than "
            f"the SLO's ({format_duration(window_seconds)})"
        )
    elif too_low:
        reason = f"its factor {float(factor):g} would alert on a budget that lasts the whole window"
    elif factor > highest:
        reason = (
            f"its factor {float(factor):g} can never be reached: at a target of {target.ratio!r} a total "
            f"outage burns at {float(highest):g}"
        )
    else:
        return None
    return RuleConcern(rule, reason)


# Hundreds of definitions share a few windows and targets, and each asks several times.
@lru_cache(maxsize=1024)
def default_rules(window_seconds: int, target: Target) -> DefaultRules:
    """
    The Workbook's table for an SLO: its own shares for 7, 30 and 90 days, the 30-day shares for any other.

    Rules that could never fire, would fire on an even spend, or look further back than the SLO are left out.
    """
    rules, left_out = [], []
    for rule in _TABLES.get(window_seconds, _TABLE_30_DAYS):
        concern = concern_about(rule, window_seconds=window_seconds, target=target)
        if concern is None:
            rules.append(rule)
        else:
            left_out.append(concern)
    return DefaultRules(tuple(rules), tuple(left_out))


@dataclass(frozen=True, slots=True)
class AlertState:
    """
    One alert rule as it stands.

    Attributes:
        severity: Who is told.
        threshold: The factor both windows are compared with.
        long: What the long window measured.
        short: What the short window measured.
        is_firing: Both windows are at or over the factor and everything else the rule asks holds.
    """

    severity: str
    threshold: float
    long: BurnRateSample
    short: BurnRateSample
    is_firing: bool


def evaluate(
    rule: AlertRule,
    *,
    factor: Fraction,
    target: Target,
    long: BurnRateSample,
    short: BurnRateSample,
    measured_seconds: float,
) -> AlertState:
    """
    Whether a rule fires.

    Args:
        rule: The rule.
        factor: The burn rate it compares with: `rule.factor(window_seconds)`.
        target: The SLO's objective.
        long: What the rule's long window measured.
        short: What its short window measured.
        measured_seconds: How far back measuring reaches.

    Returns:
        Both windows and the decision, which compares the integers behind them.
    """
    return AlertState(
        severity=rule.severity,
        threshold=float(factor),
        long=long,
        short=short,
        is_firing=fires(
            rule, factor=factor, target=target, long=long.counts, short=short.counts, measured_seconds=measured_seconds
        ),
    )


def fires(
    rule: AlertRule,
    *,
    factor: Fraction,
    target: Target,
    long: EventCounts,
    short: EventCounts,
    measured_seconds: float,
) -> bool:
    """Whether a rule fires, decided in integers; arguments as for `evaluate`, with the counts of both windows."""
    return (
        long.bad >= rule.min_failures
        and measured_seconds >= rule.short_window
        and burns_at_least(long, target, factor)
        and burns_at_least(short, target, factor)
    )
