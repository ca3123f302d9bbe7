"""Findings of a gate: pass, fail or unknown for each SLO, and the exit code of a command."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from slo_core.budgets.wording import printable

__all__ = ["Finding", "Verdict", "exit_code", "unreachable", "verdict_of"]

Verdict = Literal["pass", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """
    The verdict on one SLO.

    Attributes:
        verdict: `"pass"`, `"fail"`, or `"unknown"` where the numbers do not decide it.
        subject: The SLO, with its service in front where there are several.
        reason: Why, with the numbers.
    """

    verdict: Verdict
    subject: str
    reason: str

    def __str__(self) -> str:
        return f"{self.verdict.upper():<7}  {printable(self.subject)}: {printable(self.reason)}"


def unreachable(reason: str) -> Finding:
    """The finding where no service could be asked."""
    return Finding("unknown", "-", reason)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """The verdict of all findings together: one failure fails, also where others are unknown."""
    verdicts = {finding.verdict for finding in findings}
    return "fail" if "fail" in verdicts else "unknown" if "unknown" in verdicts else "pass"


def exit_code(findings: Iterable[Finding], *, on_unknown: Literal["pass", "fail"] = "fail") -> int:
    """
    The exit code of a command.

    Args:
        findings: About each SLO.
        on_unknown: `"pass"` lets an unknown verdict through.

    Returns:
        0 for enough budget, 1 for too little, 2 where it is unknown.
    """
    verdict = verdict_of(findings)
    return 1 if verdict == "fail" else 2 if verdict == "unknown" and on_unknown == "fail" else 0
