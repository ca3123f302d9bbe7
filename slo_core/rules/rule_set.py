"""All Prometheus rules for the SLOs of a service, made from their definitions."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from slo_core.budgets.wording import window_text
from slo_core.conventions import Label
from slo_core.objectives.alert_switches import AlertSwitches
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.objectives.window import DAY
from slo_core.rules.absent_alerts import absent_alerts
from slo_core.rules.alerts import SectionAlerts
from slo_core.rules.annotation import literal
from slo_core.rules.cause_template import page_link
from slo_core.rules.check import check_rule_input, keep_firing_text
from slo_core.rules.environment import Environment
from slo_core.rules.group import grouped
from slo_core.rules.kubernetes import prometheus_rule_resource
from slo_core.rules.limits import label_warnings
from slo_core.rules.names import RuleLabel
from slo_core.rules.outdated_alert import outdated_alert
from slo_core.rules.recording import budget_rules, count_rules, objective_rules, ratio_rules
from slo_core.rules.rule import AlertingRule, RecordingRule, RuleFileContent, RuleGroup
from slo_core.rules.section import Section, sections_of
from slo_core.rules.series import RuleScope, series_of
from slo_core.rules.severities import Severities, severity_warnings
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
        warnings: Doubtful rules: rules that never fire, windows longer than Prometheus keeps, texts too long for labels.
        slo: Where these are the rules of one SLO alone, its name.
        parts: The same rules once more: those that SLOs share, then the others of each SLO.
    """

    service: str
    groups: list[RuleGroup]
    warnings: tuple[str, ...]
    slo: str = ""
    parts: tuple[PrometheusRules, ...] = ()

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
    page_url: str = "",
    with_causes: bool = False,
    keep_firing_for: str | int | None = "10m",
    match: Mapping[str, str] | None = None,
    by: Iterable[str] = (),
    alerts: AlertSwitches | None = None,
    severities: Mapping[str, str] | None = None,
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
        page_url: The status page; alerts link to the page of their SLO.
        with_causes: Alerts about the burn rate name the largest cause: the service has `SLO_METRICS_CAUSES` on.
        keep_firing_for: How long an alert about budget or traffic outlives its condition, so that a dead store does
            not resolve a page. None, or 0, leaves it out, for Prometheus before 2.42.
        match: Only series with these labels are read: `{"env": "prod"}`. Records and alerts carry them.
        by: Labels that keep environments apart: `["env"]` gives each its own numbers and alerts.
        alerts: Switches of alerts, by family or name: `{"traffic": "off", "absent": "ticket"}`; an SLO's own ones win.
        severities: Other names for severities: `{"page": "critical", "ticket": "warning"}`.

    Returns:
        Groups of at most 20 rules, which SLOs with the same windows and alert rules share; and one about the service and
        its shared store.

    Raises:
        ConfigError: Every problem.
    """
    slos = tuple(definitions)
    alert_labels = {} if labels is None else labels
    by = tuple(dict.fromkeys(by)) if not isinstance(by, str) else (by,)
    check_rule_input(
        slos,
        service=service,
        scope=scope,
        labels=alert_labels,
        dashboard_url=dashboard_url,
        page_url=page_url,
        keep_firing_for=keep_firing_for,
        match=match or {},
        by=by,
        alerts=alerts or {},
        severities=severities or {},
    )
    chosen = Severities((alerts,) if alerts else (), severities or {})
    environment = Environment(dict(match or {}), by)
    common = {name: literal(value) for name, value in alert_labels.items()}
    links = {"dashboard_url": literal(dashboard_url)} if dashboard_url else {}
    keep_firing = keep_firing_text(keep_firing_for)
    options: tuple[object, ...] = (scope, tuple(sorted(common.items())), dashboard_url, keep_firing, repr(chosen))
    # Without them ids of sections are those of versions that did not know them.
    options += ((page_url, with_causes),) if page_url or with_causes else ()
    sections = tuple(sections_of(slos, service=service, environment=environment, options=options))
    every, shared = [], []
    names = _group_names(sections)
    for section, name in zip(sections, names, strict=True):
        rules = _SectionRules.of(
            section,
            scope=scope,
            severities=chosen,
            labels=common,
            links={**links, "page_url": page_link(page_url)} if page_url else links,
            keep_firing_for=keep_firing,
            with_causes=with_causes,
        )
        if len(sections) > 1:
            _tell_apart(section, (*rules.main, *rules.ratios))
        every += grouped(name, rules.budgets, rules.main, rules.objectives, rules.ratios)
        shared += grouped(name, rules.main, rules.ratios)
    of_service = {
        **common,
        **_literals({Label.SERVICE: service, RuleLabel.SLOTH_SERVICE: service, **environment.match}),
    }
    absent = absent_alerts(
        service, sections, scope=scope, environment=environment, severities=chosen, labels=of_service, links=links
    )
    outdated = outdated_alert(
        service, scope=scope, environment=environment, severities=chosen, labels=of_service, links=links
    )
    of_store: Iterable[AlertingRule | None] = ()
    if scope != "process":
        of_store = store_alerts(service, environment=environment, severities=chosen, labels=of_service, links=links)
    about_service = grouped(
        f"slo-service/{service}", [rule for rule in (*absent, outdated, *of_store) if rule is not None]
    )
    every += about_service
    shared += about_service
    warnings = (
        *_warnings(slos, scope),
        *severity_warnings(slos, alerts or {}, severities or {}),
        *label_warnings(slos),
    )
    parts = [PrometheusRules(service, shared, ())]
    parts += [
        _part(definition, section, f"{name}/{definition.name}")
        for section, name in zip(sections, names, strict=True)
        for definition in section.definitions
    ]
    return PrometheusRules(service, every, warnings, parts=tuple(parts))


@dataclass(frozen=True, slots=True)
class _SectionRules:
    """
    The rules of a section.

    Attributes:
        budgets: Two for each SLO, by which it takes part in the others.
        main: Counts and alerts. They belong into one group: a rule sees the records of those before it.
        objectives: Two more for each SLO.
        ratios: Records that people look at.
    """

    budgets: list[RecordingRule]
    main: list[RecordingRule | AlertingRule]
    objectives: list[RecordingRule]
    ratios: list[RecordingRule]

    @classmethod
    def of(
        cls,
        section: Section,
        *,
        scope: RuleScope,
        severities: Severities,
        labels: Mapping[str, str],
        links: Mapping[str, str],
        keep_firing_for: str,
        with_causes: bool,
    ) -> _SectionRules:
        series = series_of(section.service, scope=scope, environment=section.environment, slos=section.selected_slos)
        alerts = SectionAlerts(
            section,
            series,
            severities=severities.under(section.example.alerts),
            labels=labels,
            links=links,
            keep_firing_for=keep_firing_for,
            cause_scope=scope if with_causes else None,
        )
        return cls(
            budgets=[rule for slo in section.definitions for rule in budget_rules(slo, section)],
            main=[*count_rules(section, series), *alerts.rules()],
            objectives=[rule for slo in section.definitions for rule in objective_rules(slo, section)],
            ratios=[*ratio_rules(section)],
        )


def _tell_apart(section: Section, rules: Iterable[RecordingRule | AlertingRule]) -> None:
    """
    Give the rules of a section a label that no other section has, without a value.

    Prometheus drops a label without a value. But `promtool check rules` takes two rules for duplicates that have the same
    name and labels, however different their expressions are.
    """
    name = f"{RuleLabel.RULES}_{re.sub('[^a-zA-Z0-9]', '_', section.id)}"
    for rule in rules:
        rule["labels"][name] = ""


def _group_names(sections: Sequence[Section]) -> list[str]:
    """
    A name for the groups of each section.

    Without its id: while the name stays, Prometheus carries the alerts that fire over to rules that have changed.
    """
    seen: dict[str, int] = {}
    names = []
    for section in sections:
        name = f"slo/{section.service}/{window_text(section.example)}"
        number = seen[name] = seen.get(name, 0) + 1
        names.append(name if number == 1 else f"{name} no. {number}")
    return names


def _part(definition: SLODefinition, section: Section, name: str) -> PrometheusRules:
    """What one SLO adds to the rules of its section."""
    rules: list[RecordingRule] = [*budget_rules(definition, section), *objective_rules(definition, section)]
    return PrometheusRules(section.service, grouped(name, rules), (), slo=definition.name)


def _literals(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: literal(value) for name, value in labels.items()}


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
