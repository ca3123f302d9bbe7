"""`memory://`: the default store, which counts in the memory of one process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from slo_core.budgets.bucket import BucketRange, Increment
from slo_core.budgets.events import EventCounts
from slo_core.budgets.recent_failures import DEFAULT_RECENT_FAILURES
from slo_core.conventions import LOGGER_NAME
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import DAY, FUTURE_TOLERANCE_SECONDS, Span
from slo_core.process.arrivals import Arrivals
from slo_core.stores.base import Reading, ReadRequest, StoreHealth, StoreScope
from slo_core.stores.failure_buffer import FailureBuffer
from slo_core.stores.memory.tiers import BucketTiers
from slo_core.stores.recent_failures import FAILURES_KEPT_SECONDS

if TYPE_CHECKING:
    from slo_core.budgets.cause_shares import CauseBreakdown
    from slo_core.budgets.causes import Cause
    from slo_core.budgets.closed_period import ClosedPeriod
    from slo_core.budgets.episodes import Episode
    from slo_core.budgets.latencies import Latencies
    from slo_core.budgets.marks import Mark
    from slo_core.budgets.recent_failures import RecentFailure
    from slo_core.stores.marks import MemoryMarks
    from slo_core.stores.memory.causes import MemoryCauses
    from slo_core.stores.memory.closed_periods import MemoryPeriods
    from slo_core.stores.memory.episodes import MemoryEpisodes
    from slo_core.stores.memory.latencies import MemoryLatencies

__all__ = ["MemoryLedger", "MemoryStore"]


class _Arrival(NamedTuple):
    """Events of one second, as they are handed to the ledger; `latest_possible` is None where they are not live."""

    second: int
    good: int
    bad: int
    latest_possible: float | None
    causes: Mapping[Cause, int] | None
    latencies: Mapping[Cause, int] | None


class MemoryLedger:
    """One SLO's events in tiers of buckets; at most 256 KiB whatever the traffic, as much for causes, less for latencies."""

    __slots__ = (
        "_arrivals", "_causes", "_clock", "_data_since", "_definition", "_dropped", "_emptied_at", "_episodes",
        "_has_restarted", "_latencies", "_lifetime_bad", "_lifetime_good", "_longest", "_make_episodes", "_newest",
        "_periods", "_since", "_tiers", "_totals", "_totals_causes", "failures", "keeps_latencies",
    )  # fmt: skip

    keeps_causes = True

    def __init__(
        self,
        longest_seconds: int,
        *,
        clock: Callable[[], float],
        periods: MemoryPeriods | None = None,
        episodes: Callable[[], MemoryEpisodes] | None = None,
        totals_causes: bool = False,
        most_failures: int = DEFAULT_RECENT_FAILURES,
        definition: SLODefinition | None = None,
    ) -> None:
        self._make_episodes = episodes
        self._definition = definition
        self.keeps_latencies = definition is not None
        self._longest = longest_seconds
        self._totals_causes = totals_causes
        self._clock = clock
        self._periods = periods
        self.failures = FailureBuffer(most_failures)
        self.reset()

    def reset(self) -> None:
        """Start empty, with locks of its own: a thread of the parent may have held the old one."""
        self._arrivals = Arrivals(self._take)
        self.failures.clear()
        self._tiers = BucketTiers(self._longest)
        self._causes: MemoryCauses | None = None  # until the first
        self._episodes: MemoryEpisodes | None = None  # until the first bad event
        self._latencies: MemoryLatencies | None = None
        self._newest: float = -math.inf
        self._emptied_at: float = -math.inf
        self._lifetime_good = 0
        self._lifetime_bad = 0
        self._totals: dict[Cause, int] = {}
        self._dropped = 0
        self._since = self._data_since = self._clock()
        self._has_restarted = False
        if self._periods is not None:
            self._periods.reset()

    def add(
        self,
        second: int,
        good: int,
        bad: int,
        *,
        live: bool,
        causes: Mapping[Cause, int] | None = None,
        latencies: Mapping[Cause, int] | None = None,
    ) -> None:
        """
        Count events of one second; what is older than everything kept is dropped, and counted as dropped.

        Live events that come that late (their thread has been idle ever since, and no reader came) have left every
        window, but not the lifetime totals.
        """
        latest_possible = self._clock() + FUTURE_TOLERANCE_SECONDS if live else None
        self._arrivals.add(_Arrival(second, good, bad, latest_possible, causes, latencies))

    def _take(self, arrival: _Arrival) -> None:
        second, good, bad, latest_possible, causes, latencies = arrival
        was_newest, periods = self._newest, self._periods
        if periods is not None and periods.is_due_before(second, newest=was_newest):
            self._close_at(periods, max(second, periods.closed_at))
        kept = self._tiers.add(second, good, bad)
        if not kept and latest_possible is not None and self._newest > latest_possible:
            # The clock stepped back by more than everything kept: what was counted lies in a future that
            # never came. Windows start empty, lifetime totals go on.
            self._tiers = BucketTiers(self._longest)
            self._causes = self._latencies = None
            self._newest = -math.inf
            self._emptied_at = second
            kept = self._has_restarted = self._tiers.add(second, good, bad)
        if kept:
            self._newest = max(self._newest, second)
            if causes:
                self._add_causes(second, causes)
            if bad or self._episodes is not None:
                self._note_for_episodes(second, bad)
            if latencies:
                self._add_latencies(second, latencies)
        if kept or latest_possible is not None:
            self._lifetime_good += good
            self._lifetime_bad += bad
            if causes and self._totals_causes:
                from slo_core.stores.cause_totals import add_totals

                add_totals(self._totals, causes)
            if -math.inf < was_newest < min(second, self._since) - self._longest - DAY:
                # An old stream was replayed before this, or one event had a wrong time: nothing of it is kept, and it says
                # nothing about the windows of today.
                self._data_since = self._since
            if second + 1 <= self._data_since:  # earlier than the second measuring began in
                self._data_since = float(second)
            if periods is not None and second < periods.closed_until:
                periods.note_late(second)
        else:
            self._dropped += good + bad

    def _add_causes(self, second: int, causes: Mapping[Cause, int]) -> None:
        if self._causes is None:
            from slo_core.stores.memory.causes import MemoryCauses  # most processes never see a bad event

            self._causes = MemoryCauses(self._longest)
        self._causes.add(second, causes, newest=self._newest)

    def _note_for_episodes(self, second: int, bad: int) -> None:
        if self._episodes is None:
            if self._make_episodes is None:
                return
            self._episodes = self._make_episodes()
        self._episodes.note(second, bad)

    def episodes(self, since: float) -> tuple[Episode, ...]:
        """The episodes that have ended and began at or after an instant, in order of time."""
        with self._arrivals:
            if self._episodes is None:
                return ()
            self._episodes.look(self._tiers, self._causes, now=self._clock(), data_since=self._data_since)
            return self._episodes.since(since)

    def past_causes(self, spans: Sequence[tuple[float, float]]) -> list[list[tuple[Cause, int]]]:
        """What bad events were caused by in several stretches of time; all at one moment."""
        from slo_core.stores.memory.episodes import read_past_causes

        with self._arrivals:
            now = self._clock()
            return [read_past_causes(self._causes, start, end, now=now) for start, end in spans]

    def _add_latencies(self, second: int, latencies: Mapping[Cause, int]) -> None:
        if self._latencies is None:
            from slo_core.stores.memory.latencies import MemoryLatencies  # most SLOs have no threshold

            self._latencies = MemoryLatencies(self._longest)
        self._latencies.add(second, latencies, newest=self._newest)

    def attach_counter(self, drain: Callable[[], None], rearm: Callable[[], None]) -> None:
        """Nothing to do: a tracker drains its counter before it reads."""

    def wake(self) -> None:
        """Nothing to do: there is nowhere to hand events over to."""

    def read(self, spans: Sequence[Span]) -> Reading:
        """All spans at one moment."""
        with self._arrivals:
            counts, periods, kept_since = self._tiers.count(spans), self._periods, self._kept_since
            expected: int | None = None
            closed: dict[int, ClosedPeriod] = {}
            if periods is not None:
                self._close(periods)
                expected = periods.expected
                if spans and spans[0].until <= spans[0].at:  # a read of the past
                    closed = periods.of_spans(spans, kept_since=kept_since)
            if closed:
                counts = tuple(closed[place].counts if place in closed else each for place, each in enumerate(counts))
            reading = Reading(
                counts=counts,
                lifetime=EventCounts(self._lifetime_good, self._lifetime_bad),
                data_since=self._data_since,
                dropped=self._dropped,
                last_event_at=self._newest if self._newest > -math.inf else None,
                expected_events=expected,
                kept_since=kept_since,
                closed=dict.fromkeys(closed, -math.inf),
                cause_totals=self._totals.copy() if self._totals_causes else None,
            )
            has_restarted, self._has_restarted = self._has_restarted, False
        if has_restarted:  # not when it is counted: a signal handler may not log
            import logging  # as in `InternalErrors`

            logger = logging.getLogger(LOGGER_NAME)
            logger.warning("the clock stepped back further than an SLO's history reaches: its windows start empty")
        return reading

    @property
    def _kept_since(self) -> float:
        return max(self._tiers.kept_since, self._emptied_at)

    def closed_periods(self) -> tuple[ClosedPeriod, ...]:
        """The days and calendar periods that are over, in the order of their ends."""
        if self._periods is None:
            return ()
        with self._arrivals:
            self._close(self._periods)
            return self._periods.all(kept_since=self._kept_since)

    def _close(self, periods: MemoryPeriods) -> None:
        now = self._clock()
        if periods.is_due(now):
            self._close_at(periods, now)

    def _close_at(self, periods: MemoryPeriods, now: float) -> None:
        periods.close(
            self._tiers, now=now, since=self._data_since, measured_since=self._since, kept_since=self._kept_since
        )

    def causes(self, spans: Sequence[int]) -> list[CauseBreakdown]:
        """What caused the bad events of the last so many seconds, for each span; all at one moment."""
        from slo_core.stores.memory.causes import read_causes

        with self._arrivals:
            now = self._clock()
            return [
                read_causes(self._causes, self._tiers, seconds, now=now, keeps_seconds=self._longest)
                for seconds in spans
            ]

    def recent_failures(self) -> tuple[RecentFailure, ...]:
        """The last bad events, the newest first."""
        since = self._clock() - FAILURES_KEPT_SECONDS
        return tuple(failure for failure in self.failures.newest() if failure.at >= since)

    def latencies(self, spans: Sequence[int]) -> list[Latencies] | None:
        """How long the events of the last so many seconds took, for each span; None for an SLO without a threshold."""
        from slo_core.stores.memory.latencies import read_latencies

        definition = self._definition
        if definition is None:
            return None
        with self._arrivals:
            now = self._clock()
            answers = [read_latencies(self._latencies, self._tiers, definition, each, now=now) for each in spans]
        return None if None in answers else [each for each in answers if each is not None]

    def series(self, ranges: Sequence[BucketRange]) -> list[list[Increment]]:
        """For each range its buckets that hold events, oldest first; all at one moment."""
        with self._arrivals:
            return [self._tiers.series(buckets) for buckets in ranges]


