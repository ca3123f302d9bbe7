"""The gate of a release pipeline: whether enough error budget is left, decided in integers, with the reason in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from slo_core.budgets.alerts import AlertState
from slo_core.budgets.budget import exact_budget_remaining, failures_left
from slo_core.budgets.burn_rate import exact_burn_rate
from slo_core.budgets.events import EventCounts
from slo_core.budgets.snapshot import SLOSnapshot, measured_in_window, overspends, pace_of
from slo_core.budgets.warm_up import LEAST_MEASURED_PARTS
from slo_core.budgets.wording import burn_text, measured_text, percent, roughly, target_digits, this_window_text
from slo_core.errors import ConfigError, Problem, nearest
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.status.finding import Finding, Verdict
from slo_core.status.gate_limits import BurnLimit, parse_burn_limit, parse_min_budget, parse_min_time
from slo_core.status.service_status import ServiceStatus

__all__ = ["Gate", "gate_from"]

_LEAST_MEASURED = Fraction(1, LEAST_MEASURED_PARTS)

# The first that one of the checks has is that of the SLO.
_WORST_FIRST: tuple[Verdict, ...] = ("fail", "unknown", "young", "pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """
    The conditions that SLOs must meet before a release.

    Attributes:
        min_budget: The share of the error budget that must be left. A budget that is spent to the last event is never
            enough, not even for 0.
        max_burns: How fast it may burn.
        min_seconds: For how long it must last at the current pace; 0 does not ask.
        slos: The names of the SLOs to check; empty checks all of them.
    """

    min_budget: Fraction = Fraction(0)
    max_burns: tuple[BurnLimit, ...] = ()
    min_seconds: int = 0
    slos: tuple[str, ...] = ()

    def judge(self, services: Sequence[ServiceStatus]) -> list[Finding]:
        """
        The findings about the SLOs, at least one.

        The verdict is `"unknown"` for an SLO that is missing, has no events, or whose store is out of reach. While less than
        a tenth of the window has been measured, or too few events have failed to judge a budget by, the burn rates decide:
        `"fail"` while an alert rule fires or a burn rate that is asked for is exceeded, else `"young"`.

        Args:
            services: The status of each service.
        """
        known = {definition.name for service in services for definition, _ in service.snapshots}
        retired = {slo.name for service in services for slo in service.retired}
        missing = [name for name in dict.fromkeys(self.slos) if name not in known]
        findings: list[Finding] = []
        for service in services:
            prefix = f"{service.service}/" if len(services) > 1 else ""
            findings += self._of_service(service, prefix)
            if service.error is not None and (missing or not self.slos):
                findings.append(Finding("unknown", f"{service.service}/*", service.error, service.service))
        # An SLO may be missing only because its service could not be read.
        if not any(service.error for service in services):
            findings += [Finding("unknown", name, _missing(name, known, retired), slo=name) for name in missing]
        return findings or [Finding("unknown", "-", "every SLO is retired" if retired else "there is no SLO")]

    def _of_service(self, service: ServiceStatus, prefix: str) -> Iterator[Finding]:
        # By name, the one order that every source has: a store and /metrics do not know that of the definitions.
        for definition, snapshot in sorted(service.snapshots, key=lambda pair: pair[0].name):
            subject = f"{prefix}{definition.name}"
            if self.slos and definition.name not in self.slos:
                continue
            reason = service.undecided.get(definition.name)
            if not service.is_up:
                reason = f"the store {service.backend} is out of reach, and the numbers lag behind"
            checks = self._checks(definition, snapshot) if reason is None else [("unknown", reason)]
            verdict = next(verdict for verdict in _WORST_FIRST if any(outcome == verdict for outcome, _ in checks))
            reasons = "; ".join(reason for outcome, reason in checks if outcome == verdict)
            yield Finding(verdict, subject, reasons, service.service, definition.name)

    def _checks(self, definition: SLODefinition, snapshot: SLOSnapshot) -> list[tuple[Verdict, str]]:
        """The verdict of each condition on an SLO, with its reason."""
        if not snapshot.has_data:
            return [("unknown", f"no events in {this_window_text(definition)}")]
        burns = [_burn(snapshot, limit, definition) for limit in self.max_burns]
        young = _why_young(definition, snapshot)
        firing = [_alert_text(alert) for alert in snapshot.alerts if alert.is_firing]
        if young is not None:
            return [("fail", "; ".join([*firing, young])) if firing else ("young", young), *burns]
        checks = [self._budget(definition, snapshot), *burns]
        if self.min_seconds:
            checks.append(self._time(definition, snapshot))
        # A budget that is left passes whatever fires; a reader should know.
        return [*checks, *(("pass", f"note: {text}") for text in firing)]

    def _budget(self, definition: SLODefinition, snapshot: SLOSnapshot) -> tuple[Verdict, str]:
        left = exact_budget_remaining(EventCounts(snapshot.good, snapshot.failures), definition.objective)
        is_enough = left >= self.min_budget and not snapshot.is_budget_exhausted
        target = percent(snapshot.target, target_digits(snapshot.target))
        asked = f"at least {_percent_text(self.min_budget)}" if self.min_budget else "more than 0%"
        reason = (
            f"{_percent_text(left)} of the error budget left, {asked} asked: {snapshot.failures:,} of "
            f"{_events(snapshot.total)} failed in {this_window_text(definition)}, target {target}"
        )
        if not is_enough and snapshot.is_warming_up:
            return "young", f"too few failures to judge by: {reason}"
        return "pass" if is_enough else "fail", reason

    def _time(self, definition: SLODefinition, snapshot: SLOSnapshot) -> tuple[Verdict, str]:
        pace = pace_of(snapshot)
        window = format_duration(pace.window_seconds)
        if not pace.failures:
            return "pass", f"no failures in {window}, so nothing burns"
        if snapshot.is_budget_spent and snapshot.is_warming_up:
            return "young", "too few failures to judge by how long the budget lasts"
        left = max(Fraction(0), failures_left(EventCounts(snapshot.good, snapshot.failures), definition.objective))
        if left and not overspends(snapshot):
            return "pass", f"{window} burns at {burn_text(pace.burn_rate)}: a budget lasts at 1x or less"
        seconds = left * pace.window_seconds / pace.failures
        asked = format_duration(self.min_seconds)
        reason = f"the budget lasts {roughly(float(seconds))} at the pace of the last {window}, at least {asked} asked"
        return "pass" if seconds >= self.min_seconds else "fail", reason


def gate_from(
    *, min_budget: str = "0%", max_burns: Iterable[str] = (), min_time: str | None = None, slos: Iterable[str] = ()
) -> Gate:
    """
    A gate from typed options.

    Args:
        min_budget: `"10%"`.
        max_burns: `"6/1h"` each.
        min_time: `"2d"`; None does not ask for a time.
        slos: Names of SLOs; empty checks all SLOs.

    Raises:
        ConfigError: Every problem with the options.
    """
    problems: list[Problem] = []
    least, limits, seconds = Fraction(0), [], 0
    try:
        least = parse_min_budget(min_budget)
    except ConfigError as exc:
        problems += exc.problems
    for text in max_burns:
        try:
            limits.append(parse_burn_limit(text))
        except ConfigError as exc:
            problems += exc.problems
    if min_time is not None:
        try:
            seconds = parse_min_time(min_time)
        except ConfigError as exc:
            problems += exc.problems
    if problems:
        raise ConfigError(problems)
    return Gate(min_budget=least, max_burns=tuple(limits), min_seconds=seconds, slos=tuple(slos))


def _why_young(definition: SLODefinition, snapshot: SLOSnapshot) -> str | None:
    """Why the budget of an SLO is not to be judged yet; None where it is."""
    # More failures than the last period allowed spend the budget of this one, too, however young it is.
    if snapshot.is_budget_exhausted:
        return None
    needed = _LEAST_MEASURED * definition.window_length(snapshot.at)
    if Fraction(measured_in_window(definition, snapshot)) < needed:
        return f"measured {measured_text(definition, snapshot)}; a tenth is needed to judge the budget"
    return None


def _alert_text(alert: AlertState) -> str:
    long, short = alert.long, alert.short
    windows = f"{format_duration(long.window_seconds)}/{format_duration(short.window_seconds)}"
    return f"the alert {alert.severity} {windows} fires, {long.failures:,} of {_events(long.sample_count)} failed"


def _missing(name: str, known: Collection[str], retired: Collection[str]) -> str:
    if name in retired:
        return "it is retired: no process declares it any more"
    return f"there is no such SLO; {nearest(name, known) if known else 'there is none at all'}"


def _burn(snapshot: SLOSnapshot, limit: BurnLimit, definition: SLODefinition) -> tuple[Verdict, str]:
    window = format_duration(limit.window_seconds)
    counted = {sample.window_seconds: sample.counts for sample in snapshot.window_samples}
    counts = counted.get(limit.window_seconds)
    if counts is None:
        known = ", ".join(format_duration(seconds) for seconds in sorted(counted))
        return "unknown", f"its burn rate over {window} is not counted; choose one of its windows: {known}"
    if snapshot.at - snapshot.data_since < _LEAST_MEASURED * limit.window_seconds:
        return "young", f"its burn rate over {window} is not to be judged yet: a tenth of that must be measured"
    rate = exact_burn_rate(counts, definition.objective)
    is_slow_enough = rate <= limit.factor
    if not counts.has_data:
        return "pass", f"no events in {window}, so nothing burns"
    reason = (
        f"burn rate {_burn_rate_text(rate, limit.factor)} in {window}, at most {_factor_text(limit.factor)} accepted: "
        f"{counts.bad:,} of {_events(counts.total)} failed"
    )
    return "pass" if is_slow_enough else "fail", reason


def _events(number: int) -> str:
    return f"{number:,} event{'' if number == 1 else 's'}"


def _percent_text(share: Fraction) -> str:
    """A share, rounded down, so that too little never reads as enough."""
    return f"{_rounded_down(share * 100)}%"


def _burn_rate_text(rate: Fraction, most: Fraction) -> str:
    """A burn rate as every table shows it; with more digits, or words, where it would read as accepted and is not."""
    text = burn_text(float(rate))
    if rate > most >= Fraction(text.removesuffix("x")):
        text = _factor_text(rate) if _rounded_down(rate) > most else f"just over {_factor_text(most)}"
    return text


def _factor_text(factor: Fraction) -> str:
    return f"{_rounded_down(factor)}x"


def _rounded_down(value: Fraction) -> Decimal:
    """To as many decimals as the value needs, two at most."""
    digits = next((digits for digits in range(2) if (value * 10**digits).denominator == 1), 2)
    return Decimal(value.numerator * 10**digits // value.denominator).scaleb(-digits)
