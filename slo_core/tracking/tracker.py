"""One SLO at work: it records events and works out the budget."""

from __future__ import annotations

import math
import time
from _thread import get_ident
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from slo_core.budgets.burn_rate import BurnRateAlert, burns_at_least
from slo_core.budgets.events import Observation
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.errors import NotKeptError
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS
from slo_core.stores.base import CauseLedger, Ledger, ObservationStore, Store
from slo_core.stores.memory.observation_ledger import ObservationLedger
from slo_core.stores.memory.store import MemoryStore
from slo_core.stores.open import store_from_url
from slo_core.tracking.event_counter import EventCounter, ThreadCounts
from slo_core.tracking.track import Track
from slo_core.tracking.tracker_internals import TrackerInternals, finite_time

if TYPE_CHECKING:
    from slo_core.budgets.cause_shares import CauseBreakdown
    from slo_core.budgets.causes import Cause
    from slo_core.budgets.closed_period import ClosedPeriod
    from slo_core.budgets.episodes import Episode
    from slo_core.budgets.latencies import Latencies
    from slo_core.budgets.recent_failures import RecentFailure

__all__ = ["SLOTracker"]


class SLOTracker:
    """
    Counts the good and bad events of one SLO, and works out its budget.

    Safe to use from any thread; recording touches memory only and never waits.

    Args:
        definition: The SLO.
        store: None counts in this process's memory. A URL or `Store` shares the numbers; an `ObservationStore` of
            your own is given every single event.
        clock: Returns seconds since the epoch; tests pass `slo_core.testing.FakeClock`.

    Raises:
        StoreError: The store's URL is unknown or refused.
        TypeError: It is no store.
    """

    __slots__ = (
        "__weakref__", "_clock", "_counter", "_definition", "_internals", "_ledger", "_observations", "_store",
        "_thread_counts",
    )  # fmt: skip

    def __init__(
        self,
        definition: SLODefinition,
        *,
        store: Store | ObservationStore | str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._definition = definition
        self._clock = clock
        if isinstance(store, str):
            store = store_from_url(store, clock=clock)
        elif store is None:  # not `store or ...`: a store without events has length 0
            store = MemoryStore(clock=clock)
        self._ledger: Ledger
        self._counter: EventCounter | None
        self._store: Store | None = None  # stays None with an ObservationStore
        self._observations: ObservationLedger | None
        if isinstance(store, ObservationStore):
            self._ledger = self._observations = ObservationLedger(store, clock=clock)
            self._counter = None
            self._thread_counts: dict[int, ThreadCounts] = {}
        elif not isinstance(store, Store):
            raise TypeError(f"SLOTracker(store=): expected a URL, a Store or an ObservationStore, got {store!r}")
        else:
            self._store = store
            self._ledger, self._observations = store.ledger(definition), None
            self._counter = EventCounter(
                self._ledger, None if definition.http is None else definition.http.latency_seconds
            )
            self._thread_counts = self._counter.thread_counts
        self._internals = TrackerInternals(
            definition,
            self._ledger,
            clock=clock,
            counter=self._counter,
            has_own_record=type(self).record is not SLOTracker.record,
        )

    @property
    def definition(self) -> SLODefinition:
        """The SLO."""
        return self._definition

    @property
    def name(self) -> str:
        """The SLO's name."""
        return self._definition.name

    @property
    def store(self) -> Store | None:
        """Where its events are kept; None for an `ObservationStore` of the user's."""
        return self._store

    @property
    def internals(self) -> TrackerInternals:
        """For the other parts of slo-suite; applications need none of it."""
        return self._internals

    def record(self, success: bool, *, at: float | None = None) -> None:
        """
        Count one event.

        Args:
            success: True for a good event, False for a bad one.
            at: When it happened, in seconds since the epoch; None is now. A time in the past counts in its own
                place; one older than everything kept is dropped and counted as dropped.

        Raises:
            ValueError: `at` is not a finite number, negative, or more than 60 s in the future.
        """
        if at is not None:
            self._record_at(success, at)
            return
        now = self._clock()
        try:
            counts = self._thread_counts[get_ident()]
        except KeyError:  # this thread's first event, or an observation store, which counts no threads
            counts = None
        if counts is None or not counts.start <= now < counts.end:
            if self._counter is None:
                self._observe(success, now)
                return
            counts = self._counter.rotate(now)
        # Only this thread writes to its counts: no lock, and no update is lost.
        if success:
            counts.good += 1
        else:
            counts.bad += 1
            self._internals.note_failure(now)

    def record_success(self, *, at: float | None = None) -> None:
        """Count one good event; see `record`."""
        self.record(True, at=at)

    def record_failure(self, *, at: float | None = None, cause: str | None = None) -> None:
        """
        Count one bad event; see `record`.

        Args:
            at: As for `record`.
            cause: What failed, for the list of causes: a constant text of at most 100 printable characters
                (`"charge_card"`), never an id or a message. Others are cut, escaped and reported once; nothing is raised.
        """
        if cause is None:
            self.record(False, at=at)
        elif at is None:
            self._internals.record_cause(self, self._internals.tidy_cause(cause))
        elif self._internals.keeps_causes:
            self._record_at(False, at, causes={self._internals.tidy_cause(cause): 1})
        else:
            self.record(False, at=at)

    def track(
        self,
        *,
        cause: str | None = None,
        ignore: type[BaseException] | tuple[type[BaseException], ...] = (),
        classify: Callable[[BaseException], bool | None] | None = None,
    ) -> Track:
        """
        Count a block or a function: good when it ends, bad when it raises an error; the exception goes on.

        A context manager (`with` and `async with`) and a decorator, for functions and coroutine functions.

        Control flow is no failure: an event is left out where a task was cancelled (`asyncio.CancelledError`, trio, gevent)
        or a generator closed (`GeneratorExit`), and `SystemExit` with the code 0 or without one is good.

        Args:
            cause: Its name in the list of causes, beside the exception's class: a constant text of at most 100 printable
                characters. None is the function's own qualified name, or `track` for a `with` block.
            ignore: Exception classes whose events are left out: neither good nor bad.
            classify: Called with every other exception but control flow; returns True for good, False for bad, None to leave
                the event out. If it raises, the event is bad.

        Raises:
            TypeError: `ignore` holds something else than exception classes, or `classify` cannot be called.
            ValueError: `cause` is not such a text.
        """
        judge = None
        if ignore != () or classify is not None:
            from slo_core.tracking.block_end import checked_judge

            judge = checked_judge(ignore, classify)
        if cause is not None:
            from slo_core.tracking.cause_names import checked_cause

            cause = checked_cause(cause, what="track(cause=)")
        return Track(self, cause, judge)

    def causes(self, seconds: int) -> CauseBreakdown | None:
        """
        What caused the bad events of the last so many seconds: each cause with its number and share.

        The stretch begins with a whole bucket, a little earlier than asked (`CauseBreakdown.since`): of 5 minutes for less
        than a day, of 15 for a day, of an hour for up to 8 days, and of a day of UTC beyond that.

        Args:
            seconds: How far back; it is cut to what is kept.

        Returns:
            None where the store keeps no causes.

        Raises:
            StoreError: The store is out of reach, or the SLO is damaged there.
            ValueError: `seconds` is not a positive number.
        """
        breakdowns = self._internals.causes((seconds,))
        return None if breakdowns is None else breakdowns[0]

    def recent_failures(self) -> tuple[RecentFailure, ...]:
        """
        The last bad events of all processes that share the store, the newest first: 50 unless `recent_failures=` says
        otherwise, of the last 8 days.

        They are kept as well as it goes, apart from the counts: some may be missing, after a failure of the store or of a
        process, and of many bad events within a second only the last ones are noted. Empty where the store keeps none.

        Raises:
            StoreError: The store is out of reach.
        """
        return self._internals.recent_failures()

    def latency(self, seconds: int) -> Latencies | None:
        """
        How long the events of the last so many seconds took, of an SLO with a latency threshold.

        Args:
            seconds: As for `causes`.

        Returns:
            The cells of a histogram, and between which of its edges the percentiles lie. None for an SLO without a threshold,
            and where the store does not keep it.

        Raises:
            StoreError: The store is out of reach, or the SLO is damaged there.
            ValueError: `seconds` is not a positive number.
        """
        latencies = self._internals.latencies((seconds,))
        return None if latencies is None else latencies[0]

    def snapshot(self, *, at: float | None = None) -> SLOSnapshot:
        """
        The state of the SLO.

        Args:
            at: The instant, in seconds since the epoch; None is now, and then events of hosts whose clocks run up to
                60 s ahead are seen too. A window of the past that reaches back before what is kept says so:
                `is_complete`, `covered_since`.

        Raises:
            NotKeptError: The whole time until `at` lies before what is kept.
            ValueError: `at` is not a finite number.
        """
        return self._internals.kept_snapshot(at)

    def closed_periods(self) -> tuple[ClosedPeriod, ...]:
        """
        The SLO's days that are over, and the weeks, months or quarters if its window is one, in the order of their ends.

        Each is closed 15 minutes after its end, changed by events that come later for as long as their buckets are kept, and
        kept for 25 months. Empty for an `ObservationStore`, and for a store of another package that keeps none.

        Raises:
            StoreError: The store is out of reach, or the SLO is damaged there.
        """
        return self._internals.closed_periods()

    def incidents(self, *, since: float = 0.0) -> tuple[Episode, ...]:
        """
        When the SLO's alert rules fired, one entry for each rule, the newest first; `end` is None while one fires.

        Those that have ended are kept for 25 months, at most 1,000. Any process of the service writes them, some seven
        minutes after their end; what ended while no process ran for eleven hours is missing. They are worked out from the
        events, not by Prometheus: the same in every process, exact to the minute.

        Args:
            since: Only those that began at or after this instant, in seconds since the epoch, and those that last.

        Raises:
            StoreError: The store is out of reach, or the SLO is damaged there.
        """
        from slo_core.tracking.incidents import read_incidents

        return read_incidents(self, since=since)

    def check_burn_rate(self, *, at: float | None = None) -> list[BurnRateAlert]:
        """
        The single-window alerts: each of the definition's burn windows at or over `burn_rate_threshold`.

        A window without events never alerts. To decide whether to page a person, use `snapshot().alerts`.

        Args:
            at: As for `snapshot`.

        Raises:
            NotKeptError: One of the windows reaches back before what is kept: an answer would be about a part of it.
            ValueError: `at` is not a finite number.
        """
        samples = self._internals.window_samples(at)
        definition = self._definition
        target, threshold = definition.objective, definition.threshold
        alerts = []
        for seconds in definition.burn_rate_windows:
            burning = samples[seconds]
            if at is not None and not burning.is_complete:
                raise NotKeptError(
                    f"SLO {definition.name!r}: its burn window of {format_duration(seconds)} before {at!r} is not whole: "
                    f"counts are kept since {burning.covered_since!r}; snapshot(at=) shows what is left of it"
                )
            if burns_at_least(burning.counts, target, threshold):
                alerts.append(
                    BurnRateAlert(
                        slo_name=definition.name,
                        window_seconds=seconds,
                        burn_rate=burning.burn_rate,
                        threshold=definition.burn_rate_threshold,
                        success_ratio=burning.success_ratio,
                        sample_count=burning.sample_count,
                    )
                )
        return alerts

    def __repr__(self) -> str:
        return f"SLOTracker({self._definition.name!r})"

    def _record_at(self, success: bool, at: float, causes: Mapping[Cause, int] | None = None) -> None:
        instant = finite_time(at)
        now = self._clock()
        if instant > now + FUTURE_TOLERANCE_SECONDS:
            raise ValueError(
                f"record(at=): expected a time at most {FUTURE_TOLERANCE_SECONDS} s ahead of the clock ({now!r}), "
                f"got {at!r}, {instant - now:.0f} s ahead; is it in milliseconds?"
            )
        if instant < 0:
            raise ValueError(f"record(at=): expected seconds since the epoch (1970), 0 or more, got {at!r}")
        if self._counter is None:
            self._observe(success, instant)
        else:
            # The newest event decides how far back events are kept, and it may not be drained yet.
            self._counter.drain_in_passing()
            if causes is None:
                self._ledger.add(math.floor(instant), int(bool(success)), int(not success), live=False)
            else:
                cast(CauseLedger, self._ledger).add(math.floor(instant), 0, 1, live=False, causes=causes)
            self._ledger.wake()
            if not success:
                self._internals.note_failure(instant, None if causes is None else next(iter(causes)))

    def _observe(self, success: bool, at: float) -> None:
        assert self._observations is not None  # there is no counter without it
        self._observations.record(Observation(timestamp=at, success=bool(success)))
