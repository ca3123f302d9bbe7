"""An SLO as somebody else has counted it, worked out as at home."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from slo_core.budgets.snapshot import Reading, SLOSnapshot, SnapshotPlan
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.definition import SLODefinition

__all__ = ["SeenAlert", "slo_from_counts"]


@dataclass(frozen=True, slots=True)
class SeenAlert:
    """
    One alert rule as it was shown.

    Attributes:
        severity: Who is told.
        long_window: In seconds.
        short_window: In seconds.
        is_firing: As whoever counts has decided: how many failures a rule asks for is not shown.
        factor: What it compares with; None where that is not shown either.
    """

    severity: str
    long_window: int
    short_window: int
    is_firing: bool
    factor: Fraction | None = None


def slo_from_counts(
    definition: SLODefinition, alerts: Sequence[SeenAlert], reading: Reading, *, windows: Sequence[int], at: float
) -> tuple[SLODefinition, SLOSnapshot]:
    """
    The SLO and its snapshot, from integers: what was rounded on the way does not matter.

    Args:
        definition: The SLO, without alert rules.
        alerts: Its alert rules.
        reading: What was counted.
        windows: Those that `reading` counts, in its order; the SLO's and those of its alerts are among them.
        at: The instant, in seconds since the epoch.

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
        replace(state, is_firing=alert.is_firing) for state, alert in zip(snapshot.alerts, alerts, strict=True)
    )
    return definition, replace(snapshot, alerts=decided)
