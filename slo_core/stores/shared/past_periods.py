"""Reads closed periods from a shared store: for snapshots of the past, for reports, and to know how much to expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from slo_core.budgets.closed_period import (
    CLOSES_AFTER_SECONDS,
    ClosedPeriod,
    earliest_start,
    expected_events,
    last_periods,
    one_of_each,
)
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.period import Period, period_of_span
from slo_core.stores.base import ReadRequest
from slo_core.stores.buckets import BucketStore, Stored
from slo_core.stores.closed_periods import (
    PeriodQuery,
    PeriodStore,
    StoredPeriods,
    damage_in_periods,
)
from slo_core.stores.shared.damage import damaged
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
    trouble = stored.trouble or damage_in_periods(stored.periods)
    if trouble is not None:
        raise damaged(definition.name, trouble)
    # No process looks so far back, also where all have slept when a period became final.
    settled = earliest_start(definition, now)
    return tuple(
        each if each.is_final or each.start >= settled else replace(each, is_final=True)
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
    The windows of SLOs, those that are closed periods from their rows where their buckets are gone.

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
            if period is None or stored.trouble is not None:
                continue
            if stored.record is None or kept_since(stored.record, now=now) > period.start:
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
        if closed is not None:
            sums = list(result[index].sums)
            sums[place] = closed.counts
            result[index] = replace(result[index], sums=tuple(sums), closed=result[index].closed | {place})
    return result


def _trouble(stored: StoredPeriods) -> str | None:
    return stored.trouble or damage_in_periods(stored.periods)


def _chosen(definition: SLODefinition, stored: StoredPeriods) -> tuple[ClosedPeriod, ...]:
    return one_of_each(stored.periods, fingerprint=fingerprint_of(definition))
