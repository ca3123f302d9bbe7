"""Alerting rules about SLOs that are no longer measured: one for a service, however many SLOs it has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from slo_core.conventions import Alert, Label
from slo_core.objectives.window import DAY
from slo_core.rules.annotation import literal, named_slos, where
from slo_core.rules.environment import Environment
from slo_core.rules.names import INHIBITS_SERVICE, Record, RuleLabel
from slo_core.rules.promql import aggregated, bracketed, one_of, selected
from slo_core.rules.rule import AlertingRule, alerting_rule
from slo_core.rules.section import Section
from slo_core.rules.series import RuleScope, SLOSeries, series_of
from slo_core.rules.severities import PAGE, Severities

__all__ = ["absent_alerts"]

# So long after its end a service that stays dead pages on.
_REMEMBERED_SECONDS = 7 * DAY


def absent_alerts(
    service: str,
    sections: Iterable[Section],
    *,
    scope: RuleScope,
    environment: Environment,
    severities: Severities,
    labels: Mapping[str, str],
    links: Mapping[str, str],
) -> Iterator[AlertingRule | None]:
    """
    Two rules for each severity that SLOs of the service have for it: all SLOs are gone, or some of them.

    Where all are gone, no other alert can be right: that one silences the others.

    Args:
        service: The service.
        sections: All of its SLOs.
        scope: Whose events their store holds.
        environment: Which of its scraped series are read.
        severities: Those that are configured.
        labels: Labels of every alert.
        links: Annotations of every alert.
    """
    series = series_of(service, scope=scope, environment=environment)
    members: dict[str, list[str]] = {}
    for section in sections:
        severity = severities.under(section.example.alerts).of(Alert.ABSENT, PAGE)
        if severity is not None:
            members.setdefault(severity, []).append(section.id)
    by_service = [name for name in environment.of_service if name in series.identity]
    alive = aggregated("count", by_service, series.target())
    title = literal(service) + where(environment)
    for severity, ids in members.items():
        # An id may hold the name of a time zone: whatever might be syntax stands for any character.
        names = one_of(re.sub("[^a-zA-Z0-9_-]", ".", each) for each in ids)
        members_of = selected(Record.BUDGET_EVENTS, {}, any_of={RuleLabel.RULES: names})
        those = _gone(series, members_of)

        def missing(of_alert: Environment, *, members: str = members_of) -> str:
            return _gone(series_of(service, scope=scope, environment=of_alert), members)

        for is_whole, join, inhibit in ((True, "unless", INHIBITS_SERVICE), (False, "and", "")):
            which = "any of its SLOs, " if is_whole else named_slos(missing, environment)
            yield alerting_rule(
                Alert.ABSENT,
                f"{aggregated('count', by_service, those)}\n{join}\n{alive}",
                severity=severity,
                severities=Severities(names=severities.names),
                labels=labels,
                annotations={
                    "summary": f"{title} is no longer measured"
                    if is_whole
                    else f"{{{{ $value }}}} of the SLOs of {title} are no longer measured",
                    "description": (
                        f"No process shows {which}and one did within the last week: they are gone, or not scraped, or their "
                        "store is out of reach. Until then no other alert about these can fire."
                    ),
                    **links,
                },
                inhibit=inhibit,
                pending="10m",
            )


def _gone(series: SLOSeries, members: str) -> str:
    """The SLOs that are no longer shown, of those that a query answers with."""
    on_slo = ", ".join(name for name in series.identity if name in (Label.SERVICE, Label.SLO))
    gone = bracketed(f"{series.target(within_seconds=_REMEMBERED_SECONDS)}\nunless\n{series.target()}")
    return f"{gone}\nand on ({on_slo})\n{members}"
