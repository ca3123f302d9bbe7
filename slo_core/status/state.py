"""The state of an SLO in one word."""

from __future__ import annotations

from typing import Literal

from slo_core.budgets.snapshot import SLOSnapshot

__all__ = ["STATES", "State", "severity_key", "state_of"]


State = Literal["met", "burning", "exhausted", "breached", "no data"]

# The gravest first.
STATES: tuple[State, ...] = ("breached", "exhausted", "burning", "no data", "met")


def state_of(snapshot: SLOSnapshot) -> State:
    """
    One word for how an SLO stands, the gravest that is true.

    Returns:
        `"no data"` without events; `"breached"` below the target; `"exhausted"` exactly at it, with the budget spent
        to the last event; `"burning"` while a multi-window alert rule fires; otherwise `"met"`.
    """
    if not snapshot.has_data:
        return "no data"
    if snapshot.is_breached:
        return "breached"
    if snapshot.is_budget_exhausted:
        return "exhausted"
    return "burning" if snapshot.is_firing else "met"


def severity_key(snapshot: SLOSnapshot) -> tuple[int, float]:
    """A key that sorts the worst SLO first: by state, then by what is left of the budget."""
    return STATES.index(state_of(snapshot)), snapshot.error_budget_remaining
