"""
The PromQL of the dashboards.

Ratios, burn rates and counts come from recorded series: the recording rules know how the instances of a service add up.
Other values come from the application's own series, joined to recorded ones by their labels `slo_service` and `slo`.
"""

from __future__ import annotations

from slo_core.conventions import DEFAULT_SERVICE, Alert, Label, Metric
from slo_core.dashboards.names import Variable
from slo_core.rules.names import Record, RuleLabel, sli_error_record

__all__ = ["SERVICES", "SLOS_OF_SERVICE", "SLOS_OF_SERVICES", "DetailQueries", "OverviewQueries"]

_OBJECTIVE = Record.OBJECTIVE
_IDENTITY = f"{RuleLabel.SLOTH_SERVICE}, {RuleLabel.SLOTH_SLO}"
_RULE = f"{Label.SEVERITY}, {Label.LONG_WINDOW}, {Label.SHORT_WINDOW}"

# The shortest usual window: it is recorded for every SLO, unless the SLO's own is shorter.
_TRAFFIC_SECONDS = 300

# Values of the variables.
SERVICES = f"label_values({_OBJECTIVE}, {RuleLabel.SLOTH_SERVICE})"
SLOS_OF_SERVICES = (
    f'label_values({_OBJECTIVE}{{{RuleLabel.SLOTH_SERVICE}=~"${Variable.SERVICE}"}}, {RuleLabel.SLOTH_SLO})'
)
SLOS_OF_SERVICE = (
    f'label_values({_OBJECTIVE}{{{RuleLabel.SLOTH_SERVICE}="${Variable.SERVICE}"}}, {RuleLabel.SLOTH_SLO})'
)


def _with_service(selector: str) -> str:
    """Adds the label of the default service, which a single process leaves out but its records have."""
    return f'label_replace({selector}, "{Label.SERVICE}", "{DEFAULT_SERVICE}", "{Label.SERVICE}", "")'


class OverviewQueries:
    """Queries about every SLO that the variables select; each series has the labels `sloth_service` and `sloth_slo`."""

    _OF = f'{RuleLabel.SLOTH_SERVICE}=~"${Variable.SERVICE}",{RuleLabel.SLOTH_SLO}=~"${Variable.SLO}"'

    OBJECTIVE = f"max by ({_IDENTITY}) ({_OBJECTIVE}{{{_OF}}})"
    BUDGET_REMAINING = f"max by ({_IDENTITY}) ({Record.BUDGET_REMAINING}{{{_OF}}})"
    CURRENT_BURN_RATE = f"max by ({_IDENTITY}) ({Record.CURRENT_BURN_RATE}{{{_OF}}})"
    PERIOD_BURN_RATE = f"max by ({_IDENTITY}) ({Record.PERIOD_BURN_RATE}{{{_OF}}})"
    # Infinite where nothing burns: no series.
    SECONDS_LEFT = f"max by ({_IDENTITY}) ({Record.TIME_TO_EXHAUSTION}{{{_OF}}}) < Inf"
    # Alerts of Prometheus, as people are paged; 0 where none fires.
    FIRING = (
        f'count by ({_IDENTITY}) (ALERTS{{alertname="{Alert.BURN}",alertstate="firing",{_OF}}})\n'
        f"or max by ({_IDENTITY}) ({_OBJECTIVE}{{{_OF}}}) * 0"
    )
    MEASURED_SECONDS = (
        f"max by ({_IDENTITY}) (\n"
        f"  {_OBJECTIVE}{{{_OF}}} * 0\n"
        f"  + on ({Label.SERVICE}, {Label.SLO}) group_left ()\n"
        f"  max by ({Label.SERVICE}, {Label.SLO}) (time() - {_with_service(Metric.DATA_SINCE)})\n"
        ")"
    )

    COUNT = f"count({OBJECTIVE})"
    EXHAUSTED_COUNT = f"sum({BUDGET_REMAINING} <= bool 0)"
    FIRING_COUNT = f"sum({FIRING})"
    STORES_DOWN = f"sum(min by ({Label.SERVICE}, {Label.STORE_ID}) ({Metric.STORE_UP}) == bool 0)"


class DetailQueries:
    """Queries about the one SLO that the variables select."""

    _OF = f'{RuleLabel.SLOTH_SERVICE}="${Variable.SERVICE}",{RuleLabel.SLOTH_SLO}="${Variable.SLO}"'
    _SLO = f"{_OBJECTIVE}{{{_OF}}}"
    _OF_NAME = f'{{{Label.SLO}="${Variable.SLO}"}}'

    OBJECTIVE = f"max({_SLO})"
    BUDGET_REMAINING = f"max({Record.BUDGET_REMAINING}{{{_OF}}})"
    CURRENT_BURN_RATE = f"max({Record.CURRENT_BURN_RATE}{{{_OF}}})"
    PERIOD_BURN_RATE = f"max({Record.PERIOD_BURN_RATE}{{{_OF}}})"
    # Infinite where nothing burns: no series.
    SECONDS_LEFT = f"max({Record.TIME_TO_EXHAUSTION}{{{_OF}}}) < Inf"
    MEASURED_SECONDS = (
        f"max(time() - {_with_service(Metric.DATA_SINCE + _OF_NAME)}\nand on ({Label.SERVICE}, {Label.SLO}) {_SLO})"
    )

    _BY_WINDOW = f"max by ({RuleLabel.SLOTH_WINDOW})"
    ERROR_RATIOS = f'{_BY_WINDOW} ({{__name__=~"{sli_error_record(1).removesuffix("1s")}.+",{_OF}}})'
    BURN_RATES = f"{ERROR_RATIOS}\n/ on () group_left () max({Record.ERROR_BUDGET}{{{_OF}}})"
    EVENTS = f"{_BY_WINDOW} ({Record.EVENTS}{{{_OF}}})"
    FAILURES = f"{_BY_WINDOW} ({Record.FAILURES}{{{_OF}}})"
    ALLOWED_ERROR_RATIO = f"max({Record.ERROR_BUDGET}{{{_OF}}})"

    _RECENT = f'{{{_OF},{RuleLabel.SLOTH_WINDOW}="5m"}}'
    EVENTS_PER_SECOND = f"max({Record.EVENTS}{_RECENT}) / {_TRAFFIC_SECONDS}"
    FAILURES_PER_SECOND = f"max({Record.FAILURES}{_RECENT}) / {_TRAFFIC_SECONDS}"

    # Prometheus knows the rules that fire, the application all others.
    FIRING = (
        f'max by ({_RULE}) (ALERTS{{alertname="{Alert.BURN}",alertstate="firing",{_OF}}})\n'
        f"or max by ({_RULE}) (\n"
        f"  {_with_service(Metric.ALERT_FIRING + _OF_NAME)}\n"
        f"  and on ({Label.SERVICE}, {Label.SLO}) {_SLO}\n"
        ") * 0"
    )

    STORE_UP = f"min by ({Label.STORE_ID}) (\n  {_with_service(Metric.STORE_UP)}\n  and on ({Label.SERVICE}) {_SLO}\n)"
    FLUSH_LAG = (
        f"max by ({Label.STORE_ID}) (\n  {_with_service(Metric.FLUSH_LAG)}\n  and on ({Label.SERVICE}) {_SLO}\n)"
    )
