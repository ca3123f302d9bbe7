"""The rules of a service as a whole, and what is doubtful about them. Tests of rule_set and rule."""

from __future__ import annotations

from typing import Any

import pytest

from shop_rules import AVAILABILITY, alerts, all_rules, many, rules
from slo_core import AlertRule, SLODefinition

DAY = 86_400


# Shared rules.


@pytest.mark.parametrize("scope", ["process", "fleet"])
def test_slos_share_their_rules(scope: str) -> None:
    """Another SLO with other numbers adds four series that say what it promises, and no alert."""
    few, more = (all_rules(rules(*many(count), scope=scope)) for count in (10, 11))

    assert sorted(rule["record"] for rule in more if "slo-10" in str(rule)) == [
        "slo:budget:events", "slo:budget:failures", "slo:objective:ratio", "sloth_slo_info",
    ]  # fmt: skip
    assert len(more) - len(few) == 4


def test_an_slo_with_windows_or_alerts_of_its_own_has_rules_of_its_own() -> None:
    """None of the others' rules is about it. No two rules have the same name and labels, which promtool warns of."""
    own = AlertRule("2h", "10m", severity="page", burn_rate=9)
    slos = [*many(3), SLODefinition("week", 0.99, 7 * DAY), SLODefinition("own", 0.99, alert_rules=(own,))]

    rule_set = rules(*slos)

    sections = [
        rule["labels"]["slo_rules"] for rule in all_rules(rule_set) if rule.get("record") == "slo:budget:events"
    ]
    assert len(set(sections[:3])) == 1
    assert len(set(sections)) == 3
    keys = [(rule.get("alert") or rule["record"], *sorted(rule["labels"].items())) for rule in all_rules(rule_set)]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "options", [{"labels": {"team": "b"}}, {"dashboard_url": "https://b"}, {"keep_firing_for": "5m"}]
)
def test_two_files_of_a_service_do_not_speak_for_each_other(options: dict[str, Any]) -> None:
    """The rules of one file are about its own SLOs, unless the other file has the same rules."""
    ids = {
        rule["labels"]["slo_rules"]
        for rule_set in (rules(SLODefinition("a", 0.9)), rules(SLODefinition("b", 0.9), **options))
        for rule in all_rules(rule_set)
        if rule.get("record") == "slo:budget:events"
    }
    assert len(ids) == 2


# Warnings.


def test_an_ordinary_slo_in_a_shared_store_has_no_warning() -> None:
    """Also of 90 days: nothing reaches back, so retention does not matter."""
    assert rules(AVAILABILITY, SLODefinition("b", 0.999, 90 * DAY)).warnings == ()


def test_a_rule_that_can_never_fire_is_told() -> None:
    """It was wanted, so it is there all the same."""
    rule = AlertRule("1h", "5m", severity="page", burn_rate=14.4)

    rule_set = rules(SLODefinition("a", 0.9, alert_rules=(rule,)))

    assert len(alerts(rule_set)) == 1
    assert rule_set.warnings == (
        "SLO 'a': alert rule page 1h/5m: its factor 14.4 can never be reached: at a target of 0.9 a total outage burns at 10",
    )


def test_default_rules_that_were_left_out_are_told() -> None:
    """And what an SLO without any means."""
    warnings = rules(SLODefinition("a", 0.999, 28 * DAY), SLODefinition("b", 0.999, alert_rules=())).warnings

    assert warnings == (
        (
            "SLO 'a': left out the default alert rule ticket 3d/6h: its factor 0.933333 would alert on a budget that lasts the "
            "whole window"
        ),
        "SLO 'b': no alert rule, so no alert says how fast its budget burns",
    )


def test_counters_of_processes_need_history_and_know_no_calendar() -> None:
    """15 days are what Prometheus keeps unless told otherwise."""
    warnings = rules(
        SLODefinition("a", 0.999, window="month"), SLODefinition("b", 0.999, 7 * DAY), scope="process"
    ).warnings

    assert warnings == (
        "SLO 'a': the window 'month' is taken as the last 30d: counters of processes know no calendar",
        (
            "SLO 'a': its window of 30d is longer than the 15d that Prometheus keeps by default: set "
            "--storage.tsdb.retention.time=30d or more, or use a shared store, which needs no history"
        ),
    )


# Formats.


def test_a_document_is_a_copy() -> None:
    """A change of it changes nothing else."""
    rule_set = rules()

    rule_set.file_content()["groups"][0]["rules"].clear()

    assert rule_set.groups[0]["rules"]
