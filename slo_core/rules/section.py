"""SLOs that share their rules: they differ in name, target and texts alone."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from slo_core.budgets.snapshot import pace_window
from slo_core.budgets.wording import window_text
from slo_core.conventions import Label
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import DAY, HOUR
from slo_core.rules.environment import Environment
from slo_core.rules.names import Record, RuleLabel
from slo_core.rules.promql import selected
from slo_core.rules.threshold import Threshold

__all__ = ["LOW_SHARES", "Section", "sections_of"]

# The windows that Sloth records for every SLO.
_USUAL_WINDOWS = (300, 1800, HOUR, 2 * HOUR, 6 * HOUR, DAY, 3 * DAY)

# A budget is low when so much of it is left.
LOW_SHARES = (Fraction(25, 100), Fraction(10, 100))

_ID_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Section:
    """
    SLOs of a service that have the same windows and alert rules, so that each rule can serve all of them.

    The target of each SLO is recorded as a pair of whole numbers: of `slo:budget:events` events `slo:budget:failures` may
    be bad. These two series also say which SLOs belong to the section, and hold the labels of their records.

    Attributes:
        id: Value of the label `slo_rules` of its series. Another rule file has other ones, unless its rules are the same.
        service: Their service.
        environment: Which of its scraped series are read.
        definitions: The SLOs.
        is_most: Whether they are most SLOs of the service.
    """

    id: str
    service: str
    environment: Environment
    definitions: tuple[SLODefinition, ...]
    is_most: bool = True

    @property
    def example(self) -> SLODefinition:
        """One of the SLOs, for all that they have in common."""
        return self.definitions[0]

    @property
    def selected_slos(self) -> tuple[str, ...]:
        """The SLOs whose scraped series are read; none where all of the service are: a long list of names costs more."""
        return () if self.is_most else tuple(each.name for each in self.definitions)

    @property
    def alert_rules(self) -> tuple[AlertRule, ...]:
        """Their alert rules."""
        return self.example.active_alert_rules

    @property
    def period(self) -> int:
        """Their window, in seconds."""
        return self.example.own_window

    @property
    def pace(self) -> int:
        """The window whose pace says how long a budget lasts, in seconds."""
        return pace_window(self.example)

    @property
    def recorded_windows(self) -> tuple[int, ...]:
        """
        The windows that are recorded, shortest first: those that the SLOs use, and usual ones up to the length of theirs.

        The shortest usual one is always there: dashboards ask for it.
        """
        usual = {seconds for seconds in _USUAL_WINDOWS if seconds <= self.period}
        return tuple(sorted({_USUAL_WINDOWS[0], *usual, *self.example.windows}))

    @property
    def current_window(self) -> int:
        """The shortest usual window. A shorter one would make the pace jumpy; the SLO itself may be shorter."""
        return min(_USUAL_WINDOWS[0], self.period)

    def labels_of(self, definition: SLODefinition) -> dict[str, str]:
        """The labels of every record of one SLO."""
        return {**definition.labels, **self.environment.match, **_identity(definition, self.service)}

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of those labels, of any of the SLOs."""
        return tuple(dict.fromkeys(name for each in self.definitions for name in self.labels_of(each)))

    def budget_events(self, factor: str = "1", plus: str = "") -> str:
        """The series `slo:budget:events` of the SLOs, multiplied."""
        return self._constant(Record.BUDGET_EVENTS, factor, plus)

    def budget_failures(self, factor: str = "1", plus: str = "") -> str:
        """The series `slo:budget:failures` of the SLOs, multiplied."""
        return self._constant(Record.BUDGET_FAILURES, factor, plus)

    def factors(self, burn_rate: Fraction) -> tuple[str, str]:
        """
        The factors of failures and of events in the comparison with a burn rate, in PromQL.

        14.4 is 72/5: `failures * (5 * slo:budget:events) >= events * (72 * slo:budget:failures)`. The products are the
        integers of `Threshold`. Where that one has others (targets of very many digits), they stand there as they are.
        """
        if _is_product(self.example, burn_rate):
            return (
                self.budget_events(str(burn_rate.denominator)),
                self.budget_failures(str(burn_rate.numerator)),
            )
        threshold = Threshold.of(self.example.objective, burn_rate)
        return (
            self.budget_events("0", f" + {threshold.bad_factor}"),
            self.budget_failures("0", f" + {threshold.total_factor}"),
        )

    def _constant(self, record: str, factor: str, plus: str) -> str:
        series = selected(record, {RuleLabel.RULES: self.id})
        return series if factor == "1" else f"({factor} * {series}{plus})"


def sections_of(
    definitions: Iterable[SLODefinition], *, service: str, environment: Environment, options: Hashable
) -> Iterator[Section]:
    """
    The sections of a service's SLOs.

    Args:
        definitions: The SLOs.
        service: Their service.
        environment: Which of its scraped series are read.
        options: All else that the rules depend on, apart from the SLOs.
    """
    sections: dict[Hashable, list[SLODefinition]] = {}
    for definition in definitions:
        sections.setdefault(_in_common(definition), []).append(definition)
    count = sum(map(len, sections.values()))
    for key, members in sections.items():
        everything = repr((service, sorted(environment.match.items()), environment.by, options, key))
        digest = hashlib.sha256(everything.encode("utf-8", "backslashreplace")).hexdigest()
        yield Section(
            f"{window_text(members[0])}-{digest[:_ID_DIGITS]}",
            service,
            environment,
            tuple(members),
            2 * len(members) > count,
        )


def _in_common(definition: SLODefinition) -> Hashable:
    """Everything that shared rules say about an SLO."""
    rules = definition.active_alert_rules
    factors = tuple(rule.factor(definition.window_seconds) for rule in rules)
    needs_own_numbers = not all(
        _is_product(definition, rate) for rate in (*factors, *(1 - share for share in LOW_SHARES))
    )
    return (
        definition.window_seconds,
        window_text(definition),
        definition.windows,
        definition.window,
        tuple(
            (rule.key, rule.min_failures, str(rule.factor(definition.window_seconds)))
            for rule in definition.active_alert_rules
        ),
        bool(definition.runbook),
        bool(definition.dashboard),
        tuple(sorted((name, str(value)) for name, value in definition.alerts.items())),
        str(definition.objective.allowance) if needs_own_numbers else "",
    )


def _is_product(definition: SLODefinition, burn_rate: Fraction) -> bool:
    """Whether the comparison with a burn rate is that with 1, with both sides multiplied by whole numbers."""
    budget, threshold = Threshold.of(definition.objective), Threshold.of(definition.objective, burn_rate)
    if not budget.exact_events or not threshold.exact_events:
        return False
    products = int(budget.bad_factor) * burn_rate.denominator, int(budget.total_factor) * burn_rate.numerator
    return products == (int(threshold.bad_factor), int(threshold.total_factor))


def _identity(definition: SLODefinition, service: str) -> Mapping[str, str]:
    return {
        Label.SERVICE: service,
        Label.SLO: definition.name,
        RuleLabel.SLOTH_ID: f"{service}-{definition.name}",
        RuleLabel.SLOTH_SERVICE: service,
        RuleLabel.SLOTH_SLO: definition.name,
    }
