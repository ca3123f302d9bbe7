"""The generated rules in the real promtool: it accepts them, and they fire when the library does."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from promtool import STALE, Lapse, Value, check_rules, labelled, run_lapses
from slo_core import AlertRule, SLODefinition
from slo_core.budgets.alerts import RuleCheck
from slo_core.budgets.events import EventCounts
from slo_core.budgets.snapshot import Reading, SLOSnapshot, SnapshotPlan
from slo_core.rules.rule_set import PrometheusRules, prometheus_rules
from slo_core.rules.text import rules_text
from slo_core.stores.memory.store import MemoryLedger

HOUR, DAY = 3600, 86_400
PERIODS = (30, 28, 7, 90)
BURNS = (
    "count by (slo, severity, long_window_seconds, short_window_seconds) "
    '(ALERTS{alertname="SLOErrorBudgetBurn",alertstate="firing"})'
)


def an_slo(name: str, days: int, **options: Any) -> SLODefinition:
    return SLODefinition(name, 0.999, days * DAY, **options)


def rules_for(
    slos: Iterable[SLODefinition], *, scope: str, service: str = "shop", keep_firing_for: str | None = None
) -> PrometheusRules:
    return prometheus_rules(slos, service=service, scope=scope, keep_firing_for=keep_firing_for)  # type: ignore[arg-type]


def firing(alert: str, **labels: str) -> str:
    """How many alerts of that name fire; 0 when none does."""
    return f"count({labelled('ALERTS', alertname=alert, alertstate='firing', **labels)}) or vector(0)"


def only(rules: PrometheusRules, alert: str, *, records: tuple[str, ...] = ("",)) -> dict[str, object]:
    """The rules without other alerts, and with records whose names begin so: in long lapses each rule costs time."""

    def is_kept(rule: Mapping[str, Any]) -> bool:
        return rule["alert"] == alert if "alert" in rule else rule["record"].startswith(records)

    groups = [{**group, "rules": [rule for rule in group["rules"] if is_kept(rule)]} for group in rules.groups]
    return {"groups": [group for group in groups if group["rules"]]}


def recorded(record: str, slo: str, window: str = "") -> str:
    """The value of a record."""
    by_window = {"sloth_window": window} if window else {}
    return f"sum({labelled(record, slo=slo, **by_window)})"


class Scraped:
    """
    What is scraped of one SLO, from one place.

    Args:
        lapse: Where it is put.
        slo: The SLO.
        service: Its service; None for a single process that has no name.
        where: Labels of the place.
    """

    def __init__(self, lapse: Lapse, slo: str, *, service: str | None = "shop", **where: str) -> None:
        self.lapse = lapse
        self.labels = {**({} if service is None else {"slo_service": service}), "slo": slo, "instance": "1", **where}

    def show(self, metric: str, values: Sequence[Value], **labels: str) -> None:
        self.lapse.scrape(metric, values, **{**self.labels, **labels})

    def window(self, seconds: int, events: Sequence[Value], failures: Sequence[Value]) -> None:
        """The integers behind a window."""
        self.show("slo_window_events", events, window_seconds=str(seconds))
        self.show("slo_window_failures", failures, window_seconds=str(seconds))

    def lifetime(
        self, good: Sequence[int], bad: Sequence[int], *, born: int = 0, created: float = -DAY, alive: int | None = None
    ) -> None:
        """
        The counters of a process, and since when it has been counting.

        Args:
            good: Good events, from the first scrape on.
            bad: Bad ones.
            born: The step of the first scrape.
            created: When the process began, in seconds.
            alive: For how many scrapes it answers; None to the end.
        """

        def seen(values: Sequence[Value]) -> list[Value]:
            return [None] * born + (list(values) if alive is None else [*values[:alive], STALE])

        for outcome, values in (("good", good), ("bad", bad)):
            self.show("slo_events_total", seen(values), outcome=outcome)
            self.show("slo_events_created", seen([created] * len(values)), outcome=outcome)
        self.show("slo_data_since_seconds", seen([created] * len(good)))
        self.show("slo_target", seen([0.999] * len(good)))


# What promtool accepts.


@pytest.mark.parametrize("scope", ["process", "host", "fleet"])
def test_promtool_accepts_the_rules(scope: str, tmp_path: Path) -> None:
    """Rolling and calendar windows, odd targets, rules of one's own, no rules at all."""
    own = AlertRule("90m", "7m", severity="wake {{", burn_rate=math.pi)
    slos = [
        *(an_slo(f"{days}d", days) for days in PERIODS),
        SLODefinition("month", 0.99, window="month"),
        SLODefinition("week", 0.99, window="week", burn_rate_windows=(HOUR, 7 * DAY)),
        SLODefinition("day", 0.9, DAY, labels={"team": "a {{ b"}, runbook="https://x/{{", description="{{ {"),
        SLODefinition("minute", 0.5, 90, burn_rate_windows=(90,), alert_rules=()),
        SLODefinition("long digits", 1 - 0.7, burn_rate_windows=()),
        SLODefinition("tight", 0.9999999999999999),
        SLODefinition("own", 0.999, alert_rules=(own,)),
    ]
    rules = rules_for(slos, scope=scope, keep_firing_for="90s")

    printed = check_rules(rules_text(rules.file_content(), comment="Several\nlines: {{"), tmp_path)

    assert f"SUCCESS: {sum(len(group['rules']) for group in rules.groups)} rules found" in printed
    assert "duplicate" not in printed


ODD_NAMES = [
    'quo"te', "back\\slash", "new\nline", "{{ $labels.x }}", "ends in {", "{", "}} {{", "a`b'c", "%s %d", "# a: b",
    "\t\r\x01\x1b\x7f", "\ufeff", "\uffff", "ÄÖÜ 漢字 😀", "/",
]  # fmt: skip


