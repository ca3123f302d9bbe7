"""The state of an SLO in words: what happens now, and how its error budget stands."""

from __future__ import annotations

from math import inf
from typing import Literal

from slo_core.budgets.alerts import AlertState
from slo_core.budgets.snapshot import SLOSnapshot, seconds_left

__all__ = [
    "BUDGET_STATES",
    "BURNING_STATES",
    "FIRING_STATES",
    "BudgetState",
    "Burning",
    "State",
    "budget_state",
    "burning_now",
    "most_urgent_first",
    "state_of",
    "waiting_alert",
]


State = Literal["met", "burning", "exhausted", "breached", "warming up", "no data"]
BudgetState = Literal["met", "exhausted", "breached", "warming up", "no data"]
Burning = Literal["paging", "ticketing", "waiting"]

# The worst first.
BUDGET_STATES: tuple[BudgetState, ...] = ("breached", "exhausted", "warming up", "no data", "met")
FIRING_STATES: tuple[Burning, ...] = ("paging", "ticketing")
BURNING_STATES: tuple[Burning, ...] = (*FIRING_STATES, "waiting")


def burning_now(snapshot: SLOSnapshot) -> Burning | None:
    """
    Whether an alert rule of the SLO fires now, and how urgent it is.

    Returns:
        `"paging"` while a rule fires whose severity is not `"ticket"`; `"ticketing"` while only those fire; `"waiting"` while
        none fires, but one would if it did not wait (see `AlertState.waiting`); otherwise None.
    """
    severities = {alert.severity for alert in snapshot.alerts if alert.is_firing}
    if severities:
        return "ticketing" if severities == {"ticket"} else "paging"
    return "waiting" if waiting_alert(snapshot) is not None else None


def waiting_alert(snapshot: SLOSnapshot) -> AlertState | None:
    """The first rule that waits; None where none does."""
    return next((alert for alert in snapshot.alerts if alert.waiting is not None), None)


def budget_state(snapshot: SLOSnapshot) -> BudgetState:
    """
    How the error budget of the SLO's window stands, whatever happens now.

    Returns:
        `"no data"` without events; `"breached"` below the target; `"exhausted"` exactly at it, with the budget spent
        to the last event; `"warming up"` where the budget of the events so far is spent, but these are too few to judge it
        by; otherwise `"met"`.
    """
    if not snapshot.has_data:
        return "no data"
    if snapshot.is_breached:
        return "breached"
    if snapshot.is_budget_exhausted:
        return "exhausted"
    return "warming up" if snapshot.is_budget_spent else "met"


def state_of(snapshot: SLOSnapshot) -> State:
    """The state of an SLO in one word: that of its budget, or `"burning"` while a rule fires and budget is left."""
    state = budget_state(snapshot)
    return "burning" if snapshot.is_firing and state in ("warming up", "met") else state


def most_urgent_first(snapshot: SLOSnapshot) -> tuple[int, int, float, float]:
    """
    A sort key: what pages now comes first, then what asks for a ticket, then rules that wait, then the worst budgets.

    Of those that burn alike the budget that is gone soonest comes first: the fastest fire, and not the oldest damage.
    """
    burning = burning_now(snapshot)
    urgency = len(BURNING_STATES) if burning is None else BURNING_STATES.index(burning)
    lasts = seconds_left(snapshot)
    hurry = 0.0 if burning is None else inf if lasts is None else lasts
    return urgency, BUDGET_STATES.index(budget_state(snapshot)), hurry, snapshot.error_budget_remaining
