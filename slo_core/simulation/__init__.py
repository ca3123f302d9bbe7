"""
What an incident would do: when each alert fires and clears, and how much of the error budget goes.

The library's own tracker counts made-up traffic on a clock of its own; nothing is evaluated in a second way.
"""

from __future__ import annotations

from slo_core.simulation.minute_counts import MinuteCounts, read_minute_counts
from slo_core.simulation.outcome import BudgetOutcome, Firing, Instant, Outcome, RuleOutcome, outcome_document
from slo_core.simulation.rehearsal import simulate
from slo_core.simulation.sketch import Sketch
from slo_core.simulation.traffic import Stretch, Traffic, parse_rate, parse_share

__all__ = [
    "BudgetOutcome",
    "Firing",
    "Instant",
    "MinuteCounts",
    "Outcome",
    "RuleOutcome",
    "Sketch",
    "Stretch",
    "Traffic",
    "outcome_document",
    "parse_rate",
    "parse_share",
    "read_minute_counts",
    "simulate",
]
