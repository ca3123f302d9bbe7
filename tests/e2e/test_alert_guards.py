"""Alerts that wait until enough is known, or that one alert speaks for, in the real promtool and Alertmanager."""

from __future__ import annotations

import json
import random
import urllib.request
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest

from alertmanager import start_alertmanager, start_telephone
from promtool import STALE, Lapse, Value, check_rules, labelled, run_lapses
from slo_core import SLODefinition
from slo_core.rules.names import ALERTMANAGER_INHIBIT_RULES
from slo_core.rules.rule_set import PrometheusRules, prometheus_rules
from slo_core.rules.text import rules_text
from slo_servers import wait_until

HOUR, DAY = 3600, 86_400


def rules_of(*slos: SLODefinition, scope: Any = "fleet", **options: Any) -> PrometheusRules:
    return prometheus_rules(slos, **{"service": "shop", "scope": scope, "keep_firing_for": None, **options})


def only(rules: PrometheusRules, alert: str, *, with_records: bool = False) -> dict[str, object]:
    """The rules without other alerts: in long lapses each rule costs time. Without records, those of targets remain."""

    def is_kept(rule: Mapping[str, Any]) -> bool:
        record = rule.get("record", "")
        return rule["alert"] == alert if "alert" in rule else with_records or record.startswith("slo:budget:")

    groups = [{**group, "rules": [rule for rule in group["rules"] if is_kept(rule)]} for group in rules.groups]
    return {"groups": [group for group in groups if group["rules"]]}


def firing(alert: str, **labels: str) -> str:
    """How many alerts of that name fire; 0 when none does."""
    return f"count({labelled('ALERTS', alertname=alert, alertstate='firing', **labels)}) or vector(0)"


# Budgets.

BUDGET_ALERTS = ("SLOBudgetExhausted", "SLOBudgetLow", "SLOBudgetGoneSoon")


def spend(lapse: Lapse, values: Sequence[Mapping[str, Value]], **labels: str) -> None:
    """What one process shows of an SLO whose budget is spent, low or soon gone, at each step."""
    labels = {"slo_service": "shop", **labels}
    for metric, window, key in (
        ("slo_window_events", 30 * DAY, "events"),
        ("slo_window_failures", 30 * DAY, "bad"),
        ("slo_window_events", HOUR, "of_hour"),
        ("slo_window_failures", HOUR, "bad"),
        ("slo_warming_up", None, "warming_up"),
        ("slo_data_since_seconds", None, "since"),
    ):
        of_window = {} if window is None else {"window_seconds": str(window)}
        shown = [value.get(key, value.get("events") if key == "of_hour" else None) for value in values]
        if any(value is not None for value in shown):
            lapse.scrape(metric, shown, **of_window, **labels)


def test_no_alert_about_a_budget_comes_before_it_can_be_judged(tmp_path: Path) -> None:
    """
    Two pods of one store, scraped at different minutes; the first failure is at minute 5, the budget is judged at 20.

    With one failure of 999 the budget is spent, of 1,200 it is low, of 100,000 with two of an hour soon gone. A pod of an older
    version says nothing about it, and alerts as before.
    """
    lapse = Lapse()
    steps = range(40)
    for slo, events, of_hour, bad in (("spent", 999, 999, 1), ("low", 1_200, 1_200, 1), ("soon", 5_000, 1_000, 2)):
        seen: list[dict[str, Value]] = [
            {"events": events, "of_hour": of_hour, "bad": bad * (step >= 5), "warming_up": int(5 <= step < 20)}
            for step in steps
        ]
        for pod, odd in (("1", 0), ("2", 1)):
            ours = [value if step % 2 == odd else {} for step, value in zip(steps, seen, strict=True)]
            spend(lapse, ours, slo=slo, store_id="fleet", instance=pod)
    old: list[dict[str, Value]] = [{"events": 999, "bad": 1}] * len(steps)
    spend(lapse, old, slo="older", store_id="fleet", instance="3")
    alert_of = {"spent": "SLOBudgetExhausted", "low": "SLOBudgetLow", "soon": "SLOBudgetGoneSoon"}
    for step in steps:
        for slo, alert in alert_of.items():
            for other in BUDGET_ALERTS:
                is_told = step >= 21 and other == alert  # at 20 one of the pods has not been scraped again
                if step < 21 or is_told:
                    lapse.expect(f"({firing(other, slo=slo)}) > bool 0", step, int(is_told))
        lapse.expect(firing("SLOBudgetExhausted", slo="older"), step, 1)
    slos = [SLODefinition(name, 0.999) for name in (*alert_of, "older")]

    run_lapses(rules_of(*slos).file_content(), [lapse], tmp_path)


