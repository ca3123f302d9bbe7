"""The default alert rules: the Workbook's table, and other windows."""

from __future__ import annotations

import decimal
import math
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from slo_core import AlertRule, SLODefinition
from slo_core.objectives.default_rules import default_rules
from slo_core.rules.threshold import Threshold

MINUTE, HOUR, DAY = 60, 3600, 86_400
LONGEST = 92 * DAY

PAGE_FAST, PAGE_SLOW = ("page", HOUR, 300), ("page", 6 * HOUR, 1800)
TICKET_FAST, TICKET_SLOW = ("ticket", DAY, 2 * HOUR), ("ticket", 3 * DAY, 6 * HOUR)

# The published tables: the factor of each rule. The slow ticket of 28 days is below 1 and makes no sense there.
TABLES = {
    7: {PAGE_FAST: 16.8, PAGE_SLOW: 5.6, TICKET_FAST: 2.8},
    28: {PAGE_FAST: 13.44, PAGE_SLOW: 5.6, TICKET_FAST: 2.8},
    30: {PAGE_FAST: 14.4, PAGE_SLOW: 6, TICKET_FAST: 3, TICKET_SLOW: 1},
    90: {PAGE_FAST: 21.6, PAGE_SLOW: 10.8, TICKET_FAST: 4.5},
}
STEP = 0.02


def rows(definition: SLODefinition) -> list[tuple[str, int, int, Fraction]]:
    return [
        (rule.severity, rule.long_window, rule.short_window, rule.factor(definition.window_seconds))
        for rule in definition.active_alert_rules
    ]


def factors(window_seconds: int) -> dict[tuple[str, int, int], float]:
    """The factor of each default rule, at a target that every factor can reach."""
    definition = SLODefinition("a", 0.9999, window_seconds, burn_rate_windows=())
    return {rule.key: float(rule.factor(window_seconds)) for rule in definition.active_alert_rules}


def neighbours(window_seconds: int) -> tuple[int, int]:
    """The tables, in days, on both sides of a length from 7 days on; beyond 90 days the last one twice."""
    lower = max(days for days in TABLES if days * DAY <= window_seconds)
    return lower, min((days for days in TABLES if days * DAY >= window_seconds), default=lower)


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


def test_the_default_table_of_28_days() -> None:
    """The shares of 30 days: 2 % in 1 h is 13.44; 10 % in 3 d is 14/15, below 1, and left out."""
    definition = SLODefinition("a", 0.999, 28 * DAY)

    assert [factor for *_, factor in rows(definition)] == [Fraction("13.44"), Fraction("5.6"), Fraction("2.8")]
    (concern,) = definition.alert_concerns
    assert "ticket 3d/6h: its factor 0.933333 would alert on a budget that lasts the whole window" in str(concern)


@pytest.mark.parametrize("days", TABLES)
def test_the_factors_are_those_of_the_published_tables(days: int) -> None:
    """At the length of a table each rule has exactly its factor."""
    assert factors(days * DAY) == TABLES[days]


@given(window=st.integers(7 * DAY, LONGEST))
@example(window=7 * DAY + 1)
@example(window=29 * DAY)
@example(window=LONGEST)
def test_a_factor_between_two_tables_follows_the_logarithm_of_the_length(window: int) -> None:
    """It is never outside its two neighbours; a rule that only one of them has is left out."""
    below, above = neighbours(window)
    start, end = TABLES[below], TABLES[above]
    way = math.log(window / (below * DAY)) / math.log(above / below) if below < above else 0.0

    between = factors(window)

    assert between.keys() == start.keys() & end.keys()
    for key, factor in between.items():
        assert min(start[key], end[key]) <= factor <= max(start[key], end[key])
        assert factor == pytest.approx(start[key] + (end[key] - start[key]) * way, abs=STEP / 2 + 1e-9)


@given(window=st.integers(3 * DAY, LONGEST), more=st.integers(1, DAY))
@example(window=7 * DAY - 1, more=1)
@example(window=7 * DAY, more=1)
@example(window=90 * DAY, more=1)
def test_factors_do_not_jump_with_the_length_of_the_window(window: int, more: int) -> None:
    """Nowhere does one rise or fall faster than between 28 and 30 days; a step of the rounding may come on top."""
    steepest = (14.4 - 13.44) / math.log(30 / 28)
    longer = min(window + more, LONGEST)
    # The slow ticket is a rule of exactly 30 days.
    before, after = ([*factors(length).values()][:3] for length in (window, longer))

    for one, other in zip(before, after, strict=True):
        assert abs(one - other) <= steepest * math.log(longer / window) + STEP + 1e-9


