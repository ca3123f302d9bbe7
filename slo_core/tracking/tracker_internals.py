"""The side of a tracker that registries, pages and the HTTP recorder work with."""

from __future__ import annotations

import math
from _thread import get_ident
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from slo_core.budgets.burn_rate import BurnRateSample
from slo_core.budgets.snapshot import Reading, SLOSnapshot, SnapshotPlan
from slo_core.errors import NotKeptError
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS, LATEST_TIME, tiers_reaching
from slo_core.stores.base import CauseLedger, CauseRequest, LatencyLedger, Ledger, ReadRequest
from slo_core.stores.failure_buffer import EventDetails
from slo_core.tracking.current_trace import current_trace
from slo_core.tracking.event_counter import EventCounter, ThreadCounts, failure_buffer

if TYPE_CHECKING:
    from slo_core.budgets.bucket import BucketRange, Increment
    from slo_core.budgets.cause_shares import CauseBreakdown
    from slo_core.budgets.causes import Cause
    from slo_core.budgets.closed_period import ClosedPeriod
    from slo_core.budgets.episodes import Episode
    from slo_core.budgets.latencies import Latencies
    from slo_core.budgets.recent_failures import RecentFailure
    from slo_core.budgets.timeline import Timeline
    from slo_core.process.internal_errors import InternalErrors
    from slo_core.tracking.cause_names import CauseNames

__all__ = ["SnapshotQuery", "TrackerInternals", "finite_time"]


class _Tracker(Protocol):
    def record(self, success: bool) -> None: ...


class SnapshotQuery(NamedTuple):
    """
    The part of a store that one snapshot has to read.

    Attributes:
        at: The instant of the snapshot, in seconds since the epoch.
        request: The windows to read.
    """

    at: float
    request: ReadRequest


