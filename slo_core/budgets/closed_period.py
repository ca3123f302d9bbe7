"""A day, week, month or quarter of an SLO that is over, and what was counted in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from slo_core.budgets import budget
from slo_core.budgets.bucket import BucketRange
from slo_core.budgets.events import EventCounts
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.period import DAY_KIND, KINDS, Period, ended_periods
from slo_core.objectives.target import Target
from slo_core.objectives.window import DAY, HOUR, QUARTER_HOUR

__all__ = [
    "CLOSES_AFTER_SECONDS",
    "KEPT_SECONDS",
    "ClosedPeriod",
    "buckets_of",
    "expected_events",
    "is_about_to_go",
    "last_periods",
    "one_of_each",
    "periods_to_close",
]

# The last batches of a period come late: of slow hosts, of a store that was away for a moment.
CLOSES_AFTER_SECONDS = QUARTER_HOUR

# 25 months, none of them short.
KEPT_SECONDS = 25 * 31 * DAY


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """
    What was counted in one period of an SLO that is over. It is kept for 25 months.

    Attributes:
        slo: Name of the SLO.
        kind: `"day"`, `"week"`, `"month"` or `"quarter"`.
        start: When it began, in seconds since the epoch: a midnight of the SLO's time zone.
        end: When it ended, and the next one began.
        good: Good events in it.
        bad: Bad events in it.
        target: The objective when it was closed.
        fingerprint: Of what the SLO counted when it was closed.
        measured_since: Since when it is counted: `start`, if that was the whole period. Later where the SLO was first measured
            in the middle of it, where no process measured before and there are no events, and where the time before is in
            the row of another period, of the time zone before.
        is_final: No late event changes it any more: its counts are no longer kept whole.
    """

    slo: str
    kind: str
    start: int
    end: int
    good: int
    bad: int
    target: float
    fingerprint: str
    measured_since: int
    is_final: bool = False

    @property
    def total(self) -> int:
        """Valid events in it."""
        return self.good + self.bad

    @property
    def counts(self) -> EventCounts:
        """Good and bad events in it."""
        return EventCounts(self.good, self.bad)

    @property
    def is_whole(self) -> bool:
        """Whether it is counted from its start."""
        return self.measured_since <= self.start

    @property
    def success_ratio(self) -> float:
        """Share of good events; 1.0 without events."""
        return self.good / self.total if self.total else 1.0

    @property
    def error_budget_remaining(self) -> float:
        """Share of the budget that was left at its end: 1.0 untouched, 0.0 spent, below 0 overspent."""
        return budget.error_budget_remaining(self.counts, Target(self.target))

    @property
    def is_breached(self) -> bool:
        """True when fewer events were good than the target asked; False without events."""
        return budget.is_breached(self.counts, Target(self.target))

    @property
    def period(self) -> Period:
        """Which period it is."""
        return Period(self.kind, self.start, self.end)


def buckets_of(period: Period) -> tuple[BucketRange, ...]:
    """
    The buckets of a period: whole days, and the quarters of an hour before and after them.

    A quarter of an hour belongs to the period in which it ends, also in a zone whose midnights lie between two of them.
    """
    first, after = period.start // QUARTER_HOUR, period.end // QUARTER_HOUR
    day, after_day = -(-period.start // DAY), period.end // DAY
    if day >= after_day:
        ranges = [BucketRange(QUARTER_HOUR, first, after - 1)]
    else:
        in_day = DAY // QUARTER_HOUR
        ranges = [
            BucketRange(QUARTER_HOUR, first, day * in_day - 1),
            BucketRange(DAY, day, after_day - 1),
            BucketRange(QUARTER_HOUR, after_day * in_day, after - 1),
        ]
    return tuple(each for each in ranges if each.first <= each.last)


def periods_to_close(
    definition: SLODefinition, *, newest: float, until: float, keeps_seconds: int | None = None
) -> list[Period]:
    """
    The periods that have ended and may still be counted, and those that tell how many events are expected; by their ends.

    What is kept is seen from the newest event: after a long sleep these are the periods around it, and the last ones.

    Args:
        definition: The SLO.
        newest: The instant from which kept buckets are counted back, in seconds since the epoch.
        until: They end at this instant or earlier.
        keeps_seconds: How long buckets are kept; None for as long as the definition needs them.

    Raises:
        ValueError: As for `ended_periods`.
    """
    keeps = definition.kept_seconds if keeps_seconds is None else keeps_seconds
    longest = 0 if definition.period is None else definition.period.longest_seconds
    stretches = [(until, until)]
    if newest < until - DAY:
        slept_until = newest + keeps + 2 * DAY
        stretches = [(newest, until)] if slept_until > until - keeps else [(newest, slept_until), (until, until)]
    periods: dict[Period, None] = {}
    for back_from, end in stretches:
        for each in ended_periods(definition, since=back_from - keeps - longest - DAY, until=end):
            is_kept = each.start >= until - keeps - DAY or back_from - keeps - DAY <= each.start <= newest
            if (each.kind != DAY_KIND or is_kept) and each.start > until - KEPT_SECONDS:
                periods[each] = None
    return list(periods)


def is_about_to_go(start: int, *, now: float, keeps_seconds: int) -> bool:
    """
    Whether a period may lose buckets before its counts are looked at again: they are counted once more.

    Args:
        start: Of the period.
        now: In seconds since the epoch.
        keeps_seconds: How long its buckets are kept.
    """
    return now >= start + keeps_seconds - DAY - HOUR


def one_of_each(periods: Iterable[ClosedPeriod], *, fingerprint: str) -> tuple[ClosedPeriod, ...]:
    """
    Each period once, in the order of their ends; kinds that this version does not know are left out.

    A period has several rows where it was closed by processes that counted different things: the one of this definition
    is taken, else the one with the most events.

    Args:
        periods: Of one SLO.
        fingerprint: Of its definition.
    """
    chosen: dict[Period, ClosedPeriod] = {}
    for each in periods:
        other = chosen.get(each.period)
        if each.kind in KINDS and (other is None or _rank(each, fingerprint) > _rank(other, fingerprint)):
            chosen[each.period] = each
    by_end = sorted(chosen.values(), key=lambda each: (each.end, KINDS.index(each.kind)))
    counted_until: dict[str, int] = {}
    apart = []
    for each in by_end:
        # No second is in two rows of a kind, also where processes of two time zones closed periods at the same time.
        if max(each.start, each.measured_since) >= counted_until.get(each.kind, each.start):
            apart.append(each)
            counted_until[each.kind] = each.end
    return tuple(apart)


def _rank(period: ClosedPeriod, fingerprint: str) -> tuple[bool, int, str]:
    return period.fingerprint == fingerprint, period.total, period.fingerprint


def last_periods(definition: SLODefinition, until: float) -> list[Period]:
    """
    The periods that tell how many events a window holds, in the order of their ends; see `expected_events`.

    Args:
        definition: The SLO.
        until: They end at this instant or earlier, in seconds since the epoch.
    """
    period = definition.period
    reach = definition.window_seconds + DAY if period is None else 2 * period.longest_seconds
    kind = DAY_KIND if period is None else period.name
    try:
        ended = ended_periods(definition, since=until - reach - 2 * DAY, until=until)
    except ValueError:  # a clock that is beyond all calendars
        return []
    return [each for each in ended if each.kind == kind]


def expected_events(
    definition: SLODefinition, row_of: Callable[[Period], ClosedPeriod | None], *, last: Sequence[Period]
) -> int | None:
    """
    How many events a window of the SLO holds, by what it held before.

    For a calendar window those of the last period, if it was measured from its start. For a rolling window those of the last
    days, if they are as many as the window has and were all measured: a part of them, where the window is no whole number
    of days.

    Args:
        definition: The SLO.
        row_of: Returns the closed period; None for one that was not closed.
        last: Those that have ended, in the order of their ends.
    """
    if definition.period is not None:
        own = next((each for each in reversed(last) if each.kind == definition.period.name), None)
        closed = None if own is None else row_of(own)
        return closed.total if closed is not None and closed.is_whole else None
    events = covered = 0
    for each in reversed(last):
        if each.kind != DAY_KIND:
            continue
        closed = row_of(each)
        if closed is None or not closed.is_whole:
            return None
        events, covered = events + closed.total, covered + each.end - each.start
        if covered >= definition.window_seconds:
            return events * definition.window_seconds // covered
    return None
