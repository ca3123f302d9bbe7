"""Findings of a gate: pass, fail, young or unknown for each SLO."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from slo_core.budgets.wording import printable

__all__ = ["Finding", "Verdict", "verdict_of"]

Verdict = Literal["pass", "fail", "young", "unknown"]

# The first that one of the findings has is that of all.
_WORST_FIRST: tuple[Verdict, ...] = ("fail", "unknown", "young")


@dataclass(frozen=True, slots=True)
class Finding:
    """
    The verdict on one SLO.

    Attributes:
        verdict: `"pass"`, `"fail"`; `"young"` where nothing fails and too little has been measured for more;
            `"unknown"` where the numbers do not decide it.
        subject: The SLO, with its service in front where there are several.
        reason: Why, with the numbers.
        service: The name of its service; None where no service could be asked.
        slo: Its name; None where the finding is about a whole service.
    """

    verdict: Verdict
    subject: str
    reason: str
    service: str | None = None
    slo: str | None = None

    def __str__(self) -> str:
        return f"{self.verdict.upper():<7}  {printable(self.subject)}: {printable(self.reason)}"


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """The verdict of all findings together: one failure fails, also where others are unknown."""
    verdicts = {finding.verdict for finding in findings}
    return next((verdict for verdict in _WORST_FIRST if verdict in verdicts), "pass")
