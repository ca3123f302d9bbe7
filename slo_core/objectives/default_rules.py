"""
The default alert rules: the table of the SRE Workbook as data.

Source: Site Reliability Workbook, chapter 5, "Alerting on SLOs".
"""

from __future__ import annotations

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
    30 * DAY: _TABLE_30_DAYS,
    90 * DAY: (
        _rule("page", 1 * HOUR, 300, 1),
        _rule("page", 6 * HOUR, 1800, 3),
        _rule("ticket", 1 * DAY, 2 * HOUR, 5),
    ),
}


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
