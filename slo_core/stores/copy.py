"""Copying a service from one shared store to another: to move it, to keep a copy, to restore it."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from slo_core.errors import StoreError
from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS
from slo_core.stores.buckets import (
    Batch,
    BucketRange,
    BucketStore,
    Declaration,
    Increment,
    Query,
    SLORecord,
    Stored,
    StoreIdentity,
)
from slo_core.stores.closed_periods import PeriodQuery, PeriodStore, damage_in_periods
from slo_core.stores.copied_causes import CopiedCauses, causes_to_copy
from slo_core.stores.episodes import EpisodeStore
from slo_core.stores.layout import WIDTHS, kept_from
from slo_core.stores.marks import MarkStore
from slo_core.stores.shared.damage import damage_in_record, damaged, whole_series

__all__ = ["CopiedSLO", "CopyReport", "check_copy", "copy_store"]

# A source that is written to once a second is read in a fraction of that: one of a few attempts finds it at rest.
_ATTEMPTS = 10

# Of the closed periods and the episodes of an SLO so many are written at a time.
_ROWS_AT_ONCE = 100

# A number that no copy reaches, so that a store answers what it has noted and adds nothing.
_NEVER = 3


@dataclass(frozen=True, slots=True)
class CopiedSLO:
    """
    The copy of one SLO.

    Attributes:
        slo: Its name.
        good: Good events ever counted.
        bad: Bad events ever counted.
        buckets: How many buckets were handed over; 0 when it had been copied before.
        was_there: It had been copied before, and nothing was added.
    """

    slo: str
    good: int
    bad: int
    buckets: int
    was_there: bool


@dataclass(frozen=True, slots=True)
class CopyReport:
    """
    The copy of one service.

    Attributes:
        service: Its name.
        slos: Its SLOs, sorted by name.
    """

    service: str
    slos: tuple[CopiedSLO, ...]

    @property
    def events(self) -> int:
        """Events of all its SLOs, those included that had been copied before."""
        return sum(copied.good + copied.bad for copied in self.slos)


@dataclass(frozen=True, slots=True)
class _Content:
    """All that a store holds of an SLO, at one moment."""

    record: SLORecord
    increments: tuple[Increment, ...]
    causes: CopiedCauses


def check_copy(source: BucketStore, target: BucketStore) -> None:
    """
    See whether a service can be copied, without writing anything.

    Raises:
        StoreError: It cannot: source and target are one store or are for different services; or the target holds
            events of one of the SLOs already, and they are not what the source holds now.
    """
    _prepared(source, target)


def copy_store(
    source: BucketStore, target: BucketStore, *, clock: Callable[[], float] = time.time, is_earlier: bool = False
) -> CopyReport:
    """
    Copy every SLO of a service, with its totals, its buckets, its closed periods, the episodes of its alert rules, the
    causes of its bad events, how long events took, its definition and since when it is measured; and the marks of the service.

    Stop the writers of the source first: what they hand over after an SLO was read stays behind. Each SLO is read at one
    moment and added in one step, so that its totals and its buckets agree whatever happens meanwhile. A copy that was
    interrupted can be repeated, within 24 hours: what is there already is not added again. Afterwards the target counts on
    from there. Not copied: when what an SLO counts was changed (`definition_changed_at`), and the identity of the store:
    the target keeps its own, as a store that counts on its own.

    Args:
        source: The store to read, for one service.
        target: The store to write, for the same service; it must hold no events of these SLOs.
        clock: Returns seconds since the epoch.
        is_earlier: The source holds what was counted before the target was counted in: the target may hold other events of
            these SLOs, and they stay. An SLO that the target has measured for as long as the source counts as copied before.

    Raises:
        StoreError: As for `check_copy`, and then nothing was written; or a store is out of reach, or the source never
            rests, and then some SLOs may have been copied: repeat it.
    """
    identities, records = _prepared(source, target, is_earlier=is_earlier)
    copied = []
    for slo in records:
        content = _content(source, slo, now=clock())
        writer = _writer(identities, source.service, content.record)
        later = target.read([Query(slo)])[0].record if is_earlier else None
        reaches_back = later is not None and later.data_since <= content.record.data_since
        if reaches_back or _noted(target, [(slo, writer)]) == [True]:
            _copy_kept(source, target, slo)
            copied.append(CopiedSLO(slo, content.record.good, content.record.bad, 0, was_there=True))
            continue
        # Once more, as late as it can be: a service may have begun to write to the target.
        if not is_earlier:
            _refuse_others(target, source, [content.record])
        (noted,) = target.apply([_batch(content, writer, declared=later or content.record)]).noted
        if noted < 1:
            raise StoreError(
                f"store {target.backend}: it has not taken SLO {slo!r}, and gives no reason; nothing was lost"
            )
        _copy_kept(source, target, slo)
        record = content.record
        copied.append(CopiedSLO(slo, record.good, record.bad, len(content.increments), was_there=False))
    if isinstance(source, MarkStore) and isinstance(target, MarkStore):
        marks = source.marks(0.0)
        if marks:
            target.add_marks(marks)
    return CopyReport(source.service, tuple(copied))


def _copy_kept(source: BucketStore, target: BucketStore, slo: str) -> None:
    """Copy what is kept of an SLO for longer than its buckets."""
    _copy_periods(source, target, slo)
    if isinstance(source, EpisodeStore) and isinstance(target, EpisodeStore):
        (episodes,) = source.read_episodes([slo], 0.0)
        for start in range(0, len(episodes), _ROWS_AT_ONCE):
            target.keep_episodes(slo, episodes[start : start + _ROWS_AT_ONCE])


def _copy_periods(source: BucketStore, target: BucketStore, slo: str) -> None:
    """
    Copy the closed periods of an SLO; those that the target has already stay there, or take more events.

    Raises:
        StoreError: They are damaged: a copy without them would look complete.
    """
    if isinstance(source, PeriodStore) and isinstance(target, PeriodStore):
        (stored,) = source.read_periods([PeriodQuery(slo)])
        trouble = stored.trouble or damage_in_periods(stored.periods)
        if trouble is not None:
            raise StoreError(f"store {source.backend}, {damaged(slo, trouble)}; nothing was copied of it")
        for start in range(0, len(stored.periods), _ROWS_AT_ONCE):
            target.keep_periods(stored.periods[start : start + _ROWS_AT_ONCE])


def _prepared(
    source: BucketStore, target: BucketStore, *, is_earlier: bool = False
) -> tuple[tuple[StoreIdentity, StoreIdentity], list[str]]:
    """Both identities and the SLOs to be copied, if they can be."""
    if source.service != target.service:
        raise StoreError(
            f"copy from service {source.service!r} to {target.service!r}: expected two stores for the same service"
        )
    identities = source.identity(), target.identity()
    if identities[0].store_id == identities[1].store_id:
        raise StoreError(
            f"copy from store {source.backend} to {target.backend}: both are the same store ({identities[0].store_id}), "
            "or one is a copy of the other's files; choose another target"
        )
    names = source.names()
    answers = source.read([Query(name) for name in names]) if names else []
    for name, stored in zip(names, answers, strict=True):
        _refuse_damage(source, name, stored)
    records = [stored.record for stored in answers if stored.record is not None]
    noted = _noted(target, [(record.slo, _writer(identities, source.service, record)) for record in records])
    if not is_earlier:
        _refuse_others(target, source, [record for record, known in zip(records, noted, strict=True) if not known])
    return identities, [record.slo for record in records]


def _writer(identities: tuple[StoreIdentity, StoreIdentity], service: str, record: SLORecord) -> str:
    """
    The writer id of a copy: the same for the same content, so that it counts once however often it is repeated.

    The counts of the source are part of it. When it has counted on since an earlier copy, this is another copy, and
    the target's events are then refused instead of being taken for this one's.
    """
    source, target = identities
    content = (source.store_id, target.store_id, service, record.slo, record.good, record.bad, record.dropped)
    return hashlib.sha256("\n".join(map(str, content)).encode()).hexdigest()[:32]


def _noted(target: BucketStore, copies: Sequence[tuple[str, str]]) -> list[bool]:
    """Which of these (SLO, writer) the target has noted. It is sent batches after a gap, which it does not add."""
    if not copies:
        return []
    probes = [Batch(writer=writer, slo=slo, number=_NEVER) for slo, writer in copies]
    applied = target.apply(probes)
    if applied.trouble is not None:
        raise StoreError(f"store {target.backend}: some SLOs are out of reach: {applied.trouble}")
    return [noted > 0 for noted in applied.noted]


def _refuse_others(target: BucketStore, source: BucketStore, records: Sequence[SLORecord]) -> None:
    """Raise where the target holds events that this copy would be added to."""
    answers = target.read([Query(record.slo) for record in records]) if records else []
    for record, stored in zip(records, answers, strict=True):
        _refuse_damage(target, record.slo, stored)
    taken = [
        f"{stored.record.slo!r} ({stored.record.good + stored.record.bad} events; "
        f"the source has {record.good + record.bad})"
        for record, stored in zip(records, answers, strict=True)
        if stored.record is not None and _holds_events(stored.record)
    ]
    if taken:
        raise StoreError(
            f"store {target.backend}, service {target.service!r}: it already holds events of {', '.join(taken)}. Copying "
            f"would add to them, for nothing says that they are a copy of the source {source.backend} as it is now, however "
            "many they are: a copy is known again for 24 hours, in the store that it was made in, while its source counts "
            "nothing more. Stop the services that write to either store, and choose an empty target, or --replace one that "
            "is an SQLite file"
        )


def _refuse_damage(store: BucketStore, slo: str, stored: Stored) -> None:
    """Raise where an SLO cannot be read: a copy without it would look complete."""
    trouble = stored.trouble or (None if stored.record is None else damage_in_record(stored.record))
    if trouble is not None:
        raise StoreError(f"store {store.backend}, {damaged(slo, trouble)}; nothing was copied of it")


def _holds_events(record: SLORecord) -> bool:
    """Whether anything was counted; a service that has only declared the SLO is no obstacle."""
    return record.last_event_at is not None or record.good + record.bad + record.dropped > 0


def _content(source: BucketStore, slo: str, *, now: float) -> _Content:
    """Record and buckets that belong together: nothing was counted between two looks at the record."""
    before = _record(source, slo)
    for _ in range(_ATTEMPTS):
        (series,) = source.series([Query(slo, _kept_buckets(before, now))])
        whole_series(slo, series)
        increments = tuple(increment for buckets in series for increment in buckets)
        causes = causes_to_copy(source, slo)
        after = _record(source, slo)
        if dataclasses.replace(before, idle_seconds=after.idle_seconds) == after:
            return _Content(after, increments, causes)
        before = after
    raise StoreError(
        f"store {source.backend}, SLO {slo!r}: it was written to each of {_ATTEMPTS} times that it was read; "
        "stop the services that use it"
    )


def _record(source: BucketStore, slo: str) -> SLORecord:
    (stored,) = source.read([Query(slo)])
    _refuse_damage(source, slo, stored)
    if stored.record is None:
        raise StoreError(f"store {source.backend}, SLO {slo!r}: it was there a moment ago; has the store been emptied?")
    return stored.record


def _kept_buckets(record: SLORecord, now: float) -> tuple[BucketRange, ...]:
    """The buckets that windows may still read: those that only have not been pruned yet stay behind."""
    if record.last_event_at is None:
        return ()
    reference = min(record.last_event_at, math.floor(now) + FUTURE_TOLERANCE_SECONDS)
    return tuple(
        BucketRange(
            width,
            kept_from(width, newest=reference, keeps_seconds=record.keeps_seconds),
            record.last_event_at // width,
        )
        for width in WIDTHS
    )


def _batch(content: _Content, writer: str, *, declared: SLORecord) -> Batch:
    """All of an SLO as one batch; it is declared as one of the stores knows it."""
    record, causes = content.record, content.causes
    return Batch(
        writer=writer,
        slo=record.slo,
        number=1,
        increments=content.increments,
        # Ever counted: more than the buckets hold. `earliest` is the newest event, so that the target takes the batch as
        # it is (`layout.admit`) and works out nothing from the buckets: the source has admitted each event once.
        good=record.good,
        bad=record.bad,
        earliest=record.last_event_at,
        newest=record.last_event_at,
        dropped=record.dropped,
        errors=record.errors,
        declaration=Declaration(
            definition=declared.definition,
            fingerprint=declared.fingerprint,
            keeps_seconds=record.keeps_seconds,
            since=record.data_since,
            kept_since=record.kept_since,
        ),
        causes=causes.causes,
        cause_blocks=causes.cause_blocks,
        latencies=causes.latencies,
        latency_blocks=causes.latency_blocks,
    )
