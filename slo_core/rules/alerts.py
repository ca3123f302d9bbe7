"""Alerting rules of a section's SLOs: how fast budgets burn, how much is left, and whether they are still measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from slo_core.budgets.wording import this_window_text
from slo_core.conventions import Alert, Label
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.duration import format_duration
from slo_core.objectives.window import HOUR
from slo_core.rules.annotation import CONSTANT, OF, SLO, count_of, info, literal, one_decimal_of, prologue, where
from slo_core.rules.cause_template import top_cause
from slo_core.rules.names import Record, RuleLabel
from slo_core.rules.promql import and_, bracketed, duration_text, selected, window_name
from slo_core.rules.recording import Recorded, with_labels
from slo_core.rules.rule import AlertingRule, alerting_rule
from slo_core.rules.section import LOW_SHARES, Section
from slo_core.rules.series import RuleScope, SLOSeries
from slo_core.rules.severities import PAGE, TICKET, Severities
from slo_core.rules.silence import SILENCES, silence_expression

__all__ = ["SectionAlerts"]

_SOON_SECONDS = 4 * HOUR
# One failure in a quiet hour may be all that is left of a budget, and says nothing about its pace.
_SOON_FAILURES = 2
_DROPPED_SECONDS = 900


@dataclass(frozen=True, slots=True)
class SectionAlerts:
    """
    The alerting rules of the SLOs of a section: one rule serves all of them, and an alert says whose it is.

    Attributes:
        section: The SLOs.
        series: The counts of their service in Prometheus.
        severities: Those that are configured.
        labels: Labels of every alert, as templates; an SLO's own labels win.
        links: Annotations of every alert: the URL of its dashboard.
        keep_firing_for: How long an alert about budget or traffic outlives its condition, as Prometheus writes it; or empty.
        cause_scope: Whose events a store holds, where alerts name the largest cause; None where they do not.
    """

    section: Section
    series: SLOSeries
    severities: Severities
    labels: Mapping[str, str]
    links: Mapping[str, str]
    keep_firing_for: str
    cause_scope: RuleScope | None = None

    def rules(self) -> Iterator[AlertingRule]:
        """The rules. Those that read recorded series come first: they must be in the same group."""
        return (rule for rule in self._rules() if rule is not None)

    def _rules(self) -> Iterator[AlertingRule | None]:
        rules = self.section.alert_rules
        urgent = self._urgent_severity(rules)
        for rule in rules:
            yield self._burn(rule, is_urgent=rule.severity == urgent)
        # The gravest first: what one of them says, no lesser one repeats.
        yield self._exhausted()
        yield self._gone_soon()
        for share in sorted(LOW_SHARES):
            yield self._low(share)
        yield self._no_traffic()
        yield self._events_dropped()

    @property
    def _recorded(self) -> Recorded:
        return Recorded(self.section)

    @property
    def _title(self) -> str:
        return f"{SLO} of {literal(self.section.service)}{where(self.section.environment)}"

    @property
    def _window(self) -> str:
        return this_window_text(self.section.example)

    @property
    def _promise(self) -> str:
        return info(RuleLabel.PROMISE)

    def _urgent_severity(self, rules: tuple[AlertRule, ...]) -> str | None:
        """The severity that silences the others: pages, however slow; without pages that of the fastest rule."""
        if any(rule.severity == PAGE for rule in rules):
            return PAGE
        fastest = max(rules, key=lambda rule: rule.factor(self.section.period), default=None)
        return None if fastest is None else fastest.severity

    def _burn(self, rule: AlertRule, *, is_urgent: bool) -> AlertingRule | None:
        factor = rule.factor(self.section.period)
        long, short = rule.long_window, rule.short_window
        enough = f"{self._recorded.failures(long)} >= {rule.min_failures}"
        burns_long = and_(*self._burns(long, factor), enough)
        burns_short = and_(*self._burns(short, factor))
        by_slo = f"on ({', '.join(self.series.identity)})"
        measured = f"and {by_slo}\n{and_(self.series.measured_at_least(short))}"
        if rule.recent_window < short:
            burns_now = and_(*self._burns(rule.recent_window, factor))
            starts = f"{self.series.measured_at_least(long)}\nor {by_slo}\n{burns_now}"
            measured += f"\nand {by_slo}\n{bracketed(starts)}"
        return self._alert(
            Alert.BURN,
            f"{burns_long}\nand ignoring ({RuleLabel.SLOTH_WINDOW})\n{burns_short}\n{measured}",
            severity=rule.severity,
            inhibit="source" if is_urgent else "target",
            more_labels={Label.LONG_WINDOW: str(long), Label.SHORT_WINDOW: str(short)},
            outlives=True,
            summary=f"{self._title} burns its error budget {one_decimal_of(self._burn_rate(long))} times too fast",
            description=(
                f"{self._bad_of_total(long)} failed in the last {format_duration(long)},\n"
                f"{self._bad_of_total(short)} in the last {format_duration(short)}.\n"
                f"Promised are {self._promise}; this alert fires from {float(factor):g} times the pace that would just "
                f"use up the error budget.\n{self._left_sentence}{self._top_cause(long)}"
            ),
        )

    def _top_cause(self, window_seconds: int) -> str:
        if self.cause_scope is None:
            return ""
        section = self.section
        return top_cause(
            section.service, scope=self.cause_scope, environment=section.environment, seconds=window_seconds
        )

    def _burns(self, window_seconds: int, burn_rate: Fraction) -> tuple[str, str]:
        bad_factor, total_factor = self.section.factors(burn_rate)
        spent = self._recorded.spent(window_seconds, bad_factor)
        allowed = self._recorded.allowed(window_seconds, total_factor)
        return f"{spent}\n>= {allowed}", f"{self._recorded.events(window_seconds)} > 0"

    def _judged(self, condition: str) -> str:
        """A condition about the budget, where enough is known to judge it."""
        period = self.section.period
        if not self.series.is_exact:
            enough = f"{self._recorded.failures(period)} >= {self.section.example.min_failures}"
            condition += f"\nand ignoring ({RuleLabel.SLOTH_WINDOW})\n{enough}"
        return f"{condition}\n{self.series.unless_warming_up(period)}"

    def _exhausted(self) -> AlertingRule | None:
        period = self.section.period
        return self._alert(
            Alert.BUDGET_EXHAUSTED,
            self._judged(and_(*self._burns(period, Fraction(1)))),
            severity=TICKET,
            inhibit="source",
            outlives=True,
            summary=f"{self._title} has spent its error budget",
            description=f"{self._bad_of_total(period)} failed in {self._window}.\nPromised are {self._promise}.",
        )

    def _low(self, share: Fraction) -> AlertingRule | None:
        period = self.section.period
        left = f"{share * 100}%"
        # A quarter of the budget is left when three quarters of it are spent.
        low = self._judged(and_(*self._burns(period, 1 - share)))
        return self._alert(
            Alert.BUDGET_LOW,
            f"{low}\n{self._unless_graver(share)}",
            severity=TICKET,
            inhibit="target",
            more_labels={RuleLabel.BUDGET_BELOW: left},
            outlives=True,
            summary=f"{self._title} has {left} of its error budget left, or less",
            description=(
                f"{self._bad_of_total(period)} failed in {self._window}.\nPromised are {self._promise}.\n"
                f"{self._left_sentence}"
            ),
        )

    def _unless_graver(self, share: Fraction) -> str:
        """The end of a condition: no other alert says that less of the budget is left, or that it will be."""
        labels = {
            RuleLabel.SLOTH_SERVICE: self.section.service,
            **self.section.environment.match,
            RuleLabel.FAMILY: Alert.FAMILY_OF[Alert.BUDGET_LOW],
            "alertstate": "firing",
        }
        # Only this alert has the label: it is empty for the other ones of the family.
        lesser = "|".join(["", *(f"{lower * 100}%" for lower in LOW_SHARES if lower < share)])
        graver = selected("ALERTS", labels, any_of={RuleLabel.BUDGET_BELOW: lesser})
        return f"unless on ({', '.join(self.section.environment.of_slo)})\n{graver}"

    def _gone_soon(self) -> AlertingRule | None:
        pace, left = self.section.pace, self._recorded.time_to_exhaustion()
        soon = format_duration(_SOON_SECONDS)
        # At a burn rate of 1 or less no budget is ever gone: what is spent leaves the window, or new events allow as much.
        # The factors are those of the section's SLOs alone.
        overspends = (
            f"{self._recorded.spent(pace, self.section.budget_events())}\n"
            f"> {self._recorded.allowed(pace, self.section.budget_failures())}"
        )
        return self._alert(
            Alert.BUDGET_GONE_SOON,
            self._judged(
                f"{and_(f'{left} <= {_SOON_SECONDS}', f'{left} > 0')}\nand ignoring ({RuleLabel.SLOTH_WINDOW})\n"
                f"{and_(f'{self._recorded.failures(pace)} >= {_SOON_FAILURES}', overspends)}"
            ),
            severity=TICKET,
            inhibit="target",
            outlives=True,
            summary=f"{self._title} will have spent its error budget within {soon}",
            description=(
                f"{{{{ $value | humanizeDuration }}}} are left at the pace of the last {format_duration(pace)}, in which\n"
                f"{self._bad_of_total(pace)} failed.\nPromised are {self._promise}.\n{self._left_sentence}"
            ),
        )

    def _no_traffic(self) -> AlertingRule | None:
        windows = " or every ".join(duration_text(silence.window) for silence in SILENCES)
        (least,) = {silence.least_events for silence in SILENCES}
        return self._alert(
            Alert.NO_TRAFFIC,
            silence_expression(self.section),
            severity=PAGE,
            outlives=True,
            summary=f"{self._title} counts no events",
            description=(
                f"None for {{{{ $value | humanizeDuration }}}}; around this time a week ago, or yesterday if it is younger, "
                f"there were {least} or more in every {windows}. Requests that do not reach the processes spend no budget: "
                "look at what stands in front of them."
            ),
        )

    def _events_dropped(self) -> AlertingRule | None:
        span = duration_text(_DROPPED_SECONDS)
        return self._alert(
            Alert.EVENTS_DROPPED,
            self._of_section(f"{self.series.dropped(_DROPPED_SECONDS)} > 0"),
            severity=TICKET,
            summary=f"{self._title} loses events",
            description=(
                f'{{{{ $value | printf "%.0f" }}}} events of the last {span} came too late to be counted: a clock is '
                "wrong, or a store was out of reach for hours."
            ),
        )

    def _of_section(self, expression: str) -> str:
        return with_labels(expression, self.section, self.series.identity)

    def _alert(
        self,
        name: str,
        expr: str,
        *,
        severity: str,
        summary: str,
        description: str,
        inhibit: str = "",
        more_labels: Mapping[str, str] | None = None,
        outlives: bool = False,
    ) -> AlertingRule | None:
        texts = {"summary": summary, "description": f"{description}{self._about}"}
        if self.section.example.runbook:
            texts["runbook_url"] = info(RuleLabel.RUNBOOK)
        # Its own dashboard says more than that of all alerts.
        own = {"dashboard_url": info(RuleLabel.DASHBOARD)} if self.section.example.dashboard else {}
        defined = prologue(self.section.environment)
        texts = {
            key: f"{defined}{text}" if "$constant" in text or "$of" in text else text for key, text in texts.items()
        }
        return alerting_rule(
            name,
            expr,
            severity=severity,
            severities=self.severities,
            labels={**self._labels, **(more_labels or {})},
            annotations={**texts, **self.links, **own},
            inhibit=inhibit,
            keep_firing_for=self.keep_firing_for if outlives else "",
        )

    @property
    def _labels(self) -> dict[str, str]:
        """The labels of every alert that an SLO has not itself; where only some have them, a template decides."""
        definitions = self.section.definitions
        labels = {}
        for name, value in self.labels.items():
            owners = sum(name in each.labels for each in definitions)
            if owners == 0:
                labels[name] = value
            elif owners < len(definitions):
                labels[name] = f"{{{{ with $labels.{name} }}}}{{{{ . }}}}{{{{ else }}}}{value}{{{{ end }}}}"
        return labels

    @property
    def _about(self) -> str:
        """The description of the SLO, if any of them has one, on a line of its own."""
        if not any(each.description for each in self.section.definitions):
            return ""
        return info(RuleLabel.DESCRIPTION, before="\n")

    def _bad_of_total(self, window_seconds: int) -> str:
        bad, total = (self._looked_up(record, window_seconds) for record in (Record.FAILURES, Record.EVENTS))
        return f"{count_of(bad)} of {count_of(total)} events"

    def _burn_rate(self, window_seconds: int) -> str:
        bad, total = (self._looked_up(record, window_seconds) for record in (Record.FAILURES, Record.EVENTS))
        per, allowed = (f"max({record}{{{CONSTANT}}})" for record in (Record.BUDGET_EVENTS, Record.BUDGET_FAILURES))
        return f"{per} * {bad} / ({allowed} * {total} > 0)"

    def _looked_up(self, record: str, window_seconds: int) -> str:
        return f'max({record}{{{OF},{RuleLabel.SLOTH_WINDOW}="{window_name(window_seconds)}"}})'

    @property
    def _left_sentence(self) -> str:
        left = one_decimal_of(f"100 * max({Record.BUDGET_REMAINING}{{{OF}}})")
        return f"{left}% of the error budget of {self._window} is left."
