"""Alerting rules of one SLO: how fast its budget burns, how much is left, and whether it is still measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from slo_core.budgets.snapshot import pace_window
from slo_core.budgets.wording import percent, target_digits, window_text
from slo_core.conventions import Label
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.objectives.window import DAY, HOUR
from slo_core.rules.annotation import count_of, literal, one_decimal_of
from slo_core.rules.names import Alert, RuleLabel
from slo_core.rules.promql import and_, duration_text, times
from slo_core.rules.recording import Recorded
from slo_core.rules.rule import PAGE, TICKET, AlertingRule, alerting_rule
from slo_core.rules.series import SLOSeries
from slo_core.rules.threshold import Threshold

__all__ = ["SLOAlerts"]

_SILENCE_SECONDS = 600
_LOW_SHARES = (Fraction(25, 100), Fraction(10, 100))
_SOON_SECONDS = 4 * HOUR
# One failure in a quiet hour may be all that is left of a budget, and says nothing about its pace.
_SOON_FAILURES = 2
_DROPPED_SECONDS = 900


@dataclass(frozen=True, slots=True)
class SLOAlerts:
    """
    The alerting rules of one SLO.

    Attributes:
        definition: The SLO.
        series: Its counts in Prometheus.
        service: Its service.
        labels: Labels of every alert.
        links: Annotations of every alert: the URLs of its runbook and dashboard.
        keep_firing_for: How long an alert about budget or traffic outlives its condition, as Prometheus writes it; or empty.
    """

    definition: SLODefinition
    series: SLOSeries
    service: str
    labels: Mapping[str, str]
    links: Mapping[str, str]
    keep_firing_for: str

    def rules(self) -> Iterator[AlertingRule]:
        """The rules; they read the series of the SLO's recording rules."""
        rules = self.definition.active_alert_rules
        urgent = self._urgent_severity(rules)
        for rule in rules:
            yield self._burn(rule, is_urgent=rule.severity == urgent)
        yield self._exhausted()
        for share in _LOW_SHARES:
            yield self._low(share)
        yield self._gone_soon()
        yield self._no_traffic()
        yield self._absent()
        yield self._events_dropped()

    @property
    def _counts(self) -> Recorded:
        return Recorded(self.definition.name, self.service)

    @property
    def _title(self) -> str:
        return literal(f"{self.definition.name} of {self.service}")

    @property
    def _window(self) -> str:
        return window_text(self.definition)

    @property
    def _objective(self) -> str:
        target = self.definition.target
        return f"{percent(target, target_digits(target))} good in {self._window}"

    def _urgent_severity(self, rules: tuple[AlertRule, ...]) -> str | None:
        """The severity of the fastest rule: it silences the others."""
        window = self.definition.window_seconds
        fastest = max(rules, key=lambda rule: rule.factor(window), default=None)
        return None if fastest is None else fastest.severity

    def _burn(self, rule: AlertRule, *, is_urgent: bool) -> AlertingRule:
        factor = rule.factor(self.definition.window_seconds)
        threshold = Threshold.of(self.definition.objective, factor)
        long, short = rule.long_window, rule.short_window
        enough = f"{self._counts.failures(long)} >= {rule.min_failures}"
        burns_long = and_(*self._burns(long, threshold), enough)
        burns_short = and_(*self._burns(short, threshold))
        measured = and_(self.series.measured_at_least(short))
        return self._alert(
            Alert.BURN,
            f"{burns_long}\nand ignoring ({RuleLabel.SLOTH_WINDOW})\n{burns_short}\n"
            f"and on ({', '.join(self.series.identity)})\n{measured}",
            severity=rule.severity,
            family="burn",
            inhibit="source" if is_urgent else "target",
            more_labels={Label.LONG_WINDOW: str(long), Label.SHORT_WINDOW: str(short)},
            outlives=True,
            summary=f"{self._title} burns its error budget {one_decimal_of(self._burn_rate(long))} times too fast",
            description=(
                f"{self._bad_of_total(long)} failed in the last {format_duration(long)},\n"
                f"{self._bad_of_total(short)} in the last {format_duration(short)}.\n"
                f"Promised are {self._objective}; this alert fires from {float(factor):g} times the pace that would just "
                f"use up the error budget.\n{self._left_sentence}"
            ),
        )

    def _burns(self, window_seconds: int, threshold: Threshold) -> tuple[str, str]:
        bad, total = self._counts.failures(window_seconds), self._counts.events(window_seconds)
        spent = bad if threshold.bad_factor == "1" else f"{bad} * {threshold.bad_factor}"
        return f"{spent}\n  >= {times(total, threshold.total_factor)}", f"{total} > 0"

    def _exhausted(self) -> AlertingRule:
        period = self.definition.own_window
        return self._alert(
            Alert.BUDGET_EXHAUSTED,
            and_(*self._burns(period, Threshold.of(self.definition.objective))),
            severity=TICKET,
            family="budget",
            inhibit="source",
            outlives=True,
            summary=f"{self._title} has spent its error budget",
            description=f"{self._bad_of_total(period)} failed in {self._window}.\nPromised are {self._objective}.",
        )

    def _low(self, share: Fraction) -> AlertingRule:
        period = self.definition.own_window
        # A quarter of the budget is left when three quarters of it are spent.
        threshold = Threshold.of(self.definition.objective, 1 - share)
        left = f"{share * 100}%"
        return self._alert(
            Alert.BUDGET_LOW,
            and_(*self._burns(period, threshold)),
            severity=TICKET,
            family="budget",
            inhibit="target",
            more_labels={RuleLabel.BUDGET_BELOW: left},
            outlives=True,
            summary=f"{self._title} has {left} of its error budget left, or less",
            description=(
                f"{self._bad_of_total(period)} failed in {self._window}.\nPromised are {self._objective}.\n"
                f"{self._left_sentence}"
            ),
        )

    def _gone_soon(self) -> AlertingRule:
        pace, left = pace_window(self.definition), self._counts.time_to_exhaustion()
        soon = format_duration(_SOON_SECONDS)
        return self._alert(
            Alert.BUDGET_GONE_SOON,
            f"{and_(f'{left} <= {_SOON_SECONDS}', f'{left} > 0')}\nand ignoring ({RuleLabel.SLOTH_WINDOW})\n"
            f"{self._counts.failures(pace)} >= {_SOON_FAILURES}",
            severity=TICKET,
            family="budget",
            inhibit="target",
            outlives=True,
            summary=f"{self._title} will have spent its error budget within {soon}",
            description=(
                f"{{{{ $value | humanizeDuration }}}} are left at the pace of the last {format_duration(pace)}, in which\n"
                f"{self._bad_of_total(pace)} failed.\nPromised are {self._objective}.\n{self._left_sentence}"
            ),
        )

    def _no_traffic(self) -> AlertingRule:
        now = self.series.events(_SILENCE_SECONDS)
        silence = duration_text(_SILENCE_SECONDS)
        # Silence alerts only where traffic came in every ten minutes around this time yesterday: otherwise a service
        # that is quiet at night, or has an event an hour, would alert every night, or hour.
        yesterday = duration_text(DAY - HOUR // 2)
        usual = f"min_over_time({and_(now)}[1h:{silence}] offset {yesterday}) > 0"
        return self._alert(
            Alert.NO_TRAFFIC,
            f"{and_(now)} == 0\nand\n{usual}",
            severity=PAGE,
            family="traffic",
            outlives=True,
            summary=f"{self._title} counts no events",
            description=(
                f"None for {silence}; at this time yesterday there were some in every {silence}. Requests that do not "
                "reach the processes spend no budget: look at what stands in front of them."
            ),
        )

    def _absent(self) -> AlertingRule:
        return self._alert(
            Alert.ABSENT,
            f"{self.series.target(within_seconds=DAY)}\nunless\n{self.series.target()}",
            severity=PAGE,
            family="data",
            pending="10m",
            summary=f"{self._title} is no longer measured",
            description=(
                "No process shows this SLO, and one did within the last day: they are gone, or not scraped, or their "
                "store is out of reach. Until then none of its other alerts can fire."
            ),
        )

    def _events_dropped(self) -> AlertingRule:
        span = duration_text(_DROPPED_SECONDS)
        return self._alert(
            Alert.EVENTS_DROPPED,
            f"{self.series.dropped(_DROPPED_SECONDS)} > 0",
            severity=TICKET,
            family="data",
            summary=f"{self._title} loses events",
            description=(
                f'{{{{ $value | printf "%.0f" }}}} events of the last {span} came too late to be counted: a clock is '
                "wrong, or a store was out of reach for hours."
            ),
        )

    def _alert(
        self,
        name: str,
        expr: str,
        *,
        severity: str,
        family: str,
        summary: str,
        description: str,
        inhibit: str = "",
        more_labels: Mapping[str, str] | None = None,
        pending: str = "",
        outlives: bool = False,
    ) -> AlertingRule:
        about = f"\n{literal(self.definition.description)}" if self.definition.description else ""
        return alerting_rule(
            name,
            expr,
            severity=severity,
            family=family,
            labels={**self.labels, **(more_labels or {})},
            annotations={"summary": summary, "description": f"{description}{about}", **self.links},
            inhibit=inhibit,
            pending=pending,
            keep_firing_for=self.keep_firing_for if outlives else "",
        )

    def _bad_of_total(self, window_seconds: int) -> str:
        bad, total = self._counts.failures(window_seconds), self._counts.events(window_seconds)
        return f"{count_of(bad)} of {count_of(total)} events"

    def _burn_rate(self, window_seconds: int) -> str:
        budget = Threshold.of(self.definition.objective)
        bad, total = self._counts.failures(window_seconds), self._counts.events(window_seconds)
        return f"{times(bad, budget.bad_factor)} / ({times(total, budget.total_factor)} > 0)"

    @property
    def _left_sentence(self) -> str:
        left = one_decimal_of(f"100 * {self._counts.budget_remaining()}")
        return f"{left}% of the error budget of {self._window} is left."
