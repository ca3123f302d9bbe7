"""Reads closed periods from a shared store: for snapshots of the past, for reports, and to know how much to expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import floor, inf

from slo_core.budgets.closed_period import (
    CLOSES_AFTER_SECONDS,
    ClosedPeriod,
    expected_events,
    last_periods,
    one_of_each,
)
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.period import Period, period_of_span
from slo_core.stores.base import ReadRequest
from slo_core.stores.buckets import BucketStore, Query, SLORecord, Stored
from slo_core.stores.closed_periods import (
    PeriodQuery,
    PeriodStore,
    StoredPeriods,
    damage_in_periods,
)
from slo_core.stores.shared.damage import damage_in_record, damaged
from slo_core.stores.shared.kept import kept_since
from slo_core.stores.stored_definition import fingerprint_of

__all__ = ["read_closed_periods", "read_expected_events", "with_past_periods"]


def read_closed_periods(buckets: BucketStore, definition: SLODefinition, *, now: float) -> tuple[ClosedPeriod, ...]:
    """
    All closed periods of an SLO, in the order of their ends; none in a store that keeps none.

    Args:
        buckets: The store.
        definition: The SLO.
        now: The clock, in seconds since the epoch.

    Raises:
        DamagedError: What the store holds of them cannot be read.
    """
    if not isinstance(buckets, PeriodStore):
        return ()
    (stored,) = buckets.read_periods([PeriodQuery(definition.name)])
    (counted,) = buckets.read([Query(definition.name)])
    record = counted.record
    trouble = (
        stored.trouble
        or damage_in_periods(stored.periods)
        or counted.trouble
        or (None if record is None else damage_in_record(record))
    )
    if trouble is not None:
        raise damaged(definition.name, trouble)
    since = inf if record is None else kept_since(record, now=now)
    return tuple(
        each if each.is_final or each.start >= since else replace(each, is_final=True)
        for each in _chosen(definition, stored)
    )


def read_expected_events(buckets: BucketStore, definitions: Sequence[SLODefinition], *, now: float) -> list[int | None]:
    """
    For each SLO how many events a window holds, by its closed periods; see `Reading.expected_events`.

    Args:
        buckets: The store.
        definitions: The SLOs.
        now: In seconds since the epoch.
    """
    if not isinstance(buckets, PeriodStore) or not definitions:
        return [None] * len(definitions)
    last = [last_periods(definition, now - CLOSES_AFTER_SECONDS) for definition in definitions]
    answers = buckets.read_periods(
        [PeriodQuery(definition.name, tuple(periods)) for definition, periods in zip(definitions, last, strict=True)]
    )
    events: list[int | None] = []
    for definition, periods, stored in zip(definitions, last, answers, strict=True):
        rows = {} if _trouble(stored) else {each.period: each for each in _chosen(definition, stored)}
        events.append(expected_events(definition, rows.get, last=periods))
    return events


def with_past_periods(
    buckets: BucketStore, asked: Sequence[tuple[SLODefinition, ReadRequest]], windows: list[Stored], *, now: float
) -> list[Stored]:
    """
    The windows of SLOs, those that are closed periods from their rows where these stay as they are.

    Args:
        buckets: The store.
        asked: The SLOs, and what was to be read of each.
        windows: The answers: the record, and the events of each span.
        now: The clock, in seconds since the epoch.
    """
    if not isinstance(buckets, PeriodStore):
        return windows
    wanted: list[tuple[int, int, Period]] = []
    for index, ((definition, request), stored) in enumerate(zip(asked, windows, strict=True)):
        for place, span in enumerate(request.spans):
            period = period_of_span(definition, span)
            if period is not None and stored.trouble is None:
                wanted.append((index, place, period))
    if not wanted:
        return windows
    answers = buckets.read_periods([PeriodQuery(asked[index][0].name, (period,)) for index, _, period in wanted])
    result = list(windows)
    for (index, place, period), rows in zip(wanted, answers, strict=True):
        trouble = _trouble(rows)
        if trouble is not None:
            result[index] = Stored(None, (), trouble)
            continue
        closed = next((each for each in _chosen(asked[index][0], rows) if each.period == period), None)
        if closed is None:
            continue
        record = result[index].record
        since = _counted_since(closed, record)
        if closed.is_final or since > -inf or record is None or kept_since(record, now=now) > period.start:
            sums = list(result[index].sums)
            sums[place] = closed.counts
            closed_since = {**result[index].closed, place: since}
            result[index] = replace(result[index], sums=tuple(sums), closed=closed_since)
    return result


def _counted_since(closed: ClosedPeriod, record: SLORecord | None) -> float:
    """Since when a period is counted, where a part of it is in no row, or in another one; minus infinity else."""
    measured_since = closed.start if record is None else max(closed.start, floor(record.data_since))
    return closed.measured_since if closed.measured_since > measured_since else -inf


def _trouble(stored: StoredPeriods) -> str | None:
    return stored.trouble or damage_in_periods(stored.periods)


def _chosen(definition: SLODefinition, stored: StoredPeriods) -> tuple[ClosedPeriod, ...]:
    return one_of_each(stored.periods, fingerprint=fingerprint_of(definition))
