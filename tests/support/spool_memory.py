"""The memory of a spool file that notes every store of a word, and a store that keeps the promise of `BucketStore`."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from slo_core.stores.buckets import Applied, Batch, Note, StoreIdentity
from slo_core.stores.layout import WIDTHS, is_outdated
from slo_core.stores.spool.file_layout import Area, segment_words

__all__ = ["ModelStore", "NotedMemory"]


class NotedCells:
    """Words whose stores are noted one by one, also those of a slice."""

    def __init__(self, memory: NotedMemory, area: Area) -> None:
        self._memory = memory
        self._area = area

    def __getitem__(self, index: Any) -> Any:
        segment, start, size = self._area
        words = self._memory.segments[segment]
        if isinstance(index, slice):
            first, last, _ = index.indices(size)
            return words[start + first : start + last]
        assert 0 <= index < size
        return words[start + index]

    def __setitem__(self, index: Any, value: Any) -> None:
        segment, start, size = self._area
        if isinstance(index, slice):
            first, last, _ = index.indices(size)
            assert last - first == len(value)
            for place, word in zip(range(first, last), value, strict=True):
                self._memory.store(segment, start + place, word)
        else:
            assert 0 <= index < size
            self._memory.store(segment, start + index, value)


class NotedMemory:
    """
    Segments in memory.

    Args:
        segments: Their words; None for one with zeros.
        most_segments: How many there may be.

    Attributes:
        on_store: Called after each store, with its place and word.
        on_grow: Called after each new segment.
    """

    def __init__(self, segments: Sequence[array[int]] | None = None, *, most_segments: int = 3) -> None:
        self.segments = [array("q", words) for words in segments or [array("q", bytes(8 * segment_words(0)))]]
        self.most_segments = most_segments
        self.on_store: Callable[[int, int, int], None] = lambda *_: None
        self.on_grow: Callable[[], None] = lambda: None

    @property
    def segment_count(self) -> int:
        return len(self.segments)

    def cells(self, area: Area) -> NotedCells:
        assert area.segment < len(self.segments)
        assert area.start + area.size <= len(self.segments[area.segment])
        return NotedCells(self, area)

    def grow(self) -> bool:
        if len(self.segments) >= self.most_segments:
            return False
        self.segments.append(array("q", bytes(8 * segment_words(len(self.segments)))))
        self.on_grow()
        return True

    def store(self, segment: int, index: int, word: int) -> None:
        self.segments[segment][index] = word
        self.on_store(segment, index, word)

    def copy(self) -> NotedMemory:
        return NotedMemory(self.segments, most_segments=self.most_segments)


@dataclass
class ModelRecord:
    """What a store holds of one SLO: its events by second, and its notes."""

    generation: str
    good: int = 0
    bad: int = 0
    dropped: int = 0
    newest: int = 0
    applied: int = 0
    swept: int = 0
    swept_at: float = 0.0
    notes: dict[str, tuple[int, str, int]] = field(default_factory=dict)


class ModelStore:
    """`BucketStore.apply` to the letter, in few lines that are quick to copy."""

    def __init__(self, store_id: str = "5" * 32, now: float = 1000.0) -> None:
        self.identity = StoreIdentity(store_id, 0.0)
        self.now = now
        self.generations = 0
        self.records: dict[str, ModelRecord] = {}
        self.on_apply: Callable[[Sequence[Batch]], None] = lambda _: None

    def copy(self) -> ModelStore:
        store = ModelStore(self.identity.store_id, self.now)
        for slo, record in self.records.items():
            store.records[slo] = ModelRecord(**{**vars(record), "notes": dict(record.notes)})
        return store

    def apply(self, batches: Sequence[Batch]) -> Applied:
        applied = Applied(self.identity, self.now, tuple(self._one(batch) for batch in batches))
        self.on_apply(batches)
        return applied

    def _one(self, batch: Batch) -> Note:
        record = self.records.get(batch.slo)
        if record is None and batch.declaration is not None and batch.number in (0, 1):
            record = self.records[batch.slo] = ModelRecord(f"{self.generations + len(self.records):08x}")
        if record is None:
            return Note()
        noted = record.notes.get(batch.writer, (0, "", 0))[0]
        outdated = is_outdated(batch, generation=record.generation, swept=record.swept, swept_at=record.swept_at)
        if batch.number > 0 and noted == batch.number - 1 and not outdated:
            assert sum(good for width, _, good, _ in batch.increments if width == WIDTHS[2]) == batch.good
            record.good += batch.good
            record.bad += batch.bad
            record.dropped += batch.dropped
            record.newest = max(record.newest, batch.newest or 0)
            record.applied += 1
            record.notes[batch.writer] = batch.number, batch.nonce, record.applied
        note = record.notes.get(batch.writer, (0, "", 0))
        return Note(*note, record.swept, record.swept_at, record.generation)

    def events(self) -> dict[str, tuple[int, int]]:
        return {slo: (record.good, record.bad) for slo, record in self.records.items() if record.good or record.bad}