@pytest.mark.parametrize("scope", ["fleet", "process"])
def test_any_name_selects_its_own_series_and_stays_what_it_is(scope: str, tmp_path: Path) -> None:
    """What is syntax to Prometheus, in names and in what people write about an SLO, is text to us."""
    groups, lapse = [], Lapse()
    for name in ODD_NAMES:
        service = f"s{name}"
        rule = AlertRule("1h", "5m", severity=name, burn_rate=2)
        slo = SLODefinition(name, 0.9, alert_rules=(rule,), description=name, runbook=name, labels={"team": name})
        rules = prometheus_rules([slo], service=service, scope=scope, dashboard_url=name, labels={"more": name})  # type: ignore[arg-type]
        groups += rules.groups
        source = Scraped(lapse, name, service=service, **({"store_id": "a"} if scope == "fleet" else {}))
        for window in slo.windows if scope == "fleet" else ():
            source.window(window, [30] * 8, [30] * 8)
        source.lifetime(good=[0] * 8, bad=range(0, 40, 5))
        identity = {"slo": name, "slo_service": service}
        sloth = {"sloth_id": f"{service}-{name}", "sloth_slo": name, "sloth_service": service, "sloth_severity": name}
        windows = {"long_window_seconds": "3600", "short_window_seconds": "300", "sloth_window": "1h"}
        families = {"slo_alert_family": "burn", "slo_inhibit": "source"}
        labels = {**identity, **sloth, **windows, **families, "severity": name, "team": name, "more": name}
        bad = (30, 30) if scope == "fleet" else (35, 25)
        words = {
            "summary": f"{name} of {service} burns its error budget 10.0 times too fast",
            "description": (
                f"{bad[0]} of {bad[0]} events failed in the last 1h,\n{bad[1]} of {bad[1]} events in the last 5m.\n"
                "Promised are 90.0% good in 30d; this alert fires from 2 times the pace that would just use up the error "
                f"budget.\n-900.0% of the error budget of 30d is left.\n{name}"
            ),
            "runbook_url": name,
            "dashboard_url": name,
        }
        lapse.alerts.setdefault(("SLOErrorBudgetBurn", 7), []).append((labels, words))

    check_rules(rules_text({"groups": groups}), tmp_path)
    run_lapses({"groups": groups}, [lapse], tmp_path)


@pytest.mark.parametrize("scope", ["fleet", "process"])
def test_slos_with_rules_of_their_own_are_selected_by_name(scope: str, tmp_path: Path) -> None:
    """Whatever their names mean in a regular expression: each is counted once, and only by its own rules."""
    rule = AlertRule("2h", "10m", severity="page", burn_rate=2)
    own = [
        SLODefinition(name, 0.9, alert_rules=(rule,))
        for name in (*ODD_NAMES[:6], "a.b", "a+", "(", "x|y", "^a$", "[", "\\d")
    ]
    others = [an_slo(name, 30) for name in ("aXb", "aa", "x", "y", *map(str, range(12)))]
    lapse = Lapse()
    for slo in (*own, *others):
        source = Scraped(lapse, slo.name, **({"store_id": "a"} if scope == "fleet" else {}))
        for window in slo.windows if scope == "fleet" else ():
            source.window(window, [30] * 8, [3] * 8)
        source.lifetime(good=[0] * 8, bad=range(0, 40, 5))
        failures = 3 if scope == "fleet" else 35
        lapse.expect(recorded("slo:window_failures:sum", slo.name, "30d"), 7, failures)
    every = 'slo:window_counts:sum{sloth_window="30d",slo_count="events"}'
    lapse.expect(f"count({every})", 7, len(own) + len(others))

    rules = rules_for([*own, *others], scope=scope)
    run_lapses(only(rules, "SLOErrorBudgetBurn"), [lapse], tmp_path)


def test_a_process_of_no_particular_service_is_found_without_the_label(tmp_path: Path) -> None:
    """`memory://` and the default service: the series carry no `slo_service`; records and alerts do."""
    lapse = Lapse()
    Scraped(lapse, "a", service=None).lifetime(good=[0] * 8, bad=range(0, 80, 10))
    Scraped(lapse, "a", service="another").lifetime(good=range(0, 800_000, 100_000), bad=[0] * 8)
    lapse.expect(firing("SLOErrorBudgetBurn", slo_service="default", severity="page", long_window_seconds="3600"), 7, 1)

    run_lapses(rules_for([an_slo("a", 30)], scope="process", service="default").file_content(), [lapse], tmp_path)


# Shared stores: alerts fire exactly when the library's do.


def drawn_counts(chooser: random.Random, factors: Sequence[Fraction], allowance: Fraction) -> EventCounts:
    """Counts of a window whose burn rate is at one of the factors, one event beside it, or anywhere."""
    ratio = chooser.choice(factors) * allowance
    divisible = ratio.denominator * chooser.randrange(1, 10**5)
    few = chooser.choice([0, 1, 2, 3, chooser.randrange(100)])
    total = chooser.choice([few, chooser.randrange(10**9), divisible, divisible])
    bad = math.ceil(ratio * total) + chooser.choice([-1, 0, 0, 0, 1])
    if chooser.random() < 0.1:
        bad = chooser.randrange(total + 1)
    bad = min(max(bad, 0), total)
    return EventCounts(total - bad, bad)


