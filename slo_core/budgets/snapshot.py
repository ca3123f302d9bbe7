"""The snapshot of an SLO at one instant, which `/metrics`, pages, JSON and alerts all read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING

from slo_core.budgets import budget
from slo_core.budgets.alerts import AlertState, RuleCheck
from slo_core.budgets.burn_rate import BurnRateSample, sample
from slo_core.budgets.events import EventCounts
from slo_core.budgets.warm_up import is_warming_up, measured_seconds
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.target import Target
from slo_core.objectives.window import Span, rolling_span

if TYPE_CHECKING:
    from slo_core.budgets.causes import Cause
    from slo_core.budgets.retired_slo import RetiredSLO

__all__ = [
    "Reading",
    "SLOSnapshot",
    "SLOSnapshots",
    "SnapshotPlan",
    "measured_in_window",
    "overspends",
    "pace_of",
    "pace_window",
    "seconds_left",
]


# A service has few targets, and its snapshots ask for them again and again.
_target = lru_cache(maxsize=1024)(Target)


# Without slots: applications serialise `snapshot.__dict__`.
@dataclass(frozen=True)
class SLOSnapshot:
    """
    The numbers of an SLO at one instant.

    Attributes:
        name: The SLO.
        target: Its objective.
        window_seconds: Length of its window (nominal for a calendar window).
        total: Valid events in the window.
        failures: Bad ones among them.
        success_ratio: Share of good events; 1.0 without events.
        error_budget_remaining: Share of the budget left: 1.0 untouched, 0.0 spent, below 0 overspent.
        burn_rate: Burn rate over the whole window.
        burn_rate_samples: The same for each of the definition's burn windows.
        alerts: The state of every multi-window rule.
        window_samples: All counted windows with their integers: the SLO's, burn and alert windows.
        time_to_exhaustion: Seconds until the budget is gone at the pace of the shortest long alert window; 0.0 when
            it is gone, None when nothing burns, and while no event of the window is bad. Pessimistic: nothing leaves the
            window, the allowance does not grow. So it is no forecast at a burn rate of 1 or less, which never spends a
            budget: people and alerts go by `slo_core.budgets.snapshot.seconds_left`.
        at: The instant, in seconds since the epoch.
        data_since: Since when this SLO is measured.
        lifetime_good: Good events ever counted.
        lifetime_bad: Bad events ever counted.
        dropped: Events that came too late to count.
        definition_changed_at: When the definition in a shared store changed what counts (other requests, another latency
            threshold): older numbers are of the old definition. None when it never changed.
        last_event_at: When the newest event happened; None before the first.
        is_warming_up: Whether there are failures, but too few of them or too short a time to judge the budget by: then it
            is neither breached nor exhausted (see `slo_core.budgets.warm_up`).
        covered_since: Since when the window is counted, in seconds since the epoch: its start, or a later time where older
            counts are no longer kept.
        is_complete: Whether all of the window is counted. False for a snapshot of the past whose window reaches back before
            what is kept: its numbers are about a part of the window. Other windows may be whole where this one is not, and
            the other way round: see `BurnRateSample.is_complete` and `AlertState.is_complete`.
        lifetime_causes: With `SLO_METRICS_CAUSES`, causes with how many of `lifetime_bad` each has caused; these numbers
            never go down. None without it.
    """

    name: str
    target: float
    window_seconds: int
    total: int
    failures: int
    success_ratio: float
    error_budget_remaining: float
    burn_rate: float
    burn_rate_samples: tuple[BurnRateSample, ...] = ()
    alerts: tuple[AlertState, ...] = ()
    window_samples: tuple[BurnRateSample, ...] = field(default=(), repr=False)
    time_to_exhaustion: float | None = None
    at: float = 0.0
    data_since: float = 0.0
    lifetime_good: int = 0
    lifetime_bad: int = 0
    dropped: int = 0
    definition_changed_at: float | None = None
    last_event_at: float | None = None
    is_warming_up: bool = False
    covered_since: float = 0.0
    is_complete: bool = True
    lifetime_causes: tuple[tuple[Cause, int], ...] | None = field(default=None, repr=False)

    @property
    def good(self) -> int:
        """Good events in the window."""
        return self.total - self.failures

    @property
    def has_data(self) -> bool:
        """Whether the window holds an event, which tells a quiet service from a perfect one."""
        return self.total > 0

    @property
    def is_breached(self) -> bool:
        """True when fewer events were good than the target asks; False without events, and while it warms up."""
        if self.is_warming_up:
            return False
        return budget.is_breached(EventCounts(self.good, self.failures), _target(self.target))

    @property
    def is_budget_exhausted(self) -> bool:
        """True when the budget is spent, to the last event or beyond; False without events, and while it warms up."""
        return self.is_budget_spent and not self.is_warming_up

    @property
    def is_budget_spent(self) -> bool:
        """The same by the events counted so far, be they ever so few."""
        return budget.is_budget_exhausted(EventCounts(self.good, self.failures), _target(self.target))

    @property
    def error_budget_ratio(self) -> float:
        """The share of events that may be bad."""
        return float(_target(self.target).allowance)

    @property
    def measured_seconds(self) -> float:
        """For how much of the window the SLO has been measured, at most `window_seconds`."""
        return min(float(self.window_seconds), max(0.0, self.at - self.data_since))

    @property
    def is_firing(self) -> bool:
        """True when at least one multi-window rule fires."""
        return any(alert.is_firing for alert in self.alerts)


def measured_in_window(definition: SLODefinition, snapshot: SLOSnapshot) -> float:
    """How many seconds of the window have been measured; see `slo_core.budgets.warm_up.measured_seconds`."""
    return measured_seconds(definition, at=snapshot.at, data_since=snapshot.data_since)


def pace_of(snapshot: SLOSnapshot) -> BurnRateSample:
    """The current burn rate: of the shortest long alert window; without rules of the shortest burn window, or the SLO's own."""
    samples = [alert.long for alert in snapshot.alerts] or list(snapshot.burn_rate_samples)
    samples = samples or [
        sample for sample in snapshot.window_samples if sample.window_seconds == snapshot.window_seconds
    ]
    return min(samples, key=lambda sample: sample.window_seconds)