def test_a_new_host_silences_no_budget_of_the_others(tmp_path: Path) -> None:
    """Each has a store of its own; one that is judged is enough."""
    lapse = Lapse()
    for store, warming_up in (("old", 0), ("new", 1)):
        spend(lapse, [{"events": 999, "bad": 5, "warming_up": warming_up}] * 3, slo="a", store_id=store, instance=store)
    lapse.expect(firing("SLOBudgetExhausted"), 2, 1)

    run_lapses(rules_of(SLODefinition("a", 0.999), scope="host").file_content(), [lapse], tmp_path)


def test_counters_of_processes_are_judged_by_what_they_add_up_to(tmp_path: Path) -> None:
    """A tenth of 30 days, which a process before the deploy may have measured, and two failures."""
    lapse = Lapse(step_seconds=HOUR)
    steps = 80
    for slo, bad in (("one", 1), ("two", 2)):
        for instance, born, until in (("1", 0, 40), ("2", 40, steps)):
            labels = {"slo_service": "shop", "slo": slo, "instance": instance}

            def seen(value: float, *, first: int = born, last: int = until) -> list[Value]:
                return [None] * first + [value] * (last - first) + [STALE] * (last < steps)

            good = 500 if instance == "1" else 0
            failed = bad if instance == "1" else 0
            for outcome, growth in (("good", good), ("bad", failed)):
                values: list[Value] = [*([None] * born), 0, *([growth] * (until - born - 1))]
                lapse.scrape("slo_events_total", values, outcome=outcome, **labels)
                lapse.scrape("slo_events_created", seen(born * HOUR), outcome=outcome, **labels)
            lapse.scrape("slo_data_since_seconds", seen(born * HOUR), **labels)
    for step in (1, 30, 60, 71, 73, 79):
        lapse.expect(firing("SLOBudgetExhausted", slo="two"), step, int(step >= 72))
        lapse.expect(firing("SLOBudgetExhausted", slo="one"), step, 0)
    slos = [SLODefinition(name, 0.999) for name in ("one", "two")]

    run_lapses(only(rules_of(*slos, scope="process"), "SLOBudgetExhausted", with_records=True), [lapse], tmp_path)


def test_of_a_budget_only_the_gravest_is_told(tmp_path: Path) -> None:
    """A quarter left, then soon gone, then a tenth, then all gone at once: whatever is worse speaks for what is less so."""
    lapse = Lapse()
    moments: list[tuple[int, int, dict[str, int]]] = [
        (750, 0, {"SLOBudgetLow 25%": 1}),
        (900, 0, {"SLOBudgetLow 10%": 1}),
        (900, 900, {"SLOBudgetGoneSoon": 1}),
        (900, 0, {"SLOBudgetLow 10%": 1}),
        (1000, 1000, {"SLOBudgetExhausted": 1}),
    ]
    for window, events, index in ((30 * DAY, 1_000_000, 0), (HOUR, 10_000, 1)):
        failures = [moment[index] for moment in moments]
        labels = {"window_seconds": str(window), "slo": "a", "slo_service": "shop", "store_id": "a"}
        lapse.scrape("slo_window_events", [events] * len(moments), **labels)
        lapse.scrape("slo_window_failures", failures, **labels)
    told = 'label_join(ALERTS{alertstate="firing",slo_alert_family="budget"}, "told", " ", "alertname", "budget_below")'
    for step, (_, _, expected) in enumerate(moments):
        lapse.expect(
            f'count by (told) (label_replace({told}, "told", "$1", "told", "(.*) "))',
            step,
            {labelled("", told=name): count for name, count in expected.items()},
        )

    run_lapses(rules_of(SLODefinition("a", 0.999)).file_content(), [lapse], tmp_path)


# Traffic. The rule reads recorded counts: they are made up here, and worked out from what is scraped in `test_rules.py`.

STEP = 300
STEPS_OF_HOUR, STEPS_OF_DAY = HOUR // STEP, DAY // STEP


def show_counts(lapse: Lapse, slo: str, events: Sequence[int]) -> None:
    """What rules record of events in five minutes each."""
    totals = [0, *accumulate(events)]
    for window, steps in (("5m", 1), ("1h", STEPS_OF_HOUR)):
        counts = [totals[end] - totals[max(0, end - steps)] for end in range(1, len(totals))]
        labels = {"sloth_service": "shop", "slo_service": "shop", "slo": slo, "sloth_window": window}
        lapse.scrape("slo:window_events:sum", counts, **labels)


