"""The default alert rules: the Workbook's table, and other windows."""

from __future__ import annotations

from fractions import Fraction

import pytest

from slo_core import AlertRule, SLODefinition

HOUR, DAY = 3600, 86_400


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
