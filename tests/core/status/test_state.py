"""The state of an SLO in one word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from availability import record, registry_of
from slo_core import SLOSnapshot
from slo_core.budgets.wording import time_left_text
from slo_core.status.state import most_urgent_first, state_of
from slo_core.status.table import status_table
from slo_core.testing import FakeClock


def test_an_slo_without_events_says_so_instead_of_looking_perfect(clock: FakeClock) -> None:
    """A quiet service is not a perfect one."""
    registry = registry_of(clock)

    assert state_of(registry["availability"].snapshot()) == "no data"
    assert "no data" in status_table(registry)
    assert "100" not in status_table(registry)


@pytest.mark.parametrize(
    ("good", "bad", "state"),
    [(2000, 0, "met"), (2998, 2, "met"), (1998, 2, "exhausted"), (1997, 3, "breached")],
)
def test_the_state_is_the_gravest_that_is_true(clock: FakeClock, good: int, bad: int, state: str) -> None:
    """99.9 % of 2,000 events allow exactly two bad ones: the second spends the budget, the third breaks the promise."""
    registry = registry_of(clock, alert_rules=[])
    clock.advance(days=3)
    record(registry, good=good, bad=bad)

    assert state_of(registry["availability"].snapshot()) == state


def firing_at(clock: FakeClock, *, bad: int) -> SLOSnapshot:
    """A fire over ten days, of which 10,000 events came in the last hour; half of the budget was spent before."""
    registry = registry_of(clock)
    record(registry, good=9_990, bad=10)
    clock.advance(days=10)
    record(registry, good=10_000 - bad, bad=bad)
    snapshot = registry["availability"].snapshot()
    return replace(snapshot, alerts=tuple(replace(alert, is_firing=True) for alert in snapshot.alerts))


def test_a_budget_that_its_pace_never_spends_is_in_no_hurry(clock: FakeClock) -> None:
    """At 0.9x it is gone never, and comes after a fire that burns at 9x and has spent no more."""
    calm, fast = firing_at(clock, bad=9), firing_at(clock, bad=9)
    hour = replace(fast.alerts[0].long, sample_count=1_000)
    fast = replace(fast, alerts=(replace(fast.alerts[0], long=hour), *fast.alerts[1:]), error_budget_remaining=0.9)

    assert (time_left_text(calm), time_left_text(fast)) == ("-", "6m40s")
    assert sorted([calm, fast], key=most_urgent_first) == [fast, calm]


@pytest.mark.parametrize(("days", "good", "bad"), [(3, 998, 1), (2.99, 900, 100)])
def test_a_budget_that_cannot_be_judged_yet_is_warming_up(clock: FakeClock, days: float, good: int, bad: int) -> None:
    """One failure of 999 is no breach, nor are many before a tenth of the 30 days is measured."""
    registry = registry_of(clock, alert_rules=[])
    clock.advance(days=days)
    record(registry, good=good, bad=bad)

    assert state_of(registry["availability"].snapshot()) == "warming up"
    assert "warming up" in status_table(registry)


def test_a_new_slo_with_budget_left_is_met(clock: FakeClock) -> None:
    """The first failure of 10,000 leaves nine tenths: there is nothing to wait for."""
    registry = registry_of(clock)
    record(registry, good=9_999, bad=1)

    assert state_of(registry["availability"].snapshot()) == "met"


def test_warming_up_hides_no_page(clock: FakeClock) -> None:
    """A new SLO that fails for its first five minutes pages, though its budget cannot be judged yet."""
    registry = registry_of(clock)
    record(registry, good=0, bad=100)
    clock.advance(minutes=5)

    snapshot = registry["availability"].snapshot()
    assert snapshot.is_warming_up
    assert state_of(snapshot) == "burning"
    assert [alert.severity for alert in snapshot.alerts if alert.is_firing] == ["page"]


def test_a_firing_rule_with_budget_left_is_burning(clock: FakeClock) -> None:
    """2 bad of 100 in the last hour burn at 20 of 14.4, but 2 of 100,100 leave most of the budget."""
    registry = registry_of(clock)
    record(registry, good=100_000, bad=0)
    clock.advance(days=4)
    record(registry, good=98, bad=2)

    assert state_of(registry["availability"].snapshot()) == "burning"
    assert "page 1h/5m" in status_table(registry)
