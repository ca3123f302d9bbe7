"""The state of an SLO in one word."""

from __future__ import annotations

import pytest

from availability import record, registry_of
from slo_core.status.state import state_of
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
    [(1000, 0, "met"), (1999, 1, "met"), (999, 1, "exhausted"), (998, 2, "breached")],
)
def test_the_state_is_the_gravest_that_is_true(clock: FakeClock, good: int, bad: int, state: str) -> None:
    """99.9 % of 1,000 events allow exactly one bad one: the first spends the budget, the second breaks the promise."""
    registry = registry_of(clock)
    record(registry, good=good, bad=bad)

    assert state_of(registry["availability"].snapshot()) == state


def test_a_firing_rule_with_budget_left_is_burning(clock: FakeClock) -> None:
    """2 bad of 100 in the last hour burn at 20 of 14.4, but 2 of 100,100 leave most of the budget."""
    registry = registry_of(clock)
    record(registry, good=100_000, bad=0)
    clock.advance(days=4)
    record(registry, good=98, bad=2)

    assert state_of(registry["availability"].snapshot()) == "burning"
    assert "page 1h/5m" in status_table(registry)
