"""The answer of a gate, as `slo gate`, `flask slo gate` and `manage.py slo_gate` give it: lines, JSON and exit code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from slo_core.status.finding import Finding, Verdict, verdict_of
from slo_core.status.gate import Gate
from slo_core.status.service_status import ServiceStatus

__all__ = ["GATE_JSON_VERSION", "ON_UNDECIDED", "GateReport", "OnUndecided", "gate_report", "unreachable_report"]

# Goes up when a key changes its meaning or goes away; new keys may come without a change.
GATE_JSON_VERSION = 1

OnUndecided = Literal["pass", "fail"]
ON_UNDECIDED: tuple[OnUndecided, ...] = ("pass", "fail")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """
    What a gate answers.

    Attributes:
        findings: About each SLO, at least one.
        services: The services that were asked.
        on_unknown: `"pass"` lets an unknown verdict through.
        on_young: `"fail"` stops where too little has been measured, as an unknown verdict does.
    """

    findings: Sequence[Finding]
    services: Sequence[ServiceStatus] = ()
    on_unknown: OnUndecided = "fail"
    on_young: OnUndecided = "pass"

    @property
    def verdict(self) -> Verdict:
        """The verdict on all SLOs together."""
        return verdict_of(self.findings)

    @property
    def exit_code(self) -> int:
        """0 to release, 1 where too little budget is left, 2 where that is not known."""
        verdicts = {finding.verdict for finding in self.findings}
        if "fail" in verdicts:
            return 1
        stops = ("unknown" in verdicts and self.on_unknown == "fail") or (
            "young" in verdicts and self.on_young == "fail"
        )
        return 2 if stops else 0

    @property
    def notes(self) -> list[str]:
        """What a reader should know besides; for stderr."""
        return [note for service in self.services for note in service.notes]

    def json_text(self) -> str:
        """
        For programs.

        Returns:
            `version` (of this shape), `verdict` (`"pass"`, `"fail"`, `"young"`, `"unknown"`), `exit_code`, `slos`: a list of
            `service`, `name`, `verdict` and `reason` (`name` is None where a whole service is unknown), `retired`: a list of
            `service`, `name` and `seen_at`, and `notes`.
        """
        view: dict[str, Any] = {
            "version": GATE_JSON_VERSION,
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "slos": [
                {
                    "service": finding.service,
                    "name": finding.slo,
                    "verdict": finding.verdict,
                    "reason": finding.reason,
                }
                for finding in self.findings
            ],
            "retired": [
                {"service": service.service, **slo._asdict()} for service in self.services for slo in service.retired
            ],
            "notes": self.notes,
        }
        return json.dumps(view, indent=2)


def gate_report(
    gate: Gate, services: Sequence[ServiceStatus], *, on_unknown: OnUndecided, on_young: OnUndecided
) -> GateReport:
    """
    The answer about services.

    Args:
        gate: The conditions.
        services: The status of each.
        on_unknown: As in `GateReport`.
        on_young: As in `GateReport`.
    """
    return GateReport(findings=gate.judge(services), services=services, on_unknown=on_unknown, on_young=on_young)


def unreachable_report(reason: str, *, on_unknown: OnUndecided) -> GateReport:
    """The answer where no service could be asked."""
    return GateReport(findings=[Finding("unknown", "-", reason)], on_unknown=on_unknown)
