"""The rules of a service as a whole, and what is doubtful about them. Tests of rule_set and rule."""

from __future__ import annotations

from shop_rules import AVAILABILITY, alerts, rules
from slo_core import AlertRule, SLODefinition

DAY = 86_400


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
