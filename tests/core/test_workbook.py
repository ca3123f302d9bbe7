"""The numbers of the Site Reliability Workbook, chapter 5, as our own machinery gives them."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from slo_core import AlertRule, SLODefinition, SLOSnapshot, SLOTracker
from slo_core.budgets.budget import is_budget_exhausted
from slo_core.budgets.burn_rate import burn_rate, burns_at_least
from slo_core.budgets.events import EventCounts
from slo_core.budgets.snapshot import SnapshotPlan
from slo_core.objectives.default_rules import concern_about
from slo_core.objectives.duration import parse_duration
from slo_core.objectives.target import Target
from slo_core.stores.memory.store import MemoryLedger
from slo_core.testing import FakeClock

pytestmark = pytest.mark.usefixtures("untraced")

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "sre_workbook.json").read_text())
T = 1_700_000_100  # a multiple of 900
HOUR, DAY = 3600, 86_400
PERIOD = 30 * DAY


class ConstantTraffic:
    """An SLO over 30 days that has seen `per_second` good events in every second of them."""

    def __init__(self, target: str, *, per_second: int) -> None:
        self.plan = SnapshotPlan(SLODefinition("a", float(target)))
        self.ledger = MemoryLedger(PERIOD, clock=lambda: float(T - PERIOD))
        self.per_second = per_second
        for quarter in range(T - PERIOD - 900, T, 900):
            self.ledger.add(quarter, 900 * per_second, 0, live=False)

    def fail(self, error_ratio: Fraction, *, since: int, seconds: int) -> None:
        bad = self.per_second * error_ratio
        assert bad.denominator == 1
        for second in range(since, since + seconds):
            self.ledger.add(second, self.per_second - int(bad), int(bad), live=False)

    def snapshot(self, at: int) -> SLOSnapshot:
        definition = self.plan.definition
        spans = [definition.span(seconds, at=at, until=at) for seconds in self.plan.windows]
        reading = self.ledger.read(spans)
        return self.plan.take(reading, at=at)


def test_the_default_rules_are_the_recommended_table() -> None:
    """Severity, both windows and the factor of each row."""
    rules = SLODefinition("a", 0.999).active_alert_rules

    table = {(rule.severity, rule.long_window, rule.short_window, rule.factor(PERIOD)) for rule in rules}

    assert table == {
        (row["severity"], parse_duration(row["long"]), parse_duration(row["short"]), Fraction(str(row["burn"])))
        for row in VECTORS["recommended_30d"]
    }
    shares = {(rule.long_window, rule.budget_share) for rule in rules}
    assert shares == {
        (parse_duration(row["long"]), Fraction(row["budget_percent"], 100)) for row in VECTORS["recommended_30d"]
    }


@pytest.mark.parametrize("row", VECTORS["consumed"])
def test_the_share_of_the_budget_that_a_burn_rate_consumes(row: dict[str, Any]) -> None:
    """burn rate * alert window / period; and the share, made a rule, gives the burn rate back."""
    period = row["period_days"] * DAY
    share = Fraction(row["burn"]) * row["window_s"] / period

    assert float(share) == row["fraction"]
    rule = AlertRule(row["window_s"], 1, severity="page", budget_share=share)
    assert rule.factor(period) == Fraction(row["burn"])


@pytest.mark.parametrize("row", VECTORS["detection"])
def test_the_time_until_a_window_crosses_its_factor(row: dict[str, Any]) -> None:
    """(1 - SLO) / error ratio * window * burn rate, to the event: 1,000 events a second, the window full of them."""
    bad_until_then = Fraction(str(row["detection_s"])) * 1000 * Fraction(row["error_ratio"])
    assert bad_until_then.denominator == 1
    total, bad = row["window_s"] * 1000, int(bad_until_then)
    target, factor = Target(float(row["slo"])), Fraction(row["burn"])

    assert burns_at_least(EventCounts(total - bad, bad), target, factor)
    assert not burns_at_least(EventCounts(total - bad + 1, bad - 1), target, factor)


@pytest.mark.parametrize("row", [row for row in VECTORS["burn_to_exhaustion_999_30d"] if row["exhaust_s"] > HOUR])
def test_the_time_to_exhaustion_at_a_burn_rate(row: dict[str, Any]) -> None:
    """After an hour at that rate, what is left lasts for the rest of the time (to the bucket: 900 s of 30 days)."""
    traffic = ConstantTraffic("0.999", per_second=1000)
    traffic.fail(Fraction(str(row["error_ratio"])), since=T, seconds=HOUR)

    left = traffic.snapshot(T + HOUR - 1).time_to_exhaustion

    assert left is not None
    assert left + HOUR == pytest.approx(row["exhaust_s"], rel=(900 + 1) / PERIOD + 1e-9)


@pytest.mark.parametrize(
    "row",
    [*VECTORS["full_outage_exhausts_s"], {"slo": "0.999", **VECTORS["burn_to_exhaustion_999_30d"][-1]}],
    ids=str,
)
def test_a_full_outage_exhausts_the_budget_in_time(row: dict[str, Any]) -> None:
    """30 days times the allowance; the bucket cut by the far edge makes the allowance larger by 900 s of traffic."""
    seconds = row["seconds"] if "seconds" in row else row["exhaust_s"]
    with_cut_bucket = seconds * (PERIOD + 900) / PERIOD
    traffic = ConstantTraffic(row["slo"], per_second=1000)
    traffic.fail(Fraction(1), since=T, seconds=math.ceil(with_cut_bucket) + 1)

    assert not traffic.snapshot(T + math.floor(seconds) - 1).is_budget_exhausted
    assert traffic.snapshot(T + math.ceil(with_cut_bucket)).is_budget_exhausted
    assert traffic.snapshot(T + math.ceil(with_cut_bucket)).time_to_exhaustion == 0.0


def test_the_multi_window_example() -> None:
    """
    15 % errors for ten minutes at constant traffic: page from 345.6 s on, until 271.2 s after the end.

    Twenty events a second, three of them bad, recorded one by one as time goes by. The read at a second counts its
    events, and the bucket cut by the far edge: everything comes within one second.
    """
    example = VECTORS["multiwindow_example"]
    clock = FakeClock(float(T - HOUR - 1))
    rule = AlertRule(
        example["long_s"], example["short_s"], severity="page", burn_rate=float(example["burn"]), min_failures=1
    )
    definition = SLODefinition("a", float(example["slo"]), alert_rules=(rule,))
    tracker = SLOTracker(definition, clock=clock)
    moments: dict[str, float] = {}

    def second(*, bad: int) -> None:
        for _ in range(bad):
            tracker.record(False)
        for _ in range(20 - bad):
            tracker.record(True)

    def note(moment: str, *, since: int, when: bool) -> None:
        if when:
            moments.setdefault(moment, clock() - since)

    while clock() < T:
        second(bad=0)
        clock.advance(1)
    while clock() < T + example["duration_s"]:
        second(bad=3)
        (alert,) = tracker.snapshot().alerts
        note("short_crosses", since=T, when=alert.short.burn_rate >= 14.4)
        note("long_crosses", since=T, when=alert.long.burn_rate >= 14.4)
        note("fires", since=T, when=alert.is_firing)
        clock.advance(1)
    stop = T + example["duration_s"]
    while "long_resets" not in moments:
        second(bad=0)
        (alert,) = tracker.snapshot().alerts
        note("short_resets", since=stop, when=alert.short.burn_rate < 14.4)
        note("resets", since=stop, when=not alert.is_firing)
        note("long_resets", since=stop, when=alert.long.burn_rate < 14.4)
        clock.advance(1)

    assert moments == {
        "short_crosses": pytest.approx(example["short_crosses_after_s"], abs=1),
        "long_crosses": pytest.approx(example["long_crosses_after_s"], abs=1),
        "fires": moments["long_crosses"],
        "short_resets": pytest.approx(example["short_resets_after_stop_s"], abs=1),
        "resets": moments["short_resets"],
        "long_resets": pytest.approx(example["long_resets_after_stop_s"], abs=1),
    }


def test_low_traffic() -> None:
    """Ten events an hour: one failure burns at 100 (not at the 1,000 that the chapter prints), a seventh of the budget."""
    facts = VECTORS["low_traffic"]
    target = Target(float(facts["slo"]))
    hour = EventCounts(facts["rate_per_hour"] - 1, 1)

    assert burn_rate(hour, target) == facts["burn_1h"]
    assert hour.bad / hour.total == facts["one_failure_ratio_1h"]
    assert facts["rate_per_hour"] * 24 * 30 == facts["period_requests"]
    assert float(target.allowance * facts["period_requests"]) == facts["budget_failures"]
    assert float(1 / (target.allowance * facts["period_requests"])) == facts["one_failure_of_30d_budget"]
    assert not is_budget_exhausted(EventCounts(7193, 7), target)
    assert is_budget_exhausted(EventCounts(7192, 8), target)


def test_one_failure_at_low_traffic_wakes_nobody() -> None:
    """The burn rate of 100 is over every factor; the rules ask for two failures."""
    clock = FakeClock(float(T))
    tracker = SLOTracker(SLODefinition("a", 0.999), clock=clock)
    for _ in range(240):
        tracker.record(True)
        clock.advance(360)

    tracker.record(False)
    assert not tracker.snapshot().is_firing
    assert tracker.snapshot().burn_rate_samples[0].burn_rate > 14.4

    tracker.record(False)
    assert tracker.snapshot().is_firing


@pytest.mark.parametrize("row", VECTORS["unreachable"])
def test_no_burn_rate_is_over_that_of_a_full_outage(row: dict[str, Any]) -> None:
    """A factor beyond it can never fire, and the checks say so."""
    target, highest = Target(float(row["slo"])), Fraction(str(row["max_burn"]))

    assert burn_rate(EventCounts(0, 5), target) == row["max_burn"]
    reachable = AlertRule("1h", "5m", severity="page", burn_rate=highest)
    beyond = AlertRule("1h", "5m", severity="page", burn_rate=highest + Fraction(1, 10))
    assert concern_about(reachable, window_seconds=PERIOD, target=target) is None
    concern = concern_about(beyond, window_seconds=PERIOD, target=target)
    assert concern is not None
    assert "can never be reached" in concern.reason


def test_at_90_percent_two_percent_in_an_hour_can_never_fire() -> None:
    """A full outage spends a 72nd of the budget an hour: the rule is left out and named."""
    facts = VECTORS["objective_90"]
    definition = SLODefinition("a", float(facts["slo"]))

    assert burn_rate(EventCounts(0, 1), definition.objective) * HOUR / PERIOD == facts["full_outage_budget_per_hour"]
    assert [str(concern.rule) for concern in definition.alert_concerns] == ["page 1h/5m"]
