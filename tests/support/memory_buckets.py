"""A shared store in memory, with the accidents that happen to stores: it is set back, it loses notes or records."""

from __future__ import annotations

import copy
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from slo_core.budgets.events import EventCounts
from slo_core.stores.base import StoreScope
from slo_core.stores.buckets import (
    Applied,
    Batch,
    BucketRange,
    Declaration,
    Increment,
    Note,
    Query,
    Series,
    SLORecord,
    Stored,
    StoreIdentity,
)
from slo_core.stores.layout import (
    AWAKE_SECONDS,
    SWEPT_AT_LAST_SECONDS,
    SWEPT_AT_ONCE,
    SWEPT_SECONDS,
    admit,
    is_outdated,
    kept_after_growing,
)

__all__ = ["MemoryBuckets", "MemoryHouse"]


@dataclass(slots=True)
class Record:
    """Everything of one SLO."""

    values: SLORecord
    generation: str
    buckets: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    notes: dict[str, tuple[int, str, int, float]] = field(default_factory=dict)  # number, nonce, applied, noted at
    note_count: int = 0
    applied: int = 0
    swept: int = 0
    swept_at: float = 0.0

    def note_of(self, writer: str) -> Note:
        number, nonce, applied, _ = self.notes.get(writer, (0, "", 0, 0.0))
        return Note(number, nonce, applied, self.swept, self.swept_at, self.generation)

    def remove(self, writer: str) -> float:
        _, _, applied, noted_at = self.notes.pop(writer)
        self.note_count -= 1
        self.swept = max(self.swept, applied)
        return noted_at


class MemoryHouse:
    """
    What all stores of a test share.

    Args:
        clock: The store's.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.identity = StoreIdentity(secrets.token_hex(16), clock())
        self.records: dict[tuple[str, str], Record] = {}
        self.lock = threading.Lock()  # held while batches are applied

    def store(self, service: str = "shop") -> MemoryBuckets:
        return MemoryBuckets(self, service)

    def saved(self) -> dict[tuple[str, str], Record]:
        """What a snapshot holds, for `set_back`."""
        return copy.deepcopy(self.records)

    def set_back(self, saved: dict[tuple[str, str], Record]) -> None:
        self.records = copy.deepcopy(saved)

    def let_pass(self, seconds: float) -> None:
        """All that is noted becomes older."""
        for record in self.records.values():
            record.swept_at -= seconds
            record.notes = {writer: (*note[:3], note[3] - seconds) for writer, note in record.notes.items()}

    def lose_notes(self) -> None:
        """Another hand deletes them, and nothing else."""
        for record in self.records.values():
            record.notes.clear()


class MemoryBuckets:
    """A store of one service."""

    backend = "double"
    scope: StoreScope = "host"
    default_flush_interval = 1.0

    def __init__(self, house: MemoryHouse, service: str) -> None:
        self.house = house
        self.service = service

    def identity(self) -> StoreIdentity:
        return self.house.identity

    def apply(self, batches: Sequence[Batch]) -> Applied:
        with self.house.lock:
            notes = tuple(self._applied(batch) for batch in batches)
        return Applied(self.house.identity, self.house.clock(), notes)

    def _applied(self, batch: Batch) -> Note:
        now = self.house.clock()
        record = self.house.records.get((self.service, batch.slo))
        number = 0 if record is None else record.note_of(batch.writer).number
        if batch.declaration is not None and batch.number in (0, number + 1):
            record = self._declared(record, batch.slo, batch.declaration)
        if record is None:
            return Note()
        if number == 0 and batch.number and len(record.notes) < record.note_count:
            record.swept, record.swept_at, record.note_count = record.applied, now, len(record.notes)
        if number != batch.number - 1 or is_outdated(
            batch, generation=record.generation, swept=record.swept, swept_at=record.swept_at
        ):
            note = record.note_of(batch.writer)
            if batch.leaves and batch.nonce and note.nonce == batch.nonce:
                record.remove(batch.writer)
            return note
        self._add(record, batch)
        return record.note_of(batch.writer)

    def _declared(self, record: Record | None, slo: str, declaration: Declaration) -> Record:
        now = self.house.clock()
        if record is None:
            values = SLORecord(
                slo, 0, 0, 0, 0, declaration.since, None, declaration.keeps_seconds, declaration.definition,
                declaration.fingerprint, None, kept_since=declaration.kept_since,
            )  # fmt: skip
            record = self.house.records[self.service, slo] = Record(values, secrets.token_hex(8))
        before = record.values
        is_same = before.fingerprint == declaration.fingerprint
        record.values = SLORecord(
            slo, before.good, before.bad, before.dropped, before.errors, min(before.data_since, declaration.since),
            before.last_event_at, max(before.keeps_seconds, declaration.keeps_seconds), declaration.definition,
            declaration.fingerprint, before.definition_changed_at if is_same else now,
            kept_since=kept_after_growing(
                before.kept_since, declaration, last_event_at=before.last_event_at, keeps_seconds=before.keeps_seconds,
                now=now,
            ),
        )  # fmt: skip
        is_awake = any(AWAKE_SECONDS <= now - note[3] <= SWEPT_SECONDS for note in record.notes.values())
        kept = SWEPT_SECONDS if is_awake else SWEPT_AT_LAST_SECONDS
        silent = [writer for writer, note in record.notes.items() if note[3] < now - kept]
        for writer in silent[:SWEPT_AT_ONCE]:
            record.swept_at = max(record.swept_at, record.remove(writer))
        return record

    def _add(self, record: Record, batch: Batch) -> None:
        before, now = record.values, self.house.clock()
        admitted = admit(
            batch, last_event_at=before.last_event_at, keeps_seconds=before.keeps_seconds, data_since=before.data_since,
            now=now,
        )  # fmt: skip
        for width, bucket, good, bad in admitted.increments:
            counts = record.buckets.setdefault((width, bucket), [0, 0])
            counts[0] += good
            counts[1] += bad
        record.values = SLORecord(
            before.slo, before.good + admitted.good, before.bad + admitted.bad, before.dropped + admitted.dropped,
            before.errors + batch.errors, admitted.data_since, admitted.last_event_at, before.keeps_seconds,
            before.definition, before.fingerprint, before.definition_changed_at, kept_since=before.kept_since,
        )  # fmt: skip
        record.applied += 1
        record.note_count += batch.writer not in record.notes
        record.notes[batch.writer] = (batch.number, batch.nonce, record.applied, now)

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        answers = []
        for query in queries:
            record = self.house.records.get((self.service, query.slo))
            (sums,) = self.series([query])
            counts = tuple(EventCounts(sum(i.good for i in each), sum(i.bad for i in each)) for each in sums)
            answers.append(Stored(None if record is None else record.values, counts))
        return answers

    def series(self, queries: Sequence[Query]) -> list[Series]:
        return [tuple(self._of_range(query.slo, each) for each in query.ranges) for query in queries]

    def _of_range(self, slo: str, buckets: BucketRange) -> list[Increment]:
        record = self.house.records.get((self.service, slo))
        width, first, last = buckets
        return [
            Increment(width, bucket, good, bad)
            for (of_width, bucket), (good, bad) in sorted({} if record is None else record.buckets.items())
            if of_width == width and first <= bucket <= last
        ]

    def names(self) -> list[str]:
        return sorted(slo for service, slo in self.house.records if service == self.service)

    def services(self) -> list[str]:
        return sorted({service for service, _ in self.house.records})

    def prune(self) -> int:
        return 0

    def close(self) -> None:
        pass

    def forget(self) -> None:
        pass
