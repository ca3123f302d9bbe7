"""What an incident did to an SLO, as plain data for JSON."""

from __future__ import annotations

from typing import Any

from slo_core.simulation.outcome import Outcome, RuleOutcome

__all__ = ["outcome_document"]


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """
    All of an outcome but the course of it; shares are ratios, times are seconds after the start of the incident.

    Args:
        outcome: From `simulate`.
    """
    definition, budget = outcome.definition, outcome.budget
    return {
        "slo": definition.name,
        "target": definition.target,
        "window_seconds": definition.window_seconds,
        "window": definition.window,
        "incident_seconds": outcome.incident_seconds,
        "looked_until_seconds": outcome.looked_until,
        "resolution_seconds": outcome.resolution_seconds,
        "budget": {
            "before": budget.before,
            "after": budget.after,
            "lowest": budget.lowest,
            "at_the_end": budget.at_the_end,
            "spent": budget.spent,
            "failures": budget.failures,
            "events": budget.events,
            "exhausted_at_seconds": budget.exhausted_at,
        },
        "alerts": [_rule_document(found) for found in outcome.rules],
    }


def _rule_document(found: RuleOutcome) -> dict[str, Any]:
    rule = found.rule
    return {
        "severity": rule.severity,
        "long_window_seconds": rule.long_window,
        "short_window_seconds": rule.short_window,
        "factor": found.factor,
        "min_failures": rule.min_failures,
        "was_firing": found.was_firing,
        "fired_at_seconds": found.fired_at,
        "cleared_at_seconds": found.cleared_at,
        "firings": [
            {"fired_at_seconds": firing.fired_at, "cleared_at_seconds": firing.cleared_at} for firing in found.firings
        ],
        "highest_long_burn_rate": found.highest_long,
        "highest_short_burn_rate": found.highest_short,
    }
