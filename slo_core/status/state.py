"""The state of an SLO in one word."""

from __future__ import annotations

from typing import Literal

from slo_core.budgets.snapshot import SLOSnapshot

__all__ = ["STATES", "State", "state_of", "worst_first"]


State = Literal["met", "burning", "exhausted", "breached", "warming up", "no data"]

# The worst first.
STATES: tuple[State, ...] = ("breached", "exhausted", "burning", "warming up", "no data", "met")


def state_of(snapshot: SLOSnapshot) -> State:
    """
    The state of an SLO in one word: the worst that applies.

    Returns:
        `"no data"` without events; `"breached"` below the target; `"exhausted"` exactly at it, with the budget spent
        to the last event; `"burning"` while a multi-window alert rule fires; `"warming up"` where the budget of the events
        so far is spent, but these are too few to judge it by; otherwise `"met"`.
    """
    if not snapshot.has_data:
        return "no data"
    if snapshot.is_breached:
        return "breached"
    if snapshot.is_budget_exhausted:
        return "exhausted"
    if snapshot.is_firing:
        return "burning"
    return "warming up" if snapshot.is_budget_spent else "met"


def worst_first(snapshot: SLOSnapshot) -> tuple[int, float]:
    """A sort key that puts the worst SLO first: by state, then by the budget that is left."""
    return STATES.index(state_of(snapshot)), snapshot.error_budget_remaining
