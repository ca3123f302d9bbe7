"""
Incidents against SLOs: the Workbook's figures, and the decisions of a look at every second.

Tests of run, recording and outcome.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo_core import AlertRule, SLODefinition
from slo_core.budgets.events import EventCounts
from slo_core.simulation import run as rehearsal
from slo_core.simulation.incident import Incident
from slo_core.simulation.minute_counts import MinuteCounts
from slo_core.simulation.outcome import Outcome
from slo_core.simulation.run import simulate
from slo_core.simulation.traffic import Stretch

# Hours and days, looked at second by second.
LENGTHY = pytest.mark.usefixtures("untraced")

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "sre_workbook.json").read_text())
HOUR, DAY = 3600, 86_400
PERIOD = 30 * DAY
# The widest bucket that a window of 30 days may have cut by its far edge.
BUCKET_SHARE = 900 / PERIOD


def one(definition: SLODefinition, sketch: Incident) -> Outcome:
    (outcome,) = simulate([definition], sketch)
    assert outcome.resolution_seconds == 1
    return outcome


def exact(value: object) -> Fraction:
    return Fraction(str(value))


def steady(error_ratio: object, seconds: int, *, rate: object = 1000, **options: Any) -> Incident:
    return Incident.steady(error_ratio=exact(error_ratio), seconds=seconds, rate=exact(rate), **options)


def rule(long: int, short: int, burn: object, *, min_failures: int = 1) -> AlertRule:
    return AlertRule(long, short, severity="page", burn_rate=exact(burn), min_failures=min_failures)


# --- the Workbook's figures


@LENGTHY
@pytest.mark.parametrize("row", VECTORS["detection"], ids=lambda row: f"{row['error_ratio']}-in-{row['window_s']}s")
def test_an_alert_fires_when_the_workbook_says(row: dict[str, Any]) -> None:
    """(1 - SLO) / error ratio * window * burn rate; to the second, and a share of the bucket cut by the far edge."""
    definition = SLODefinition("a", float(row["slo"]), alert_rules=(rule(row["window_s"], 1, row["burn"]),))

    outcome = one(definition, steady(row["error_ratio"], math.ceil(row["detection_s"]) + 60, after_seconds=1))

    assert outcome.rules[0].fired_at == math.ceil(exact(row["detection_s"]))


@LENGTHY
@pytest.mark.parametrize("row", VECTORS["consumed"], ids=lambda row: f"{row['burn']}x-for-{row['window_s']}s")
def test_a_burn_rate_consumes_its_share_of_the_budget(row: dict[str, Any]) -> None:
    """burn rate * window / period; the bucket cut by the far edge makes the whole budget at most 900 s larger."""
    assert row["period_days"] * DAY == PERIOD
    error_ratio = exact(row["burn"]) / 1000

    budget = one(SLODefinition("a", 0.999), steady(error_ratio, row["window_s"], after_seconds=1)).budget

    assert budget.failures == error_ratio * 1000 * row["window_s"]
    assert budget.spent == pytest.approx(row["fraction"], rel=BUCKET_SHARE)
    assert budget.before == 1.0
    assert budget.after == pytest.approx(1 - row["fraction"], abs=row["fraction"] * BUCKET_SHARE)
    assert budget.lowest == pytest.approx(budget.after, abs=row["fraction"] * BUCKET_SHARE)


@LENGTHY
@pytest.mark.parametrize(
    ("slo", "error_ratio", "seconds"),
    [("0.999", row["error_ratio"], row["exhaust_s"]) for row in VECTORS["burn_to_exhaustion_999_30d"]]
    + [(row["slo"], 1, row["seconds"]) for row in VECTORS["full_outage_exhausts_s"]],
)
def test_the_budget_is_exhausted_when_the_workbook_says(slo: str, error_ratio: float, seconds: float) -> None:
    """The period divided by the burn rate, to the second and a share of the bucket cut by the far edge."""
    sketch = steady(error_ratio, math.ceil(seconds) + 900, after_seconds=1)

    budget = one(SLODefinition("a", float(slo), alert_rules=()), sketch).budget

    assert budget.exhausted_at is not None
    assert seconds <= budget.exhausted_at <= math.ceil(seconds * (1 + BUCKET_SHARE))


@LENGTHY
def test_the_multi_window_example() -> None:
    """15 % errors for ten minutes: both windows cross, the alert fires with the slower and clears with the sooner."""
    example = VECTORS["multiwindow_example"]
    long, short = example["long_s"], example["short_s"]
    both, only_long, only_short = (
        rule(long, short, example["burn"]),
        rule(long, 1, example["burn"]),
        rule(short, 1, example["burn"]),
    )
    forever = SLODefinition("a", float(example["slo"]), alert_rules=(both, only_long, only_short))
    sketch = steady(example["error_ratio"], example["duration_s"], after_seconds=2 * HOUR)

    alert, crosses_long, crosses_short = one(forever, sketch).rules

    assert crosses_long.fired_at == math.ceil(example["long_crosses_after_s"])
    assert crosses_short.fired_at == math.ceil(example["short_crosses_after_s"])
    assert alert.fired_at == crosses_long.fired_at
    assert alert.cleared_at == example["duration_s"] + math.ceil(example["short_resets_after_stop_s"])
    assert len(alert.firings) == 1


@LENGTHY
def test_the_long_window_resets_when_the_workbook_says() -> None:
    """Seen through a rule whose short window is as good as as long."""
    example = VECTORS["multiwindow_example"]
    definition = SLODefinition(
        "a", float(example["slo"]), alert_rules=(rule(example["long_s"], example["long_s"] - 1, example["burn"]),)
    )

    outcome = one(definition, steady(example["error_ratio"], example["duration_s"], after_seconds=2 * HOUR))

    cleared = example["duration_s"] + example["long_resets_after_stop_s"]
    assert outcome.rules[0].cleared_at == pytest.approx(cleared, abs=1 + 1)  # the window is a second shorter


@LENGTHY
def test_one_failure_at_low_traffic() -> None:
    """Ten events an hour: one failure burns at 100 over an hour, spends a seventh of the budget, and pages no one."""
    facts = VECTORS["low_traffic"]
    sketch = steady(1, HOUR // facts["rate_per_hour"], rate=Fraction(facts["rate_per_hour"], HOUR))

    outcome = one(SLODefinition("a", float(facts["slo"])), sketch)
    waking = one(SLODefinition("a", float(facts["slo"]), alert_rules=(rule(HOUR, 300, "14.4"),)), sketch)

    assert (outcome.budget.failures, outcome.budget.events) == (1, 1)
    assert outcome.budget.spent == pytest.approx(facts["one_failure_of_30d_budget"], rel=1 / facts["period_requests"])
    assert outcome.rules[0].highest_long == facts["burn_1h"]
    assert all(not rule_outcome.firings for rule_outcome in outcome.rules)
    assert waking.rules[0].firings


@LENGTHY
@pytest.mark.parametrize("row", VECTORS["unreachable"], ids=lambda row: row["slo"])
def test_a_total_outage_burns_at_most_at_what_the_workbook_says(row: dict[str, Any]) -> None:
    """A factor of exactly that fires once the window is full of errors; a higher one never does."""
    highest = exact(row["max_burn"])
    reachable, beyond = rule(600, 60, highest), rule(600, 120, highest + Fraction(1, 10))
    definition = SLODefinition("a", float(row["slo"]), alert_rules=(reachable, beyond))

    fires, never = one(definition, steady(1, HOUR)).rules

    assert fires.highest_long == row["max_burn"]
    assert fires.fired_at == 600
    assert never.firings == ()


@LENGTHY
def test_at_90_percent_an_hour_of_outage_spends_less_than_two_percent() -> None:
    """A 72nd of the budget."""
    facts = VECTORS["objective_90"]

    budget = one(SLODefinition("a", float(facts["slo"])), steady(1, HOUR)).budget

    assert budget.spent == pytest.approx(facts["full_outage_budget_per_hour"], rel=BUCKET_SHARE)


RATES = st.sampled_from([Fraction(1, 5), Fraction(1), Fraction(3, 2), Fraction(50)])
RATIOS = st.sampled_from([Fraction(0), Fraction(1, 1000), Fraction(144, 10_000), Fraction(3, 20), Fraction(1)])
RULES = st.sampled_from(
    [(600, 60, "14.4"), (600, 599, "2"), (HOUR, 300, "14.4"), (2 * HOUR, 600, "6"), (2 * HOUR, HOUR, 1), (25 * HOUR, 900, 1)]
)  # fmt: skip


@st.composite
def sketches(draw: st.DrawFn) -> Incident:
    count = draw(st.integers(1, 3))
    incident, end = [], 0
    for _ in range(count):
        seconds = draw(st.integers(1, 900))
        incident.append(Stretch(end, end + seconds, draw(RATES), draw(RATIOS)))
        end += seconds + draw(st.sampled_from([0, 0, 77]))
    return Incident(
        stretches=tuple(incident),
        rate=draw(RATES),
        background=draw(st.sampled_from([Fraction(0), Fraction(1, 10_000), Fraction(1, 1000)])),
        before_seconds=draw(st.sampled_from([None, 0, 100, HOUR])),
        after_seconds=1500,
    )


# --- the same decisions as second by second


@LENGTHY
@settings(max_examples=15, deadline=None)
@given(
    sketch=sketches(),
    rules=st.lists(RULES, min_size=1, max_size=3, unique_by=lambda facts: facts[:2]),
    calendar=st.booleans(),
    min_failures=st.integers(1, 3),
    start=st.integers(rehearsal.DEFAULT_START, rehearsal.DEFAULT_START + 1000),
)
def test_steps_miss_nothing(sketch: Incident, rules: Any, calendar: bool, min_failures: int, start: int) -> None:
    """Every firing and the moment of exhaustion are those that a look in every second finds."""
    definition = SLODefinition(
        "a",
        0.999,
        window_seconds=PERIOD if calendar else 30 * HOUR,
        window="month" if calendar else None,
        alert_rules=tuple(rule(*facts, min_failures=min_failures) for facts in rules),
    )
    (outcome,) = simulate([definition], sketch, start=start)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rehearsal._Simulation, "_step", lambda *_: 1)
        (every_second,) = simulate([definition], sketch, start=start)

    if outcome.resolution_seconds == 1:
        assert [rule_outcome.firings for rule_outcome in outcome.rules] == [
            rule_outcome.firings for rule_outcome in every_second.rules
        ]
        assert outcome.budget.exhausted_at == every_second.budget.exhausted_at
    assert outcome.budget.spent == every_second.budget.spent
    assert outcome.budget.after == every_second.budget.after


def test_a_month_that_begins_meanwhile_has_its_whole_budget() -> None:
    """A calendar window forgets at midnight, in the middle of an incident."""
    midnight = 1_701_388_800  # 1 December 2023, UTC
    definition = SLODefinition("a", 0.999, window="month", alert_rules=())

    (outcome,) = simulate([definition], steady(1, 7200, after_seconds=HOUR), start=midnight - HOUR)

    assert outcome.budget.exhausted_at is not None
    assert outcome.budget.exhausted_at < HOUR
    assert outcome.budget.after < -900  # an hour of nothing but errors
    assert outcome.budget.failures == 7200 * 1000


@pytest.mark.parametrize(
    ("window", "zone", "first", "since"),
    [
        ("month", "UTC", "2026-03-01T00:00", "2026-03-01"),
        ("month", "UTC", "2026-02-28T22:30", "2026-03-01"),
        ("week", "Europe/Berlin", "2026-03-29T01:30", "2026-03-23"),
        ("week", "Europe/Berlin", "2026-03-29T23:01", "2026-03-30"),
        ("quarter", "Antarctica/Troll", "2026-12-31T20:00", "2026-10-01"),
        ("month", "Asia/Kathmandu", "2024-02-29T12:34", "2024-02-01"),
        ("quarter", "America/New_York", "1970-01-01T00:00", "1970-01-01"),
    ],
)
def test_recorded_minutes_keep_their_time(
    window: Literal["week", "month", "quarter"], zone: str, first: str, since: str
) -> None:
    """
    The budget is that of the calendar period in which the last minute lies, with an event each second.

    Three hours in which every tenth minute fails.
    """
    start, began = (datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() for text in (first, since))
    minutes = [
        MinuteCounts(
            int(start) // 60 + number, EventCounts(0, 60) if number % 10 == 0 else EventCounts(60, 0), is_dated=True
        )
        for number in range(180)
    ]
    definition = SLODefinition("a", 0.9, window=window, timezone=zone, alert_rules=())

    budget = one(definition, Incident.recorded(minutes, rate=Fraction(1))).budget

    bad = sum(each.counts.bad for each in minutes if each.minute * 60 >= began)
    total = start + 180 * 60 - began
    assert budget.after == pytest.approx(1 - bad / (total * 0.1))


def test_a_time_that_is_given_comes_first() -> None:
    """Then the time of the incident, then the middle of a month."""
    dated, undated = (
        Incident.recorded([MinuteCounts(29_539_440, EventCounts(60, 0), is_dated=is_dated)])
        for is_dated in (True, False)
    )
    calendar = [SLODefinition("a", 0.9, window="month")]

    assert simulate(calendar, dated, start=1_700_000_000)[0].starts_at == 1_700_000_000
    assert simulate(calendar, dated)[0].starts_at == 29_539_440 * 60
    assert simulate(calendar, undated)[0].starts_at == rehearsal.DEFAULT_START


def test_a_rule_that_was_firing_before_says_so() -> None:
    """Background errors alone are over its factor: 2 x in a rule of 1 x."""
    sketch = steady("0.5", 60, background=Fraction(2, 1000), after_seconds=60)

    (rule_outcome,) = one(SLODefinition("a", 0.999, alert_rules=(rule(HOUR, 60, 1),)), sketch).rules

    assert rule_outcome.was_firing
    assert (rule_outcome.fired_at, rule_outcome.cleared_at, rule_outcome.is_firing_still) == (0, None, True)


def test_where_nothing_can_be_settled_the_steps_grow() -> None:
    """Errors within an event of the factor for days: it ends all the same, and says how exact it is."""
    definition = SLODefinition("a", 0.999, alert_rules=(rule(600, 60, 1),))
    sketch = steady("0.001", 6 * HOUR, rate=50, background=Fraction(1, 1000))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rehearsal, "_PRECISIONS", ((1, 100), (60, 100)))
        (outcome,) = simulate([definition], sketch)

    assert outcome.resolution_seconds > 60


def test_min_failures_delays_an_alert() -> None:
    """A bad event every ten seconds burns at once, and the third comes after thirty."""
    of = SLODefinition("a", 0.999, alert_rules=(rule(HOUR, 60, "14.4", min_failures=3),))

    assert one(of, steady(1, HOUR, rate="0.1")).rules[0].fired_at == 60  # the rate over an hour: six events of 360
    assert one(replace(of, target=0.9999), steady(1, HOUR, rate="0.1")).rules[0].fired_at == 30


def test_without_traffic_nothing_happens() -> None:
    """No event, no burn, a whole budget; nothing is NaN."""
    minutes = [MinuteCounts(0, EventCounts()), MinuteCounts(9, EventCounts())]

    outcome = one(SLODefinition("a", 0.999), Incident.recorded(minutes))

    assert outcome.budget.spent == 0.0
    assert (outcome.budget.before, outcome.budget.after, outcome.budget.exhausted_at) == (1.0, 1.0, None)
    assert all(not rule_outcome.firings for rule_outcome in outcome.rules)


def test_the_course_covers_what_happened() -> None:
    """From the start until a little after the last alert cleared, evenly spread."""
    outcome = one(SLODefinition("a", 0.999), steady("0.15", 600, rate=50))

    (cleared,) = [rule_outcome.cleared_at for rule_outcome in outcome.rules if rule_outcome.firings]
    instants = outcome.instants
    assert cleared is not None
    assert instants[0].at == 0
    assert cleared < instants[-1].at < 2 * cleared
    assert len(instants) == 72
    assert instants[0].error_budget_remaining == 1.0
    assert min(instant.error_budget_remaining for instant in instants) == pytest.approx(outcome.budget.lowest, abs=1e-4)
    assert instants[0].burn_rates.keys() == set(outcome.definition.windows)


# --- minute counts


def test_recorded_minutes_are_counted_to_the_event() -> None:
    """Their sums are those of the file; before and after comes their mean."""
    minutes = [MinuteCounts(100, EventCounts(100, 1)), MinuteCounts(102, EventCounts(7, 12))]
    sketch = Incident.recorded(minutes, before_seconds=HOUR)

    outcome = one(SLODefinition("a", 0.999), sketch)

    assert sketch.rate == Fraction(120, 180)
    assert (outcome.incident_seconds, outcome.budget.events, outcome.budget.failures) == (180, 120, 13)
    assert outcome.budget.exhausted_at is not None
