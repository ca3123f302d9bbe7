"""
The PromQL of the dashboards.

Ratios, burn rates and counts come from recorded series: the recording rules know how the instances of a service add up.
Other values come from the application's own series, joined to recorded ones by their labels `slo_service` and `slo`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slo_core.conventions import DEFAULT_SERVICE, Alert, Label, Metric
from slo_core.dashboards.names import Variable
from slo_core.rules.names import Record, RuleLabel, sli_error_record

__all__ = ["SERVICES", "SLOS_OF_SERVICE", "SLOS_OF_SERVICES", "DetailQueries", "OverviewQueries", "environments"]

_OBJECTIVE = Record.OBJECTIVE
_IDENTITY = f"{RuleLabel.SLOTH_SERVICE}, {RuleLabel.SLOTH_SLO}"
# Without the severity: in the rules it may have another name, or another value, than in the application.
_RULE = f"{Label.LONG_WINDOW}, {Label.SHORT_WINDOW}"

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


def environments(label: str) -> str:
    """The values of a label that tells environments apart."""
    return f"label_values({Record.EVENTS}, {label})"


def _with_service(selector: str) -> str:
    """Adds the label of the default service, which a single process leaves out but its records have."""
    return f'label_replace({selector}, "{Label.SERVICE}", "{DEFAULT_SERVICE}", "{Label.SERVICE}", "")'


class _Selected:
    """
    What the variables select.

    Args:
        operator: How a label is compared with its variable.
        by: Labels that tell environments apart.

    Attributes:
        of_slo: The matchers of recorded series of an SLO in every environment.
        of: Those of recorded series and of alerts.
        of_targets: Those of targets: where one set of rules serves all environments, their records carry no such label.
        known: A record that each SLO has in each environment.
        judged: What is left of budgets, without those of SLOs that warm up.
        of_name: The selector of the application's own series of an SLO.
        of_environment: The selector of its series that are about all SLOs.
    """

    def __init__(self, operator: str, by: Sequence[str]) -> None:
        def matchers(variables: Mapping[str, str]) -> str:
            return ",".join(f'{label}{operator}"${variable}"' for label, variable in variables.items())

        environment = {label: Variable.of_label(label) for label in by}
        self.of_slo = matchers({RuleLabel.SLOTH_SERVICE: Variable.SERVICE, RuleLabel.SLOTH_SLO: Variable.SLO})
        self.of = ",".join((self.of_slo, *([matchers(environment)] if by else [])))
        self.of_targets = ",".join((self.of_slo, *(f'{label}=~"${name}|"' for label, name in environment.items())))
        self.of_name = f"{{{matchers({Label.SLO: Variable.SLO, **environment})}}}"
        self.of_environment = f"{{{matchers(environment)}}}" if by else ""
        self.known = f"{Record.EVENTS if by else _OBJECTIVE}{{{self.of}}}"
        on_slo = ", ".join((Label.SERVICE, Label.SLO, *by))
        warming_up = _with_service(Metric.WARMING_UP + self.of_environment)
        self.judged = (
            f"{Record.BUDGET_REMAINING}{{{self.of}}}\n  unless on ({on_slo}) (min by ({on_slo}) ({warming_up}) == 1)"
        )


class OverviewQueries:
    """
    Queries about every SLO that the variables select.

    Each series has the labels `sloth_service`, `sloth_slo` and those that tell environments apart.

    Args:
        by: Labels that tell environments apart.
    """

    def __init__(self, by: Sequence[str] = ()) -> None:
        selected = _Selected("=~", by)
        of, of_environment = selected.of, selected.of_environment
        by_slo = ", ".join((_IDENTITY, *by))
        on_slo = ", ".join((Label.SERVICE, Label.SLO, *by))
        on_store = ", ".join((Label.SERVICE, Label.STORE_ID, *by))
        known = selected.known

        self.objective = f"max by ({by_slo}) ({_OBJECTIVE}{{{of}}})"
        if by:
            of_all = ",".join((selected.of_slo, *(f'{label}=""' for label in by)))
            self.objective += (
                f"\nor max by ({by_slo}) (\n"
                f"  {known} * 0\n"
                f"  + on ({_IDENTITY}) group_left ()\n"
                f"  max by ({_IDENTITY}) ({_OBJECTIVE}{{{of_all}}})\n"
                ")"
            )
        self.budget_remaining = f"max by ({by_slo}) ({Record.BUDGET_REMAINING}{{{of}}})"
        self.budget_judged = f"max by ({by_slo}) (\n  {selected.judged}\n)"
        self.current_burn_rate = f"max by ({by_slo}) ({Record.CURRENT_BURN_RATE}{{{of}}})"
        self.period_burn_rate = f"max by ({by_slo}) ({Record.PERIOD_BURN_RATE}{{{of}}})"
        # Infinite where nothing burns: no series.
        self.seconds_left = f"max by ({by_slo}) ({Record.TIME_TO_EXHAUSTION}{{{of}}}) < Inf"
        # Alerts of Prometheus, as people are paged; 0 where none fires.
        self.firing = (
            f'count by ({by_slo}) (ALERTS{{alertname="{Alert.BURN}",alertstate="firing",{of}}})\n'
            f"or max by ({by_slo}) ({known}) * 0"
        )
        self.measured_seconds = (
            f"max by ({by_slo}) (\n"
            f"  {known} * 0\n"
            f"  + on ({on_slo}) group_left ()\n"
            f"  max by ({on_slo}) (time() - {_with_service(Metric.DATA_SINCE + of_environment)})\n"
            ")"
        )

        self.count = f"count({self.objective})"
        self.exhausted_count = f"sum(\n{self.budget_judged} <= bool 0\nor\n{self.budget_remaining} * 0\n)"
        self.firing_count = f"sum({self.firing})"
        self.stores_down = f"sum(min by ({on_store}) ({Metric.STORE_UP}{of_environment}) == bool 0)"


class DetailQueries:
    """
    Queries about the one SLO that the variables select.

    Args:
        by: Labels that tell environments apart.
    """

    def __init__(self, by: Sequence[str] = ()) -> None:
        selected = _Selected("=", by)
        of, of_name, of_environment = selected.of, selected.of_name, selected.of_environment
        on_slo = ", ".join((Label.SERVICE, Label.SLO, *by))
        on_service = ", ".join((Label.SERVICE, *by))
        slo = selected.known
        error_budget = f"max({Record.ERROR_BUDGET}{{{selected.of_targets}}})"

        self.objective = f"max({_OBJECTIVE}{{{selected.of_targets}}})"
        self.budget_remaining = f"max({Record.BUDGET_REMAINING}{{{of}}})"
        self.budget_judged = f"max(\n  {selected.judged}\n)"
        self.current_burn_rate = f"max({Record.CURRENT_BURN_RATE}{{{of}}})"
        self.period_burn_rate = f"max({Record.PERIOD_BURN_RATE}{{{of}}})"
        # Infinite where nothing burns: no series.
        self.seconds_left = f"max({Record.TIME_TO_EXHAUSTION}{{{of}}}) < Inf"
        self.measured_seconds = f"max(time() - {_with_service(Metric.DATA_SINCE + of_name)}\nand on ({on_slo}) {slo})"

        by_window = f"max by ({RuleLabel.SLOTH_WINDOW})"
        self.error_ratios = f'{by_window} ({{__name__=~"{sli_error_record(1).removesuffix("1s")}.+",{of}}})'
        self.burn_rates = f"{self.error_ratios}\n/ on () group_left () {error_budget}"
        self.events = f"{by_window} ({Record.EVENTS}{{{of}}})"
        self.failures = f"{by_window} ({Record.FAILURES}{{{of}}})"
        self.allowed_error_ratio = error_budget

        recent = f'{{{of},{RuleLabel.SLOTH_WINDOW}="5m"}}'
        self.events_per_second = f"max({Record.EVENTS}{recent}) / {_TRAFFIC_SECONDS}"
        self.failures_per_second = f"max({Record.FAILURES}{recent}) / {_TRAFFIC_SECONDS}"

        # Prometheus knows the rules that fire, the application all others.
        self.firing = (
            f'max by ({_RULE}) (ALERTS{{alertname="{Alert.BURN}",alertstate="firing",{of}}})\n'
            f"or max by ({_RULE}) (\n"
            f"  {_with_service(Metric.ALERT_FIRING + of_name)}\n"
            f"  and on ({on_slo}) {slo}\n"
            ") * 0"
        )

        self.store_up, self.flush_lag = (
            f"{least} by ({Label.STORE_ID}) (\n  {_with_service(metric + of_environment)}\n"
            f"  and on ({on_service}) {slo}\n)"
            for least, metric in (("min", Metric.STORE_UP), ("max", Metric.FLUSH_LAG))
        )
