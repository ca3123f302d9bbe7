"""
The default alert rules: the table of the SRE Workbook and those for other windows as data, and what lies between them.

Source: Site Reliability Workbook, chapter 5, "Alerting on SLOs".
"""

from __future__ import annotations

from decimal import Context
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.duration import format_duration
from slo_core.objectives.target import Target
from slo_core.objectives.window import DAY, HOUR

__all__ = ["DefaultRules", "RuleConcern", "concern_about", "default_rules"]


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
    28 * DAY: _TABLE_30_DAYS,
    30 * DAY: _TABLE_30_DAYS,
    90 * DAY: (
        _rule("page", 1 * HOUR, 300, 1),
        _rule("page", 6 * HOUR, 1800, 3),
        _rule("ticket", 1 * DAY, 2 * HOUR, 5),
    ),
}
_SHORTEST_TABLE = min(_TABLES)

# Factors between the tables are multiples of 1/50, as those of the tables are. With more digits Prometheus, whose only
# numbers are floats, could not compare them exactly at 99.999 %.
_STEPS = 50

_SHORTEST_SHORT_WINDOW = 120

# Logarithms as decimals, because each float library rounds its own way. Not the context of the host, which may be any.
_DIGITS = Context(prec=28)


class RuleConcern(NamedTuple):
    """A rule that makes little sense for its SLO, and why."""

    rule: AlertRule
    reason: str

    def __str__(self) -> str:
        return f"alert rule {self.rule}: {self.reason}"


class DefaultRules(NamedTuple):
    """The default rules for a window and a target, and those that were left out, with the reason."""

    rules: tuple[AlertRule, ...]
    left_out: tuple[RuleConcern, ...]


def concern_about(rule: AlertRule, *, window_seconds: int, target: Target) -> RuleConcern | None:
    """Why a rule makes little sense in an SLO of that window and target; None when it makes sense."""
    factor = rule.factor(window_seconds)
    # At a factor of exactly 1 a service that spends its budget evenly would alert all the time; the 30-day
    # table of the Workbook has one such row on purpose.
    highest = target.highest_burn_rate
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
    The default rules of an SLO: those of its window's length, without the ones that make no sense for it.

    Rules that could never fire, or would fire on an even spend, are left out.
    """
    of_length = _rules_of_length(window_seconds)
    rules, left_out = [], list(of_length.left_out)
    for rule in of_length.rules:
        concern = concern_about(rule, window_seconds=window_seconds, target=target)
        if concern is None:
            rules.append(rule)
        else:
            left_out.append(concern)
    return DefaultRules(tuple(rules), tuple(left_out))


def _rules_of_length(window_seconds: int) -> DefaultRules:
    """A table; between two tables their rules with factors in between; beyond them the factors of the nearest one."""
    if window_seconds in _TABLES:
        return DefaultRules(_TABLES[window_seconds], ())
    if window_seconds < _SHORTEST_TABLE:
        return _shortened(window_seconds)
    shorter = max(length for length in _TABLES if length < window_seconds)
    longer = min((length for length in _TABLES if length > window_seconds), default=shorter)
    return _between(shorter, longer, window_seconds)


def _shortened(window_seconds: int) -> DefaultRules:
    """The factors of the shortest table, whose windows are the same part of a shorter one, in whole minutes."""
    rules, left_out = [], []
    for rule in _TABLES[_SHORTEST_TABLE]:
        long_window = window_seconds * rule.long_window // _SHORTEST_TABLE // 60 * 60
        short_window = long_window // 12 // 60 * 60
        if short_window < _SHORTEST_SHORT_WINDOW:
            reason = (
                f"its windows become shorter with the SLO's ({format_duration(window_seconds)}), and the short one would be "
                f"under {format_duration(_SHORTEST_SHORT_WINDOW)}"
            )
            left_out.append(RuleConcern(rule, reason))
        else:
            factor = rule.factor(_SHORTEST_TABLE)
            rules.append(AlertRule(long_window, short_window, severity=rule.severity, burn_rate=factor))
    return DefaultRules(tuple(rules), tuple(left_out))


def _between(shorter: int, longer: int, window_seconds: int) -> DefaultRules:
    """The rules that both tables have; their factors follow the logarithm of the window's length."""
    low, high = ({rule.key: rule for rule in _TABLES[length]} for length in (shorter, longer))
    part = _part_of_the_way(shorter, longer, window_seconds)
    rules, left_out = [], []
    for key, rule in {**low, **high}.items():
        if key in low and key in high:
            start, end = low[key].factor(shorter), high[key].factor(longer)
            factor = Fraction(round((start + (end - start) * part) * _STEPS), _STEPS)
            rules.append(AlertRule(rule.long_window, rule.short_window, severity=rule.severity, burn_rate=factor))
        else:
            tables = f"{format_duration(shorter)} and {format_duration(longer)}"
            left_out.append(RuleConcern(rule, f"only one of the tables for {tables} has it"))
    return DefaultRules(tuple(rules), tuple(left_out))


def _part_of_the_way(start: int, end: int, length: int) -> Fraction:
    """How far a length lies between two others, from 0 to 1, by its logarithm."""
    first, last, own = (Fraction(_DIGITS.ln(seconds)) for seconds in (start, end, length))
    return (own - first) / (last - first) if start < end else Fraction(0)
