"""Batches to apply to a store in a test."""

from __future__ import annotations

from collections.abc import Iterable

from slo_core.stores.buckets import Batch, Declaration, Note
from slo_core.stores.layout import spread

__all__ = ["DAYS_30", "batch_of", "declared", "merged"]

DAYS_30 = 30 * 86_400


def declared(since: float, *, fingerprint: str = "f1", keeps_seconds: int = DAYS_30) -> Declaration:
    """A declaration, as a process sends it with its first batch."""
    return Declaration(definition="{}", fingerprint=fingerprint, keeps_seconds=keeps_seconds, since=since)


def batch_of(
    events: Iterable[tuple[int, int, int]],
    *,
    number: int,
    nonce: str = "",
    writer: str = "a" * 32,
    slo: str = "availability",
    declaration: Declaration | None = None,
    after: Note | None = None,
    dropped: int = 0,
    errors: int = 0,
) -> Batch:
    """
    A batch of events.

    Args:
        events: (second, good, bad), each second once.
        number: Of the batch.
        nonce: Of the batch.
        writer: Its writer's id.
        slo: Name of the SLO.
        declaration: With a writer's first batch.
        after: What the store answered to the declaration before it.
        dropped: Events that the writer gave up.
        errors: Failures that the writer reports.
    """
    listed = list(events)
    seconds = [second for second, _, _ in listed]
    return Batch(
        writer=writer,
        slo=slo,
        number=number,
        nonce=nonce,
        increments=spread(listed),
        good=sum(good for _, good, _ in listed),
        bad=sum(bad for _, _, bad in listed),
        earliest=min(seconds, default=None),
        newest=max(seconds, default=None),
        dropped=dropped,
        errors=errors,
        declaration=declaration,
        after=after,
    )


def merged(events: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Events as (second, good, bad), each second once."""
    by_second: dict[int, tuple[int, int]] = {}
    for second, good, bad in events:
        before = by_second.get(second, (0, 0))
        by_second[second] = (before[0] + good, before[1] + bad)
    return [(second, good, bad) for second, (good, bad) in by_second.items()]
