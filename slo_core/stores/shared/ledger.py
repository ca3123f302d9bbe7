"""One SLO's events in a shared store, as one process adds to them and reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from slo_core.budgets.cause_shares import CauseBreakdown
from slo_core.budgets.causes import Cause
from slo_core.budgets.closed_period import ClosedPeriod
from slo_core.budgets.latencies import Latencies
from slo_core.budgets.recent_failures import DEFAULT_RECENT_FAILURES
from slo_core.errors import StoreError
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import Span
from slo_core.stores.base import CauseRequest, Reading, ReadRequest, whole_breakdown, whole_reading
from slo_core.stores.buckets import BucketRange, Series
from slo_core.stores.failure_buffer import FailureBuffer
from slo_core.stores.shared.outbox import Outbox

if TYPE_CHECKING:
    from slo_core.budgets.episodes import Episode
    from slo_core.budgets.recent_failures import RecentFailure

__all__ = ["LedgerStore", "SharedLedger"]


class LedgerStore(Protocol):
    """
    The store of a ledger: `WriteBehindStore`.

    Attributes:
        keeps_latencies: Whether it keeps how long events took.
    """

    @property
    def keeps_latencies(self) -> bool: ...

    @property
    def monotonic(self) -> Callable[[], float]:
        """The clock that measures how long events have waited."""

    def wake(self) -> None:
        """See to it that events are handed over."""

    def read(self, requests: Sequence[ReadRequest]) -> Sequence[Reading | StoreError]:
        """The events of several SLOs."""

    def series(self, definition: SLODefinition, ranges: Sequence[BucketRange]) -> Series:
        """The buckets of an SLO's range that hold events."""

    def closed_periods(self, definition: SLODefinition) -> tuple[ClosedPeriod, ...]:
        """The days and calendar periods of an SLO that are over."""

    def causes(self, requests: Sequence[CauseRequest]) -> Sequence[CauseBreakdown | StoreError] | None:
        """What caused the bad events of several SLOs."""

    def episodes(self, definitions: Sequence[SLODefinition], since: float) -> Sequence[tuple[Episode, ...]]:
        """The episodes that have ended, of several SLOs."""

    def past_causes(
        self, definition: SLODefinition, spans: Sequence[tuple[float, float]]
    ) -> Sequence[Sequence[tuple[Cause, int]]]:
        """What bad events were caused by in several stretches of time."""

    def recent_failures(self, slos: Sequence[str]) -> Sequence[tuple[RecentFailure, ...]]:
        """The recent failures of several SLOs."""

    def latencies(self, definition: SLODefinition, spans: Sequence[int]) -> Sequence[Latencies] | None:
        """How long the events of an SLO took."""

    def notice_fork(self) -> None:
        """Start empty, if the process is a forked child."""


class SharedLedger:
    """
    One SLO's events: those of this process wait in an outbox, those of all processes are in the store.

    Args:
        definition: The SLO.
        outbox: Its events that this process has not handed over yet.
        store: The store that the outbox is emptied into.

    Attributes:
        definition: The SLO.
        outbox: Its events that this process has not handed over yet.
        failures: Its recent failures that this process has not handed over yet.
        keeps_latencies: As in `LatencyLedger`.
    """

    __slots__ = ("__weakref__", "_counters", "_store", "definition", "failures", "keeps_latencies", "outbox")

    keeps_causes = True

    def __init__(
        self,
        definition: SLODefinition,
        outbox: Outbox,
        store: LedgerStore,
        *,
        most_failures: int = DEFAULT_RECENT_FAILURES,
    ) -> None:
        self.definition = definition
        self.outbox = outbox
        self.failures = FailureBuffer(most_failures)
        self._store = store
        self.keeps_latencies = store.keeps_latencies
        self._counters: list[tuple[Callable[[], None], Callable[[], None]]] = []

    def attach_counter(self, drain: Callable[[], None], rearm: Callable[[], None]) -> None:
        """
        Events are also counted elsewhere; see `EventCounter`.

        Args:
            drain: Adds all of them to this ledger; called before events are handed over.
            rearm: Makes the next event call `wake`; called before the flusher's thread ends.
        """
        self._counters.append((drain, rearm))

    def drain(self) -> None:
        """Have everything added that has been counted elsewhere."""
        for drain, _ in self._counters:
            drain()

    def rearm(self) -> None:
        """Have `wake` called with the next event."""
        for _, rearm in self._counters:
            rearm()

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
        """Put events of one second into the outbox; the store decides whether they are too old."""
        now = self._store.monotonic()
        self.outbox.add(second, good, bad, now=now, live=live, causes=causes, latencies=latencies)

    def wake(self) -> None:
        """Have the events handed over that come now."""
        self._store.wake()

    def read(self, spans: Sequence[Span]) -> Reading:
        """The events in the store, after this process's own were handed over."""
        return whole_reading(self._store.read((ReadRequest(self, spans),))[0])

    def series(self, ranges: Sequence[BucketRange]) -> Series:
        """The events in the store, after this process's own were handed over."""
        return self._store.series(self.definition, ranges)

    def closed_periods(self) -> tuple[ClosedPeriod, ...]:
        """The days and calendar periods that are over, in the order of their ends."""
        return self._store.closed_periods(self.definition)

    def causes(self, spans: Sequence[int]) -> Sequence[CauseBreakdown] | None:
        """What caused the bad events in the store, after this process's own were handed over."""
        answers = self._store.causes([CauseRequest(self, seconds) for seconds in spans])
        return None if answers is None else [whole_breakdown(answer) for answer in answers]

    def episodes(self, since: float) -> tuple[Episode, ...]:
        """The episodes that have ended and began at or after an instant, in order of time."""
        return self._store.episodes([self.definition], since)[0]

    def past_causes(self, spans: Sequence[tuple[float, float]]) -> Sequence[Sequence[tuple[Cause, int]]]:
        """What bad events were caused by in several stretches of time."""
        return self._store.past_causes(self.definition, spans)

    def recent_failures(self) -> tuple[RecentFailure, ...]:
        """The recent failures in the store, after this process's own were handed over; the newest first."""
        return self._store.recent_failures((self.definition.name,))[0]

    def latencies(self, spans: Sequence[int]) -> Sequence[Latencies] | None:
        """How long the events in the store took, after this process's own were handed over."""
        return self._store.latencies(self.definition, spans)

    def reset(self) -> None:
        """In a forked child: events that the parent has not handed over are the parent's."""
        self._store.notice_fork()