def test_alerts_fire_exactly_when_the_library_says_so(tmp_path: Path) -> None:
    """Random integers around every factor, in two stores that two processes show; one is scraped later, and shows others."""
    chooser = random.Random(2026)
    steps = 120
    slos = [an_slo(f"{days}d", days) for days in PERIODS]
    lapse = Lapse()
    expected: list[dict[str, float]] = [{} for _ in range(steps)]
    exact = fired = silent = 0
    for slo in slos:
        allowance = slo.objective.allowance
        factors = {rule: rule.factor(slo.window_seconds) for rule in slo.active_alert_rules}
        stores = {store: Scraped(lapse, slo.name, store_id=store) for store in "ab"}
        later = {store: Scraped(lapse, slo.name, store_id=store, instance="2") for store in "ab"}
        drawn: list[dict[int, EventCounts]] = [{} for _ in range(steps)]
        for window in slo.windows:
            near = [found for rule, found in factors.items() if window in (rule.long_window, rule.short_window)]
            for counts_by_window in drawn:
                counts_by_window[window] = drawn_counts(chooser, near or [Fraction(1)], allowance)
            totals, bads = ([getattr(counts[window], name) for counts in drawn] for name in ("total", "bad"))
            shares = [
                (chooser.randint(0, total), chooser.randint(0, bad)) for total, bad in zip(totals, bads, strict=True)
            ]
            stores["a"].window(window, between([share[0] for share in shares]), between([share[1] for share in shares]))
            stores["b"].window(
                window,
                between([total - share[0] for total, share in zip(totals, shares, strict=True)]),
                between([bad - share[1] for bad, share in zip(bads, shares, strict=True)]),
            )
            others = [chooser.randrange(10**9) for _ in shares]
            for store in later.values():
                store.window(window, between(others, first=1), between([number // 3 for number in others], first=1))
        shorts = [rule.short_window for rule in factors]
        measured = [chooser.choice([DAY, chooser.choice(shorts) + chooser.choice([-1, 0, 1])]) for _ in range(steps)]
        stores["a"].show("slo_data_since_seconds", between([120 * step - measured[step] for step in range(steps)]))
        stores["b"].show("slo_data_since_seconds", between([120 * step - measured[step] // 2 for step in range(steps)]))
        for step, counts in enumerate(drawn):
            for rule, factor in factors.items():
                long, short = counts[rule.long_window], counts[rule.short_window]
                exact += long.total > 0 and long.bad == factor * allowance * long.total
                check = RuleCheck(rule, factor=factor, target=slo.objective)
                recent = counts[rule.recent_window]
                if check.fires(long=long, short=short, recent=recent, measured_seconds=measured[step]):
                    expected[step][labels_of(slo.name, rule)] = 1
                    fired += 1
                else:
                    silent += 1
    for step, found in enumerate(expected):
        lapse.expect(BURNS, 2 * step, found)
    assert min(exact, fired, silent) > 200

    run_lapses(rules_for(slos, scope="fleet").file_content(), [lapse], tmp_path)


def between(values: Sequence[Value], *, first: int = 0) -> list[Value]:
    """The values at every other step."""
    return [values[(step - first) // 2] if step % 2 == first else None for step in range(2 * len(values))]


def labels_of(slo: str, rule: AlertRule) -> str:
    long, short = str(rule.long_window), str(rule.short_window)
    return labelled("", long_window_seconds=long, severity=rule.severity, short_window_seconds=short, slo=slo)


def test_exactly_at_the_factor_fires_and_one_event_less_does_not(tmp_path: Path) -> None:
    """144 of 10,000 at 99.9 % is 14.4; 143 is not, nor is 144 of 10,001."""
    counted = [(10_000, 143), (10_000, 144), (10_001, 144), (0, 0), (10_000, 144)]
    lapse = Lapse()
    source = Scraped(lapse, "a", store_id="a")
    events, failures = zip(*counted, strict=True)
    source.window(HOUR, events, failures)
    source.window(300, [10_000] * 5, [144] * 5)
    source.show("slo_data_since_seconds", [-DAY] * 5)
    for step, expected in enumerate([0, 1, 0, 0, 1]):
        lapse.expect(firing("SLOErrorBudgetBurn", severity="page", long_window_seconds="3600"), step, expected)

    run_lapses(rules_for([an_slo("a", 30)], scope="host").file_content(), [lapse], tmp_path)


def test_a_week_and_seven_days_are_two_windows(tmp_path: Path) -> None:
    """On Monday the week is new, and the ticket on the last seven days goes on; two stores add up, window by window."""
    rule = AlertRule("7d", "6h", severity="ticket", burn_rate=2)
    slo = SLODefinition("a", 0.99, window="week", burn_rate_windows=(), alert_rules=(rule,))
    lapse = Lapse()
    for store in ("a", "b"):
        source = Scraped(lapse, "a", store_id=store)
        source.window(7 * DAY, [500] * 3, [25] * 3)
        source.window(6 * HOUR, [20] * 3, [1] * 3)
        source.show("slo_window_events", [5] * 3, window_seconds=str(7 * DAY), window_period="week")
        source.show("slo_window_failures", [0] * 3, window_seconds=str(7 * DAY), window_period="week")
        source.show("slo_data_since_seconds", [-14 * DAY] * 3)
    for window, total, bad in (("1w", 1000, 50), ("period", 10, 0), ("6h", 40, 2)):
        lapse.expect(recorded("slo:window_events:sum", "a", window), 2, total)
        lapse.expect(recorded("slo:window_failures:sum", "a", window), 2, bad)
    lapse.expect(recorded("slo:period_error_budget_remaining:ratio", "a"), 2, 1)
    lapse.expect(firing("SLOErrorBudgetBurn", severity="ticket"), 2, 1)
    lapse.expect(firing("SLOBudgetExhausted"), 2, 0)

    run_lapses(rules_for([slo], scope="fleet").file_content(), [lapse], tmp_path)


# A day of one SLO: events in each minute, as (good, bad).
Minute = Callable[[int], tuple[int, int]]


def burn_then_night(minute: int) -> tuple[int, int]:
    """Ten minutes of 15 % errors; after two hours a night without traffic, but for one failure hours later."""
    if minute >= 200:
        return 0, int(minute == 600)
    return (5_100, 900) if 65 <= minute < 75 else (6_000, 0)


SCENARIOS: dict[str, Minute] = {
    "fast burn, quiet night": burn_then_night,
    "slow burn": lambda minute: (5_967, 33) if minute >= 30 else (6_000, 0),
    "born burning": lambda minute: (0, 0) if minute < 60 else (5_000, 1_000),
    "born burning, then well": lambda minute: (0, 0) if minute < 60 else (3_000, 3_000) if minute < 75 else (6_000, 0),
}
EPOCH = 1_700_000_100  # a multiple of 900; what promtool calls 0
STEP = 900


def lived(slo: SLODefinition, minutes: Minute, *, steps: int, is_new: bool) -> list[SLOSnapshot]:
    """What the library says at each step; before the first the SLO has had a good event a second, unless it is new."""
    plan = SnapshotPlan(slo)
    since = EPOCH + HOUR if is_new else EPOCH - slo.window_seconds
    ledger = MemoryLedger(slo.window_seconds, clock=lambda: float(since))
    if not is_new:
        for quarter in range(since, EPOCH, 900):
            ledger.add(quarter, 90_000, 0, live=False)
    snapshots = []
    for step in range(steps):
        at = EPOCH + step * STEP
        spans = [slo.span(window, at=at, until=at) for window in plan.windows]
        snapshots.append(plan.take(dataclasses.replace(ledger.read(spans), data_since=float(since)), at=at))
        for minute in range(step * STEP // 60, (step + 1) * STEP // 60):
            good, bad = minutes(minute)
            if good or bad:
                ledger.add(EPOCH + minute * 60 + 1, good, bad, live=False)
    return snapshots


def show(source: Scraped, snapshots: Sequence[SLOSnapshot]) -> None:
    """The gauges of snapshots, as `slo_core.metrics.collector` shows them."""
    by_window = zip(*(snapshot.window_samples for snapshot in snapshots), strict=True)
    for samples in by_window:
        failures = [sample.failures for sample in samples]
        source.window(samples[0].window_seconds, [sample.sample_count for sample in samples], failures)
    source.show("slo_data_since_seconds", [snapshot.data_since - EPOCH for snapshot in snapshots])
    for outcome, name in (("good", "lifetime_good"), ("bad", "lifetime_bad")):
        source.show("slo_events_total", [getattr(snapshot, name) for snapshot in snapshots], outcome=outcome)


def test_a_day_goes_as_the_library_says_it_went(tmp_path: Path) -> None:
    """Every quarter of an hour: what fires, the error ratios, burn rates and budgets, to the last digit."""
    steps = 21 * HOUR // STEP
    lapse = Lapse(step_seconds=STEP)
    slos, days, fired = [], {}, {}
    for period in PERIODS:
        for name, minutes in SCENARIOS.items():
            slo = an_slo(f"{name}, {period}d", period)
            snapshots = lived(slo, minutes, steps=steps, is_new=name.startswith("born"))
            show(Scraped(lapse, slo.name, store_id="a"), snapshots)
            slos.append(slo)
            days[slo.name] = snapshots
            alerts = zip(*(snapshot.alerts for snapshot in snapshots), strict=True)
            fired[name, period] = [sum(state.is_firing for state in states) for states in alerts]
    for step in range(steps):
        expected = {
            labels_of(slo.name, rule): 1.0
            for slo in slos
            for rule, state in zip(slo.active_alert_rules, days[slo.name][step].alerts, strict=True)
            if state.is_firing
        }
        lapse.expect(BURNS, step, expected)
    for slo in slos:
        period = f"{slo.window_seconds // DAY}d".replace("28d", "4w").replace("7d", "1w")
        for step in range(0, steps, 4):
            snapshot = days[slo.name][step]
            five, own = (
                next(sample for sample in snapshot.window_samples if sample.window_seconds == window)
                for window in (300, slo.window_seconds)
            )
            for record, window, value in (
                ("slo:sli_error:ratio_rate5m", "5m", five.failures / max(1, five.sample_count)),
                (f"slo:sli_error:ratio_rate{period}", period, own.failures / max(1, own.sample_count)),
                ("slo:current_burn_rate:ratio", "", five.burn_rate),
                ("slo:period_burn_rate:ratio", "", snapshot.burn_rate),
                ("slo:period_error_budget_remaining:ratio", "", snapshot.error_budget_remaining),
            ):
                lapse.expect(recorded(record, slo.name, window), step, value)
    # 1 h, 6 h, 1 d and, where there is one, 3 d: a test in which nothing happens shows nothing.
    for period in PERIODS:
        page, slow_page, *_ = fired["fast burn, quiet night", period]
        assert page > 0
        assert slow_page == 0
        assert not any(snapshot.is_firing for snapshot in days[f"fast burn, quiet night, {period}d"][90 * 60 // STEP :])
        page, _, ticket, *_ = fired["slow burn", period]
        assert page == 0
        assert ticket > 0
        assert fired["born burning", period][0] > 0
        # Each would start when measuring reaches back its short window, long after the end.
        assert fired["born burning, then well", period] == [1] + [0] * (
            len(fired["born burning, then well", period]) - 1
        )

    run_lapses(only(rules_for(slos, scope="host"), "SLOErrorBudgetBurn"), [lapse], tmp_path)


def test_a_store_that_several_servers_scrape_counts_once(tmp_path: Path) -> None:
    """As a global ruler sees it: the series of one store, from two Prometheus servers, beside those of another store."""
    lapse = Lapse()
    slo = an_slo("a", 30)
    for replica in ("one", "two"):
        source = Scraped(lapse, "a", store_id="fleet", replica=replica)
        for window in slo.windows:
            source.window(window, [10_000] * 3, [8] * 3)
        source.lifetime([9_992] * 3, [8] * 3, created=-10 * DAY)
    other = Scraped(lapse, "a", store_id="another", replica="one")
    for window in slo.windows:
        other.window(window, [10_000] * 3, [4] * 3)
    for window in ("5m", "30d"):
        lapse.expect(recorded("slo:window_events:sum", "a", window), 2, 20_000)
        lapse.expect(recorded("slo:window_failures:sum", "a", window), 2, 12)
    # Of 20 failures that are allowed; 20 of 30 would leave a third.
    lapse.expect(recorded("slo:period_error_budget_remaining:ratio", "a"), 2, 0.4)

    run_lapses(rules_for([slo], scope="fleet").file_content(), [lapse], tmp_path)


def test_counts_of_one_moment_come_from_one_scrape(tmp_path: Path) -> None:
    """
    Two pods of one store are scraped in turn, and each shows a pair that the other never had; a second store adds up.

    Of a window that the application counts, and of one that its lifetime totals make. A pod that is gone counts no more.
    """
    slo, steps, gone = an_slo("a", 7), 40, 30
    assert 3 * DAY not in slo.windows
    chooser = random.Random(10)
    lapse = Lapse(step_seconds=15)
    # Events of a busy minute leave a window: the totals fall, while failures rise.
    windows = [(chooser.randrange(1000, 9000), 10 * step + chooser.randrange(10)) for step in range(steps)]
    totals = [(10_000 * step, 100 * step) for step in range(steps)]
    for number, instance in enumerate("12"):
        end = gone if number else steps
        seen = [step for step in range(steps) if step % 2 == number and step < end]

        def shown(values: Sequence[int], seen: Sequence[int] = seen, end: int = end) -> list[Value]:
            every: list[Value] = [values[step] if step in seen else None for step in range(end)]
            return [*every, STALE] if end < steps else every

        pod = Scraped(lapse, "a", store_id="one", instance=instance)
        for seconds in slo.windows:
            pod.window(seconds, shown([pair[0] for pair in windows]), shown([pair[1] for pair in windows]))
        for outcome, index in (("good", 0), ("bad", 1)):
            pod.show("slo_events_total", shown([pair[index] for pair in totals]), outcome=outcome)
        pod.show("slo_data_since_seconds", shown([0] * steps))
    other = Scraped(lapse, "a", store_id="two")
    for seconds in slo.windows:
        other.window(seconds, [50] * steps, [5] * steps)
    other.lifetime([45] * steps, [5] * steps, created=0)
    for step in range(steps):
        newest = step if step < gone or step % 2 == 0 else step - 1
        events, failures = windows[newest]
        good, bad = totals[newest]
        for window, pair in (("1h", (events + 50, failures + 5)), ("3d", (good + bad + 50, bad + 5))):
            for what, count in zip(("events", "failures"), pair, strict=True):
                lapse.expect(recorded(f"slo:window_{what}:sum", "a", window), step, count)
        lapse.expect(recorded("slo:sli_error:ratio_rate1h", "a"), step, (failures + 5) / (events + 50))

    run_lapses(only(rules_for([slo], scope="fleet"), "SLOErrorBudgetBurn"), [lapse], tmp_path)


@pytest.mark.parametrize("options", [{"match": {"env": "prod"}}, {"by": ["env"]}], ids=["match", "by"])
def test_environments_do_not_page_for_each_other(options: dict[str, Any], tmp_path: Path) -> None:
    """One Prometheus scrapes both. Staging fails, loses its store, and goes away; production's numbers are its own."""
    lapse, steps, away = Lapse(), 40, 15
    slo = an_slo("a", 30)
    for env, store, bad in (("prod", "p", 0), ("staging", "s", 900)):
        end = away if env == "staging" else steps
        values = Scraped(lapse, "a", store_id=store, env=env)
        for window in slo.windows:
            values.window(window, [1000] * end + [STALE], [bad] * end + [STALE])
        values.lifetime([1000 - bad] * steps, [bad] * steps, created=-10 * DAY, alive=end)
        lapse.scrape("slo_store_up", [int(env == "prod")] * steps, slo_service="shop", env=env, instance="1")
    firing_in = 'count by (alertname) (ALERTS{{alertstate="firing",env="{}",slo_service="shop"}})'
    alerts = {name: labelled("", alertname=name) for name in ("SLOBudgetExhausted", "SLOErrorBudgetBurn")}
    in_staging = "by" in options
    for step in range(2, steps):
        lapse.expect(firing_in.format("prod"), step, {})
        lapse.expect('count(ALERTS{alertstate="firing",env!="prod",env!="staging"})', step, None)
        for what, count in (("events", 1000), ("failures", 0)):
            record = labelled(f"slo:window_{what}:sum", env="prod", sloth_window="1h")
            lapse.expect(f"sum({record}) and count({record}) == 1", step, count)
    lapse.expect(
        firing_in.format("staging"),
        10,
        {alerts["SLOErrorBudgetBurn"]: 4, alerts["SLOBudgetExhausted"]: 1,
         labelled("", alertname="SLOStoreDown"): 1} if in_staging else {},
    )  # fmt: skip
    lapse.expect(firing("SLOAbsent", env="staging"), steps - 1, int(in_staging))
    rules = prometheus_rules([slo], service="shop", scope="fleet", keep_firing_for=None, **options)

    run_lapses(rules.file_content(), [lapse], tmp_path)


def test_five_minutes_are_known_from_the_first_scrape_on(tmp_path: Path) -> None:
    """Of SLOs that count no such window, in a store that is older than Prometheus: what it has seen of them, 0 at first."""
    own = AlertRule("2h", "4m", severity="page", burn_rate=2)
    slos = [
        SLODefinition("own rules", 0.9, burn_rate_windows=(), alert_rules=(own,)),
        SLODefinition("90 percent", 0.9, alert_rules=()),
        SLODefinition("quiet", 0.9, alert_rules=()),
        SLODefinition("a minute", 0.9, 60, burn_rate_windows=(), alert_rules=()),
    ]
    lapse, steps = Lapse(), 12
    for slo in slos:
        assert 300 not in slo.windows
        rate = 0 if slo.name == "quiet" else 10
        source = Scraped(lapse, slo.name, store_id="a")
        source.lifetime(
            [900 + rate * step for step in range(steps)], [100 + step * (rate > 0) for step in range(steps)]
        )
        for seconds in slo.windows:
            source.window(seconds, [100] * steps, [10] * steps)
        for step in range(steps):
            minutes = min(step, 5)
            lapse.expect(recorded("slo:window_events:sum", slo.name, "5m"), step, minutes * (rate + (rate > 0)))
            lapse.expect(recorded("slo:window_failures:sum", slo.name, "5m"), step, minutes * (rate > 0))
            if slo.name == "a minute":
                continue
            burn_rate = 0 if rate == 0 or step == 0 else 10 * minutes / (11 * minutes)
            lapse.expect(recorded("slo:current_burn_rate:ratio", slo.name), step, burn_rate)

    run_lapses(only(rules_for(slos, scope="fleet"), "SLOErrorBudgetBurn"), [lapse], tmp_path)


@pytest.mark.parametrize("days", PERIODS)
def test_a_dead_store_does_not_resolve_a_page(days: int, tmp_path: Path) -> None:
    """The page outlives it by ten minutes, within which it is told that the store is away and the SLO is not measured."""
    lapse = Lapse()
    away = range(10, 30)
    slo = an_slo("a", days)
    source = Scraped(lapse, "a", store_id="a")

    def seen(value: float) -> list[Value]:
        return [(STALE if step == away.start else None) if step in away else value for step in range(40)]

    for window in slo.windows:
        source.window(window, seen(1000), seen(100))
    source.show("slo_data_since_seconds", seen(-DAY))
    source.show("slo_target", seen(0.999))
    up = [int(step not in away) for step in range(40)]
    lapse.scrape("slo_store_up", up, slo_service="shop", instance="1")
    lapse.scrape("slo_store_up", [1] * 40, slo_service="another", instance="9")
    lag = [60 * (step - away.start) if step in away else 0 for step in range(40)]
    lapse.scrape("slo_flush_lag_seconds", lag, slo_service="shop", instance="1")
    for alert, from_step, until_step, first_seen in (
        # The condition is last true at 9; the ten minutes begin when it is first found false, at 10.
        ("SLOErrorBudgetBurn", 0, 20, {"severity": "page", "long_window_seconds": "3600"}),
        ("SLOBudgetExhausted", 0, 20, {"severity": "ticket"}),
        ("SLOStoreDown", 12, 30, {"severity": "ticket"}),
        ("SLOFlushStuck", 12, 35, {"severity": "ticket"}),
        ("SLOAbsent", 20, 30, {"severity": "page", "slo_inhibit": "service"}),
    ):
        for step in range(0, 30):
            lapse.expect(firing(alert, slo_service="shop", **first_seen), step, int(from_step <= step < until_step))
        lapse.expect(firing(alert, slo_service="shop", **first_seen), 39, int(from_step == 0))

    run_lapses(rules_for([slo], scope="fleet", keep_firing_for="10m").file_content(), [lapse], tmp_path)


def test_budgets_that_are_low_and_spent_are_told(tmp_path: Path) -> None:
    """Of a budget of 1000 of a million: 749, 750, 900 and 1000 spent, each once; nothing without events."""
    lapse = Lapse()
    failures = [749, 750, 899, 900, 999, 1000, 0]
    source = Scraped(lapse, "a", store_id="a")
    source.window(30 * DAY, [1_000_000] * 6 + [0], failures)
    for step, (low, lower, spent) in enumerate(
        [(0, 0, 0), (1, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)]
    ):
        lapse.expect(firing("SLOBudgetLow", budget_below="25%", slo_inhibit="target"), step, low)
        lapse.expect(firing("SLOBudgetLow", budget_below="10%", slo_inhibit="target"), step, lower)
        lapse.expect(firing("SLOBudgetExhausted", slo_inhibit="source"), step, spent)

    run_lapses(rules_for([an_slo("a", 30)], scope="host").file_content(), [lapse], tmp_path)


def test_a_budget_that_is_gone_within_four_hours_is_told(tmp_path: Path) -> None:
    """
    Of a budget of 1000 of a million, at the pace of the last hour; the record is the library's number.

    A single failure has no pace, a spent budget has an alert of its own, and nothing burns without events. What burned just
    before a month began spends nothing of it.
    """
    slo, million = an_slo("a", 30), 1_000_000
    # Events and failures of 30 days, failures of the last hour, and whether an alert fires.
    moments = [
        (million, 996, 0, 0), (million, 996, 1, 0), (million, 996, 2, 1), (million, 992, 2, 1), (million, 991, 2, 0),
        (million, 1000, 50, 0), (million, 1001, 0, 0), (million, 999, 999, 1), (0, 0, 0, 0),
        (10, 0, 5, 0),
    ]  # fmt: skip
    plan = SnapshotPlan(slo)
    lapse = Lapse()
    source = Scraped(lapse, "a", store_id="a")
    source.window(30 * DAY, [events for events, *_ in moments], [bad for _, bad, *_ in moments])
    source.window(HOUR, [min(1000, events) for events, *_ in moments], [bad for *_, bad, _ in moments])
    for step, (events, failures, of_hour, fires_then) in enumerate(moments):
        bad = {30 * DAY: failures, HOUR: of_hour}
        counts = tuple(EventCounts(events - bad.get(seconds, 0), bad.get(seconds, 0)) for seconds in plan.windows)
        left = plan.take(Reading(counts=counts, lifetime=counts[0], data_since=-30 * DAY), at=0).time_to_exhaustion
        record = recorded("slo:time_to_exhaustion:seconds", "a")
        if left is None:
            lapse.expect(f"{record} == bool Inf", step, 1)
        else:
            lapse.expect(record, step, left)
        alert = firing("SLOBudgetGoneSoon", slo="a", slo_service="shop", severity="ticket", slo_inhibit="target")
        lapse.expect(alert, step, fires_then)
    # One series, whichever of its cases has the number.
    lapse.expect("count(last_over_time(slo:time_to_exhaustion:seconds[1h]))", len(moments) - 1, 1)

    run_lapses(rules_for([slo], scope="fleet").file_content(), [lapse], tmp_path)


@pytest.mark.parametrize("window", ["30d", "month"])
def test_a_pace_that_never_spends_a_budget_is_no_alert(window: str, tmp_path: Path) -> None:
    """
    A steady 0.9x leaves a tenth of the budget or less for ever: in a young month it is "gone" in three hours, again and again.

    At exactly 1x, too. At 1.2x the alert comes while budget is left.
    """
    calendar = {} if window == "30d" else {"window": "month"}
    slo = SLODefinition("a", 0.999, **({"window_seconds": 30 * DAY} | calendar))
    # Events and failures of the window, failures of 10,000 events of the last hour, and whether an alert fires.
    moments = [
        (250_000, 225, 9, 0),
        (250_000, 249, 9, 0),
        (250_000, 249, 10, 0),
        (250_000, 215, 12, 1),
        (250_000, 215, 11, 1),
    ]
    lapse = Lapse()
    source = Scraped(lapse, "a", store_id="a")
    source.window(30 * DAY, [events for events, *_ in moments], [bad for _, bad, *_ in moments])
    source.window(HOUR, [10_000] * len(moments), [bad for *_, bad, _ in moments])
    for step, (*_, fires_then) in enumerate(moments):
        lapse.expect(f"{recorded('slo:time_to_exhaustion:seconds', 'a')} <= bool 4 * 3600", step, 1)
        lapse.expect(firing("SLOBudgetGoneSoon", slo="a"), step, fires_then)

    run_lapses(rules_for([slo], scope="fleet").file_content(), [lapse], tmp_path)


def test_replaced_pods_are_no_loss_and_a_replaced_store_is(tmp_path: Path) -> None:
    """Pods of "steady" are replaced, the store stays; that of "emptied" is another from minute 60 on; "stopped" just ends."""
    lapse = Lapse()
    before, after = [1.0] * 60 + [STALE], [None] * 60 + [1.0] * 90
    for service, second_store in (("steady", "a"), ("emptied", "b")):
        for instance, values, store in (("1", before, "a"), ("2", after, second_store)):
            where = {"slo_service": service, "store_id": store, "instance": instance}
            lapse.scrape("slo_store_info", values, backend="redis", scope="fleet", **where)
            lapse.scrape("slo_target", values, slo="a", **where)
            # Measured from then on, 50 events each time; the new store has many more soon.
            knows = {None: None, STALE: STALE}
            begun = -DAY if store == "a" else HOUR
            lapse.scrape("slo_data_since_seconds", [knows.get(value, begun) for value in values], slo="a", **where)
        for step in (59, 60, 64, 75, 149):
            lapse.expect(firing("SLOAbsent", slo_service=service), step, 0)
    lapse.scrape("slo_store_info", before, slo_service="stopped", store_id="a", instance="1")
    for step, lost in ((59, 0), (64, 0), (65, 1), (119, 1), (120, 0), (149, 0)):
        lapse.expect(firing("SLOHistoryLost", slo_service="emptied"), step, lost)
        for service in ("steady", "stopped"):
            lapse.expect(firing("SLOHistoryLost", slo_service=service), step, 0)
    rules = [rules_for([an_slo("a", 30)], scope="fleet", service=name) for name in ("steady", "emptied", "stopped")]

    run_lapses({"groups": [group for found in rules for group in found.groups]}, [lapse], tmp_path)


def test_dropped_events_are_told_once(tmp_path: Path) -> None:
    """Three of them at minute 20, which two processes show and one process of its own: for a quarter of an hour."""
    shared, single = Lapse(), Lapse()
    dropped = [5 + 3 * (step >= 20) for step in range(60)]
    for instance in "12":
        Scraped(shared, "a", store_id="a", instance=instance).show("slo_events_dropped_total", dropped)
        Scraped(shared, "a", store_id="a", instance=instance).show("slo_data_since_seconds", [-DAY] * 60)
    Scraped(single, "a").show("slo_events_dropped_total", dropped)
    for lapse in (shared, single):
        for step, told in ((19, 0), (20, 1), (34, 1), (36, 0), (59, 0)):
            lapse.expect(firing("SLOEventsDropped"), step, told)
    words = (
        "3 events of the last 15m came too late to be counted: a clock is wrong, or a store was out of reach for hours."
    )
    identity = {"slo": "a", "slo_service": "shop", "sloth_slo": "a", "sloth_service": "shop", "sloth_id": "shop-a"}
    labels = {**identity, "severity": "ticket", "sloth_severity": "ticket", "slo_alert_family": "store"}
    shared.alerts["SLOEventsDropped", 25] = [(labels, {"summary": "a of shop loses events", "description": words})]

    run_lapses(rules_for([an_slo("a", 30)], scope="fleet").file_content(), [shared], tmp_path)
    run_lapses(rules_for([an_slo("a", 30)], scope="process").file_content(), [single], tmp_path)


COUNTS = ("slo:budget:", "slo:window_counts:", "slo:window_events:")


def two_hours(name: str) -> SLODefinition:
    """An SLO with few windows."""
    return SLODefinition(name, 0.999, 2 * HOUR, burn_rate_windows=(), alert_rules=())


def test_a_dead_store_does_not_resolve_the_news_of_silence(tmp_path: Path) -> None:
    """Traffic ends after 26 hours, and the store goes away half an hour later: ten minutes more are told."""
    lapse = Lapse(step_seconds=300)
    end, away = 26 * 12, 26 * 12 + 6
    good = [20 * min(step, end) for step in range(away)]
    Scraped(lapse, "a", store_id="a").lifetime(good, [0] * away, created=-10 * DAY, alive=away)
    for step, told in ((end, 0), (end + 3, 1), (away - 1, 1), (away, 1), (away + 1, 1), (away + 3, 0)):
        lapse.expect(firing("SLONoTraffic"), step, told)
    rules = rules_for([two_hours("a")], scope="fleet", keep_firing_for="10m")

    run_lapses(only(rules, "SLONoTraffic", records=COUNTS), [lapse], tmp_path)


@pytest.mark.parametrize("scope", ["fleet", "process"])
def test_silence_is_news_only_where_yesterday_had_none(scope: str, tmp_path: Path) -> None:
    """
    Two days; then traffic ends at 50 h. One service sleeps from 22 to 8 o'clock, one has an event an hour.

    With 240 events an hour ten minutes are news, with 30 two hours.
    """
    lapse = Lapse(step_seconds=300)
    steps = 56 * 12
    end = 50 * 12
    rates: dict[str, Callable[[int], int]] = {
        "steady": lambda step: 20 if step < end else 0,
        "thirty an hour": lambda step: step % 2 * 5 if step < end else 0,
        "asleep at night": lambda step: 10 if 8 <= step // 12 % 24 < 22 else 0,
        "one an hour": lambda step: int(step % 12 == 0),
    }
    for name, rate in rates.items():
        where = {"store_id": "a"} if scope == "fleet" else {}
        good = list(accumulate(rate(step) for step in range(steps)))
        Scraped(lapse, name, **where).lifetime(good, [0] * steps, created=-10 * DAY)
        for step in range(24 * 12, steps):
            quiet = step >= {"steady": end + 1, "thirty an hour": end + 2 * 12 - 1}.get(name, steps)
            lapse.expect(firing("SLONoTraffic", slo=name, severity="page"), step, int(quiet))
    slos = [two_hours(name) for name in rates]

    run_lapses(only(rules_for(slos, scope=scope), "SLONoTraffic", records=COUNTS), [lapse], tmp_path)


def test_windows_that_nobody_counts_are_worked_out_from_lifetime_totals(tmp_path: Path) -> None:
    """A 7-day SLO has no window of 3 days, which dashboards ask for: the totals' growth, to the event."""
    lapse = Lapse(step_seconds=HOUR)
    steps = 100
    bad = [7 * step for step in range(steps)]
    slo = an_slo("a", 7)
    assert 3 * DAY not in slo.windows
    for instance in "12":
        Scraped(lapse, "a", store_id="old", instance=instance).lifetime([1000] * steps, bad, created=-10 * DAY)
    young = [5] * (steps - 50)
    Scraped(lapse, "a", store_id="young", instance="3").lifetime(young, young, created=49 * HOUR, born=50)
    for step, expected in ((71, 10), (72, 72 * 7 + 10), (99, 72 * 7 + 10)):
        lapse.expect(recorded("slo:window_events:sum", "a", "3d"), step, expected)
        lapse.expect(recorded("slo:window_failures:sum", "a", "3d"), step, expected - 5)
    # Of the old store Prometheus does not know yet what it had three days ago: better nothing than a wrong number.
    lapse.expect("slo:window_events:sum" + '{sloth_window="3d"}', 49, None)

    run_lapses(only(rules_for([slo], scope="fleet"), "SLOErrorBudgetBurn"), [lapse], tmp_path)


# Single processes: their counters are added up, which comes close.

PER_MINUTE = 600


def minutes_of(count: int, bad_of: Callable[[int], int], *, since: int = 0) -> tuple[list[int], list[int]]:
    """Good and bad totals of a process that answers 600 requests a minute, as scraped every minute."""
    bad = list(accumulate((bad_of(minute) for minute in range(since, since + count - 1)), initial=0))
    return [PER_MINUTE * step - failed for step, failed in enumerate(bad)], bad


def burning(minute: int) -> int:
    """15 % errors for ten minutes."""
    return 90 if 20 <= minute < 30 else 0


def about(query: str, expected: float, *, off: float) -> str:
    """1 when the value is as expected, or off by so much at most."""
    return f"abs({query} - {expected}) <= bool {off}"


def test_the_counters_of_processes_are_added_up(tmp_path: Path) -> None:
    """
    A fast burn, in which all processes restart, or a deploy replaces them; a quiet night with one failure.

    For 30, 28, 7 and 90 days. Sums are right within the events of two scrapes.
    """
    lapse = Lapse()
    end, deployed = 61, 25
    slos = []
    good, bad = minutes_of(end, burning)
    # A process that begins then; its first scrape sees a minute of its work.
    new_good, new_bad = (values[1:] for values in minutes_of(end - deployed, burning, since=deployed))
    for days in PERIODS:
        fast, reset, deploy, night = (f"{name} {days}d" for name in ("fast", "reset", "deploy", "night"))
        slos += [an_slo(name, days) for name in (fast, reset, deploy, night)]
        born = [0.0] * (deployed + 1) + [deployed * 60.0] * len(new_good)
        for instance in "12":
            Scraped(lapse, fast, instance=instance).lifetime(good, bad, created=0)
            Scraped(lapse, deploy, instance=instance).lifetime(good, bad, created=0, alive=deployed + 1)
            pod = Scraped(lapse, deploy, instance=f"new {instance}")
            pod.lifetime(new_good, new_bad, created=deployed * 60, born=deployed + 1)
            restarted = Scraped(lapse, reset, instance=instance)  # behind the same address
            for outcome, first, second in (("good", good, new_good), ("bad", bad, new_bad)):
                restarted.show("slo_events_total", [*first[: deployed + 1], *second], outcome=outcome)
                restarted.show("slo_events_created", born, outcome=outcome)
            restarted.show("slo_data_since_seconds", born)
        Scraped(lapse, night).lifetime([1000] * end, [int(step >= 20) for step in range(end)])
        for slo in (fast, reset, deploy):
            page = firing("SLOErrorBudgetBurn", slo=slo, severity="page", long_window_seconds="3600")
            # After four minutes 0.6 of 24 minutes are bad, 2.5 %; 2.16 % fire for 90 days.
            for step in (*range(22), *range(24, end)):
                lapse.expect(page, step, int(24 <= step < 35))
            # Two processes, of which 90 events a minute fail.
            for step in (27, 30, 60):
                failed, total = (recorded(f"slo:window_{what}:sum", slo, "1h") for what in ("failures", "events"))
                lapse.expect(about(failed, 180 * (min(step, 30) - 20), off=2 * 180), step, 1)
                lapse.expect(about(total, step * 2 * PER_MINUTE, off=2 * 2 * PER_MINUTE), step, 1)
        for step in range(end):
            lapse.expect(firing("SLOErrorBudgetBurn", slo=night), step, 0)
        for step in (2, 19, 40, 60):
            lapse.expect(recorded("slo:sli_error:ratio_rate5m", night, "5m"), step, 0)
            lapse.expect(recorded("slo:current_burn_rate:ratio", night), step, 0)
        lapse.expect(recorded("slo:period_error_budget_remaining:ratio", night), 19, 1)
        lapse.expect(about(recorded("slo:window_failures:sum", night, "1h"), 1, off=0.05), 60, 1)

    run_lapses(only(rules_for(slos, scope="process"), "SLOErrorBudgetBurn"), [lapse], tmp_path)


def test_a_slow_burn_of_processes_is_a_ticket(tmp_path: Path) -> None:
    """0.55 % errors spend a tenth of 30 days in a day, and nobody is woken."""
    lapse = Lapse(step_seconds=600)
    steps = 24 * 6 + 1
    slos = [an_slo(f"{days}d", days) for days in PERIODS]
    for slo in slos:
        bad = [33 * step for step in range(steps)]
        good = [5_967 * step for step in range(steps)]
        Scraped(lapse, slo.name).lifetime(good, bad, created=0)
        lapse.expect(firing("SLOErrorBudgetBurn", slo=slo.name, severity="page"), steps - 1, 0)
        ticket = firing("SLOErrorBudgetBurn", slo=slo.name, severity="ticket", long_window_seconds="86400")
        lapse.expect(ticket, steps - 1, 1)

    run_lapses(only(rules_for(slos, scope="process"), "SLOErrorBudgetBurn"), [lapse], tmp_path)


def test_a_process_that_is_born_with_failures_is_not_let_off(tmp_path: Path) -> None:
    """50 failures before the first scrape count, but not those of a process that Prometheus merely meets for the first time."""
    lapse = Lapse()
    slos = []
    for days in PERIODS:
        born, met = f"born {days}d", f"met {days}d"
        slos += [an_slo(name, days) for name in (born, met)]
        for slo, created in ((born, 1_170.0), (met, -10.0 * DAY)):
            Scraped(lapse, slo, instance="1").lifetime([9] * 40, [0] * 40)
            Scraped(lapse, slo, instance="2").lifetime([0] * 20, [50] * 20, created=created, born=20)
        page = firing("SLOErrorBudgetBurn", slo=born, severity="page", long_window_seconds="3600")
        for step in (20, 21, 24, 25, 39):
            lapse.expect(recorded("slo:window_failures:sum", born, "1h"), step, 50)
            lapse.expect(page, step, int(step < 25))
            lapse.expect(recorded("slo:window_failures:sum", met, "1h"), step, 0)
            lapse.expect(firing("SLOErrorBudgetBurn", slo=met), step, 0)

    run_lapses(only(rules_for(slos, scope="process"), "SLOErrorBudgetBurn"), [lapse], tmp_path)
