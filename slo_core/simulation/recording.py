"""The record of one SLO during a simulated incident."""

from __future__ import annotations

from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.objectives.definition import SLODefinition
from slo_core.simulation.outcome import BudgetOutcome, Firing, Outcome, RuleOutcome, SpentShare

__all__ = ["Recording"]


class Recording:
    """
    Turns the snapshots of a tracker into an `Outcome`.

    Args:
        definition: The SLO.
        incident_seconds: How long the incident lasts.
        first: Its snapshot when the incident begins.
    """

    def __init__(self, definition: SLODefinition, *, incident_seconds: int, first: SLOSnapshot) -> None:
        self._definition = definition
        self._incident_seconds = incident_seconds
        self._rules = definition.active_alert_rules
        self._changes: list[list[int]] = [[] for _ in self._rules]
        self._highest_long = [0.0] * len(self._rules)
        self._highest_short = [0.0] * len(self._rules)
        self._exhausted_at: int | None = None
        self._first = self._lowest = self._at_end = self._last = first
        self.note(0, first)

    def note(self, at: int, snapshot: SLOSnapshot) -> None:
        """Note the snapshot so many seconds after the incident's start; call it in order of time."""
        for index, alert in enumerate(snapshot.alerts):
            if alert.is_firing != bool(len(self._changes[index]) % 2):
                self._changes[index].append(at)
            self._highest_long[index] = max(self._highest_long[index], alert.long.burn_rate)
            self._highest_short[index] = max(self._highest_short[index], alert.short.burn_rate)
        if snapshot.error_budget_remaining < self._lowest.error_budget_remaining:
            self._lowest = snapshot
        if self._exhausted_at is None and snapshot.is_budget_spent:
            self._exhausted_at = at
        if at <= self._incident_seconds:
            self._at_end = snapshot
        self._last = snapshot

    def outcome(
        self,
        *,
        starts_at: int,
        looked_until: int,
        resolution_seconds: int,
        windows: tuple[SpentShare, ...],
        after_begins_at: int | None,
    ) -> Outcome:
        """
        The outcome, without instants for a plot.

        Args:
            starts_at: When the incident begins, in seconds since the epoch.
            looked_until: The last second of the simulation.
            resolution_seconds: The longest time between two snapshots where something changed.
            windows: What the incident spent, see `BudgetOutcome`.
            after_begins_at: As in `BudgetOutcome`.
        """
        window_seconds = self._definition.window_seconds
        return Outcome(
            definition=self._definition,
            starts_at=starts_at,
            incident_seconds=self._incident_seconds,
            looked_until=looked_until,
            resolution_seconds=resolution_seconds,
            budget=self._budget(windows, after_begins_at),
            rules=tuple(
                RuleOutcome(
                    rule=rule,
                    factor=float(rule.factor(window_seconds)),
                    firings=_firings(changes),
                    was_firing=changes[:1] == [0],
                    highest_long=long,
                    highest_short=short,
                )
                for rule, changes, long, short in zip(
                    self._rules, self._changes, self._highest_long, self._highest_short, strict=True
                )
            ),
        )

    def _budget(self, windows: tuple[SpentShare, ...], after_begins_at: int | None) -> BudgetOutcome:
        first, at_end = self._first, self._at_end
        failures = at_end.lifetime_bad - first.lifetime_bad
        return BudgetOutcome(
            before=first.error_budget_remaining,
            after=at_end.error_budget_remaining,
            lowest=self._lowest.error_budget_remaining,
            at_the_end=self._last.error_budget_remaining,
            exhausted_at=self._exhausted_at,
            windows=windows,
            after_begins_at=after_begins_at,
            failures=failures,
            events=failures + at_end.lifetime_good - first.lifetime_good,
        )


def _firings(changes: list[int]) -> tuple[Firing, ...]:
    ends: list[int | None] = [*changes[1::2], None]
    return tuple(Firing(fired, cleared) for fired, cleared in zip(changes[::2], ends, strict=False))
