"""The outcome of a simulated incident for one SLO: its alerts and its error budget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import load_timezone

__all__ = ["BudgetOutcome", "Firing", "Instant", "Outcome", "RuleOutcome", "SpentShare", "outcome_json"]


@dataclass(frozen=True, slots=True)
class Firing:
    """
    One stretch of time in which an alert rule fires.

    Attributes:
        fired_at: Its first second, from the start of the incident; 0 when it was firing before.
        cleared_at: The first second in which it fires no more; None when it still does in the end.
    """

    fired_at: int
    cleared_at: int | None


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """
    The outcome for one alert rule.

    Attributes:
        rule: The rule.
        factor: The burn rate that both of its windows are compared with.
        firings: When it fired; empty when it did not.
        was_firing: Whether it fired before the incident began.
        highest_long: The highest burn rate of the long window, at the instants that were evaluated.
        highest_short: The highest burn rate of the short window.
    """

    rule: AlertRule
    factor: float
    firings: tuple[Firing, ...]
    was_firing: bool
    highest_long: float
    highest_short: float

    @property
    def fired_at(self) -> int | None:
        """Seconds after the start of the incident; None when it never fired."""
        return self.firings[0].fired_at if self.firings else None

    @property
    def cleared_at(self) -> int | None:
        """When it cleared last, in seconds after the start of the incident; None when it never fired, or still fires."""
        return self.firings[-1].cleared_at if self.firings else None

    @property
    def is_firing_still(self) -> bool:
        """Whether it fires at the last instant."""
        return bool(self.firings) and self.firings[-1].cleared_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentShare:
    """
    The share of the budget of one window that the incident's bad events spend; 0.0 without events in the window.

    Attributes:
        begins_at: When a calendar window begins, in seconds since the epoch; None for a rolling one.
        worst: The highest share at any time.
        at_its_end: The share when the incident ends, or the window before it.
    """

    begins_at: int | None
    worst: float
    at_its_end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetOutcome:
    """
    The outcome for the error budget, in shares: 1.0 untouched, 0.0 spent, below 0 overspent.

    Attributes:
        before: Share left when the incident began.
        after: Share left when it ended, of the window of that time.
        lowest: The lowest share, at the instants that were evaluated.
        at_the_end: Share left at the last instant.
        exhausted_at: When it was spent, in seconds after the start; None when it never was, 0 when it was before.
        windows: What its bad events spent: of a rolling window, or of each calendar window that it touches, in their order.
        after_begins_at: When the window of `after` begins, where the incident began in an earlier one; None otherwise.
        failures: Its bad events.
        events: Its events.
    """

    before: float
    after: float
    lowest: float
    at_the_end: float
    exhausted_at: int | None
    windows: tuple[SpentShare, ...]
    after_begins_at: int | None
    failures: int
    events: int

    @property
    def spent(self) -> float:
        """The highest share of a whole budget that the incident's bad events spent."""
        return max(share.worst for share in self.windows)


@dataclass(frozen=True, slots=True)
class Instant:
    """
    The state at one instant, for a plot.

    Attributes:
        at: Seconds after the start of the incident.
        error_budget_remaining: The share of the budget that is left.
        burn_rates: Of each window that is counted, by its length in seconds.
    """

    at: int
    error_budget_remaining: float
    burn_rates: dict[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    The outcome of an incident for one SLO.

    Attributes:
        definition: The SLO.
        starts_at: When the incident began, in seconds since the epoch.
        incident_seconds: How long the incident lasted.
        looked_until: The last second of the simulation, from the start of the incident.
        rules: The outcome for each of its alert rules, in their order.
        budget: The outcome for its error budget.
        resolution_seconds: How exact `fired_at`, `cleared_at` and `exhausted_at` are: 1; more where a burn rate stayed
            so close to a factor, for so long, that every second would have to be evaluated.
        instants: The eventful part of it for a plot, evenly spread; the first is the start of the incident.
    """

    definition: SLODefinition
    starts_at: int
    incident_seconds: int
    looked_until: int
    rules: tuple[RuleOutcome, ...]
    budget: BudgetOutcome
    resolution_seconds: int
    instants: tuple[Instant, ...] = ()

    @property
    def local_start(self) -> datetime:
        """When the incident began, in the SLO's time zone."""
        return self.local(self.starts_at)

    def local(self, at: int) -> datetime:
        """An instant in the SLO's time zone."""
        return datetime.fromtimestamp(at, load_timezone(self.definition.timezone))


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """
    An outcome ready for `json.dumps`, without its instants.

    Shares are ratios, times are seconds after the start of the incident; `starts_at` is ISO 8601 in the SLO's time zone.

    Args:
        outcome: From `simulate`.
    """
    definition, budget = outcome.definition, outcome.budget
    return {
        "slo": definition.name,
        "target": definition.target,
        "window_seconds": definition.window_seconds,
        "window": definition.window,
        "starts_at": outcome.local_start.isoformat(),
        "incident_seconds": outcome.incident_seconds,
        "looked_until_seconds": outcome.looked_until,
        "resolution_seconds": outcome.resolution_seconds,
        "budget": {
            "before": budget.before,
            "after": budget.after,
            "lowest": budget.lowest,
            "at_the_end": budget.at_the_end,
            "spent": budget.spent,
            "windows": [
                {
                    "begins_at": None if share.begins_at is None else outcome.local(share.begins_at).isoformat(),
                    "spent": share.worst,
                    "spent_at_its_end": share.at_its_end,
                }
                for share in budget.windows
            ],
            "failures": budget.failures,
            "events": budget.events,
            "exhausted_at_seconds": budget.exhausted_at,
        },
        "alerts": [_rule_json(rule) for rule in outcome.rules],
    }


def _rule_json(outcome: RuleOutcome) -> dict[str, Any]:
    rule = outcome.rule
    return {
        "severity": rule.severity,
        "long_window_seconds": rule.long_window,
        "short_window_seconds": rule.short_window,
        "factor": outcome.factor,
        "min_failures": rule.min_failures,
        "was_firing": outcome.was_firing,
        "fired_at_seconds": outcome.fired_at,
        "cleared_at_seconds": outcome.cleared_at,
        "firings": [
            {"fired_at_seconds": firing.fired_at, "cleared_at_seconds": firing.cleared_at} for firing in outcome.firings
        ],
        "highest_long_burn_rate": outcome.highest_long,
        "highest_short_burn_rate": outcome.highest_short,
    }
