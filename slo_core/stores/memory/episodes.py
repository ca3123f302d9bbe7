"""The episodes of one SLO's alert rules, kept in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from slo_core.budgets.bucket import BucketRange
from slo_core.budgets.causes import Cause
from slo_core.budgets.episodes import Episode, counted_since, episode_of, explained_since, with_episodes
from slo_core.budgets.firing_spans import FINE_SECONDS, MINUTE, SETTLED_SECONDS, deciding_buckets, firing_spans
from slo_core.budgets.marks import Mark
from slo_core.budgets.timeline import Timeline, kept_ranges
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import tiers_reaching
from slo_core.stores.cause_reading import past_causes
from slo_core.stores.memory.causes import MemoryCauses
from slo_core.stores.memory.tiers import BucketTiers

__all__ = ["MemoryEpisodes", "read_past_causes"]


class MemoryEpisodes:
    """
    The episodes of one SLO that have ended. Not thread-safe: its ledger holds the lock.

    They are worked out when they are asked for, and never while events are counted: that takes up to 0.2 s.

    Args:
        definition: The SLO.
        marks: Returns the marks of the service since an instant.
    """

    __slots__ = ("_definition", "_is_touched", "_looked_until", "_marks", "_rows")

    def __init__(self, definition: SLODefinition, marks: Callable[[float], Sequence[Mark]]) -> None:
        self._definition = definition
        self._marks = marks
        self._rows: list[Episode] = []
        self._is_touched = False
        self._looked_until = -math.inf

    def note(self, second: int, bad: int) -> None:
        """Note events of one second: bad ones may make a rule fire, late ones change what has been."""
        self._is_touched = self._is_touched or bad > 0
        if second < self._looked_until:
            self._looked_until = -math.inf
            self._is_touched = True

    def since(self, since: float) -> tuple[Episode, ...]:
        """Those that began at or after an instant, in order of time."""
        return tuple([each for each in self._rows if each.start >= since])

    def look(self, tiers: BucketTiers, causes: MemoryCauses | None, *, now: float, data_since: float) -> None:
        """
        Add the episodes that have ended since the last look.

        Args:
            tiers: The events of the SLO.
            causes: What the bad ones were caused by; None where there are none.
            now: The clock.
            data_since: Since when the SLO is measured.
        """
        if not self._is_touched:
            return
        definition = self._definition
        last = math.floor(now / MINUTE) * MINUTE
        unseen_since = max(self._looked_until, data_since)
        if last - FINE_SECONDS < unseen_since <= last:  # minutes tell of all of it: mostly no rule has fired
            since = math.floor(unseen_since / MINUTE) * MINUTE
            recent = _timeline(tiers, deciding_buckets(definition, since=since, at=now))
            if not firing_spans(definition, recent, at=now, data_since=data_since, since=since):
                self._looked_until, self._is_touched = last, False
                return
        ranges = kept_ranges(tiers_reaching(definition.kept_seconds), at=now, until=math.floor(now))
        timeline = _timeline(tiers, ranges)
        spans = firing_spans(definition, timeline, at=now, data_since=data_since)
        ended = [span for span in spans if span.end is not None and span.end <= now - SETTLED_SECONDS]
        marks = self._marks(explained_since(ended)) if ended else ()
        self._rows = with_episodes(
            self._rows,
            [
                episode_of(
                    definition,
                    span,
                    timeline,
                    at=now,
                    data_since=data_since,
                    causes=read_past_causes(
                        causes, counted_since(span, data_since=data_since), span.end or last, now=now
                    ),
                    marks=marks,
                )
                for span in ended
            ],
        )
        if len(ended) == len(spans):
            self._looked_until, self._is_touched = last, False


def read_past_causes(causes: MemoryCauses | None, start: float, end: float, *, now: float) -> list[tuple[Cause, int]]:
    """
    What the bad events of a stretch of time were caused by.

    Args:
        causes: Those of the SLO; None where there are none.
        start: Its first instant.
        end: Its last instant.
        now: The clock.
    """
    asked = past_causes("", start, end, now=now)
    return [] if causes is None else asked.counts(causes.stored(asked.query))


def _timeline(tiers: BucketTiers, ranges: Sequence[BucketRange]) -> Timeline:
    return Timeline((buckets, tiers.series(buckets)) for buckets in ranges)