class MemoryStore:
    """
    The store behind `memory://`: each process counts its own events and forgets them when it ends.

    For tests and for services with one worker. A forked child starts empty.
    """

    backend = "memory"
    scope: StoreScope = "process"
    store_id: str | None = None

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.created = clock()
        self._marks: MemoryMarks | None = None
        self._totals_causes = False
        self._most_failures = DEFAULT_RECENT_FAILURES

    def ledger(self, definition: SLODefinition) -> MemoryLedger:
        """A new, empty ledger."""
        from slo_core.stores.memory.closed_periods import MemoryPeriods  # with the first SLO

        def episodes() -> MemoryEpisodes:
            from slo_core.stores.memory.episodes import MemoryEpisodes  # most processes never see a bad event

            return MemoryEpisodes(definition, self.marks)

        return MemoryLedger(
            definition.kept_seconds,
            clock=self._clock,
            periods=MemoryPeriods(definition),
            episodes=episodes,
            totals_causes=self._totals_causes,
            most_failures=self._most_failures,
            definition=definition,
        )

    def use_recent_failures(self, most: int) -> None:
        """Keep so many recent failures of each SLO that is added from now on."""
        self._most_failures = most

    def read(self, requests: Sequence[ReadRequest]) -> list[Reading]:
        """One after the other."""
        return [request.ledger.read(request.spans) for request in requests]

    def use_cause_totals(self) -> None:
        """Count the bad events of the ledgers that are made from now on by their causes, too."""
        self._totals_causes = True

    def use_release(self, release: str) -> None:
        """A mark of this release: it began with the store, as the process did."""
        from slo_core.budgets.marks import RELEASE, Mark

        self.add_marks([Mark(self.created, RELEASE, release)])

    def add_marks(self, marks: Sequence[Mark]) -> None:
        """Keep marks, until the process ends."""
        from slo_core.stores.marks import MemoryMarks

        if self._marks is None:
            self._marks = MemoryMarks()
        self._marks.add(marks)

    def marks(self, since: float) -> tuple[Mark, ...]:
        """Those at or after an instant, in order of time."""
        return () if self._marks is None else self._marks.since(since)

    def health(self) -> StoreHealth:
        """Always well: there is nothing to reach."""
        return StoreHealth()

    def flush(self) -> bool:
        """Nothing to do: memory is where the events already are."""
        return True

    def close(self) -> bool:
        """Nothing to do: memory is released with the process."""
        return True

    def __repr__(self) -> str:
        return "MemoryStore()"
