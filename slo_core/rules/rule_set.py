"""All Prometheus rules for the SLOs of a service, made from their definitions."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from slo_core.conventions import Label
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.objectives.window import DAY
from slo_core.rules.alerts import SLOAlerts
from slo_core.rules.annotation import literal
from slo_core.rules.check import check_rule_input, keep_firing_text
from slo_core.rules.kubernetes import prometheus_rule_resource
from slo_core.rules.names import RuleLabel
from slo_core.rules.recording import recording_rules
from slo_core.rules.rule import RuleFileContent, RuleGroup
from slo_core.rules.series import RuleScope, series_of
from slo_core.rules.store_alerts import store_alerts
from slo_core.rules.threshold import Threshold

__all__ = ["PrometheusRules", "prometheus_rules"]

# `--storage.tsdb.retention.time`, unless it is set.
_DEFAULT_RETENTION_SECONDS = 15 * DAY


@dataclass(frozen=True, slots=True)
class PrometheusRules:
    """
    Recording and alerting rules.

    Attributes:
        service: The service whose SLOs they are about.
        groups: The value of `groups:` in a rule file, as plain data.
        warnings: Doubtful rules: rules that never fire, windows longer than Prometheus keeps.
    """

    service: str
    groups: list[RuleGroup]
    warnings: tuple[str, ...]

    def file_content(self) -> RuleFileContent:
        """The content of a rule file."""
        return {"groups": copy.deepcopy(self.groups)}

    def kubernetes(
        self, name: str | None = None, *, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> dict[str, object]:
        """
        The same rules as a `PrometheusRule`, the custom resource of the Prometheus operator.

        Args:
            name: Name of the resource; None takes `slo-` and the service.
            namespace: Its namespace; None leaves that to kubectl.
            labels: Its labels. Prometheus selects rules by them: `{"release": "kube-prometheus-stack"}`, for example.

        Raises:
            ConfigError: Kubernetes would refuse the name, the namespace or a label.
        """
        resource_name = f"slo-{self.service}" if name is None else name
        return prometheus_rule_resource(self.file_content(), resource_name, namespace=namespace, labels=labels or {})


def prometheus_rules(
    definitions: Iterable[SLODefinition],
    *,
    service: str,
    scope: RuleScope,
    labels: Mapping[str, str] | None = None,
    dashboard_url: str = "",
    keep_firing_for: str | int | None = "10m",
) -> PrometheusRules:
    """
    Rules that agree with the application's own numbers.

    Where a store is shared (`host`, `fleet`) they compare the same integers and fire exactly when
    `slo_core.budgets.alerts.fires` does. Counters of single processes (`process`) are added up, which comes close.

    Args:
        definitions: The SLOs.
        service: Their service: the label `slo_service`. With scope `"process"`, `"default"` selects series without it.
        scope: Whose events a store holds: `"process"`, `"host"` or `"fleet"`.
        labels: More labels for every alert; an SLO's own `labels` win.
        dashboard_url: The dashboard; an annotation of every alert.
        keep_firing_for: How long an alert about budget or traffic outlives its condition, so that a dead store does
            not resolve a page. None, or 0, leaves it out, for Prometheus before 2.42.

    Returns:
        A group for each SLO, whose rules are evaluated in their order, and one for the shared store.

    Raises:
        ConfigError: Every problem.
    """
    slos = tuple(definitions)
    alert_labels = {} if labels is None else labels
    check_rule_input(
        slos,
        service=service,
        scope=scope,
        labels=alert_labels,
        dashboard_url=dashboard_url,
        keep_firing_for=keep_firing_for,
    )
    common = {name: literal(value) for name, value in alert_labels.items()}
    links = {"dashboard_url": literal(dashboard_url)} if dashboard_url else {}
    keep_firing = keep_firing_text(keep_firing_for)
    groups = [
        _group_of(definition, service=service, scope=scope, labels=common, links=links, keep_firing_for=keep_firing)
        for definition in slos
    ]
    if scope != "process":
        of_service = {**common, Label.SERVICE: literal(service), RuleLabel.SLOTH_SERVICE: literal(service)}
        groups.append(
            {"name": f"slo-store/{service}", "rules": [*store_alerts(service, labels=of_service, links=links)]}
        )
    return PrometheusRules(service, groups, tuple(_warnings(slos, scope)))


def _group_of(
    definition: SLODefinition,
    *,
    service: str,
    scope: RuleScope,
    labels: Mapping[str, str],
    links: Mapping[str, str],
    keep_firing_for: str,
) -> RuleGroup:
    identity = {
        **definition.labels,
        Label.SERVICE: service,
        Label.SLO: definition.name,
        RuleLabel.SLOTH_ID: f"{service}-{definition.name}",
        RuleLabel.SLOTH_SERVICE: service,
        RuleLabel.SLOTH_SLO: definition.name,
    }
    series = series_of(definition, service=service, scope=scope)
    records = recording_rules(definition, series, service=service, labels=identity)
    runbook = {"runbook_url": literal(definition.runbook)} if definition.runbook else {}
    alerts = SLOAlerts(
        definition,
        series,
        service=service,
        labels={**labels, **{name: literal(value) for name, value in identity.items()}},
        links={**runbook, **links},
        keep_firing_for=keep_firing_for,
    )
    return {"name": f"slo/{service}/{definition.name}", "rules": [*records, *alerts.rules()]}


def _warnings(definitions: Iterable[SLODefinition], scope: RuleScope) -> Iterator[str]:
    for definition in definitions:
        where = f"SLO {definition.name!r}"
        rules = definition.active_alert_rules
        verb = "left out the default " if definition.alert_rules is None else ""
        for concern in definition.alert_concerns:
            yield f"{where}: {verb}{concern}"
        if definition.timezone_concern is not None:
            yield f"{where}: {definition.timezone_concern}"
        if not rules:
            yield f"{where}: no alert rule, so no alert says how fast its budget burns"
        for rule in rules:
            doubt = Threshold.of(definition.objective, rule.factor(definition.window_seconds)).doubt
            if doubt:
                yield f"{where}: alert rule {rule}: {doubt}"
        doubt = Threshold.of(definition.objective).doubt
        if doubt:
            yield f"{where}: target {definition.target!r}: {doubt}"
        if scope == "process":
            yield from _process_warnings(definition, where)


def _process_warnings(definition: SLODefinition, where: str) -> Iterator[str]:
    if definition.window is not None:
        yield (
            f"{where}: the window {definition.window!r} is taken as the last "
            f"{format_duration(definition.window_seconds)}: counters of processes know no calendar"
        )
    for seconds in definition.windows:
        if seconds > _DEFAULT_RETENTION_SECONDS:
            window = format_duration(seconds)
            yield (
                f"{where}: its window of {window} is longer than the 15d that Prometheus keeps by default: set "
                f"--storage.tsdb.retention.time={window} or more, or use a shared store, which needs no history"
            )
