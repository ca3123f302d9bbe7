"""Alerts that wait until enough is known, or that one alert speaks for, in the real promtool and Alertmanager."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from itertools import accumulate
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
        ("slo_window_events", HOUR, "events"),
        ("slo_window_failures", HOUR, "bad"),
        ("slo_warming_up", None, "warming_up"),
        ("slo_data_since_seconds", None, "since"),
    ):
        of_window = {} if window is None else {"window_seconds": str(window)}
        shown = [value.get(key) for value in values]
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
    for slo, events, bad in (("spent", 999, 1), ("low", 1_200, 1), ("soon", 5_000, 2)):
        seen: list[dict[str, Value]] = [
            {"events": events, "bad": bad * (step >= 5), "warming_up": int(5 <= step < 20)} for step in steps
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


# Traffic.


def in_office_hours(step: int) -> bool:
    """9 to 17 o'clock from Monday to Friday, at steps of ten minutes from a Monday's midnight on."""
    day, minute = divmod(step * 10, 24 * 60)
    return day % 7 < 5 and 9 * 60 <= minute < 17 * 60


def test_office_hours_page_nobody_and_an_outage_in_them_does(tmp_path: Path) -> None:
    """In the third week: evenings, the weekend and Monday morning are silent; the outage of Tuesday, 10 o'clock, is not."""
    lapse = Lapse(step_seconds=600)
    week = 7 * 144
    outage = 2 * week + 144 + 10 * 6
    steps = outage + 12
    rates = [20 if in_office_hours(step) and step < outage else 0 for step in range(steps)]
    for outcome, values in (("good", list(accumulate(rates))), ("bad", [0] * steps)):
        lapse.scrape("slo_events_total", values, slo="a", slo_service="shop", store_id="a", outcome=outcome)
    for metric, value in (("slo_target", 0.999), ("slo_data_since_seconds", -30.0 * DAY)):
        lapse.scrape(metric, [value] * steps, slo="a", slo_service="shop", store_id="a")
    for step in range(week + 144, outage, 3):
        lapse.expect(firing("SLONoTraffic"), step, 0)
    lapse.expect(firing("SLONoTraffic", severity="page"), outage + 3, 1)

    run_lapses(only(rules_of(SLODefinition("a", 0.999)), "SLONoTraffic"), [lapse], tmp_path)


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
