"""The severity of each alert: its default, unless a switch or another name for it is configured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from slo_core.objectives.alert_switches import AlertSwitches, severity_of, severity_words
from slo_core.objectives.definition import SLODefinition

__all__ = ["PAGE", "TICKET", "Severities", "severities_in_use", "severity_warnings"]


# Those of the default alert rules, and of alerts that are about more than one rule.
PAGE, TICKET = "page", "ticket"

# How alike two words are if one may be the other, mistyped.
_ALIKE = 0.75


@dataclass(frozen=True, slots=True)
class Severities:
    """
    The severities of a service's alerts.

    Attributes:
        switches: By family or name of an alert; the first that names it decides.
        names: Other names for severities: `{"page": "critical"}`.
    """

    switches: tuple[AlertSwitches, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def under(self, switches: AlertSwitches) -> Severities:
        """The same below other switches, which decide first: those of an SLO."""
        return replace(self, switches=(switches, *self.switches)) if switches else self

    def of(self, alert: str, default: str) -> str | None:
        """The severity of an alert; None where it is off."""
        return severity_of(alert, default, self.switches)

    def name_of(self, severity: str) -> str:
        """The name of a severity in the label `severity`."""
        return self.names.get(severity, severity)


def severities_in_use(definitions: Iterable[SLODefinition], *switches: AlertSwitches) -> frozenset[str]:
    """The severities that alerts may have, before they get other names: the default ones, and those that are configured."""
    severities = {PAGE, TICKET}
    for definition in definitions:
        severities.update(rule.severity for rule in definition.active_alert_rules)
        severities.update(severity_words(definition.alerts))
    for switch in switches:
        severities.update(severity_words(switch))
    return frozenset(severities)


def severity_warnings(
    definitions: Iterable[SLODefinition], switches: AlertSwitches, names: Mapping[str, str]
) -> Iterator[str]:
    """Severities that look like a default one that is mistyped: any text may be one, but nothing may route it."""
    for severity in sorted(severities_in_use(definitions, switches) - {PAGE, TICKET} - names.keys()):
        match = get_close_matches(severity.casefold(), (PAGE, TICKET, "off"), n=1, cutoff=_ALIKE)
        if match:
            yield f'the severity {severity!r} is an own one; did you mean "{match[0]}"? To keep it, name it in severities'
