"""Alerting rules about the store of a service."""

from __future__ import annotations

from shop_rules import alerts, all_rules, rules


def test_shared_stores_are_watched_and_single_processes_have_none() -> None:
    """Names of all alerts."""
    of_slo = {
        "SLOErrorBudgetBurn", "SLOBudgetExhausted", "SLOBudgetLow", "SLOBudgetGoneSoon", "SLONoTraffic", "SLOAbsent",
        "SLOEventsDropped", "SLORulesOutdated",
    }  # fmt: skip

    for scope, more in (("host", {"SLOStoreDown", "SLOFlushStuck", "SLOHistoryLost"}), ("process", set())):
        assert {rule["alert"] for rule in all_rules(rules(scope=scope)) if "alert" in rule} == of_slo | more
    assert rules().groups[-1]["name"] == "slo-service/shop"


def test_a_lost_history_names_every_way_to_lose_it() -> None:
    """A replaced host is one, where each host has a store of its own."""
    (lost,) = alerts(rules(scope="host"), "SLOHistoryLost")

    assert "a host that has an SQLite of its own was replaced" in lost["annotations"]["description"]
