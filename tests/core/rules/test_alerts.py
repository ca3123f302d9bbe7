"""Alerting rules of an SLO as text, worked out by hand. That they work is shown in `e2e/test_rules.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shop_rules import AVAILABILITY, alerts, all_rules, records, rules
from slo_core import AlertRule, SLODefinition
from slo_core.rules.names import ALERTMANAGER_INHIBIT_RULES
from slo_core.rules.rule_set import PrometheusRules


def test_an_alert_compares_cross_multiplied_integers_in_both_windows() -> None:
    """14.4 at 99.9 % is 72/5 of 1/1000, with enough failures in the long one, measured for the short one."""
    rule_set = rules(keep_firing_for="10m")
    page = alerts(rule_set)[0]

    window = 'sloth_service="shop",sloth_window'
    per_slo = "* on (slo_service, slo) group_left ()"
    (section,) = {rule["labels"]["slo_rules"] for rule in records(rule_set, "slo:window_counts:sum").values()}
    since = 'slo_data_since_seconds{slo_service="shop"}'
    assert page["expr"] == (
        "(\n"
        f'  slo:window_failures:sum{{{window}="1h"}} {per_slo} (5 * slo:budget:events{{slo_rules="{section}"}})\n'
        f'  >= slo:window_events:sum{{{window}="1h"}} {per_slo} (72 * slo:budget:failures{{slo_rules="{section}"}})\n'
        f'  and slo:window_events:sum{{{window}="1h"}} > 0\n'
        f'  and slo:window_failures:sum{{{window}="1h"}} >= 2\n'
        ")\n"
        "and ignoring (sloth_window)\n"
        "(\n"
        f'  slo:window_failures:sum{{{window}="5m"}} {per_slo} (5 * slo:budget:events{{slo_rules="{section}"}})\n'
        f'  >= slo:window_events:sum{{{window}="5m"}} {per_slo} (72 * slo:budget:failures{{slo_rules="{section}"}})\n'
        f'  and slo:window_events:sum{{{window}="5m"}} > 0\n'
        ")\n"
        "and on (slo_service, slo)\n"
        "(\n"
        "  max by (slo_service, slo) (\n"
        f"    timestamp({since})\n"
        f"    - {since}\n"
        "  ) >= 300\n"
        ")"
    )
    assert page["keep_firing_for"] == "10m"
    # Those of the SLO come with the series.
    assert page["labels"] == {
        "long_window_seconds": "3600",
        "short_window_seconds": "300",
        "severity": "page",
        "sloth_severity": "page",
        "slo_alert_family": "burn",
        "slo_inhibit": "source",
    }
    assert list(page) == ["alert", "expr", "keep_firing_for", "labels", "annotations"]


def test_the_rules_in_force_are_the_alerts() -> None:
    """The Workbook's, or one's own."""
    own = AlertRule("2h", "10m", severity="ticket", burn_rate=3, min_failures=7)

    alert_rules = alerts(rules(AVAILABILITY, SLODefinition("own", 0.99, alert_rules=(own,))))

    assert [
        (rule["labels"]["severity"], rule["labels"]["long_window_seconds"], rule["labels"]["short_window_seconds"])
        for rule in alert_rules
    ] == [
        ("page", "3600", "300"),
        ("page", "21600", "1800"),
        ("ticket", "86400", "7200"),
        ("ticket", "259200", "21600"),
        ("ticket", "7200", "600"),
    ]
    assert ">= 7\n" in alert_rules[-1]["expr"]


def test_every_alert_about_budget_and_traffic_outlives_a_dead_store_and_no_other_does() -> None:
    """It shows no numbers, which is no good news."""
    entries = all_rules(rules(keep_firing_for="90s"))

    outliving = {rule["alert"] for rule in entries if "keep_firing_for" in rule}
    assert outliving == {
        "SLOErrorBudgetBurn", "SLOBudgetExhausted", "SLOBudgetLow", "SLOBudgetGoneSoon", "SLONoTraffic",
    }  # fmt: skip
    assert {rule["keep_firing_for"] for rule in entries if "keep_firing_for" in rule} == {"1m30s"}


@pytest.mark.parametrize("nothing", [None, 0, "0s", ""])
def test_an_old_prometheus_can_be_spared_what_it_does_not_know(nothing: Any) -> None:
    """`keep_firing_for` came with 2.42."""
    assert not any("keep_firing_for" in rule for rule in all_rules(rules(keep_firing_for=nothing)))


def test_people_are_told_where_to_look_and_what_it_is_about() -> None:
    """Dashboard of the SLO or of all, runbook and description: those of the SLO stand in its information series."""
    slo = SLODefinition("a", 0.999, runbook="https://run/book", description="People can pay.")
    rule_set = rules(slo, dashboard_url="https://dash/board")

    (spent,) = alerts(rule_set, "SLOBudgetExhausted")
    (info,) = records(rule_set, "sloth_slo_info").values()
    (plain,) = alerts(rules(), "SLOBudgetExhausted")

    assert list(spent["annotations"]) == ["summary", "description", "runbook_url", "dashboard_url"]
    assert spent["annotations"]["summary"] == "{{ $labels.slo }} of shop has spent its error budget"
    assert 'label "slo_description"' in spent["annotations"]["description"]
    assert 'label "slo_runbook"' in spent["annotations"]["runbook_url"]
    assert spent["annotations"]["dashboard_url"] == "https://dash/board"
    assert info["labels"]["slo_promise"] == "99.9% good in 30d"
    assert info["labels"]["slo_runbook"] == "https://run/book"
    assert info["labels"]["slo_description"] == "People can pay."
    assert list(plain["annotations"]) == ["summary", "description"]
    (own,) = alerts(
        rules(replace(slo, dashboard="https://dash/a"), dashboard_url="https://dash/board"), "SLOBudgetExhausted"
    )
    assert 'label "slo_dashboard"' in own["annotations"]["dashboard_url"]
    assert "slo_description" not in plain["annotations"]["description"]


def test_labels_of_all_alerts_yield_to_those_of_an_slo() -> None:
    """The nearer one is meant."""
    slo = SLODefinition("a", 0.999, labels={"team": "payments"})

    rule_set = rules(slo, AVAILABILITY, labels={"team": "platform", "region": "eu"})

    teams = {(rule["alert"].startswith("SLOBudget"), rule["labels"]["team"]) for rule in alerts_of_any_name(rule_set)}
    or_platform = "{{ with $labels.team }}{{ . }}{{ else }}platform{{ end }}"
    assert teams == {(True, or_platform), (False, or_platform), (False, "platform")}
    assert {rule["labels"]["region"] for rule in alerts_of_any_name(rule_set)} == {"eu"}
    assert not any("region" in rule["labels"] for rule in all_rules(rule_set) if "record" in rule)
    assert not any("team" in rule["labels"] for rule in alerts(rules(slo, labels={"team": "platform"})))


def alerts_of_any_name(rule_set: PrometheusRules) -> list[dict[str, Any]]:
    return [rule for rule in all_rules(rule_set) if "alert" in rule]


def test_a_page_silences_tickets_however_slow_it_is() -> None:
    """A ticket with a higher factor would else silence the page."""
    page = AlertRule("10m", "1m", severity="page", burn_rate=5)
    ticket = AlertRule("2h", "10m", severity="ticket", budget_share=0.02)

    alert_rules = alerts(rules(SLODefinition("a", 0.999, alert_rules=(page, ticket))))

    inhibiting = {rule["labels"]["severity"]: rule["labels"]["slo_inhibit"] for rule in alert_rules}
    assert inhibiting == {"page": "source", "ticket": "target"}


def test_the_most_urgent_severity_silences_the_others() -> None:
    """Whatever it is called; that of the fastest rule."""
    slow = AlertRule("1d", "2h", severity="warning", burn_rate=3)
    fast = AlertRule("1h", "5m", severity="critical", burn_rate=14.4)

    alert_rules = alerts(rules(SLODefinition("a", 0.999, alert_rules=(slow, fast))))

    assert [(rule["labels"]["severity"], rule["labels"]["slo_inhibit"]) for rule in alert_rules] == [
        ("warning", "target"),
        ("critical", "source"),
    ]
    assert ALERTMANAGER_INHIBIT_RULES[0] == {
        "source_matchers": ['slo_inhibit="source"'],
        "target_matchers": ['slo_inhibit="target"'],
        "equal": ["slo_service", "slo", "slo_alert_family"],
    }
