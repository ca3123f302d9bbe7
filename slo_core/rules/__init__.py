"""Prometheus recording and alerting rules from SLO definitions."""

from slo_core.rules.names import ALERTMANAGER_INHIBIT_RULE
from slo_core.rules.rule_set import PrometheusRules, prometheus_rules
from slo_core.rules.series import RuleScope
from slo_core.rules.text import rules_text

__all__ = ["ALERTMANAGER_INHIBIT_RULE", "PrometheusRules", "RuleScope", "prometheus_rules", "rules_text"]
