"""Whether enough error budget is left to release: asked by a pipeline, decided in integers, with the reason in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from slo_core.budgets.budget import exact_budget_remaining
from slo_core.budgets.burn_rate import exact_burn_rate
from slo_core.budgets.events import EventCounts
from slo_core.budgets.snapshot import SLOSnapshot, measured_in_window
from slo_core.budgets.wording import measured_text, percent, printable, target_digits, window_text
from slo_core.errors import ConfigError, Problem, nearest
from slo_core.objectives.alert_rule import whole_seconds
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.status.service_status import ServiceStatus

__all__ = [
    "BurnLimit",
    "Finding",
    "Gate",
    "Verdict",
    "exit_code",
    "gate_from",
    "parse_burn_limit",
    "parse_min_budget",
    "unreachable",
    "verdict_of",
]

Verdict = Literal["pass", "fail", "unknown"]

_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)"
_SHARE = re.compile(rf"{_NUMBER}\s*(%?)")
_LIMIT = re.compile(rf"{_NUMBER}x?\s*/\s*(\S+)")

# Of the window, that must have been measured: of fewer days nobody knows what the others would have been like.
_LEAST_MEASURED = Fraction(1, 10)


@dataclass(frozen=True, slots=True)
class BurnLimit:
    """
    How fast the budget may burn.

    Attributes:
        factor: The highest burn rate that is accepted.
        window_seconds: Over which of the SLO's windows.
    """

    factor: Fraction
    window_seconds: int


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What is found about one SLO.

    Attributes:
        verdict: `"pass"`, `"fail"`, or `"unknown"` where it cannot be told.
        subject: The SLO; behind its service where there are several.
        reason: Why, with the numbers.
    """

    verdict: Verdict
    subject: str
    reason: str

    def __str__(self) -> str:
        return f"{self.verdict.upper():<7}  {printable(self.subject)}: {printable(self.reason)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """
    What is asked of SLOs before something may happen.

    Attributes:
        min_budget: The share of the error budget that must be left. A budget that is spent to the last event is never
            enough, not even for 0.
        max_burns: How fast it may burn.
        slos: The SLOs that are asked; none asks all of them.
    """

    min_budget: Fraction = Fraction(0)
    max_burns: tuple[BurnLimit, ...] = ()
    slos: tuple[str, ...] = ()

    def judge(self, services: Sequence[ServiceStatus]) -> list[Finding]:
        """
        What is found about each SLO; at least one finding.

        It cannot be told (`"unknown"`) of an SLO that is missing, has no events, whose store is out of reach, or of whose
        window less than a tenth has been measured.

        Args:
            services: As they stand.
        """
        known = {definition.name for service in services for definition, _ in service.snapshots}
        missing = [name for name in dict.fromkeys(self.slos) if name not in known]
        findings: list[Finding] = []
        for service in services:
            prefix = f"{service.service}/" if len(services) > 1 else ""
            findings += self._of_service(service, prefix)
            if service.trouble is not None and (missing or not self.slos):
                findings.append(Finding("unknown", f"{service.service}/*", service.trouble))
        # Where something could not be read, nobody knows what is missing.
        if not any(service.trouble for service in services):
            hints = {name: nearest(name, known) if known else "there is none at all" for name in missing}
            findings += [Finding("unknown", name, f"there is no such SLO; {hint}") for name, hint in hints.items()]
        return findings or [Finding("unknown", "-", "there is no SLO")]

    def _of_service(self, service: ServiceStatus, prefix: str) -> Iterator[Finding]:
        for definition, snapshot in service.snapshots:
            subject = f"{prefix}{definition.name}"
            if self.slos and definition.name not in self.slos:
                continue
            if service.is_up:
                yield self._of_slo(subject, definition, snapshot)
            else:
                yield Finding(
                    "unknown", subject, f"the store {service.backend} is out of reach, and the numbers lag behind"
                )

    def _of_slo(self, subject: str, definition: SLODefinition, snapshot: SLOSnapshot) -> Finding:
        if not snapshot.has_data:
            return Finding("unknown", subject, f"no events in {window_text(definition)}")
        needed = _LEAST_MEASURED * definition.window_length(snapshot.at)
        if Fraction(measured_in_window(definition, snapshot)) < needed:
            return Finding("unknown", subject, f"measured {measured_text(definition, snapshot)}; a tenth is needed")
        checks = [self._budget(definition, snapshot), *(_burn(snapshot, limit, definition) for limit in self.max_burns)]
        for verdict in ("fail", "unknown"):
            reasons = [reason for found, reason in checks if found == verdict]
            if reasons:
                return Finding(verdict, subject, "; ".join(reasons))
        return Finding("pass", subject, "; ".join(reason for _, reason in checks))

    def _budget(self, definition: SLODefinition, snapshot: SLOSnapshot) -> tuple[Verdict, str]:
        left = exact_budget_remaining(EventCounts(snapshot.good, snapshot.failures), definition.objective)
        is_enough = left >= self.min_budget and not snapshot.is_budget_exhausted
        target = percent(snapshot.target, target_digits(snapshot.target))
        asked = f"at least {_percent_text(self.min_budget)}" if self.min_budget else "more than 0%"
        reason = (
            f"{_percent_text(left)} of the error budget left, {asked} asked: {snapshot.failures:,} of "
            f"{_events(snapshot.total)} failed in {window_text(definition)}, target {target}"
        )
        return "pass" if is_enough else "fail", reason


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """What all findings come to: one failure fails, whatever cannot be told beside it."""
    verdicts = {finding.verdict for finding in findings}
    return "fail" if "fail" in verdicts else "unknown" if "unknown" in verdicts else "pass"


def exit_code(findings: Iterable[Finding], *, on_unknown: Literal["pass", "fail"] = "fail") -> int:
    """
    What a command ends with.

    Args:
        findings: About each SLO.
        on_unknown: `"pass"` lets through what cannot be told.

    Returns:
        0 for enough budget, 1 for too little, 2 where it cannot be told.
    """
    verdict = verdict_of(findings)
    return 1 if verdict == "fail" else 2 if verdict == "unknown" and on_unknown == "fail" else 0


def gate_from(*, min_budget: str = "0%", max_burns: Iterable[str] = (), slos: Iterable[str] = ()) -> Gate:
    """
    A gate from what somebody typed.

    Args:
        min_budget: `"10%"`.
        max_burns: `"6/1h"` each.
        slos: Names; none asks all SLOs.

    Raises:
        ConfigError: Everything that is wrong with them.
    """
    problems: list[Problem] = []
    least, limits = Fraction(0), []
    try:
        least = parse_min_budget(min_budget)
    except ConfigError as exc:
        problems += exc.problems
    for text in max_burns:
        try:
            limits.append(parse_burn_limit(text))
        except ConfigError as exc:
            problems += exc.problems
    if problems:
        raise ConfigError(problems)
    return Gate(min_budget=least, max_burns=tuple(limits), slos=tuple(slos))


def unreachable(reason: str) -> Finding:
    """The finding where nobody could be asked."""
    return Finding("unknown", "-", reason)


def parse_min_budget(text: str) -> Fraction:
    """
    The share of the budget that must be left: `"10%"`, `"0.1"`.

    Raises:
        ConfigError: It is none from 0 to 100 %.
    """
    found = _SHARE.fullmatch(text.strip())
    share = Fraction(-1) if found is None else Fraction(found[1]) / (100 if found[2] else 1)
    if not 0 <= share <= 1:
        hint = f'did you mean "{found[1]}%"?' if found is not None and not found[2] and share <= 100 else ""
        raise ConfigError([Problem("--min-budget", f'expected a share from "0%" to "100%", got {text!r}', hint)])
    return share


def parse_burn_limit(text: str) -> BurnLimit:
    """
    How fast the budget may burn: `"6/1h"` is a burn rate of 6 over an hour.

    Raises:
        ConfigError: It is no number above 0 and a window of whole seconds.
    """
    found = _LIMIT.fullmatch(text.strip())
    factor, seconds = Fraction(0), 0
    if found is not None:
        with suppress(ValueError):
            factor, seconds = Fraction(found[1]), whole_seconds("window", found[2])
    if factor <= 0 or seconds <= 0:
        raise ConfigError([Problem("--max-burn", f'expected a burn rate and a window such as "6/1h", got {text!r}')])
    return BurnLimit(factor, seconds)


def _burn(snapshot: SLOSnapshot, limit: BurnLimit, definition: SLODefinition) -> tuple[Verdict, str]:
    window = format_duration(limit.window_seconds)
    counted = {found.window_seconds: found.counts for found in snapshot.window_samples}
    counts = counted.get(limit.window_seconds)
    if counts is None:
        known = ", ".join(format_duration(seconds) for seconds in sorted(counted))
        return "unknown", f"its burn rate over {window} is not counted; choose one of its windows: {known}"
    rate = exact_burn_rate(counts, definition.objective)
    is_slow_enough = rate <= limit.factor
    if not counts.has_data:
        return "pass", f"no events in {window}, so nothing burns"
    reason = (
        f"burn rate {_factor_text(rate, up=not is_slow_enough)} in {window}, at most {_factor_text(limit.factor)} "
        f"accepted: {counts.bad:,} of {_events(counts.total)} failed"
    )
    return "pass" if is_slow_enough else "fail", reason


def _events(number: int) -> str:
    return f"{number:,} event{'' if number == 1 else 's'}"


def _percent_text(share: Fraction) -> str:
    """A share, rounded down: too little never reads as if it were enough."""
    return f"{_rounded(share * 100, up=False)}%"


def _factor_text(factor: Fraction, *, up: bool = False) -> str:
    """A burn rate; rounded up where it is too high, so that it never reads as if it were not."""
    return f"{_rounded(factor, up=up)}x"


def _rounded(value: Fraction, *, up: bool) -> Decimal:
    """With as many decimals as say it exactly, two at most."""
    digits = next((digits for digits in range(2) if (value * 10**digits).denominator == 1), 2)
    scaled = value * 10**digits
    whole = -(-scaled.numerator // scaled.denominator) if up else scaled.numerator // scaled.denominator
    return Decimal(whole).scaleb(-digits)
