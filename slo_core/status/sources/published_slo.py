"""An SLO and its snapshot, worked out from the counts that a page publishes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from slo_core.budgets.alerts import Waiting
from slo_core.budgets.snapshot import Reading, SLOSnapshot, SnapshotPlan
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import load_timezone

__all__ = ["OLDER_PAGE", "PublishedAlert", "slo_from_counts", "unreadable_slo", "zone_problem"]

# Numbers with this reason are shown, and decide nothing.
OLDER_PAGE = "the page is of an older slo-suite, which does not say"


@dataclass(frozen=True, slots=True)
class PublishedAlert:
    """
    One alert rule as a page shows it.

    Attributes:
        severity: `"page"` or `"ticket"` by convention.
        long_window: In seconds.
        short_window: In seconds.
        is_firing: The service's own decision: a page does not show how many failures the rule asks for.
        factor: The burn rate it compares with; None where the page does not show it.
        waiting: What it waits for; None where it does not, or the page does not show it.
    """

    severity: str
    long_window: int
    short_window: int
    is_firing: bool
    factor: Fraction | None = None
    waiting: Waiting | None = None


def slo_from_counts(
    definition: SLODefinition,
    alerts: Sequence[PublishedAlert],
    reading: Reading,
    *,
    windows: Sequence[int],
    at: float,
    is_warming_up: bool | None,
) -> tuple[SLODefinition, SLOSnapshot]:
    """
    The SLO and its snapshot, from the integers of the page rather than from its rounded ratios.

    Args:
        definition: The SLO, without alert rules.
        alerts: Its alert rules.
        reading: The counts.
        windows: The windows of `reading`, in its order; they include the SLO's and those of its alerts.
        at: The instant, in seconds since the epoch.
        is_warming_up: The service's own decision, which knows more than the page; None on pages of older versions.

    Raises:
        KeyError: One of the windows is missing.
    """
    rules = tuple(
        AlertRule(
            alert.long_window,
            alert.short_window,
            severity=alert.severity,
            burn_rate=1 if alert.factor is None else alert.factor,
        )
        for alert in alerts
    )
    definition = replace(definition, alert_rules=rules)
    snapshot = SnapshotPlan(definition, windows=tuple(windows)).take(reading, at=at)
    decided = tuple(
        replace(state, is_firing=alert.is_firing, waiting=alert.waiting)
        for state, alert in zip(snapshot.alerts, alerts, strict=True)
    )
    warming_up = snapshot.is_warming_up if is_warming_up is None else is_warming_up
    return definition, replace(snapshot, alerts=decided, is_warming_up=warming_up)


def zone_problem(timezone: str) -> str | None:
    """Why the time zone on a page cannot be used on this machine; None where it can, or none is named."""
    try:
        load_timezone(timezone or "UTC")
    except ValueError as exc:
        return str(exc)
    return None


def unreadable_slo(name: str, reason: str) -> str:
    """That an SLO of a page is left out, and why."""
    return f"SLO {name!r} cannot be shown: {reason}"