@given(window=st.integers(1, 7 * DAY - 1))
@example(window=2016 * 2 * MINUTE)
@example(window=2016 * 2 * MINUTE - 1)
def test_windows_below_a_week_have_the_factors_of_a_week_and_shorter_windows(window: int) -> None:
    """A 168th, a 28th and a 7th in whole minutes, and a 12th of these; those with a short window under 2 min are named."""
    expected, named = {}, []
    for part, (severity, long, short), rule in (
        (168, PAGE_FAST, "page 1h/5m"),
        (28, PAGE_SLOW, "page 6h/30m"),
        (7, TICKET_FAST, "ticket 1d/2h"),
    ):
        minutes = math.floor(window / MINUTE / part)
        if minutes // 12 < 2:
            named.append(rule)
        else:
            expected[severity, minutes * MINUTE, minutes // 12 * MINUTE] = TABLES[7][severity, long, short]

    assert factors(window) == expected
    concerns = SLODefinition("a", 0.9999, window, burn_rate_windows=()).alert_concerns
    assert [str(concern.rule) for concern in concerns] == named
    assert all("the short one would be under 2m" in str(concern) for concern in concerns)


def test_a_rule_of_one_neighbour_is_left_out_and_named() -> None:
    """3 d / 6 h is a rule for 28 and 30 days, not for 7 and 90."""
    definition = SLODefinition("a", 0.999, 14 * DAY)

    assert [factor for *_, factor in rows(definition)] == [Fraction("15.12"), Fraction("5.6"), Fraction("2.8")]
    (concern,) = definition.alert_concerns
    assert str(concern) == "alert rule ticket 3d/6h: only one of the tables for 7d and 28d has it"


def test_the_host_cannot_change_a_factor() -> None:
    """Whatever precision an application gives its decimals, all processes of a service have the same factors."""
    lengths = [days * DAY + 1 for days in range(7, 92)]
    expected = [factors(length) for length in lengths]

    default_rules.cache_clear()
    with decimal.localcontext(prec=2, rounding=decimal.ROUND_CEILING):
        assert [factors(length) for length in lengths] == expected


@given(window=st.integers(1, LONGEST))
def test_prometheus_compares_every_factor_exactly(window: int) -> None:
    """Up to a target of 99.999 %, with a thousand million events in a window."""
    definition = SLODefinition("a", 0.99999, window, burn_rate_windows=())

    for rule in definition.active_alert_rules:
        assert Threshold.of(definition.objective, rule.factor(window)).doubt == ""


def test_a_factor_of_exactly_1_is_the_30_day_tables_alone() -> None:
    """60 days: 10 % in 6 days would be 1, and a budget spent evenly alerts on it."""
    rule = AlertRule("6d", "6h", severity="ticket", budget_share=Fraction(1, 10))
    assert len(SLODefinition("a", 0.999, 60 * DAY, alert_rules=(rule,)).alert_concerns) == 1

    rule = AlertRule("3d", "6h", severity="ticket", budget_share=Fraction(1, 10))
    assert SLODefinition("a", 0.999, alert_rules=(rule,)).alert_concerns == ()


def test_rules_longer_than_the_slo_make_no_sense() -> None:
    """A rule that a definition gives itself: three days of an SLO that has one."""
    rule = AlertRule("3d", "6h", severity="ticket", burn_rate=2)

    (concern,) = SLODefinition("a", 0.999, DAY, alert_rules=(rule,)).alert_concerns
    assert "its long window (3d) is longer than the SLO's (1d)" in str(concern)


def test_rules_that_can_never_fire_are_left_out() -> None:
    """At 90 % a total outage burns at 10: 14.4 is out of reach, 6 is not."""
    definition = SLODefinition("a", 0.9)

    assert [factor for *_, factor in rows(definition)] == [6, 3, 1]
    (concern,) = definition.alert_concerns
    assert "page 1h/5m: its factor 14.4 can never be reached" in str(concern)
    assert "a total outage burns at 10" in str(concern)
