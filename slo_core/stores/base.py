"""The protocols between a tracker and the place where its events are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, runtime_checkable

from slo_core.budgets.bucket import BucketRange, Increment
from slo_core.budgets.events import Observation
from slo_core.budgets.snapshot import Reading
from slo_core.errors import StoreError
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import Span

if TYPE_CHECKING:
    from slo_core.budgets.cause_shares import CauseBreakdown
    from slo_core.budgets.causes import Cause
    from slo_core.budgets.latencies import Latencies

__all__ = [
    "CauseLedger",
    "CauseRequest",
    "LatencyLedger",
    "Ledger",
    "ObservationStore",
    "ReadRequest",
    "Reading",
    "Store",
    "StoreHealth",
    "StoreScope",
    "whole_breakdown",
    "whole_reading",
]

# Whose events one store holds: this process's, this host's, or the whole fleet's.
StoreScope = Literal["process", "host", "fleet"]


class StoreHealth(NamedTuple):
    """
    How the answering process gets on with its store.

    Attributes:
        is_up: The last attempt to reach it succeeded.
        flush_lag_seconds: Age of the oldest event not handed over yet; 0 when there is none.
        clock_skew_seconds: How far this process's clock is ahead of the store's.
        errors: Failed attempts to reach it, of every process that uses it; as last read.
        losses: How often this process saw that an SLO's counts were gone from it, which it had confirmed or written.
    """

    is_up: bool = True
    flush_lag_seconds: float = 0.0
    clock_skew_seconds: float = 0.0
    errors: int = 0
    losses: int = 0


class Ledger(Protocol):
    """The events of one SLO. Its own locks make it safe to call from any thread; `add` does no I/O."""

    def add(self, second: int, good: int, bad: int, *, live: bool) -> None:
        """
        Count events of one second.

        Args:
            second: When they happened, whole seconds since the epoch.
            good: Good events, 0 or more.
            bad: Bad events, 0 or more.
            live: They happened now, by the tracker's clock; False for events that carry a time of their own.
        """

    def attach_counter(self, drain: Callable[[], None], rearm: Callable[[], None]) -> None:
        """
        Events are also counted elsewhere, and added in passing.

        Args:
            drain: Has all of them added; to be called before events are handed over.
            rearm: Makes the next event call `wake`.
        """

    def wake(self) -> None:
        """Events come. Called with the first, and then about once a second and thread; holding no lock."""

    def read(self, spans: Sequence[Span]) -> Reading:
        """Everything a snapshot needs."""

    def series(self, ranges: Sequence[BucketRange]) -> Sequence[list[Increment]]:
        """For each range its buckets that hold events, oldest first, for charts; empty for a width that is not kept."""

    def reset(self) -> None:
        """Forget everything, in a forked child: what the parent holds is the parent's to report."""


class CauseLedger(Ledger, Protocol):
    """
    A ledger that may keep what bad events were caused by.

    Attributes:
        keeps_causes: True: it may be given any.
    """

    keeps_causes: bool

    def add(self, second: int, good: int, bad: int, *, live: bool, causes: Mapping[Cause, int] | None = None) -> None:
        """
        Count events of one second.

        Args:
            second: As for `Ledger.add`.
            good: As there.
            bad: As there.
            live: As there.
            causes: What the bad events were caused by, not more than there are; fewer where it is not known.
        """

    def causes(self, spans: Sequence[int]) -> Sequence[CauseBreakdown] | None:
        """What caused the bad events of the last so many seconds, for each span; None where the store keeps no causes."""


class LatencyLedger(CauseLedger, Protocol):
    """
    A ledger that may also keep how long events took.

    Attributes:
        keeps_latencies: Whether it does: then it may be given any.
    """

    keeps_latencies: bool

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
        Count events of one second.

        Args:
            second: As for `Ledger.add`.
            good: As there.
            bad: As there.
            live: As there.
            causes: As for `CauseLedger.add`.
            latencies: In which of `slo_core.budgets.latencies.cells_of` they are, not more than there are events; fewer
                where it is not known how long they took.
        """

    def latencies(self, spans: Sequence[int]) -> Sequence[Latencies] | None:
        """
        How long the events of the last so many seconds took, for each span.

        Returns:
            None where the store does not keep it, or the SLO has no threshold.
        """


class CauseRequest(NamedTuple):
    """
    The causes to be read of one SLO.

    Attributes:
        ledger: Its ledger, of the store that is asked.
        seconds: How far back.
    """

    ledger: Ledger
    seconds: int


class ReadRequest(NamedTuple):
    """
    The spans to be read of one SLO.

    Attributes:
        ledger: Its ledger, of the store that is asked.
        spans: The stretches of time to be counted.
    """

    ledger: Ledger
    spans: Sequence[Span]

    @property
    def is_live(self) -> bool:
        """Whether it is read as of now: then events of slightly fast hosts are seen too."""
        return all(span.until > span.at for span in self.spans)


def whole_reading(answer: Reading | StoreError) -> Reading:
    """
    A reading, unchanged.

    Raises:
        StoreError: There is an error in its place.
    """
    if isinstance(answer, StoreError):
        raise answer
    return answer


def whole_breakdown(answer: CauseBreakdown | StoreError) -> CauseBreakdown:
    """
    What caused the bad events, unchanged.

    Raises:
        StoreError: There is an error in its place.
    """
    if isinstance(answer, StoreError):
        raise answer
    return answer


@runtime_checkable
class Store(Protocol):
    """
    Where the events of many SLOs are kept, as a registry sees it. For a shared store of your own write a `BucketStore`.

    Attributes:
        backend: The scheme of its URL: `"memory"`.
        scope: Whose events it holds.
        store_id: Random, from its creation; None where nothing outlives the process.
        created: When it was created, in seconds since the epoch.
    """

    @property
    def backend(self) -> str: ...

    @property
    def scope(self) -> StoreScope: ...

    @property
    def store_id(self) -> str | None: ...

    @property
    def created(self) -> float: ...

    def ledger(self, definition: SLODefinition) -> Ledger:
        """A ledger for an SLO; the same numbers for the same name, where the store is shared."""

    def read(self, requests: Sequence[ReadRequest]) -> Sequence[Reading | StoreError]:
        """The events of several SLOs, in their order; an error where one SLO alone cannot be read."""

    def health(self) -> StoreHealth:
        """How this process gets on with it, without asking it."""

    def flush(self) -> bool:
        """Hand over what is still held in memory, within a bounded time; True when the store has all of it."""

    def close(self) -> bool:
        """
        Flush and release everything; True when the store has all events.

        A closed store may still be read and recorded into.
        """


@runtime_checkable
class ObservationStore(Protocol):
    """
    A store of single events that you may write yourself: pass it as `SLOTracker(..., store=...)`.

    One that forgets may have an attribute `kept_since`, the time since which it keeps every event, in seconds since the
    epoch: windows that reach back further then say that they are not whole.
    """

    def record(self, observation: Observation) -> None:
        """Keep one event."""

    def window(self, now: float, seconds: int) -> list[Observation]:
        """Events of the `seconds` before `now`; events after `now` may be among them."""

    def trim(self, before: float) -> None:
        """Drop events older than `before` (seconds since the epoch); for you to call: the library never does."""

    def __len__(self) -> int:
        """How many events are kept."""