def overspends(snapshot: SLOSnapshot) -> bool:
    """
    Whether the pace window burns faster than 1, decided in integers.

    A steady rate of 1 or less never spends a budget: what is spent leaves the window again, or new events allow as much.
    """
    return budget.is_breached(pace_of(snapshot).counts, _target(snapshot.target))


def seconds_left(snapshot: SLOSnapshot) -> float | None:
    """
    The time until the budget is gone, wherever people read it or are alerted by it: `time_to_exhaustion` where that is true.

    Returns:
        0.0 when the budget is gone. None when the pace does not overspend it, and when it would take a whole window or longer:
        until then something leaves the window.
    """
    left = snapshot.time_to_exhaustion
    if not left:
        return left
    return left if left < snapshot.window_seconds and overspends(snapshot) else None


def pace_window(definition: SLODefinition) -> int:
    """The window of `pace_of`, in seconds."""
    windows = [rule.long_window for rule in definition.active_alert_rules] or definition.burn_rate_windows
    return min(windows, default=definition.window_seconds)


class SLOSnapshots(list[tuple[SLODefinition, SLOSnapshot]]):
    """
    SLOs, each with its snapshot.

    Args:
        snapshots: The SLOs that could be read.
        unreadable: For each of the others, why it could not.
        retired: Those that no process declares any more.
    """

    __slots__ = ("retired", "unreadable")

    def __init__(
        self,
        snapshots: Iterable[tuple[SLODefinition, SLOSnapshot]] = (),
        *,
        unreadable: Iterable[str] = (),
        retired: Iterable[RetiredSLO] = (),
    ) -> None:
        super().__init__(snapshots)
        self.unreadable = tuple(unreadable)
        self.retired = tuple(retired)


@dataclass(frozen=True, slots=True)
class Reading:
    """
    The stored numbers of one SLO, read at one moment, from which a snapshot is worked out.

    Attributes:
        counts: Events of each requested window, in that order.
        lifetime: Events ever counted; never goes down.
        data_since: Since when the SLO is measured, in seconds since the epoch.
        dropped: Events that came too late to count.
        definition_changed_at: When the definition changed what counts; None when it never changed.
        last_event_at: When the newest event happened, in seconds since the epoch; None before the first.
        expected_events: How many events a window of the SLO holds, by what it held before: those of the last closed
            calendar period; for a rolling window those of the last closed days, where they are as many as the window has.
            None where that was not measured.
        kept_since: The first second of which counts are kept; minus infinity where nothing was ever given up.
        closed: The places of windows that are closed periods, which are kept for longer, and since when they are counted:
            minus infinity for whole ones.
        cause_totals: Of the bad events ever counted those whose causes are counted, too; None where none are.
    """

    counts: tuple[EventCounts, ...]
    lifetime: EventCounts
    data_since: float
    dropped: int = 0
    definition_changed_at: float | None = None
    last_event_at: float | None = None
    expected_events: int | None = None
    kept_since: float = -inf
    closed: Mapping[int, float] = field(default_factory=dict)
    cause_totals: Mapping[Cause, int] | None = None


