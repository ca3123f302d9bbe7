"""The first hours of an SLO: an alert rule starts no earlier than before for what burns, and never for what is over."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from slo_core import AlertRule, SLODefinition
from slo_core.budgets.alerts import RuleCheck
from slo_core.budgets.events import EventCounts

STEP, EVENTS = 10, 1000  # so many events every ten seconds
MINUTE, HOUR = 60, 3600
HOURS_7 = 7 * HOUR // STEP

SLO = SLODefinition("a", 0.999)
RULES = SLO.active_alert_rules
PAGES = [rule for rule in RULES if rule.severity == "page"]


class Past:
    """An SLO that is measured from second 0 on, with so many bad events in each step."""

    def __init__(self, bad: Callable[[int], float], *, steps: int = HOURS_7) -> None:
        self.steps = steps
        self._bad = [0, *accumulate(min(EVENTS, math.floor(bad(step * STEP))) for step in range(steps))]

    def counts(self, seconds: int, step: int) -> EventCounts:
        """The events of a window that ends after that step."""
        first = max(0, step - seconds // STEP)
        bad = self._bad[step] - self._bad[first]
        return EventCounts((step - first) * EVENTS - bad, bad)

    def starts(self, rule: AlertRule, *, with_clause: bool) -> int | None:
        """The first second in which a rule fires; without the clause the last minutes are those of the short window."""
        check = RuleCheck(rule, factor=rule.factor(SLO.window_seconds), target=SLO.objective)
        for step in range(1, self.steps + 1):
            if check.fires(
                long=self.counts(rule.long_window, step),
                short=self.counts(rule.short_window, step),
                recent=self.counts(rule.recent_window if with_clause else rule.short_window, step),
                measured_seconds=step * STEP,
            ):
                return step * STEP
        return None


def first_page(past: Past, *, with_clause: bool) -> float:
    starts = (past.starts(rule, with_clause=with_clause) for rule in PAGES)
    return min((start for start in starts if start is not None), default=math.inf)


def all_starts(past: Past, *, with_clause: bool) -> list[int | None]:
    return [past.starts(rule, with_clause=with_clause) for rule in RULES]


# Bad events of a thousand: the default factors ask for 1 to 15.
shares = st.sampled_from([*range(1, 31), 50, 200, 1000]).map(lambda bad: Fraction(bad, 1000))
begins = st.integers(0, 5 * HOUR // STEP).map(lambda step: step * STEP)


@settings(max_examples=30)
@given(share=shares, begin=begins)
def test_no_page_of_a_steady_burn_comes_later(share: Fraction, begin: int) -> None:
    """Fast or slow, from its first second until the end: the last minutes burn as all others."""
    past = Past(lambda second: EVENTS * share if second >= begin else 0)

    assert all_starts(past, with_clause=True) == all_starts(past, with_clause=False)


@settings(max_examples=30)
@given(start=shares, growth=st.fractions(0, Fraction(1, 1000), max_denominator=10**6), begin=begins)
def test_no_page_of_a_growing_burn_comes_later(start: Fraction, growth: Fraction, begin: int) -> None:
    """The last minutes burn faster than all others."""
    past = Past(lambda second: EVENTS * (start + growth * (second - begin) / STEP) if second >= begin else 0)

    assert all_starts(past, with_clause=True) == all_starts(past, with_clause=False)


@settings(max_examples=30)
@given(
    share=shares,
    begin=begins,
    period=st.sampled_from([20, 50, 60, 100, 150, 300]),
    part=st.fractions(Fraction(1, 20), Fraction(19, 20), max_denominator=20),
)
def test_no_page_of_bursts_within_five_minutes_comes_later(
    share: Fraction, begin: int, period: int, part: Fraction
) -> None:
    """The last five minutes hold whole bursts, and burn as all others."""
    burning_steps = math.ceil(part * period / STEP)
    burn_rate = float(1000 * share * burning_steps * STEP / period)
    # Just below a factor the first burst alone, a part of the first half hour, may lift a window over it for a moment.
    assume(
        not any(0.8 * rule.factor(SLO.window_seconds) < burn_rate < rule.factor(SLO.window_seconds) for rule in RULES)
    )
    past = Past(lambda second: EVENTS * share if second >= begin and (second - begin) % period < part * period else 0)

    assert all_starts(past, with_clause=True) == all_starts(past, with_clause=False)


@settings(max_examples=30)
@given(begin=begins, period=st.integers(31, 360).map(lambda steps: steps * STEP), burst=st.integers(1, 360))
def test_rare_bursts_page_with_the_next_one_at_the_latest(begin: int, period: int, burst: int) -> None:
    """What was clean for five minutes waits until it fails again; the page comes in that burst, not after it."""
    burst = min(burst * STEP, period)
    past = Past(lambda second: EVENTS if second >= begin and (second - begin) % period < burst else 0)
    before, after = first_page(past, with_clause=False), first_page(past, with_clause=True)

    assert before <= after
    if before != math.inf and before + period <= HOURS_7 * STEP:
        assert after <= before + period


def test_a_burn_that_is_over_starts_no_rule_later() -> None:
    """Half of all fails for 20 minutes: the fast rule pages while it lasts, the others never start after it."""
    past = Past(lambda second: EVENTS // 2 if second < 20 * MINUTE else 0)
    start_of = {(rule.severity, rule.long_window): past.starts(rule, with_clause=True) for rule in RULES}
    before = {(rule.severity, rule.long_window): past.starts(rule, with_clause=False) for rule in RULES}

    assert before["page", 6 * HOUR] == 30 * MINUTE
    assert start_of == {
        ("page", HOUR): 5 * MINUTE,
        ("page", 6 * HOUR): None,
        ("ticket", 24 * HOUR): None,
        ("ticket", 72 * HOUR): None,
    }
