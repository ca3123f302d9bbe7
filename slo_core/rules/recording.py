"""The recording rules of one SLO: counts, error ratios and budgets, under the names that dashboards for Sloth use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from slo_core.budgets.snapshot import pace_window
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import DAY, HOUR, PeriodWindow
from slo_core.rules.names import Record, RuleLabel, sli_error_record
from slo_core.rules.promql import duration_text, selected, times
from slo_core.rules.rule import RecordingRule
from slo_core.rules.series import SLOSeries
from slo_core.rules.threshold import Threshold

__all__ = ["Recorded", "recorded_windows", "recording_rules"]

# The windows that Sloth records for every SLO.
_USUAL_WINDOWS = (300, 1800, HOUR, 2 * HOUR, 6 * HOUR, DAY, 3 * DAY)

_MODE = "slo-suite"
_SPEC = "slo-suite/v1"
# The edition of these rules. Not the library's version: each release would start a new series.
_VERSION = "v1"


def recorded_windows(definition: SLODefinition) -> tuple[int, ...]:
    """The windows that are recorded, shortest first: those that the SLO uses, and usual ones up to the length of its own."""
    usual = {seconds for seconds in _USUAL_WINDOWS if seconds <= definition.window_seconds}
    return tuple(sorted(usual.union(definition.windows)))


class Recorded:
    """
    The recorded counts of an SLO, for use in other rules.

    Args:
        slo: Its name.
        service: Its service.
    """

    def __init__(self, slo: str, service: str) -> None:
        self._labels = {RuleLabel.SLOTH_SERVICE: service, RuleLabel.SLOTH_SLO: slo}

    def events(self, window_seconds: int) -> str:
        """Events of a window."""
        return self._of(Record.EVENTS, window_seconds)

    def failures(self, window_seconds: int) -> str:
        """Bad events of a window."""
        return self._of(Record.FAILURES, window_seconds)

    def budget_remaining(self) -> str:
        """Share of the error budget of the SLO's window that is left."""
        return selected(Record.BUDGET_REMAINING, self._labels)

    def time_to_exhaustion(self) -> str:
        """Seconds until the error budget is gone."""
        return selected(Record.TIME_TO_EXHAUSTION, self._labels)

    def _of(self, record: str, window_seconds: int) -> str:
        return selected(record, {**self._labels, RuleLabel.SLOTH_WINDOW: _window_name(window_seconds)})


def recording_rules(
    definition: SLODefinition, series: SLOSeries, *, service: str, labels: Mapping[str, str]
) -> Iterator[RecordingRule]:
    """
    The recording rules of one SLO. A rule comes after those it reads.

    Args:
        definition: The SLO.
        series: Its counts in Prometheus.
        service: Its service.
        labels: Labels of every record.
    """
    counts = Recorded(definition.name, service)
    budget = Threshold.of(definition.objective)
    windows = recorded_windows(definition)
    for seconds in windows:
        by_window = {**labels, RuleLabel.SLOTH_WINDOW: _window_name(seconds)}
        yield {"record": Record.EVENTS, "expr": series.events(seconds), "labels": by_window}
        yield {"record": Record.FAILURES, "expr": series.failures(seconds), "labels": by_window}
    for seconds in windows:
        total, bad = counts.events(seconds), counts.failures(seconds)
        yield {
            "record": sli_error_record(seconds),
            "expr": f"{bad}\n/ ({total} > 0)\nor {total} * 0",
            "labels": {**labels, RuleLabel.SLOTH_WINDOW: _window_name(seconds)},
        }
    period = definition.own_window
    # The shortest usual window. A shorter one would make the pace jumpy; the SLO itself may be shorter.
    pace = min((seconds for seconds in windows if seconds >= _USUAL_WINDOWS[0]), default=period)
    allowed = times(counts.events(period), budget.total_factor)
    spent = times(counts.failures(period), budget.bad_factor)
    for record, expr in (
        (Record.OBJECTIVE, f"vector({definition.target!r})"),
        (Record.ERROR_BUDGET, f"vector({float(definition.objective.allowance)!r})"),
        (Record.PERIOD_DAYS, f"vector({_number(period / DAY)})"),
        (Record.CURRENT_BURN_RATE, burn_rate_expression(counts, pace, budget)),
        (Record.PERIOD_BURN_RATE, burn_rate_expression(counts, period, budget)),
        (Record.BUDGET_REMAINING, f"({allowed} - {spent})\n/ ({allowed} > 0)\nor {counts.events(period)} * 0 + 1"),
    ):
        yield {"record": record, "expr": expr, "labels": dict(labels)}
    yield {
        "record": Record.TIME_TO_EXHAUSTION,
        "expr": _time_to_exhaustion(counts, period, pace_window(definition), budget),
        "labels": {**labels, RuleLabel.SLOTH_WINDOW: _window_name(period)},
    }
    info = {
        RuleLabel.SLOTH_MODE: _MODE,
        RuleLabel.SLOTH_OBJECTIVE: f"{(Decimal(repr(definition.target)) * 100).normalize():f}",
        RuleLabel.SLOTH_SPEC: _SPEC,
        RuleLabel.SLOTH_VERSION: _VERSION,
    }
    yield {"record": Record.INFO, "expr": "vector(1)", "labels": {**labels, **info}}


def _window_name(window_seconds: int) -> str:
    """The window in a label; "period" for a calendar window where a rolling one of the same length is recorded, too."""
    return "period" if isinstance(window_seconds, PeriodWindow) else duration_text(window_seconds)


def burn_rate_expression(counts: Recorded, window_seconds: int, budget: Threshold) -> str:
    """
    The burn rate of a window; 0 without events.

    One division of two integers, as in `slo_core.budgets.burn_rate`, so that both are the same float.
    """
    total = counts.events(window_seconds)
    spent, allowed = times(counts.failures(window_seconds), budget.bad_factor), times(total, budget.total_factor)
    return f"{spent}\n/ ({allowed} > 0)\nor {total} * 0"


def _time_to_exhaustion(counts: Recorded, period: int, pace: int, budget: Threshold) -> str:
    """
    Seconds until the budget is gone at the pace of a window; infinite while nothing burns, as on `/metrics`.

    An overspent budget would be below 0, and 0 left at a pace of 0 no number: both are 0, or infinite without events.
    """
    total, other_window = counts.events(period), f"ignoring ({RuleLabel.SLOTH_WINDOW})"
    left = f"{times(total, budget.total_factor)} - {times(counts.failures(period), budget.bad_factor)}"
    return (
        f"({left}) * {pace}\n/ {other_window} ({times(counts.failures(pace), budget.bad_factor)}) >= 0\n"
        f"or {other_window} ({total} > 0) * 0\nor {other_window} {total} + Inf"
    )


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
