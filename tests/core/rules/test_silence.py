"""How often a healthy service is silent for so long by chance that it would page."""

from __future__ import annotations

import random
from itertools import accumulate

import pytest

from slo_core import SLODefinition
from slo_core.objectives.window import DAY, HOUR
from slo_core.rules.environment import Environment
from slo_core.rules.section import sections_of
from slo_core.rules.silence import SILENCES, Silence, silence_expression

STEP = 300
WEEKS = 6


def alarms(events: list[int], silence: Silence) -> int:
    """How many steps of five minutes alarm, by the arithmetic of the rule."""
    width, week = silence.window // STEP, 7 * DAY // STEP
    totals = [0, *accumulate(events)]
    counts = [totals[end] - totals[max(0, end - width)] for end in range(1, len(totals))]
    last = silence.offset_seconds(7 * DAY) // STEP
    span = silence.compared_seconds // STEP
    return sum(
        counts[now] == counts[now - width] == 0
        and min(counts[now - last - span : now - last + 1]) >= silence.least_events
        for now in range(week + span, len(counts))
    )


@pytest.mark.parametrize("cluster", [1, 5])
def test_chance_pages_nobody(cluster: int) -> None:
    """Between three events an hour and one a second, each for itself or five at a time, day and night for weeks."""
    chance = random.Random(cluster)
    steps = (WEEKS + 1) * 7 * DAY // STEP
    for per_hour in (3, 6, 12, 20, 30, 45, 60, 90, 120, 180, 240, 360, 600):
        expected = per_hour * STEP / HOUR / cluster
        events = [cluster * _poisson(expected, chance) for _ in range(steps)]
        for silence in SILENCES:
            assert alarms(events, silence) == 0, (per_hour, silence)


def test_an_outage_of_a_steady_service_is_seen() -> None:
    """One with eight events a minute after ten minutes, one with forty an hour after two hours."""
    chance = random.Random(1)
    steps, outage = 8 * DAY // STEP, 7 * DAY // STEP + DAY // STEP // 2
    for per_hour, silence in ((480, SILENCES[0]), (45, SILENCES[1])):
        events = [_poisson(per_hour * STEP / HOUR, chance) if step < outage else 0 for step in range(steps)]
        assert alarms(events[: outage + silence.seconds // STEP - 1], silence) == 0
        assert alarms(events[: outage + silence.seconds // STEP + HOUR // STEP], silence) > 0


def test_the_rule_compares_the_same_hours_of_the_week_before() -> None:
    """An hour earlier and later, too, and ten minutes more; yesterday's where there are none."""
    (section,) = sections_of([SLODefinition("a", 0.99)], service="shop", environment=Environment(), options=())

    expression = silence_expression(section)

    for text in (
        "[2h25m] offset 6d22h50m",
        "[2h25m] offset 22h50m",
        "[3h20m] offset 6d22h50m",
        "[3h20m] offset 22h50m",
    ):
        assert text in expression
    short = SLODefinition("a", 0.99, HOUR // 2, burn_rate_windows=())
    (section,) = sections_of([short], service="shop", environment=Environment(), options=())
    assert 'sloth_window="1h"' not in silence_expression(section)


def _poisson(expected: float, chance: random.Random) -> int:
    """How many events come where so many are expected."""
    count, left = -1, expected
    while left >= 0:
        left -= chance.expovariate(1)
        count += 1
    return count