def office_hours(step: int, *, first_week: int, second_week: int) -> tuple[bool, bool]:
    """
    Whether an office works, and whether it has its lunch, at steps from a Monday's midnight in UTC on.

    Args:
        step: The step.
        first_week: Hours by which its clocks are ahead in the first week.
        second_week: The same from the night before its Sunday's end on.
    """
    hour = step / STEPS_OF_HOUR
    local = hour + (first_week if hour < 6 * 24 else second_week)
    day, of_day = divmod(local, 24)
    is_lunch = 12 <= of_day < 12 + 2 / 3
    return day % 7 < 5 and 8 <= of_day < 17 and not is_lunch, is_lunch


def test_office_hours_page_nobody_and_an_outage_in_them_does(tmp_path: Path) -> None:
    """
    Nights, lunch and the Monday after the first week are silent, also where clocks were changed in between.

    On Tuesday morning all requests stay away. Where there are few, that is known after two hours.
    """
    lapse = Lapse(step_seconds=STEP)
    # By how many hours their clocks are ahead, before and after.
    offices = {"autumn": (2, 1), "spring": (1, 2)}
    outage = 8 * STEPS_OF_DAY + 17 * STEPS_OF_HOUR // 2
    last = 8 * STEPS_OF_DAY + 11 * STEPS_OF_HOUR
    for season, (before, after) in offices.items():
        for name, rate, silence in (("busy", 25, 2), ("calm", 3, 2 * STEPS_OF_HOUR)):
            slo = f"{season} {name}"
            events = []
            for step in range(last):
                works, is_lunch = office_hours(step, first_week=before, second_week=after)
                works = works or (is_lunch and name == "calm" and step // STEPS_OF_DAY % 7 < 5)
                events.append(rate if works and step < outage else 0)
            show_counts(lapse, slo, events)
            for step in range(7 * STEPS_OF_DAY, outage, 3):
                lapse.expect(firing("SLONoTraffic", slo=slo), step, 0)
            # The first step of the outage is one of its own.
            lapse.expect(firing("SLONoTraffic", slo=slo), outage + silence - 2, 0)
            lapse.expect(firing("SLONoTraffic", slo=slo, severity="page"), outage + silence - 1, 1)
    slos = [SLODefinition(f"{season} {name}", 0.999) for season in offices for name in ("busy", "calm")]

    run_lapses(only(rules_of(*slos), "SLONoTraffic"), [lapse], tmp_path)


def poisson(rate: float, chance: random.Random) -> int:
    """How many of so many expected events come."""
    count, left = 0, chance.expovariate(1)
    while left < rate:
        count, left = count + 1, left + chance.expovariate(1)
    return count


def test_few_requests_are_no_outage(tmp_path: Path) -> None:
    """A service with six an hour and one with thirty, which come by chance, day and night: silent at times, and well."""
    lapse = Lapse(step_seconds=STEP)
    steps = 8 * STEPS_OF_DAY
    chance = random.Random(3)
    rates = {"six": 6, "thirty": 30}
    for name, rate in rates.items():
        events = [poisson(rate / STEPS_OF_HOUR, chance) for _ in range(steps)]
        assert any(not one and not other for one, other in pairwise(events[-STEPS_OF_DAY:]))
        show_counts(lapse, name, events)
    for step in range(STEPS_OF_DAY, steps):
        lapse.expect(firing("SLONoTraffic"), step, 0)

    rules = rules_of(*(SLODefinition(name, 0.999) for name in rates))
    run_lapses(only(rules, "SLONoTraffic"), [lapse], tmp_path)


# Absence.


def show_targets(lapse: Lapse, values: Sequence[Value], *slos: str, **labels: str) -> None:
    for slo in slos:
        lapse.scrape("slo_target", values, slo=slo, **{"slo_service": "shop", **labels})


GONE_AT, STEPS = 20, 60
TILL_THE_END: list[Value] = [1.0] * STEPS
GONE: list[Value] = [1.0] * GONE_AT + [STALE] + [None] * (STEPS - GONE_AT - 1)


@pytest.mark.parametrize(("scope", "service"), [("fleet", "shop"), ("process", "shop"), ("process", "default")])
def test_a_dead_service_is_one_alert(scope: str, service: str, tmp_path: Path) -> None:
    """However many SLOs and pods it had; ten minutes after the last of them has gone."""
    lapse = Lapse()
    names = ("availability", "latency", "checkout", "search", "login")
    label = {} if service == "default" else {"slo_service": service}
    for pod, values in (("1", GONE), ("2", [1.0] * 5 + [STALE])):
        for name in names:
            lapse.scrape("slo_target", values, slo=name, instance=pod, **label)
    for step in range(STEPS):
        lapse.expect(firing("SLOAbsent"), step, int(step >= GONE_AT + 10))
        lapse.expect(firing("SLOAbsent", slo_inhibit="service", slo_service=service), step, int(step >= GONE_AT + 10))

    rules = rules_of(*(SLODefinition(name, 0.99) for name in names), scope=scope, service=service)
    run_lapses(only(rules, "SLOAbsent"), [lapse], tmp_path)


@pytest.mark.parametrize("options", [{}, {"by": ["env"]}, {"match": {"env": "prod"}}])
def test_a_dead_service_pages_for_a_week(options: dict[str, Any], tmp_path: Path) -> None:
    """It is no better for being dead for two days; after a week it was meant to be so."""
    lapse = Lapse(step_seconds=300)
    steps = 9 * 24 * 12
    lived: list[Value] = [1.0] * 24 + [STALE]
    show_targets(lapse, lived + [None] * (steps - len(lived)), "a", "b", env="prod")
    for hour, fires in ((1, 0), (3, 1), (12, 1), (30, 1), (48, 1), (7 * 24, 1), (7 * 24 + 4, 0), (8 * 24, 0)):
        lapse.expect(firing("SLOAbsent"), hour * 12, fires)

    rules = rules_of(SLODefinition("a", 0.99), SLODefinition("b", 0.99), **options)
    run_lapses(only(rules, "SLOAbsent"), [lapse], tmp_path)


def test_slos_that_are_gone_while_others_live_are_named_and_silence_nothing(tmp_path: Path) -> None:
    """The worker that carried two of three SLOs has died; the third pages on."""
    lapse = Lapse()
    show_targets(lapse, TILL_THE_END, "availability", instance="web")
    show_targets(lapse, GONE, "mails {{", "jobs", instance="worker")
    identity = {"slo_service": "shop", "sloth_service": "shop"}
    labels = {**identity, "severity": "page", "sloth_severity": "page", "slo_alert_family": "absent"}
    lapse.alerts["SLOAbsent", STEPS - 1] = [
        (
            labels,
            {
                "summary": "2 of the SLOs of shop are no longer measured",
                "description": (
                    "No process shows jobs, mails {{, and one did within the last week: they are gone, or not scraped, or "
                    "their store is out of reach. Until then no other alert about these can fire."
                ),
            },
        )
    ]

    rules = rules_of(*(SLODefinition(name, 0.99) for name in ("availability", "mails {{", "jobs")))
    check_rules(rules_text(rules.file_content()), tmp_path)
    run_lapses(only(rules, "SLOAbsent"), [lapse], tmp_path)


def test_an_slo_may_be_absent_if_it_says_so(tmp_path: Path) -> None:
    """A job that sleeps at night is off, one is a ticket; the month of an odd zone is a section of its own."""
    lapse = Lapse()
    show_targets(lapse, TILL_THE_END, "web")
    show_targets(lapse, GONE, "off", "ticket", "month")
    lapse.expect(firing("SLOAbsent", severity="ticket"), STEPS - 1, 1)
    lapse.expect(firing("SLOAbsent", severity="page"), STEPS - 1, 1)
    lapse.expect('ALERTS{alertname="SLOAbsent",alertstate="pending"}', GONE_AT - 1, None)

    rules = rules_of(
        SLODefinition("web", 0.99),
        SLODefinition("off", 0.99, alerts={"absent": "off"}),
        SLODefinition("ticket", 0.99, alerts={"absent": "ticket"}),
        SLODefinition("month", 0.99, window="month", timezone="America/Argentina/Buenos_Aires"),
    )
    run_lapses(only(rules, "SLOAbsent"), [lapse], tmp_path)


def test_each_environment_is_absent_for_itself(tmp_path: Path) -> None:
    """Staging is switched off at night: its alert says so, and production has none."""
    lapse = Lapse()
    show_targets(lapse, TILL_THE_END, "a", "b", env="prod")
    show_targets(lapse, GONE, "a", "b", env="staging")
    lapse.expect(firing("SLOAbsent", env="staging", slo_inhibit="service"), STEPS - 1, 1)
    lapse.expect(firing("SLOAbsent"), STEPS - 1, 1)
    slos = (SLODefinition("a", 0.99), SLODefinition("b", 0.99))

    run_lapses(only(rules_of(*slos, by=["env"]), "SLOAbsent"), [lapse], tmp_path)


def test_slos_that_are_gone_from_one_environment_are_named(tmp_path: Path) -> None:
    """Those of that environment, and no others that are gone elsewhere; names with signs of templates come out whole."""
    lapse = Lapse()
    show_targets(lapse, TILL_THE_END, "a %d", env="prod", cluster="x", slo_service="shop %d")
    show_targets(lapse, GONE, "b", "c {{", env="prod", cluster="x", slo_service="shop %d")
    show_targets(lapse, TILL_THE_END, "b", "c {{", env="staging", cluster="x", slo_service="shop %d")
    show_targets(lapse, GONE, "a %d", env="staging", cluster="x", slo_service="shop %d")
    texts = {
        ("prod", "2"): "No process shows b, c {{, and one did within",
        ("staging", "1"): "No process shows a %d, and one did within",
    }
    lapse.alerts["SLOAbsent", STEPS - 1] = [
        (
            {
                **{"slo_service": "shop %d", "sloth_service": "shop %d", "env": env, "cluster": "x"},
                **{"severity": "page", "sloth_severity": "page", "slo_alert_family": "absent"},
            },
            {
                "summary": f"{count} of the SLOs of shop %d (env {env}, cluster x) are no longer measured",
                "description": (
                    f"{text} the last week: they are gone, or not scraped, or their store is out of reach. Until then no "
                    "other alert about these can fire."
                ),
            },
        )
        for (env, count), text in texts.items()
    ]

    rules = rules_of(
        *(SLODefinition(name, 0.99) for name in ("a %d", "b", "c {{")), by=["env", "cluster"], service="shop %d"
    )
    check_rules(rules_text(rules.file_content()), tmp_path)
    run_lapses(only(rules, "SLOAbsent"), [lapse], tmp_path)


def test_a_dead_service_silences_all_else_about_it_and_nothing_about_others() -> None:
    """What Alertmanager sends on, with the rules of the README."""

    def alert(name: str, family: str, service: str = "shop", **labels: str) -> dict[str, Any]:
        of_alert = {"alertname": name, "slo_service": service, "slo_alert_family": family, "severity": "page"}
        return {"labels": {**of_alert, **labels}}

    absent = alert("SLOAbsent", "absent", slo_inhibit="service")
    others = [
        alert("SLOErrorBudgetBurn", "burn", slo="a", slo_inhibit="source"),
        alert("SLOBudgetExhausted", "budget", slo="b", slo_inhibit="source"),
        alert("SLONoTraffic", "traffic", slo="a"),
        alert("SLOStoreDown", "store"),
    ]
    elsewhere = [
        alert("SLOErrorBudgetBurn", "burn", "billing", slo="a", slo_inhibit="source"),
        alert("SLOAbsent", "absent", "billing"),
        alert("SLOErrorBudgetBurn", "burn", "billing", slo="b"),
    ]
    with (
        start_telephone() as telephone,
        start_alertmanager(telephone, severities=["page"], inhibit=ALERTMANAGER_INHIBIT_RULES) as alertmanager,
    ):
        request = urllib.request.Request(
            f"http://{alertmanager.address}/api/v2/alerts",
            data=json.dumps([absent, *others, *elsewhere]).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10):
            wait_until(lambda: len(telephone.calls) >= 1 + len(elsewhere))
        calls = [(call["labels"]["alertname"], call["labels"]["slo_service"]) for _, call in telephone.calls]
        silenced = [each["labels"]["alertname"] for each in alertmanager.alerts() if each["status"]["inhibitedBy"]]

    assert sorted(calls) == sorted(
        [("SLOAbsent", "shop"), *((each["labels"]["alertname"], "billing") for each in elsewhere)]
    )
    assert sorted(silenced) == sorted(each["labels"]["alertname"] for each in others)


# The store, and rules that are not those of the processes.


@pytest.mark.parametrize("by", [[], ["env"]], ids=["one", "by env"])
def test_a_store_that_moves_with_its_history_loses_none(by: list[str], tmp_path: Path) -> None:
    """
    A copy is measured since the same instant, and has as many events; each service has another store from minute 90 on.

    The new store of "emptied" soon has more events than the old one ever had; that of "old backup" lacks some.
    """
    lapse = Lapse()
    moved, steps = 90, 150
    services = {"copied": (-DAY, 900, 0), "emptied": (moved * 60.0, 5000, 1), "old backup": (-DAY, 700, 1)}
    for service, (since, events, lost) in services.items():
        for store, pad, until, begun, good in (("a", 0, moved, -DAY, 850), ("b", moved, steps, since, events)):
            labels = {"slo_service": service, "store_id": store, "env": "prod"}
            shown: dict[str, Value] = {"slo_store_info": 1.0, "slo_data_since_seconds": begun}
            for metric, value in shown.items():
                of_slo = {} if metric == "slo_store_info" else {"slo": "a"}
                lapse.scrape(metric, [None] * pad + [value] * (until - pad) + [STALE], **labels, **of_slo)
            for outcome, count in (("good", good), ("bad", 50)):
                values: list[Value] = [None] * pad + [count] * (until - pad) + [STALE]
                lapse.scrape("slo_events_total", values, slo="a", outcome=outcome, **labels)
        for step in (moved - 1, moved + 4, moved + 5, moved + 59):
            lapse.expect(firing("SLOHistoryLost", slo_service=service), step, lost * int(step >= moved + 5))
    groups = [
        group
        for service in services
        for group in only(rules_of(SLODefinition("a", 0.99), service=service, by=by), "SLOHistoryLost")["groups"]  # type: ignore[attr-defined]
    ]

    run_lapses({"groups": groups}, [lapse], tmp_path)


def test_a_process_that_has_never_read_its_store_speaks_for_the_service_that_is_gone(tmp_path: Path) -> None:
    """An exporter that is started while the store is down does not know which services are in it; others live on."""
    lapse = Lapse()
    began, steps = 70, 90
    for service, values in (("shop", [1.0] * began + [STALE]), ("billing", [1.0] * steps)):
        lapse.scrape("slo_store_up", values, slo_service=service, store_id=service, env="prod")
    lapse.scrape("slo_store_up", [None] * began + [0.0] * (steps - began), env="prod")
    lapse.scrape("slo_store_up", [None] * began + [1.0] * (steps - began), env="staging")
    for step in range(began - 1, steps):
        for service, tells in (("shop", step >= began + 2), ("billing", False), ("never seen", False)):
            lapse.expect(firing("SLOStoreDown", slo_service=service, env="prod"), step, int(tells))
    groups = [
        group
        for service in ("shop", "billing", "never seen")
        for group in only(rules_of(SLODefinition("a", 0.99), service=service, by=["env"]), "SLOStoreDown")["groups"]  # type: ignore[attr-defined]
    ]

    run_lapses({"groups": groups}, [lapse], tmp_path)


@pytest.mark.parametrize(("scope", "service"), [("fleet", "shop"), ("process", "default")])
def test_rules_that_are_not_those_of_the_processes_are_named(scope: str, service: str, tmp_path: Path) -> None:
    """Another target, another window; not while a process still has the old ones, nor one that does not show its window."""
    lapse, steps = Lapse(), 60
    label = {} if service == "default" else {"slo_service": service}
    days_of = {"same": 30, "target": 30, "window": 14, "replaced": 30, "month": 30, "older": None, "short": 1 / 24}
    for pod in "12":
        for name, days in days_of.items():
            is_other = name == "target" or (name == "replaced" and pod == "2")
            labels = {"slo": name, "instance": pod, **label}
            lapse.scrape("slo_target", [0.99 if is_other else 0.999] * steps, **labels)
            if days is not None:
                lapse.scrape("slo_window_seconds", [days * DAY] * steps, **labels)
    for step in range(12, 20):
        lapse.expect(firing("SLORulesOutdated", severity="ticket"), step, int(step >= 15))
    identity = {"slo_service": service, "sloth_service": service}
    lapse.alerts["SLORulesOutdated", 20] = [
        (
            {**identity, "severity": "ticket", "sloth_severity": "ticket", "slo_alert_family": "rules"},
            {
                "summary": f"The rules of {service} are not those of its processes",
                "description": (
                    "Other target or window: target, window, as their processes show them. Alerts about these judge by what "
                    "the rules say, or not at all. Make the rules once more, and load them."
                ),
            },
        )
    ]
    slos = [SLODefinition(name, 0.999, HOUR if name == "short" else 30 * DAY, burn_rate_windows=()) for name in days_of]
    slos[4] = SLODefinition("month", 0.999, window="month")

    run_lapses(
        only(rules_of(*slos, scope=scope, service=service), "SLORulesOutdated", with_records=True), [lapse], tmp_path
    )
