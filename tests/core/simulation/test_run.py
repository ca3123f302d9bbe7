"""InternalErrors sketched against SLOs: the figures of the Site Reliability Workbook, and every second looked at or not."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo_core import AlertRule, SLODefinition
from slo_core.budgets.events import EventCounts
from slo_core.errors import ConfigError
from slo_core.simulation import run as rehearsal
from slo_core.simulation.incident import Incident
from slo_core.simulation.minute_counts import MinuteCounts, read_minute_counts
from slo_core.simulation.outcome import Outcome
from slo_core.simulation.run import simulate
from slo_core.simulation.traffic import Stretch, Traffic, parse_rate, parse_share

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
    """Ten events an hour: one failure burns at 100 over an hour, spends a seventh of the budget, and wakes nobody."""
    facts = VECTORS["low_traffic"]
    sketch = steady(1, HOUR // facts["rate_per_hour"], rate=Fraction(facts["rate_per_hour"], HOUR))

    outcome = one(SLODefinition("a", float(facts["slo"])), sketch)
    waking = one(SLODefinition("a", float(facts["slo"]), alert_rules=(rule(HOUR, 300, "14.4"),)), sketch)

    assert (outcome.budget.failures, outcome.budget.events) == (1, 1)
    assert outcome.budget.spent == pytest.approx(facts["one_failure_of_30d_budget"], rel=1 / facts["period_requests"])
    assert outcome.rules[0].highest_long == facts["burn_1h"]
    assert all(not found.firings for found in outcome.rules)
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


# --- the same decisions as second by second


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


@LENGTHY
@settings(max_examples=15, deadline=None)
@given(
    sketch=sketches(),
    rules=st.lists(RULES, min_size=1, max_size=3, unique_by=lambda found: found[:2]),
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
        alert_rules=tuple(rule(*found, min_failures=min_failures) for found in rules),
    )
    (outcome,) = simulate([definition], sketch, start=start)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rehearsal._Simulation, "_step", lambda *_: 1)
        (every_second,) = simulate([definition], sketch, start=start)

    if outcome.resolution_seconds == 1:
        assert [found.firings for found in outcome.rules] == [found.firings for found in every_second.rules]
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


def test_a_rule_that_was_firing_before_says_so() -> None:
    """Background errors alone are over its factor: 2 x in a rule of 1 x."""
    sketch = steady("0.5", 60, background=Fraction(2, 1000), after_seconds=60)

    (found,) = one(SLODefinition("a", 0.999, alert_rules=(rule(HOUR, 60, 1),)), sketch).rules

    assert found.was_firing
    assert (found.fired_at, found.cleared_at, found.is_firing_still) == (0, None, True)


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
    assert all(not found.firings for found in outcome.rules)


def test_the_course_covers_what_happened() -> None:
    """From the start until a little after the last alert cleared, evenly spread."""
    outcome = one(SLODefinition("a", 0.999), steady("0.15", 600, rate=50))

    (cleared,) = [found.cleared_at for found in outcome.rules if found.firings]
    instants = outcome.instants
    assert cleared is not None
    assert instants[0].at == 0
    assert cleared < instants[-1].at < 2 * cleared
    assert len(instants) == 72
    assert instants[0].error_budget_remaining == 1.0
    assert min(found.error_budget_remaining for found in instants) == pytest.approx(outcome.budget.lowest, abs=1e-4)
    assert instants[0].burn_rates.keys() == set(outcome.definition.windows)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": 0}, "at least a second"),
        ({"seconds": 93 * DAY}, "an incident of at most 92 days"),
        ({"seconds": 1, "before_seconds": 93 * DAY}, "traffic before it of at most 92 days"),
        ({"seconds": 1, "after_seconds": -1}, "what comes after of at most 92 days"),
    ],
)
def test_a_sketch_has_its_limits(options: dict[str, Any], message: str) -> None:
    """Nothing is kept longer than 92 days."""
    with pytest.raises(ValueError, match=message):
        steady(1, **options)


# --- traffic


@given(
    rate=st.fractions(min_value=0, max_value=100, max_denominator=1000),
    ratios=st.lists(st.fractions(min_value=0, max_value=1, max_denominator=1000), min_size=1, max_size=4),
    seconds=st.integers(1, 50),
)
def test_events_are_spread_evenly_and_none_is_lost(rate: Fraction, ratios: list[Fraction], seconds: int) -> None:
    """Any sum is within one event of the fractions, and no second has more bad events than events."""
    stretches = [Stretch(i * seconds, (i + 1) * seconds, rate, ratio) for i, ratio in enumerate(ratios)]
    traffic = Traffic(stretches)
    exact_events = exact_bad = Fraction(0)

    for second in range(len(ratios) * seconds):
        found = traffic.between(second, second + 1)
        assert found.good >= 0
        assert found.bad >= 0
        exact_events += rate
        assert 0 <= exact_events - traffic.before(second + 1).total < 1
    counted = [traffic.between(stretch.start, stretch.end) for stretch in stretches]
    exact_bad = sum((found.total * stretch.error_ratio for found, stretch in zip(counted, stretches)), Fraction(0))
    assert 0 <= exact_bad - sum(found.bad for found in counted) < 1


@given(
    rate=st.fractions(min_value=0, max_value=20, max_denominator=20),
    ratio=st.fractions(min_value=0, max_value=1, max_denominator=20),
    start=st.integers(0, 50),
    length=st.integers(0, 50),
    slack=st.integers(0, 5),
)
def test_no_part_of_a_stretch_is_beyond_its_extremes(
    rate: Fraction, ratio: Fraction, start: int, length: int, slack: int
) -> None:
    """Neither in good nor in bad events; or, of whole numbers a second, in their ratio."""
    stretch = Stretch(0, 105, rate, ratio)
    found = Traffic([Stretch(-7, 0, Fraction(1, 3), Fraction(1, 7)), stretch]).between(start, start + length)

    best, worst = stretch.extremes(shortest=max(0, length - slack), longest=length + slack)

    assert best.bad * found.total <= found.bad * best.total or best.total == 0
    assert found.bad * worst.total <= worst.bad * found.total
    assert best.bad <= found.bad <= worst.bad


def test_stretches_must_not_overlap() -> None:
    """An event would count twice."""
    with pytest.raises(ValueError, match="in order of time"):
        Traffic([Stretch(0, 10, Fraction(1), Fraction(0)), Stretch(9, 12, Fraction(1), Fraction(0))])


@pytest.mark.parametrize(
    ("text", "rate"),
    [("50/s", 50), ("0.2/s", "0.2"), ("9/h", "0.0025"), ("600 / min", 10), ("6/m", "0.1"), ("864/d", "0.01"), ("7", 7)],
)
def test_a_rate_is_what_its_digits_say(text: str, rate: object) -> None:
    """Exactly, as a fraction."""
    assert parse_rate(text) == exact(rate)


@pytest.mark.parametrize("text", ["", "0/s", "-1/s", "1e3", "fast", "5/fortnight", "nan/s", "2000000000/s", "1/s/s"])
def test_what_is_no_rate(text: str) -> None:
    """The message shows one."""
    with pytest.raises(ValueError, match="expected a rate"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "share"), [("15%", "0.15"), ("0.01 %", "0.0001"), ("0.5", "0.5"), ("100%", 1), ("0", 0)]
)
def test_a_share_is_what_its_digits_say(text: str, share: object) -> None:
    """A percentage, or a ratio."""
    assert parse_share(text) == exact(share)


@pytest.mark.parametrize(
    ("text", "message"),
    [("15", 'did you mean "15%"'), ("101%", "up to 100%"), ("-1%", "expected a share"), ("a", "expected")],
)
def test_what_is_no_share(text: str, message: str) -> None:
    """The message shows one, and what may have been meant."""
    with pytest.raises(ValueError, match=message):
        parse_share(text)


# --- minute counts


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "counts.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "minute,total,bad\n7,100,3\n9,50,0\n",
        "minute,good,bad\n7,97,3\n9,50,0\n",
        "minute,good,total\n7,97,100\n9,50,50\n",
        "\ufeffMinute , Bad,note,TOTAL,good\r\n7,3,x,100,97\r\n\r\n9,0,,50,50\r\n",
        "time,total,bad\n2026-03-01T12:07Z,100,3\n2026-03-01T14:09:59+02:00,50,0\n",
        "time,total,bad\n2026-03-01 12:07,100,3\n2026-03-01 12:09,50,0\n",
        "time,total,bad\n1772366820,100,3\n1772366940.5,50,0\n",
    ],
)
def test_minutes_of_a_file(tmp_path: Path, text: str) -> None:
    """By number or time, with two of the three counts, in any order; lines without values are left out."""
    first, second = read_minute_counts(written(tmp_path, text))

    assert second.minute - first.minute == 2
    assert (first.counts, second.counts) == (EventCounts(97, 3), EventCounts(50, 0))


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("", ":1", "the file is empty"),
        ("total,bad\n1,0\n", ":1", 'expected a header with "minute" or "time"'),
        ("minute,time,total,bad\n", ":1", "expected a header"),
        ("minute,total\n1,1\n", ":1", 'two of "total", "good" and "bad"'),
        ("minute,total,bad,bad\n1,1,1,1\n", ":1: bad", "stands twice"),
        ("minute,total,bad\n", ":2", "got none"),
        ("minute,total,bad\n1,5,x\n", ":2: bad", "got 'x'"),
        ("minute,total,bad\n1,5\n", ":2: bad", "the line has 2 values"),
        ("minute,total,bad\n1,5,0\n2,-5,0\n", ":3: total", "got '-5'"),
        ("minute,total,bad\n1,5,6\n", ":2: bad", "expected at most the total (5), got 6"),
        ("minute,total,good\n1,5,6\n", ":2: good", "expected at most the total (5), got 6"),
        ("minute,total,good,bad\n1,5,3,1\n", ":2: total", "good and bad together (4), got 5"),
        ("minute,total,bad\n1,5,0\n1,5,0\n", ":3: minute", "later minute"),
        ("minute,total,bad\n0,5,0\n132480,5,0\n", ":3: minute", "at most 92 days"),
        ("minute,total,bad\n1.5,5,0\n", ":2: minute", "the number of a minute"),
        ("time,total,bad\nyesterday,5,0\n", ":2: time", "got 'yesterday'"),
        ("time,total,bad\nnan,5,0\n", ":2: time", "got 'nan'"),
        ('minute,total,bad\n1,"5,0\n', ":2", "comma-separated values"),
        ("minute,total,bad\n1," + "9" * 5000 + ",0\n", ":2: total", "a whole number"),
        (b"minute,total,bad\n\xff,1,0\n", "", "UTF-8"),
        (None, "", "No such file"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, text: str | bytes | None, where: str, message: str) -> None:
    """With the file, the line and the column."""
    path = tmp_path / "counts.csv" if text is None else written(tmp_path, text)

    with pytest.raises(ConfigError) as raised:
        read_minute_counts(path)

    (problem,) = raised.value.problems
    assert problem.path == f"{path}{where}"
    assert message in problem.message + problem.hint


def test_twenty_problems_are_enough(tmp_path: Path) -> None:
    """A file of something else does not fill the screen."""
    with pytest.raises(ConfigError) as raised:
        read_minute_counts(written(tmp_path, "minute,total,bad\n" + "a,b,c\n" * 500))

    assert len(raised.value.problems) == 20


def test_recorded_minutes_are_counted_to_the_event() -> None:
    """Their sums are those of the file; before and after comes their mean."""
    minutes = [MinuteCounts(100, EventCounts(100, 1)), MinuteCounts(102, EventCounts(7, 12))]
    sketch = Incident.recorded(minutes, before_seconds=HOUR)

    outcome = one(SLODefinition("a", 0.999), sketch)

    assert sketch.rate == Fraction(120, 180)
    assert (outcome.incident_seconds, outcome.budget.events, outcome.budget.failures) == (180, 120, 13)
    assert outcome.budget.exhausted_at is not None
