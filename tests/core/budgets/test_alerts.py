"""When an alert rule fires."""

from __future__ import annotations

import math
from fractions import Fraction

from slo_core import AlertRule, SLODefinition
from slo_core.budgets.alerts import RuleCheck, Waiting
from slo_core.budgets.burn_rate import BurnRateSample, sample
from slo_core.budgets.events import EventCounts
from slo_core.objectives.target import Target

HOUR, DAY = 3600, 86_400
PAGE = AlertRule("1h", "5m", severity="page", burn_rate=14.4)


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
    recent: BurnRateSample | None = None,
    measured_seconds: float = math.inf,
) -> bool:
    check = RuleCheck(rule, factor=rule.factor(30 * DAY), target=target)
    last_minutes = (short if recent is None else recent).counts
    return check.state(long=long, short=short, recent=last_minutes, measured_seconds=measured_seconds).is_firing


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


def test_until_the_long_window_is_measured_the_last_five_minutes_must_burn_too() -> None:
    """An incident that is over starts no rule when measuring reaches back the short window; afterwards it may."""
    slow = AlertRule("6h", "30m", severity="page", burn_rate=6)
    burning, calm = counted(0, 100), counted(100, 0)

    assert slow.recent_window == 300
    assert not fires(slow, long=burning, short=burning, recent=calm, measured_seconds=6 * HOUR - 1)
    assert fires(slow, long=burning, short=burning, recent=burning, measured_seconds=6 * HOUR - 1)
    assert fires(slow, long=burning, short=burning, recent=calm, measured_seconds=6 * HOUR)


def test_a_short_window_of_five_minutes_or_less_is_its_own_last_minutes() -> None:
    """So the clause asks for nothing more of the fastest rule, and no window is counted for it."""
    quick = AlertRule("30m", "2m", severity="page", burn_rate=6)

    assert (PAGE.recent_window, quick.recent_window) == (300, 120)
    assert SLODefinition("a", 0.9, alert_rules=(quick,), burn_rate_windows=()).windows == (30 * DAY, 1800, 120)


def waiting(*, long: BurnRateSample, short: BurnRateSample, recent: BurnRateSample, measured: float) -> Waiting | None:
    """What the pages' rule waits for, 99.9 % and two bad events."""
    check = RuleCheck(PAGE, factor=PAGE.factor(30 * DAY), target=Target(0.999))
    return check.state(long=long, short=short, recent=recent.counts, measured_seconds=measured).waiting


def test_a_rule_that_burns_and_does_not_fire_says_what_it_waits_for() -> None:
    """Silence beside a burn rate of 1,000 needs a reason; where nothing burns, or the rule fires, there is none to give."""
    burns, calm, single = counted(0, 100), counted(1000, 0), counted(0, 1)

    assert waiting(long=burns, short=burns, recent=burns, measured=60) == Waiting("measured", 60, 300)
    assert waiting(long=single, short=single, recent=single, measured=math.inf) == Waiting("failures", 1, 2)
    assert waiting(long=burns, short=burns, recent=calm, measured=600) == Waiting("recent", 600, 300)

    assert waiting(long=burns, short=burns, recent=burns, measured=600) is None
    assert waiting(long=burns, short=calm, recent=calm, measured=60) is None
    assert waiting(long=calm, short=burns, recent=burns, measured=60) is None
