"""The alerting rule about rules that are not those of the processes: one for a service, however many SLOs it has."""

from __future__ import annotations

from collections.abc import Mapping

from slo_core.conventions import Alert, Label
from slo_core.objectives.window import DAY
from slo_core.rules.annotation import literal, named_slos, where
from slo_core.rules.environment import Environment
from slo_core.rules.names import Record, RuleLabel
from slo_core.rules.promql import aggregated, bracketed, selected
from slo_core.rules.rule import AlertingRule, alerting_rule
from slo_core.rules.series import RuleScope, SLOSeries, series_of
from slo_core.rules.severities import TICKET, Severities

__all__ = ["outdated_alert"]


def outdated_alert(
    service: str,
    *,
    scope: RuleScope,
    environment: Environment,
    severities: Severities,
    labels: Mapping[str, str],
    links: Mapping[str, str],
) -> AlertingRule | None:
    """
    The rule: every process shows another target or window of an SLO than the rules were made for.

    While processes are replaced, some show the new ones and some the old ones, and one of them is right.

    Args:
        service: The service.
        scope: Whose events their store holds.
        environment: Which of its scraped series are read.
        severities: Those that are configured.
        labels: Labels of every alert.
        links: Annotations of every alert.
    """

    def outdated(of: Environment) -> str:
        # The records of targets and windows know of no environment, unless all of their rules are for one.
        return _outdated(series_of(service, scope=scope, environment=of), service, environment.match)

    series = series_of(service, scope=scope, environment=environment)
    by_service = [name for name in environment.of_service if name in series.identity]
    title = literal(service) + where(environment)
    return alerting_rule(
        Alert.RULES_OUTDATED,
        aggregated("count", by_service, outdated(environment)),
        severity=TICKET,
        severities=severities,
        labels=labels,
        annotations={
            "summary": f"The rules of {title} are not those of its processes",
            "description": (
                f"Other target or window: {named_slos(outdated, environment)}as their processes show them. Alerts about "
                "these judge by what the rules say, or not at all. Make the rules once more, and load them."
            ),
            **links,
        },
        pending="15m",  # to deploy, and to load the rules
    )


def _outdated(series: SLOSeries, service: str, match: Mapping[str, str]) -> str:
    """The SLOs that are in the rules with another target or window than in any process."""
    on_slo = ", ".join(name for name in series.identity if name in (Label.SERVICE, Label.SLO))

    def recorded(record: str) -> str:
        return f"max by ({on_slo}) ({selected(record, {RuleLabel.SLOTH_SERVICE: service, **match})})"

    target, days = recorded(Record.OBJECTIVE), recorded(Record.PERIOD_DAYS)
    same = series.shown_as(target, f"round({DAY} * {days})", on_slo)
    known = f"{series.target()}\nand on ({on_slo})\n{target}"
    return f"{bracketed(known)}\nunless\n{aggregated('count', series.identity, same)}"
