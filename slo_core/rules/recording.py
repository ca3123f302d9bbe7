"""The recording rules of a section: counts, error ratios and budgets, under the names that dashboards for Sloth use."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from slo_core.budgets.wording import promise_text
from slo_core.conventions import Label
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import DAY
from slo_core.rules.names import Record, RuleLabel, sli_error_record
from slo_core.rules.promql import bracketed, duration_text, selected, window_name
from slo_core.rules.rule import RecordingRule
from slo_core.rules.section import Section
from slo_core.rules.series import SLOSeries
from slo_core.rules.threshold import Threshold

__all__ = ["Recorded", "budget_rules", "count_rules", "objective_rules", "ratio_rules", "with_labels"]

_MODE = "slo-suite"
_SPEC = "slo-suite/v1"
# The edition of these rules. Not the library's version: each release would start a new series.
_VERSION = "v1"


class Recorded:
    """
    The recorded counts of a section's SLOs, for use in other rules of the same group.

    Args:
        section: The section.
    """

    def __init__(self, section: Section) -> None:
        self._section = section
        self._labels = {RuleLabel.SLOTH_SERVICE: section.service, **section.environment.match}

    def events(self, window_seconds: int) -> str:
        """Events of a window, also of SLOs in other sections."""
        return self._of(Record.EVENTS, window_seconds)

    def failures(self, window_seconds: int) -> str:
        """Bad events of a window, also of SLOs in other sections."""
        return self._of(Record.FAILURES, window_seconds)

    def spent(self, window_seconds: int, factor: str) -> str:
        """Bad events of a window, multiplied by a factor of each SLO of the section."""
        return _times(self.failures(window_seconds), factor)

    def allowed(self, window_seconds: int, factor: str) -> str:
        """Events of a window, multiplied by a factor of each SLO of the section."""
        return _times(self.events(window_seconds), factor)

    def time_to_exhaustion(self) -> str:
        """Seconds until the error budget is gone."""
        return selected(Record.TIME_TO_EXHAUSTION, self._labels)

    def _of(self, record: str, window_seconds: int) -> str:
        return selected(record, {**self._labels, RuleLabel.SLOTH_WINDOW: window_name(window_seconds)})


def with_labels(expression: str, section: Section, identity: tuple[str, ...]) -> str:
    """
    An expression about all SLOs of a service: only those of the section, with the labels of their records.

    Args:
        expression: PromQL whose series have the labels of `identity`.
        section: The section.
        identity: Its labels. A process without a name leaves the service out.
    """
    on = [name for name in identity if name in (Label.SERVICE, Label.SLO)]
    more = (name for name in section.label_names if name not in identity)
    return (
        f"{bracketed(expression)}\n+ on ({', '.join(on)}) group_left ({', '.join(more)})\n{section.budget_events('0')}"
    )


def budget_rules(definition: SLODefinition, section: Section) -> Iterator[RecordingRule]:
    """The two series by which an SLO takes part in the rules of its section."""
    budget = Threshold.of(definition.objective)
    labels = {**section.labels_of(definition), RuleLabel.RULES: section.id}
    for record, number in ((Record.BUDGET_EVENTS, budget.bad_factor), (Record.BUDGET_FAILURES, budget.total_factor)):
        yield {"record": record, "expr": f"vector({number})", "labels": dict(labels)}


def objective_rules(definition: SLODefinition, section: Section) -> Iterator[RecordingRule]:
    """What an SLO promises, and the texts of its alerts."""
    labels, target = section.labels_of(definition), definition.target
    yield {"record": Record.OBJECTIVE, "expr": f"vector({target!r})", "labels": labels}
    info = {
        RuleLabel.SLOTH_MODE: _MODE,
        RuleLabel.SLOTH_OBJECTIVE: f"{(Decimal(repr(target)) * 100).normalize():f}",
        RuleLabel.SLOTH_SPEC: _SPEC,
        RuleLabel.SLOTH_VERSION: _VERSION,
        RuleLabel.PROMISE: promise_text(definition, adjective="good"),
        RuleLabel.DESCRIPTION: definition.description,
        RuleLabel.RUNBOOK: definition.runbook,
        RuleLabel.DASHBOARD: definition.dashboard,
    }
    yield {
        "record": Record.INFO,
        "expr": "vector(1)",
        "labels": {**labels, **{name: value for name, value in info.items() if value}},
    }


def count_rules(section: Section, series: SLOSeries) -> Iterator[RecordingRule]:
    """
    The counts of all windows, and what is left of the budgets.

    The first rule records events and failures together: a scrape between two rules would else be in one of them only.
    """
    counts = series.counts(section.recorded_windows, counted=section.example.windows)
    yield {
        "record": Record.COUNTS,
        "expr": with_labels(counts, section, series.identity),
        "labels": {RuleLabel.RULES: section.id},
    }
    yield {"record": Record.EVENTS, "expr": _counted(section, "events"), "labels": {}}
    yield {"record": Record.FAILURES, "expr": _counted(section, "failures"), "labels": {}}
    recorded, period, pace = Recorded(section), section.period, section.pace
    spent, allowed = (
        recorded.spent(period, section.budget_events()),
        recorded.allowed(period, section.budget_failures()),
    )
    left = f"{allowed}\n-\n{spent}"
    yield {
        "record": Record.BUDGET_REMAINING,
        "expr": f"{bracketed(left)}\n/\n{bracketed(f'{allowed} > 0')}\nor\n{allowed} * 0 + 1",
        "labels": {},
    }
    yield {
        "record": Record.CURRENT_BURN_RATE,
        "expr": burn_rate_expression(section, section.current_window),
        "labels": {},
    }
    yield {"record": Record.PERIOD_BURN_RATE, "expr": burn_rate_expression(section, period), "labels": {}}
    # Infinite while nothing burns, and while no event of the window is bad, as on `/metrics`. An overspent budget would be
    # below 0, and 0 left at a pace of 0 no number: both are 0.
    other_window = f"ignoring ({RuleLabel.SLOTH_WINDOW})"
    burning = recorded.spent(pace, section.budget_events())
    yield {
        "record": Record.TIME_TO_EXHAUSTION,
        "expr": (
            f"{bracketed(f'{spent} == 0')} + Inf\n"
            f"or {other_window}\n{bracketed(left)} * {pace}\n/ {other_window}\n{bracketed(burning)} >= 0\n"
            f"or {other_window}\n{bracketed(f'{allowed} > 0')} * 0"
        ),
        "labels": {RuleLabel.SLOTH_WINDOW: window_name(period)},
    }


def burn_rate_expression(section: Section, window_seconds: int) -> str:
    """
    The burn rate of a window; 0 without events.

    One division of two integers, as in `slo_core.budgets.burn_rate`, so that both are the same float.
    """
    recorded = Recorded(section)
    spent = recorded.spent(window_seconds, section.budget_events())
    allowed = recorded.allowed(window_seconds, section.budget_failures())
    return f"{bracketed(spent)}\n/\n{bracketed(f'{allowed} > 0')}\nor\n{allowed} * 0"


def ratio_rules(section: Section) -> Iterator[RecordingRule]:
    """The error ratio of each window, and numbers of the objectives. They read the counts that one rule records together."""
    for seconds in section.recorded_windows:
        window = window_name(seconds)
        total, bad = _counted(section, "events", window), _counted(section, "failures", window)
        yield {
            "record": sli_error_record(seconds),
            "expr": f"{bad}\n/ ({total} > 0)\nor {total} * 0",
            # Its own, so that `promtool check rules` takes it for no duplicate of a rolling window of the same length.
            "labels": {} if window == duration_text(seconds) else {RuleLabel.SLOTH_WINDOW: window},
        }
    events, failures = (
        f"sum without ({RuleLabel.RULES}) ({series})" for series in (section.budget_events(), section.budget_failures())
    )
    yield {"record": Record.ERROR_BUDGET, "expr": f"{failures} / {events}", "labels": {}}
    yield {"record": Record.PERIOD_DAYS, "expr": f"{events} * 0 + {_number(section.period / DAY)}", "labels": {}}


def _counted(section: Section, count: str, window: str = "") -> str:
    labels = {RuleLabel.RULES: section.id, RuleLabel.COUNT: count}
    if window:
        labels[RuleLabel.SLOTH_WINDOW] = window
    return f"sum without ({RuleLabel.RULES}, {RuleLabel.COUNT}) ({selected(Record.COUNTS, labels)})"


def _times(series: str, factor: str) -> str:
    return f"{series} * on ({Label.SERVICE}, {Label.SLO}) group_left () {factor}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
