"""Switches of alerts and other names for severities, in the rules. Tests of severities, and of absent_alerts."""

from __future__ import annotations

from typing import Any

import pytest

from shop_rules import AVAILABILITY, alerts, all_rules, rules
from slo_core import ConfigError, SLODefinition
from slo_core.config.sources.definition_set import DefinitionSet
from slo_core.conventions import Alert
from slo_core.rules.file import rule_file
from slo_core.rules.rule_set import PrometheusRules, prometheus_rules


def severities_of(rule_set: PrometheusRules) -> set[tuple[str, str]]:
    """Each alert with its severities."""
    return {(rule["alert"], rule["labels"]["severity"]) for rule in all_rules(rule_set) if "alert" in rule}


def test_every_alert_has_a_switch() -> None:
    """All of them at first; each family may be off, or have another severity."""
    every = severities_of(rules())
    assert {alert for alert, _ in every} == set(Alert.FAMILY_OF)

    for family in set(Alert.FAMILY_OF.values()):
        members = {alert for alert, of_alert in Alert.FAMILY_OF.items() if of_alert == family}
        others = {(alert, severity) for alert, severity in every if alert not in members}
        assert severities_of(rules(alerts={family: "off"})) == others
        assert severities_of(rules(alerts={family: "info"})) == others | {(alert, "info") for alert in members}


def test_the_switch_of_an_slo_is_its_own() -> None:
    """Of two SLOs one has no budget alerts, and makes a ticket of silence; the file makes tickets of it as well."""
    own = SLODefinition("own", 0.999, alerts={"budget": False, "SLONoTraffic": "on"})

    rule_set = rules(own, AVAILABILITY, alerts={"traffic": "ticket"})

    assert len(alerts(rule_set, "SLOBudgetExhausted")) == 1
    assert sorted(rule["labels"]["severity"] for rule in alerts(rule_set, "SLONoTraffic")) == ["page", "ticket"]


def test_severities_get_other_names_everywhere() -> None:
    """Alertmanager routes by `severity`; dashboards for Sloth read `sloth_severity`, which stays."""
    rule_set = rules(alerts={"traffic": "ticket"}, severities={"page": "critical", "ticket": "warning"})

    assert {severity for _, severity in severities_of(rule_set)} == {"critical", "warning"}
    assert ("SLONoTraffic", "warning") in severities_of(rule_set)
    assert {rule["labels"]["sloth_severity"] for rule in all_rules(rule_set) if "alert" in rule} == {"page", "ticket"}
    assert len(severities_of(rule_set)) == len(severities_of(rules()))


def test_two_settings_of_switches_are_two_editions_of_the_rules() -> None:
    """Two files of a service, each with its own switches, do not read each other's records."""
    ids = {
        rule["labels"]["slo_rules"]
        for options in ({}, {"alerts": {"traffic": "off"}}, {"severities": {"page": "critical"}})
        for rule in all_rules(rules(**options))
        if "slo_rules" in rule["labels"]
    }

    assert len(ids) == 3


def in_file(**options: Any) -> DefinitionSet:
    return DefinitionSet(where="slos.yaml", definitions=(AVAILABILITY,), service="shop", scope="fleet", **options)


def test_the_file_decides_before_the_command() -> None:
    """Also where the one names a family, and the other an alert."""
    slos = in_file(alerts={"traffic": "ticket", "absent": "on"}, severities={"page": "critical"})

    text = rule_file(
        slos,
        alerts={"SLONoTraffic": "off", "SLOAbsent": "off", "budget": "off"},
        severities={"page": "wake", "ticket": "warning"},
    ).text

    assert "SLONoTraffic" in text
    assert "SLOAbsent" in text
    assert "SLOBudgetLow" not in text
    assert "severity: critical" in text
    assert "severity: warning" in text
    assert "severity: wake" not in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alerts": {"trafic": "off"}}, "--alert: unknown alert 'trafic'; did you mean \"traffic\"?"),
        ({"severities": {"page": ""}}, "--severity: expected non-empty text, got ''"),
    ],
)
def test_a_mistake_in_an_option_names_it(options: dict[str, Any], message: str) -> None:
    """And is not looked for in the file."""
    with pytest.raises(ConfigError) as caught:
        rule_file(in_file(), **options)

    assert str(caught.value) == message


def test_without_alerts_of_the_service_there_is_no_empty_group() -> None:
    """Prometheus would take one, people would wonder."""
    off = dict.fromkeys(("store", "absent", "rules"), "off")
    rule_set = prometheus_rules([AVAILABILITY], service="shop", scope="fleet", alerts=off)

    assert all(group["rules"] for group in rule_set.groups)
    assert not any(group["name"].startswith("slo-service") for group in rule_set.groups)
