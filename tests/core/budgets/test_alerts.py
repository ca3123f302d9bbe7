"""Multi-window alert rules: the Workbook's table, other windows, and when a rule fires."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest

from slo_core import AlertRule, ConfigError, SLODefinition
from slo_core.budgets.alerts import evaluate
from slo_core.budgets.burn_rate import BurnRateSample, sample
from slo_core.budgets.events import EventCounts
from slo_core.objectives.target import Target

HOUR, DAY = 3600, 86_400
PAGE = AlertRule("1h", "5m", severity="page", burn_rate=14.4)


def rows(definition: SLODefinition) -> list[tuple[str, int, int, Fraction]]:
    return [
        (rule.severity, rule.long_window, rule.short_window, rule.factor(definition.window_seconds))
        for rule in definition.active_alert_rules
    ]


def test_the_default_table_of_30_days() -> None:
    """2 % in 1 h, 5 % in 6 h, 10 % in a day, 10 % in three."""
    assert rows(SLODefinition("a", 0.999)) == [
        ("page", HOUR, 300, Fraction("14.4")),
        ("page", 6 * HOUR, 1800, Fraction(6)),
        ("ticket", DAY, 2 * HOUR, Fraction(3)),
        ("ticket", 3 * DAY, 6 * HOUR, Fraction(1)),
    ]


@pytest.mark.parametrize("window", [{"window_seconds": 7 * DAY}, {"window": "week"}])
def test_the_default_table_of_a_week(window: dict[str, object]) -> None:
    """10 % in 1 h, 20 % in 6 h, 40 % in a day."""
    assert rows(SLODefinition("a", 0.999, **window)) == [  # type: ignore[arg-type]
        ("page", HOUR, 300, Fraction("16.8")),
        ("page", 6 * HOUR, 1800, Fraction("5.6")),
        ("ticket", DAY, 2 * HOUR, Fraction("2.8")),
    ]


@pytest.mark.parametrize("window", [{"window_seconds": 90 * DAY}, {"window": "quarter"}])
def test_the_default_table_of_90_days(window: dict[str, object]) -> None:
    """1 % in 1 h, 3 % in 6 h, 5 % in a day."""
    assert rows(SLODefinition("a", 0.999, **window)) == [  # type: ignore[arg-type]
        ("page", HOUR, 300, Fraction("21.6")),
        ("page", 6 * HOUR, 1800, Fraction("10.8")),
        ("ticket", DAY, 2 * HOUR, Fraction("4.5")),
    ]


def test_other_windows_use_the_30_day_shares() -> None:
    """28 days: 2 % in 1 h is 13.44; 10 % in 3 d is 14/15, below 1, and left out."""
    definition = SLODefinition("a", 0.999, 28 * DAY)

    assert [factor for *_, factor in rows(definition)] == [Fraction("13.44"), Fraction("5.6"), Fraction("2.8")]
    (concern,) = definition.alert_concerns
    assert "ticket 3d/6h: its factor 0.933333 would alert on a budget that lasts the whole window" in str(concern)


def test_a_factor_of_exactly_1_is_the_30_day_tables_alone() -> None:
    """60 days: 10 % in 6 days would be 1, and a budget spent evenly alerts on it."""
    rule = AlertRule("6d", "6h", severity="ticket", budget_share=Fraction(1, 10))
    assert len(SLODefinition("a", 0.999, 60 * DAY, alert_rules=(rule,)).alert_concerns) == 1

    rule = AlertRule("3d", "6h", severity="ticket", budget_share=Fraction(1, 10))
    assert SLODefinition("a", 0.999, alert_rules=(rule,)).alert_concerns == ()


def test_rules_longer_than_the_slo_are_left_out() -> None:
    """A day-long SLO: 2 % in 1 h is a factor of 0.48, too low; 3 d is too long; no row of the table makes sense."""
    definition = SLODefinition("a", 0.999, DAY)

    assert rows(definition) == []
    assert len(definition.alert_concerns) == 4
    assert "its long window (3d) is longer than the SLO's (1d)" in str(definition.alert_concerns[-1])


def test_rules_that_can_never_fire_are_left_out() -> None:
    """At 90 % a total outage burns at 10: 14.4 is out of reach, 6 is not."""
    definition = SLODefinition("a", 0.9)

    assert [factor for *_, factor in rows(definition)] == [6, 3, 1]
    (concern,) = definition.alert_concerns
    assert "page 1h/5m: its factor 14.4 can never be reached" in str(concern)
    assert "a total outage burns at 10" in str(concern)


def test_a_rule_that_only_a_total_outage_reaches_stays() -> None:
    """A factor of 10 at 90 % fires when everything fails: `>=`."""
    rule = AlertRule("1h", "5m", severity="page", burn_rate=10, min_failures=1)
    assert SLODefinition("a", 0.9, alert_rules=(rule,)).alert_concerns == ()

    outage = sample(HOUR, EventCounts(0, 1), Target(0.9))
    assert fires(rule, long=outage, short=outage, target=Target(0.9))


def fires(
    rule: AlertRule,
    *,
    long: BurnRateSample,
    short: BurnRateSample,
    target: Target = Target(0.999),
    measured_seconds: float = math.inf,
) -> bool:
    return evaluate(
        rule, factor=rule.factor(30 * DAY), target=target, long=long, short=short, measured_seconds=measured_seconds
    ).is_firing


def counted(good: int, bad: int, *, target: Target = Target(0.999)) -> BurnRateSample:
    return sample(HOUR, EventCounts(good, bad), target)


def test_a_rule_fires_when_both_windows_are_exactly_at_its_factor() -> None:
    """144 of 10,000 is 14.4, and at is over: `>=`."""
    at = counted(9856, 144)
    under = counted(9857, 143)

    assert fires(PAGE, long=at, short=at)
    assert not fires(PAGE, long=under, short=at)
    assert not fires(PAGE, long=at, short=under)


def test_a_share_gives_the_same_decision_as_its_factor() -> None:
    """2 % of 30 days in 1 h is 14.4 without a float in between."""
    by_share = AlertRule("1h", "5m", severity="page", budget_share=0.02)

    assert by_share.factor(30 * DAY) == PAGE.factor(30 * DAY) == Fraction(72, 5)
    assert fires(by_share, long=counted(9856, 144), short=counted(9856, 144))


def test_a_single_failure_in_a_quiet_hour_wakes_nobody() -> None:
    """The long window must hold `min_failures` bad events, two unless told otherwise."""
    one, two = counted(0, 1), counted(0, 2)
    lenient = AlertRule("1h", "5m", severity="page", burn_rate=14.4, min_failures=1)

    assert not fires(PAGE, long=one, short=one)
    assert fires(PAGE, long=two, short=one)
    assert fires(lenient, long=one, short=one)


def test_without_events_nothing_fires() -> None:
    """An empty short window is a reset alert."""
    assert not fires(PAGE, long=counted(0, 9), short=counted(0, 0))
    assert not fires(PAGE, long=counted(0, 0), short=counted(0, 0))


def test_data_must_reach_back_the_short_window() -> None:
    """Right after a restart a single window of seconds would speak for five minutes."""
    burning = counted(0, 100)

    assert not fires(PAGE, long=burning, short=burning, measured_seconds=299.9)
    assert fires(PAGE, long=burning, short=burning, measured_seconds=300)


def test_windows_are_understood_as_text_and_as_seconds() -> None:
    """Both are whole seconds inside."""
    assert AlertRule("1h", "5m", severity="page", burn_rate=2) == AlertRule(3600, 300.0, severity="page", burn_rate=2)


@pytest.mark.parametrize("factor", [14.4, Decimal("14.4"), Fraction(72, 5)])
def test_a_factor_is_taken_by_its_digits(factor: float | Decimal | Fraction) -> None:
    """Held as a fraction, whatever it came as."""
    assert AlertRule("1h", "5m", severity="page", burn_rate=factor).burn_rate == Fraction(72, 5)


def test_a_rule_reads_as_one_names_it() -> None:
    """Severity and both windows."""
    assert str(PAGE) == "page 1h/5m"
    assert PAGE.key == ("page", 3600, 300)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"short_window": "1h"}, "AlertRule.short_window: expected less than the long window (3600 s), got 3600 s"),
        ({"long_window": "1.5s"}, "AlertRule.long_window: expected whole seconds, got '1.5s'"),
        ({"long_window": None}, "AlertRule.long_window: expected seconds or a duration"),
        ({"severity": ""}, 'AlertRule.severity: expected text such as "page" or "ticket"'),
        ({"severity": None}, "AlertRule.severity: "),
        ({"burn_rate": None}, "AlertRule: expected exactly one of burn_rate and budget_share"),
        ({"budget_share": 0.1}, "AlertRule: expected exactly one of burn_rate and budget_share"),
        ({"burn_rate": None, "budget_share": 1.1}, "AlertRule.budget_share: expected a share up to 1, got 1.1"),
        ({"burn_rate": 0}, "AlertRule.burn_rate: expected a number above 0, got 0"),
        ({"burn_rate": math.nan}, "AlertRule.burn_rate: expected a number above 0, got nan"),
        ({"burn_rate": math.inf}, "AlertRule.burn_rate: "),
        ({"burn_rate": True}, "AlertRule.burn_rate: "),
        ({"burn_rate": "14.4"}, "AlertRule.burn_rate: "),
        ({"burn_rate": 10**400}, "AlertRule.burn_rate: "),
        ({"burn_rate": Decimal("sNaN")}, "AlertRule.burn_rate: "),
        ({"min_failures": 0}, "AlertRule.min_failures: expected a whole number from 1, got 0"),
        ({"min_failures": 1.5}, "AlertRule.min_failures: "),
        ({"min_failures": True}, "AlertRule.min_failures: "),
    ],
)
def test_a_bad_field_is_named(options: dict[str, object], expected: str) -> None:
    """One sentence, whatever came."""
    given = {"long_window": "1h", "short_window": "5m", "severity": "page", "burn_rate": 14.4, **options}
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole message is compared
        AlertRule(given.pop("long_window"), given.pop("short_window"), **given)  # type: ignore[arg-type]

    assert str(caught.value).startswith(expected)


def test_all_bad_fields_are_named_at_once() -> None:
    """As everywhere."""
    with pytest.raises(ConfigError) as caught:
        AlertRule("x", "y", severity="", burn_rate=0, min_failures=0)

    assert [problem.path for problem in caught.value.problems] == [
        "AlertRule.long_window", "AlertRule.short_window", "AlertRule.burn_rate", "AlertRule.severity",
        "AlertRule.min_failures",
    ]  # fmt: skip
