"""Reads the windows of SLOs from a shared store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, inf

from slo_core.budgets.causes import Cause
from slo_core.budgets.events import EventCounts
from slo_core.budgets.snapshot import Reading
from slo_core.errors import DamagedError, StoreError
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.base import ReadRequest
from slo_core.stores.buckets import BucketRange, BucketStore, Query, Series, SLORecord, Stored
from slo_core.stores.cause_totals import parse_totals
from slo_core.stores.layout import ReadPlan
from slo_core.stores.shared.damage import damage_in_record, damage_in_sums, damaged, whole_series
from slo_core.stores.shared.kept import horizon, kept_since
from slo_core.stores.shared.past_periods import with_past_periods

__all__ = ["read_series", "read_windows", "reading_of"]


def reading_of(slo: str, stored: Stored, *, now: float, expected_events: int | None = None) -> Reading | DamagedError:
    """
    The reading of an SLO, which its snapshot is worked out from; or why it cannot be read.

    Args:
        slo: Its name.
        stored: The record, and the events of each window, as `read_windows` gives them.
        now: The clock. An SLO without a record is measured since then.
        expected_events: As in `Reading`.
    """
    if stored.trouble is not None:
        return damaged(slo, stored.trouble)
    record = stored.record
    if record is None:
        return Reading(counts=stored.sums, lifetime=EventCounts(), data_since=now)
    return Reading(
        counts=stored.sums,
        lifetime=EventCounts(record.good, record.bad),
        data_since=record.data_since,
        dropped=record.dropped,
        definition_changed_at=record.definition_changed_at,
        last_event_at=None if record.last_event_at is None else float(record.last_event_at),
        expected_events=expected_events,
        kept_since=kept_since(record, now=now),
        closed=stored.closed,
        cause_totals=_totals(stored.cause_totals),
    )


def _totals(text: str | None) -> Mapping[Cause, int] | None:
    """The totals by cause; None where they are damaged, which the next batch with causes reports."""
    try:
        return parse_totals(text) if text else None if text is None else {}
    except ValueError:
        return None


def read_windows(
    buckets: BucketStore,
    definitions: Sequence[SLODefinition],
    requests: Sequence[ReadRequest],
    *,
    now: float,
    cause_totals: bool = False,
) -> list[Stored]:
    """
    Read several SLOs together.

    Args:
        buckets: The store; its exceptions are passed on.
        definitions: The SLOs.
        requests: What to read of each, in their order.
        now: The clock, in seconds since the epoch.
        cause_totals: The totals by cause are wanted, too.

    Returns:
        The record of each, and the events of each span that was asked for; or the trouble with what the store holds.
    """
    asked = list(zip(definitions, requests, strict=True))
    # How far back the finer buckets are kept is seen from the newest event; a live read does not need it.
    past = [definition.name for definition, request in asked if not request.is_live]
    records: dict[str, SLORecord | None] = {}
    if past:
        answers = buckets.read([Query(name) for name in past])
        records = {name: _checked(answer, 0).record for name, answer in zip(past, answers, strict=True)}
    plans = []
    known: dict[tuple[object, ...], ReadPlan] = {}
    for definition, request in asked:
        record = records.get(definition.name)
        newest = None if record is None else horizon(record, now=now)
        since = -inf if record is None else kept_since(record, now=now)
        # Definitions are mostly alike, and the instants of their reads differ by less than a second, the finest bucket.
        key = (
            newest,
            since,
            *[(floor(span.start), floor(span.until), span.reach_seconds) for span in request.spans],
        )
        plan = known.get(key)
        if plan is None:
            plan = known[key] = ReadPlan(request.spans, newest=newest, kept_since=since)
        plans.append(plan)
    answers = buckets.read(
        [
            Query(definition.name, plan.ranges, cause_totals=cause_totals)
            for definition, plan in zip(definitions, plans, strict=True)
        ]
    )
    checked = (_checked(stored, len(plan.ranges)) for plan, stored in zip(plans, answers, strict=True))
    windows = [
        stored
        if stored.trouble is not None
        else Stored(stored.record, plan.counts(stored.sums), cause_totals=stored.cause_totals)
        for plan, stored in zip(plans, checked, strict=True)
    ]
    return with_past_periods(buckets, asked, windows, now=now) if past else windows


def _checked(stored: Stored, ranges: int) -> Stored:
    """An answer to a query of so many ranges, or the trouble in its place."""
    trouble = stored.trouble
    if trouble is None and stored.record is not None:
        trouble = damage_in_record(stored.record)
    if trouble is None:
        trouble = damage_in_sums(stored, ranges)
    return stored if trouble is None else Stored(None, (), trouble)


def read_series(buckets: BucketStore, slo: str, ranges: Sequence[BucketRange]) -> Series:
    """For each range the buckets of an SLO that hold events, oldest first; the store's exceptions are passed on."""
    (series,) = buckets.series([Query(slo, tuple(ranges))])
    return series


def read_series_of_all(buckets: BucketStore, slos: Sequence[str], asked: BucketRange) -> list[Series | StoreError]:
    """The buckets of one range of several SLOs, as `read_series`; an error in the place of one that is damaged."""
    answers: list[Series | StoreError] = []
    for slo, series in zip(slos, buckets.series([Query(slo, (asked,)) for slo in slos]), strict=True):
        try:
            answers.append(whole_series(slo, series))
        except DamagedError as exc:
            answers.append(exc)
    return answers
