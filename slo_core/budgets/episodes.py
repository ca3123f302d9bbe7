"""Episodes: what the firing of an alert rule was, and which of them are kept. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce

from slo_core.budgets.budget import spent_and_allowed
from slo_core.budgets.cause_shares import CauseShare, cause_breakdown
from slo_core.budgets.causes import Cause
from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.events import EventCounts
from slo_core.budgets.firing_spans import JOINED_SECONDS, FiringSpan
from slo_core.budgets.marks import Mark
from slo_core.budgets.timeline import Timeline
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import HOUR, QUARTER_HOUR

__all__ = [
    "MOST_EPISODES",
    "Episode",
    "counted_since",
    "episode_of",
    "explained_since",
    "explaining_marks",
    "is_held",
    "with_current",
    "with_episodes",
]

# Of each SLO the newest.
MOST_EPISODES = 1000

_MOST_CAUSES = 5
_MOST_MARKS = 5

# A mark explains what begins at most so long after it.
_EXPLAINS_SECONDS = HOUR


@dataclass(frozen=True, slots=True)
class Episode:
    """
    What the firing of one alert rule was.

    Attributes:
        slo: The SLO.
        severity: Of the rule.
        long_window_seconds: Of the rule.
        short_window_seconds: Of the rule.
        start: When it began to fire, in seconds since the epoch: to the minute, or to the quarter of an hour where it fired
            for more than eleven hours.
        end: When it stopped, to the minute; None while it fires. A pause of less than five minutes is no end.
        good: Good events from one short window before `start`, because these made it fire, to `end`.
        bad: Bad events of the same time.
        budget_share: The bad events as a share of those that the SLO's window allowed at `end`; may be above 1.
        causes: Of the bad events: the five largest, and the rest as one.
        marks: Those of the hour before `start`, in order of time; the last five.
    """

    slo: str
    severity: str
    long_window_seconds: int
    short_window_seconds: int
    start: int
    end: int | None
    good: int
    bad: int
    budget_share: float
    causes: tuple[CauseShare, ...] = ()
    marks: tuple[Mark, ...] = ()

    @property
    def rule(self) -> tuple[str, int, int]:
        """Which rule of the SLO it was; see `AlertRule.key`."""
        return (self.severity, self.long_window_seconds, self.short_window_seconds)


def counted_since(span: FiringSpan, *, data_since: float) -> int:
    """The first second whose events count for an episode: one short window before its start, if the SLO was measured then."""
    return min(span.start, max(span.start - span.rule.short_window, int(data_since)))


def explained_since(spans: Iterable[FiringSpan]) -> float:
    """Since when marks can explain one of several spans."""
    return max(0.0, min((span.start for span in spans), default=_EXPLAINS_SECONDS) - _EXPLAINS_SECONDS)


def explaining_marks(marks: Sequence[Mark], start: float) -> tuple[Mark, ...]:
    """The last marks of the hour before an instant, in order of time."""
    return tuple([mark for mark in marks if start - _EXPLAINS_SECONDS <= mark.at <= start][-_MOST_MARKS:])


def episode_of(
    definition: SLODefinition,
    span: FiringSpan,
    timeline: Timeline,
    *,
    at: float,
    data_since: float,
    causes: Iterable[tuple[Cause, int]] = (),
    marks: Sequence[Mark] = (),
) -> Episode:
    """
    The episode of a span.

    Args:
        definition: The SLO.
        span: When one of its rules fired.
        timeline: Its events.
        at: Now: until then counts an episode that has not ended.
        data_since: Since when the SLO is measured.
        causes: What the bad events since `counted_since` were caused by; a cause may come several times.
        marks: In order of time; others than those of the hour before may be among them.
    """
    until = at + 1 if span.end is None else span.end
    since = counted_since(span, data_since=data_since)
    counts = timeline.counts(after=since, before=until)
    window = definition.own_span(at=until, until=until)
    spent, allowed = spent_and_allowed(
        EventCounts(timeline.counts(after=window.start, before=until).total - counts.bad, counts.bad),
        definition.objective,
    )
    return Episode(
        definition.name,
        *span.rule.key,
        span.start,
        span.end,
        counts.good,
        counts.bad,
        float(Fraction(spent, allowed)) if allowed > 0 else 0.0,
        _largest(cause_breakdown(causes, events=counts, since=since).causes, counts.bad),
        explaining_marks(marks, span.start),
    )


def _largest(causes: Sequence[CauseShare], bad: int) -> tuple[CauseShare, ...]:
    """The five largest, and the rest as one."""
    if len(causes) <= _MOST_CAUSES + 1:
        return tuple(causes)
    rest = sum(cause.bad for cause in causes[_MOST_CAUSES:])
    return (*causes[:_MOST_CAUSES], CauseShare(None, "other", rest, rest / bad, is_lower_bound=False))


def with_episodes(kept: Iterable[Episode], episodes: Iterable[Episode]) -> list[Episode]:
    """
    The episodes of one SLO with some more, in order of time: what a store holds after `EpisodeStore.keep_episodes`.

    An episode that overlaps or nearly touches one of the same rule is the same one: of the two the longer stays, of equally
    long ones that with more events, because late events came. Where none of them holds the other they become one.

    Args:
        kept: What it held before.
        episodes: Those that are added; all have ended.
    """
    rows = set(kept)
    for episode in episodes:
        same = sorted((row for row in rows if _is_same(row, episode)), key=lambda row: row.start)
        rows.difference_update(same)
        rows.add(reduce(lambda whole, other: _united(other, whole), same, episode))
    ordered = sorted(rows, key=lambda row: (row.start, row.end or 0, row.rule))
    newest = max((_end(row) for row in ordered), default=0)
    return [row for row in ordered if _end(row) >= newest - KEPT_SECONDS][-MOST_EPISODES:]


def with_current(kept: Iterable[Episode], current: Sequence[Episode]) -> tuple[Episode, ...]:
    """
    The episodes of one SLO with those that last or have only just ended, the newest first.

    Args:
        kept: As a store holds them.
        current: Worked out from the present events; they replace those that they overlap.
    """
    others = [each for each in kept if not any(_is_same(each, one) for one in current)]
    return tuple(sorted((*others, *current), key=lambda each: (-each.start, each.rule)))


def is_held(kept: Iterable[Episode], span: FiringSpan) -> bool:
    """Whether one of the episodes that are kept is that of a span."""
    return span.end is not None and any(
        each.rule == span.rule.key and each.start <= span.start + QUARTER_HOUR and span.end <= _end(each)
        for each in kept
    )


def _end(episode: Episode) -> int:
    return episode.start if episode.end is None else episode.end


def _is_same(one: Episode, other: Episode) -> bool:
    return (
        one.rule == other.rule
        and (other.end is None or one.start < other.end + JOINED_SECONDS)
        and (one.end is None or other.start < one.end + JOINED_SECONDS)
    )


def _united(kept: Episode, other: Episode) -> Episode:
    start, end = min(kept.start, other.start), max(_end(kept), _end(other))
    whole = [each for each in (kept, other) if (each.start, each.end) == (start, end)]
    if whole:
        return max(whole, key=lambda each: each.good + each.bad)
    main = max((kept, other), key=lambda each: (each.bad, each.good, -each.start))
    return replace(
        main,
        start=start,
        end=end,
        good=max(kept.good, other.good),
        bad=main.bad,
        budget_share=max(kept.budget_share, other.budget_share),
    )
