"""Takes one SLO out of a shared store, with all of its counts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from slo_core.budgets.wording import roughly
from slo_core.errors import StoreError, nearest
from slo_core.stores.buckets import BucketStore, DeletingStore, Query, SLORecord, Stored
from slo_core.stores.shared.damage import damage_in_record
from slo_core.stores.shared.outbox import DECLARED_AGAIN_SECONDS

__all__ = ["SLOToForget", "slo_to_forget"]

# Processes are heard of once an hour at least, and a few minutes later where the store was away.
_LIVE_SECONDS = DECLARED_AGAIN_SECONDS + 300


@dataclass(frozen=True, slots=True)
class SLOToForget:
    """
    An SLO of a store, before it is deleted.

    Attributes:
        slo: Its name.
        store: The store, of the SLO's service.
        stored: What the store holds of it.
        now: When it was read, in seconds since the epoch.
    """

    slo: str
    store: BucketStore
    stored: Stored
    now: float

    @property
    def contents(self) -> str:
        """What goes, for people: `480 events, last heard of 40d ago`."""
        record = self.stored.record
        if self.stored.trouble is not None:
            return f"a damaged record ({self.stored.trouble})"
        if record is None:
            return "its name alone: its record has expired"
        events = record.good + record.bad
        return f"{events:,} event{'' if events == 1 else 's'}, {_heard_of(record, self.now)}"

    def delete(self, *, force: bool = False) -> None:
        """
        Delete it.

        Args:
            force: Also where a process still declares it.

        Raises:
            StoreError: A process declares it, or the store cannot delete one.
        """
        store = self.store
        if not isinstance(store, DeletingStore):
            raise StoreError(f"the store {store.backend} cannot delete a single SLO")
        limit = math.inf if force else self.now - _LIVE_SECONDS
        record = self.stored.record
        if not store.delete_slo(self.slo, not_seen_since=limit):
            heard = "" if record is None else f" ({_heard_of(record, self.now)})"
            raise StoreError(
                f"SLO {self.slo!r} of service {store.service!r}: a process still declares it, or did within the last "
                f"hour{heard}; nothing was deleted. Take it out of the definitions, deploy, and repeat this in an hour; "
                "--force deletes it now, and a process that still declares it starts it over from nothing"
            )


def slo_to_forget(store: BucketStore, slo: str, *, clock: Callable[[], float] = time.time) -> SLOToForget:
    """
    The SLO of that name.

    Args:
        store: The store, of the SLO's service.
        slo: Its name.
        clock: Returns seconds since the epoch.

    Raises:
        StoreError: The store holds no such SLO.
    """
    names = store.names()
    if slo not in names:
        hint = nearest(slo, names) if names else "it holds none at all"
        raise StoreError(f"service {store.service!r} has no SLO {slo!r} in this store; {hint}")
    (stored,) = store.read([Query(slo)])
    trouble = stored.trouble or (None if stored.record is None else damage_in_record(stored.record))
    return SLOToForget(slo, store, stored if trouble is None else Stored(None, (), trouble), clock())


def _heard_at(record: SLORecord) -> float | None:
    return record.last_event_at if record.seen_at is None else record.seen_at


def _heard_of(record: SLORecord, now: float) -> str:
    heard_at = _heard_at(record)
    if heard_at is None:
        return "no process was ever heard of"
    return f"a process was heard of {roughly(max(0.0, now - heard_at))} ago"
