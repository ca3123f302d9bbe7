"""A shared store for a reader that counts nothing itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from slo_core.budgets.cause_shares import CauseBreakdown
from slo_core.budgets.causes import Cause
from slo_core.budgets.closed_period import ClosedPeriod
from slo_core.budgets.latencies import Latencies
from slo_core.budgets.recent_failures import DEFAULT_RECENT_FAILURES
from slo_core.errors import DamagedError, StoreError
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import Span
from slo_core.stores.base import (
    CauseRequest,
    Reading,
    ReadRequest,
    StoreHealth,
    StoreScope,
    whole_breakdown,
    whole_reading,
)
from slo_core.stores.buckets import BucketRange, BucketStore, Query, Series, SLORecord, StoreIdentity
from slo_core.stores.shared.cause_reader import read_causes
from slo_core.stores.shared.damage import damage_in_record, damaged, whole_series
from slo_core.stores.shared.latency_reader import read_latencies
from slo_core.stores.shared.past_periods import read_closed_periods, read_expected_events
from slo_core.stores.shared.reader import read_series, read_series_of_all, read_windows, reading_of

if TYPE_CHECKING:
    from slo_core.budgets.episodes import Episode
    from slo_core.budgets.marks import Mark
    from slo_core.budgets.recent_failures import RecentFailure

__all__ = ["ReadOnlyLedger", "ReadOnlyStore"]

# How long a reader waits while another one talks to the store.
_LOCK_SECONDS = 2.0


class ReadOnlyLedger:
    """One SLO's events, for reading."""

    __slots__ = ("_store", "definition")

    keeps_causes = True
    keeps_latencies = True

    def __init__(self, definition: SLODefinition, store: ReadOnlyStore) -> None:
        self.definition = definition
        self._store = store

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
        Refuse events.

        Raises:
            StoreError: Always.
        """
        raise StoreError(f"SLO {self.definition.name!r}: its store was opened for reading only, and counts no events")

    def attach_counter(self, drain: Callable[[], None], rearm: Callable[[], None]) -> None:
        """Nothing to do: no event is counted elsewhere."""

    def wake(self) -> None:
        """No events come."""

    def read(self, spans: Sequence[Span]) -> Reading:
        """The events that the store holds."""
        return whole_reading(self._store.read((ReadRequest(self, spans),))[0])

    def series(self, ranges: Sequence[BucketRange]) -> Series:
        """For each range its buckets that hold events, oldest first."""
        return self._store.series(self.definition, ranges)

    def closed_periods(self) -> tuple[ClosedPeriod, ...]:
        """The days and calendar periods that are over, in the order of their ends."""
        return self._store.closed_periods(self.definition)

    def causes(self, spans: Sequence[int]) -> Sequence[CauseBreakdown] | None:
        """What caused the bad events of the last so many seconds, for each span; None where the store keeps no causes."""
        answers = self._store.causes([CauseRequest(self, seconds) for seconds in spans])
        return None if answers is None else [whole_breakdown(answer) for answer in answers]

    def episodes(self, since: float) -> tuple[Episode, ...]:
        """The episodes that have ended and began at or after an instant, in order of time."""
        return self._store.episodes([self.definition], since)[0]

    def past_causes(self, spans: Sequence[tuple[float, float]]) -> list[list[tuple[Cause, int]]]:
        """What bad events were caused by in several stretches of time."""
        return self._store.past_causes(self.definition, spans)

    def recent_failures(self) -> tuple[RecentFailure, ...]:
        """The recent failures, the newest first."""
        return self._store.recent_failures((self.definition.name,))[0]

    def latencies(self, spans: Sequence[int]) -> list[Latencies] | None:
        """How long the events of the last so many seconds took, for each span; None where the store does not keep it."""
        return self._store.latencies(self.definition, spans)

    def reset(self) -> None:
        """Nothing to do: it holds nothing."""


class ReadOnlyStore:
    """
    A `Store` over a `BucketStore` that only reads: no SLO is declared, no batch is sent, no thread is started.

    Safe to use from several threads: the store is asked by one at a time.

    Args:
        buckets: The store; a different one is asked for each service.
        clock: Returns seconds since the epoch.
    """

    def __init__(self, buckets: BucketStore, *, clock: Callable[[], float] = time.time) -> None:
        self._buckets = buckets
        self._clock = clock
        self._lock = threading.Lock()
        self._identity: StoreIdentity | None = None
        self._errors: dict[str, int] = {}
        self._is_up = True
        self._most_failures = DEFAULT_RECENT_FAILURES

    @property
    def backend(self) -> str:
        """The scheme of its URL."""
        return self._buckets.backend

    @property
    def scope(self) -> StoreScope:
        """Whose events it holds."""
        return self._buckets.scope

    @property
    def service(self) -> str:
        """The namespace."""
        return self._buckets.service

    @property
    def store_id(self) -> str | None:
        """Random, from the store's creation; None until something was read."""
        return None if self._identity is None else self._identity.store_id

    @property
    def created(self) -> float:
        """When the store was created; 0 until something was read."""
        return 0.0 if self._identity is None else self._identity.created

    def ledger(self, definition: SLODefinition) -> ReadOnlyLedger:
        """A ledger to read an SLO by."""
        return ReadOnlyLedger(definition, self)

    def services(self) -> list[str]:
        """
        Every service that has declared an SLO, sorted.

        Raises:
            StoreError: The store is out of reach.
        """
        with self._asking():
            return self._buckets.services()

    def records(self) -> dict[str, SLORecord | DamagedError | None]:
        """
        The record of each SLO of this service, sorted by name, or why it cannot be read; None where it has expired.

        Raises:
            StoreError: The store is out of reach.
        """
        with self._asking():
            names = self._buckets.names()
            answers = self._buckets.read([Query(name) for name in names]) if names else []
        records: dict[str, SLORecord | DamagedError | None] = {}
        for name, stored in zip(names, answers, strict=True):
            trouble = stored.trouble
            if stored.record is not None:
                trouble = trouble or damage_in_record(stored.record)
            records[name] = stored.record if trouble is None else damaged(name, trouble)
        return records

    def read(self, requests: Sequence[ReadRequest]) -> list[Reading | StoreError]:
        """
        The events of several SLOs; an error where one of them is damaged or gone.

        Raises:
            StoreError: It is out of reach, or all of them are gone.
        """
        definitions = [_ledger_of(request).definition for request in requests]
        with self._asking():
            if not definitions:
                # Its identity is not asked for: an empty store would be given one.
                self._buckets.names()
                return []
            self._identity = self._buckets.identity()
            answers = read_windows(self._buckets, definitions, requests, now=self._clock(), cause_totals=True)
            expected = read_expected_events(self._buckets, definitions, now=self._clock())
            if all(stored.record is None and stored.trouble is None for stored in answers):
                raise self._gone(definitions[0])
        readings: list[Reading | StoreError] = []
        for definition, stored, events in zip(definitions, answers, expected, strict=True):
            if stored.record is not None:
                self._errors[definition.name] = stored.record.errors
            elif stored.trouble is None:
                readings.append(self._gone(definition))
                continue
            # Empty totals are those of an SLO whose processes do not count causes.
            shown = replace(stored, cause_totals=stored.cause_totals or None)
            readings.append(reading_of(definition.name, shown, now=self._clock(), expected_events=events))
        return readings

    def _gone(self, definition: SLODefinition) -> StoreError:
        return StoreError(
            f"store {self.backend}, service {self.service!r}: SLO {definition.name!r} is gone; has the store been emptied?"
        )

    def series(self, definition: SLODefinition, ranges: Sequence[BucketRange]) -> Series:
        """
        For each range the buckets of an SLO that hold events, oldest first.

        Raises:
            StoreError: The store is out of reach, or the SLO is damaged.
        """
        with self._asking():
            series = read_series(self._buckets, definition.name, ranges)
        return whole_series(definition.name, series)

    def series_of_all(self, definitions: Sequence[SLODefinition], buckets: BucketRange) -> list[Series | StoreError]:
        """
        The buckets of one range that hold events, of several SLOs in one round trip; an error where one is damaged.

        Raises:
            StoreError: The store is out of reach.
        """
        with self._asking():
            return read_series_of_all(self._buckets, [definition.name for definition in definitions], buckets)

    def closed_periods(self, definition: SLODefinition) -> tuple[ClosedPeriod, ...]:
        """
        The days and calendar periods of an SLO that are over, in the order of their ends.

        Raises:
            StoreError: The store is out of reach, or the SLO is damaged.
        """
        with self._asking():
            return read_closed_periods(self._buckets, definition, now=self._clock())

    def causes(self, requests: Sequence[CauseRequest]) -> list[CauseBreakdown | StoreError] | None:
        """
        What caused the bad events of several SLOs, in one round trip; an error where one is damaged.

        Returns:
            None when the store keeps no causes.

        Raises:
            StoreError: The store is out of reach.
        """
        asked = [(_ledger_of(request).definition, request.seconds) for request in requests]
        with self._asking():
            return read_causes(self._buckets, asked, now=self._clock())

    def latencies(self, definition: SLODefinition, spans: Sequence[int]) -> list[Latencies] | None:
        """
        How long the events of an SLO took, for each span; None where the store does not keep it.

        Raises:
            StoreError: The store is out of reach, or the SLO is damaged.
        """
        with self._asking():
            return read_latencies(self._buckets, definition, spans, now=self._clock())

    def marks(self, since: float) -> tuple[Mark, ...]:
        """
        The marks of the service at or after an instant, in order of time; none where the store keeps none.

        Raises:
            StoreError: The store is out of reach.
        """
        from slo_core.stores.marks import MarkStore

        if not isinstance(self._buckets, MarkStore):
            return ()
        with self._asking():
            return self._buckets.marks(since)

    def episodes(self, definitions: Sequence[SLODefinition], since: float) -> list[tuple[Episode, ...]]:
        """
        For each SLO the episodes that have ended and began at or after an instant, in order of time.

        Raises:
            StoreError: The store is out of reach.
        """
        from slo_core.stores.shared.episode_reader import read_kept_episodes

        with self._asking():
            return read_kept_episodes(self._buckets, [definition.name for definition in definitions], since)

    def past_causes(
        self, definition: SLODefinition, spans: Sequence[tuple[float, float]]
    ) -> list[list[tuple[Cause, int]]]:
        """
        What bad events were caused by in several stretches of time.

        Raises:
            StoreError: The store is out of reach.
        """
        from slo_core.stores.shared.episode_reader import read_past_causes

        with self._asking():
            return read_past_causes(self._buckets, definition.name, spans, now=self._clock())

    def use_recent_failures(self, most: int) -> None:
        """Show so many recent failures of each SLO."""
        self._most_failures = most

    def recent_failures(self, slos: Sequence[str]) -> list[tuple[RecentFailure, ...]]:
        """
        The recent failures of several SLOs, in their order, the newest first; none where the store keeps none.

        Raises:
            StoreError: The store is out of reach.
        """
        from slo_core.stores.recent_failures import RecentFailureStore

        if not isinstance(self._buckets, RecentFailureStore) or not self._most_failures:
            return [()] * len(slos)
        with self._asking():
            return self._buckets.recent_failures(slos, most=self._most_failures)

    def health(self) -> StoreHealth:
        """How the last read went; nothing is ever handed over, and the store's clock is not known."""
        return StoreHealth(is_up=self._is_up, errors=sum(self._errors.values()))

    def flush(self) -> bool:
        """Nothing to do: nothing is handed over."""
        return True

    def close(self) -> bool:
        """Release the store; a later read opens it again."""
        # A read that does not return keeps the lock: it must not keep the process, too.
        if self._lock.acquire(timeout=_LOCK_SECONDS):
            try:
                self._buckets.close()
            finally:
                self._lock.release()
        return True

    @contextmanager
    def _asking(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=_LOCK_SECONDS):
            raise StoreError(f"the store {self.backend} is busy: another reader has been waiting for it")
        try:
            yield
            self._is_up = True
        except DamagedError:
            raise  # the store has answered
        except Exception as exc:  # whatever a store raises, readers get one kind of error
            self._is_up = False
            if isinstance(exc, StoreError):
                raise
            # The text of others may hold a password.
            raise StoreError(f"the store {self.backend} cannot be read: {type(exc).__name__}") from exc
        finally:
            self._lock.release()

    def __repr__(self) -> str:
        return f"ReadOnlyStore({self.backend!r}, service={self.service!r})"


def _ledger_of(request: ReadRequest | CauseRequest) -> ReadOnlyLedger:
    ledger = request.ledger
    assert isinstance(ledger, ReadOnlyLedger)  # a store is asked for its own ledgers only
    return ledger