class SnapshotPlan:
    """
    Works out the snapshots of one SLO; prepares once what depends on its definition only.

    Args:
        definition: The SLO.
        windows: The counted windows; None takes those of the definition.
    """

    __slots__ = ("_own_window", "_pace_window", "_rules", "_target", "definition", "windows")

    def __init__(self, definition: SLODefinition, *, windows: tuple[int, ...] | None = None) -> None:
        self.definition = definition
        self.windows = definition.windows if windows is None else windows
        self._own_window = definition.own_window
        self._target = definition.objective
        rules = definition.active_alert_rules
        self._rules = tuple(
            RuleCheck(rule, factor=rule.factor(definition.window_seconds), target=self._target) for rule in rules
        )
        self._pace_window = pace_window(definition)

    def spans(self, *, at: float, until: float) -> list[Span]:
        """The span of time of each of `windows`; arguments as for `SLODefinition.span`."""
        own = self._own_window
        return [
            self.definition.own_span(at=at, until=until) if window == own else rolling_span(window, at=at, until=until)
            for window in self.windows
        ]

    def samples(self, reading: Reading, *, at: float, spans: Sequence[Span] | None = None) -> dict[int, BurnRateSample]:
        """The burn rate of each of `windows`; arguments as for `take`."""
        # Before measuring began there was nothing to keep.
        kept_since = reading.kept_since if reading.data_since < reading.kept_since else -inf
        samples = {}
        spans = self.spans(at=at, until=at) if spans is None else spans
        for place, (window, counts, span) in enumerate(zip(self.windows, reading.counts, spans, strict=True)):
            start = span.start
            since = reading.closed.get(place, kept_since)
            samples[window] = sample(
                window,
                counts,
                self._target,
                covered_since=max(start, since),
                is_complete=start >= since,
                period=self.definition.window if window == self._own_window else None,
            )
        return samples

    def take(self, reading: Reading, *, at: float, spans: Sequence[Span] | None = None) -> SLOSnapshot:
        """
        The snapshot at one instant.

        Args:
            reading: The stored numbers, with the counts of each of `windows`.
            at: The instant, in seconds since the epoch.
            spans: The spans of time that were read, in the order of `windows`; None works them out.

        Raises:
            KeyError: A window that the definition needs is not counted.
        """
        definition, target = self.definition, self._target
        samples = self.samples(reading, at=at, spans=spans)
        whole = samples[self._own_window]
        own = whole.counts
        since_start = at - reading.data_since
        return SLOSnapshot(
            name=definition.name,
            target=definition.target,
            window_seconds=definition.window_seconds,
            total=own.total,
            failures=own.bad,
            success_ratio=whole.success_ratio,
            error_budget_remaining=budget.error_budget_remaining(own, target),
            burn_rate=whole.burn_rate,
            burn_rate_samples=tuple(samples[seconds] for seconds in definition.burn_rate_windows),
            alerts=tuple(
                check.state(
                    long=samples[check.rule.long_window],
                    short=samples[check.rule.short_window],
                    # Pages of older versions do not show it; there the decision of the service stands.
                    recent=samples.get(check.rule.recent_window, samples[check.rule.short_window]).counts,
                    measured_seconds=since_start,
                )
                for check in self._rules
            ),
            window_samples=tuple(samples.values()),
            time_to_exhaustion=self._time_to_exhaustion(own, samples[self._pace_window].counts),
            at=at,
            data_since=reading.data_since,
            lifetime_good=reading.lifetime.good,
            lifetime_bad=reading.lifetime.bad,
            dropped=reading.dropped,
            definition_changed_at=reading.definition_changed_at,
            last_event_at=reading.last_event_at,
            is_warming_up=is_warming_up(
                definition,
                own,
                at=at,
                data_since=reading.data_since,
                expected_events=reading.expected_events,
            ),
            covered_since=whole.covered_since,
            is_complete=whole.is_complete,
            lifetime_causes=None if reading.cause_totals is None else tuple(reading.cause_totals.items()),
        )

    def _time_to_exhaustion(self, own: EventCounts, pace: EventCounts) -> float | None:
        if budget.is_budget_exhausted(own, self._target):
            return 0.0
        # At the start of a calendar window, what burned just before it spends nothing of its budget.
        if pace.bad == 0 or own.bad == 0:
            return None
        spent, allowed = budget.spent_and_allowed(own, self._target)
        return (allowed - spent) * self._pace_window / (self._target.allowance.denominator * pace.bad)
