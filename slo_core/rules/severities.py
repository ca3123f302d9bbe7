"""The severity of each alert: its default, unless a switch or another name for it is configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from slo_core.objectives.alert_switches import AlertSwitches, severity_of

__all__ = ["Severities"]


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