class TrackerInternals:
    """
    The side of a tracker that the rest of slo-suite works with. Applications need none of it.

    Attributes:
        clock: Returns seconds since the epoch.
        counter: Counts events as they happen; None where a user's `ObservationStore` is given each of them.
        errors: Those of its registry; None before it has one.
    """

    __slots__ = (
        "_cause_names", "_definition", "_failures", "_has_own_record", "_ledger", "_plan", "clock", "counter", "errors",
    )  # fmt: skip

    def __init__(
        self,
        definition: SLODefinition,
        ledger: Ledger,
        *,
        clock: Callable[[], float],
        counter: EventCounter | None,
        has_own_record: bool,
    ) -> None:
        self._definition = definition
        self._ledger = ledger
        self._failures = failure_buffer(ledger)
        self._plan = SnapshotPlan(definition)
        self.clock = clock
        self.counter = counter
        self._has_own_record = has_own_record
        self.errors: InternalErrors | None = None
        self._cause_names: CauseNames | None = None

    @property
    def keeps_causes(self) -> bool:
        """Whether a bad event counts with its cause: not where a subclass or a user's own store has to see each event."""
        return self.counter is not None and not self._has_own_record and cause_ledger(self._ledger) is not None

    @property
    def notes_failures(self) -> bool:
        """Whether bad events are noted one by one."""
        return self._failures is not None and self._failures.most > 0

    def note_failure(self, at: float, cause: Cause | None = None, details: EventDetails | None = None) -> None:
        """
        Note a bad event that was counted in the list of recent ones.

        Args:
            at: When it happened.
            cause: What it was caused by; None where it is not known.
            details: None notes its trace only.
        """
        failures = self._failures
        if failures is not None and failures.wants(at):
            failures.note(at, cause, details or EventDetails(None, current_trace()))

    def recent_failures(self) -> tuple[RecentFailure, ...]:
        """
        The last bad events, the newest first; none where the store keeps none.

        Raises:
            StoreError: The store is out of reach.
        """
        if self.counter is not None:
            self.counter.drain()
        read: Callable[[], tuple[RecentFailure, ...]] | None = getattr(self._ledger, "recent_failures", None)
        return () if read is None else read()

    def record_cause(
        self, tracker: _Tracker, cause: Cause, details: EventDetails | None = None, *, seconds: float | None = None
    ) -> None:
        """
        Count a bad event of now, with its cause.

        Args:
            tracker: The one that this is a side of.
            cause: What it was caused by.
            details: As for `note_failure`.
            seconds: How long it took; None where that is not known.
        """
        counter = self.counter
        if counter is None or self._has_own_record:
            tracker.record(False)
            return
        now = self.clock()
        counts = self._counts_at(now, counter)
        if seconds is not None:
            counts.count_cell(counter.edges, seconds)
        counts.count_bad(cause)
        self.note_failure(now, cause, details)

    def record_good(self, tracker: _Tracker, seconds: float) -> None:
        """Count a good event of now, and how long it took; `tracker` as for `record_cause`."""
        counter = self.counter
        if counter is None or self._has_own_record:
            tracker.record(True)
            return
        counts = self._counts_at(self.clock(), counter)
        counts.count_cell(counter.edges, seconds)
        counts.good += 1

    def _counts_at(self, now: float, counter: EventCounter) -> ThreadCounts:
        counts = counter.thread_counts.get(get_ident())
        if counts is None or not counts.start <= now < counts.end:
            counts = counter.rotate(now)
        return counts

    def record_exception(self, tracker: _Tracker, where: str, exception_type: type[BaseException]) -> None:
        """Count a bad event that an exception has ended; `tracker` as for `record_cause`."""
        from slo_core.budgets.causes import Cause  # here and below: most processes never see a bad event
        from slo_core.tracking.cause_names import exception_name

        self.record_cause(tracker, Cause(where, exception_name(exception_type)))

    def tidy_cause(self, cause: object) -> Cause:
        """A cause that the application has given with a bad event; a bad one is changed and reported."""
        from slo_core.budgets.causes import Cause

        if self._cause_names is None:
            from slo_core.process.internal_errors import InternalErrors
            from slo_core.tracking.cause_names import CauseNames

            self._cause_names = CauseNames(self.errors or InternalErrors())
        return Cause(self._cause_names.tidy(cause), "failed")

    def begin_causes(self, seconds: int) -> CauseRequest:
        """Drain the counter, and return what to read, so that one read of the store answers for many SLOs."""
        if self.counter is not None:
            self.counter.drain()
        return CauseRequest(self._ledger, seconds)

    def causes(self, spans: Sequence[int]) -> Sequence[CauseBreakdown] | None:
        """
        What caused the bad events of the last so many seconds, for each span, read at one moment.

        Returns:
            None where the store keeps no causes.

        Raises:
            StoreError: The store is out of reach, or the SLO is damaged there.
            ValueError: A span is not a positive number.
        """
        if self.counter is not None:
            self.counter.drain()
        ledger = cause_ledger(self._ledger)
        return None if ledger is None else ledger.causes(spans)

    def latencies(self, spans: Sequence[int]) -> Sequence[Latencies] | None:
        """
        How long the events of the last so many seconds took, for each span, read at one moment.

        Returns:
            None for an SLO without a threshold, and where the store does not keep it.

        Raises:
            StoreError: The store is out of reach, or the SLO is damaged there.
            ValueError: A span is not a positive number.
        """
        if self.counter is not None:
            self.counter.drain()
        from slo_core.stores.latency_reading import latency_reading  # most SLOs have no threshold

        # A mistake of the caller's is none of the store's.
        asked = [latency_reading(self._definition, seconds, now=0.0) for seconds in spans]
        if None in asked or not getattr(self._ledger, "keeps_latencies", False):
            return None
        return cast(LatencyLedger, self._ledger).latencies(spans)

    def begin_snapshot(self, at: float | None = None) -> SnapshotQuery:
        """
        Drain the counter, and return what to read. One read of the store may then answer the queries of many SLOs.

        Args:
            at: As for `SLOTracker.snapshot`.

        Raises:
            ValueError: `at` is not a finite number.
        """
        now = self.clock() if at is None else finite_time(at)
        until = now + FUTURE_TOLERANCE_SECONDS if at is None else now
        if self.counter is not None:
            self.counter.drain()
        return SnapshotQuery(now, ReadRequest(self._ledger, self._plan.spans(at=now, until=until)))

    def finish_snapshot(self, query: SnapshotQuery, reading: Reading) -> SLOSnapshot:
        """
        The snapshot, worked out from the reading that answers the query.

        Of a time of which nothing is kept it has no events, is not complete, and its `covered_since` is later than that time.
        """
        return self._plan.take(reading, at=query.at, spans=query.request.spans)

    def snapshot(self, at: float | None = None) -> SLOSnapshot:
        """The snapshot, as `finish_snapshot` returns it, with a read for this SLO alone."""
        query = self.begin_snapshot(at)
        return self.finish_snapshot(query, self._ledger.read(query.request.spans))

    def kept_snapshot(self, at: float | None) -> SLOSnapshot:
        """
        The same.

        Raises:
            NotKeptError: Nothing is kept of that time.
        """
        snapshot = self.snapshot(at)
        if at is not None and at < snapshot.covered_since:
            raise NotKeptError(
                f"SLO {snapshot.name!r}: at=: expected an instant of which counts are kept, {snapshot.covered_since!r} or "
                f"later, got {at!r}"
            )
        return snapshot

    def window_samples(self, at: float | None = None) -> dict[int, BurnRateSample]:
        """The burn rate of each of the definition's `windows`; `at` as for `SLOTracker.snapshot`."""
        query = self.begin_snapshot(at)
        spans = query.request.spans
        return self._plan.samples(self._ledger.read(spans), at=query.at, spans=spans)

    def closed_periods(self) -> tuple[ClosedPeriod, ...]:
        """Those of the store; none where it keeps none."""
        if self.counter is not None:
            self.counter.drain()
        read: Callable[[], tuple[ClosedPeriod, ...]] | None = getattr(self._ledger, "closed_periods", None)
        return () if read is None else read()

    def kept_episodes(self, since: float) -> tuple[Episode, ...]:
        """The episodes that its store keeps and that began at or after an instant, in order of time."""
        if self.counter is not None:
            self.counter.drain()
        read: Callable[[float], tuple[Episode, ...]] | None = getattr(self._ledger, "episodes", None)
        return () if read is None else read(since)

    def past_causes(self, spans: Sequence[tuple[float, float]]) -> Sequence[Sequence[tuple[Cause, int]]]:
        """What bad events were caused by in several stretches of time; nothing where the store keeps no causes."""
        read: Callable[[Sequence[tuple[float, float]]], Sequence[Sequence[tuple[Cause, int]]]] | None
        read = getattr(self._ledger, "past_causes", None)
        return [()] * len(spans) if read is None or not spans else read(spans)

    def series(self, buckets: BucketRange) -> list[Increment]:
        """The buckets of one range that hold events, oldest first."""
        if self.counter is not None:
            self.counter.drain()
        (series,) = self._ledger.series([buckets])
        return series

    def timeline(self, at: float | None = None, *, least_seconds: int = 0) -> Timeline:
        """
        All buckets that are kept, for charts.

        Args:
            at: The instant they end at, in seconds since the epoch; None is now. `Timeline.covered_since` says how far
                back they reach.
            least_seconds: How far back they reach at least, where the windows are shorter.

        Raises:
            ValueError: `at` is not a finite number.
        """
        from slo_core.budgets.timeline import Timeline, kept_ranges  # only charts need it

        now = self.clock() if at is None else finite_time(at)
        if self.counter is not None:
            self.counter.drain()
        until = math.floor(now + FUTURE_TOLERANCE_SECONDS if at is None else now)
        ranges = kept_ranges(tiers_reaching(max(self._definition.longest_seconds, least_seconds)), at=now, until=until)
        # What is read back from now is kept; back from an instant of the past it may not be.
        kept_since = -math.inf if at is None else self._ledger.read(()).kept_since
        return Timeline(zip(ranges, self._ledger.series(ranges), strict=True), kept_since=kept_since)


def cause_ledger(ledger: Ledger) -> CauseLedger | None:
    """The ledger, if it may keep causes; None for one of a user's own store that knows of none."""
    return cast(CauseLedger, ledger) if getattr(ledger, "keeps_causes", False) else None


def finite_time(at: float) -> float:
    """
    An instant that a user gave, as a float.

    Raises:
        ValueError: It is not a finite number, or further from 1970 than any store can count (34,000 years).
    """
    if isinstance(at, bool) or not isinstance(at, (int, float)) or not abs(at) <= LATEST_TIME:
        raise ValueError(
            f"at=: expected a finite number of seconds since the epoch, at most {LATEST_TIME} (2**40), got {at!r}; "
            "is it in milliseconds?"
        )
    return float(at)
