"""The Prometheus rules of a shop."""

from __future__ import annotations

from typing import Any

from slo_core import SLODefinition
from slo_core.rules.rule_set import PrometheusRules, prometheus_rules

AVAILABILITY = SLODefinition("availability", 0.999)


def rules(*slos: SLODefinition, service: str = "shop", scope: Any = "fleet", **options: Any) -> PrometheusRules:
    return prometheus_rules(slos or (AVAILABILITY,), service=service, scope=scope, **options)


def all_rules(rule_set: PrometheusRules) -> list[dict[str, Any]]:
    return [dict(rule) for group in rule_set.groups for rule in group["rules"]]


def alerts(rule_set: PrometheusRules, name: str = "SLOErrorBudgetBurn") -> list[dict[str, Any]]:
    return [rule for rule in all_rules(rule_set) if rule.get("alert") == name]


def records(rule_set: PrometheusRules, name: str) -> dict[str | None, dict[str, Any]]:
    """The rules that record that name, by their window."""
    return {rule["labels"].get("sloth_window"): rule for rule in all_rules(rule_set) if rule.get("record") == name}


def many(count: int, **options: Any) -> list[SLODefinition]:
    """SLOs with targets of their own."""
    return [SLODefinition(f"slo-{number}", round(0.99 + 0.00005 * number, 5), **options) for number in range(count)]
