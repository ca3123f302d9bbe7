"""The names that rules bring into Prometheus: records, alerts and their labels."""

from __future__ import annotations

from slo_core.conventions import Label
from slo_core.rules.promql import duration_text

__all__ = [
    "ALERTMANAGER_INHIBIT_RULES",
    "INHIBITS_SERVICE",
    "RESERVED_RULE_LABELS",
    "Record",
    "RuleLabel",
    "sli_error_record",
]


class Record:
    """
    Names of recorded series.

    All but the first six are Sloth's published conventions, which many dashboards use.
    """

    COUNTS = "slo:window_counts:sum"
    BUDGET_EVENTS = "slo:budget:events"
    BUDGET_FAILURES = "slo:budget:failures"
    EVENTS = "slo:window_events:sum"
    FAILURES = "slo:window_failures:sum"
    TIME_TO_EXHAUSTION = "slo:time_to_exhaustion:seconds"
    OBJECTIVE = "slo:objective:ratio"
    ERROR_BUDGET = "slo:error_budget:ratio"
    PERIOD_DAYS = "slo:time_period:days"
    CURRENT_BURN_RATE = "slo:current_burn_rate:ratio"
    PERIOD_BURN_RATE = "slo:period_burn_rate:ratio"
    BUDGET_REMAINING = "slo:period_error_budget_remaining:ratio"
    INFO = "sloth_slo_info"


def sli_error_record(window_seconds: int) -> str:
    """The record that holds the error ratio of a window: `slo:sli_error:ratio_rate5m`."""
    return f"slo:sli_error:ratio_rate{duration_text(window_seconds)}"


class RuleLabel:
    """Labels that only rules set: Sloth's, and those that let an alert silence another."""

    SLOTH_ID = "sloth_id"
    SLOTH_SERVICE = "sloth_service"
    SLOTH_SLO = "sloth_slo"
    SLOTH_WINDOW = "sloth_window"
    SLOTH_SEVERITY = "sloth_severity"
    SLOTH_MODE = "sloth_mode"
    SLOTH_OBJECTIVE = "sloth_objective"
    SLOTH_SPEC = "sloth_spec"
    SLOTH_VERSION = "sloth_version"
    BUDGET_BELOW = "budget_below"
    FAMILY = "slo_alert_family"
    INHIBIT = "slo_inhibit"
    RULES = "slo_rules"
    COUNT = "slo_count"
    PROMISE = "slo_promise"
    DESCRIPTION = "slo_description"
    RUNBOOK = "slo_runbook"
    DASHBOARD = "slo_dashboard"
    PART = "slo_part"  # only while an expression is worked out


# Configured labels of these names would be overwritten, or keep series and alerts from matching.
RESERVED_RULE_LABELS = (
    {value for name, value in vars(RuleLabel).items() if name.isupper()}
    | {Label.SLO, Label.SERVICE, Label.SEVERITY, Label.LONG_WINDOW, Label.SHORT_WINDOW}
    | {"alertname", "alertstate"}
)  # fmt: skip

# The value of `slo_inhibit` of an alert that silences all others of its service.
INHIBITS_SERVICE = "service"

# For the `inhibit_rules:` of Alertmanager. While an SLO pages, its slower tickets of the same family stay silent: a fast
# burn silences slow ones, an exhausted budget silences a low one. A service that is gone silences all else about it.
ALERTMANAGER_INHIBIT_RULES = (
    {
        "source_matchers": [f'{RuleLabel.INHIBIT}="source"'],
        "target_matchers": [f'{RuleLabel.INHIBIT}="target"'],
        "equal": [Label.SERVICE, Label.SLO, RuleLabel.FAMILY],
    },
    {
        "source_matchers": [f'{RuleLabel.INHIBIT}="{INHIBITS_SERVICE}"'],
        "target_matchers": [f'{RuleLabel.FAMILY}=~"burn|budget|traffic|store"'],
        "equal": [Label.SERVICE],
    },
)
