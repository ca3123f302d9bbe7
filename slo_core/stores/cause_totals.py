"""
The bad events of an SLO by their causes since they are counted: what `slo_cause_failures_total` shows.

A total never goes down: a cause gets a row while there is room for one, and keeps it as long as the SLO's record lasts. What
has no row is the difference to all bad events of the record, which is read at the same moment; that difference never goes
down either.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence

from slo_core.budgets.causes import BlockKey, Cause, CauseIncrement
from slo_core.stores.open_causes import added_to_open, places_text, read_places

__all__ = ["MOST_TOTALS", "TOTALS", "add_totals", "added_to_totals", "parse_totals"]

# One series fewer than an SLO may have: the last is the rest.
MOST_TOTALS = 31

# Where SQL stores keep the text: beside the blocks of causes, by a width that no bucket of any kind has.
TOTALS = BlockKey(2, 0)

# The text is that of the open block, for a bucket that there is not.
_BUCKET = 0


def add_totals(totals: MutableMapping[Cause, int], counts: Mapping[Cause, int]) -> None:
    """
    Add bad events; those of causes for which there is no row are left to the rest.

    Args:
        totals: What is counted so far.
        counts: Causes with their bad events. Of new ones the largest come first, of equal ones the first by name.
    """
    for cause, bad in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        if cause in totals:
            totals[cause] += bad
        elif cause.where and len(totals) < MOST_TOTALS:
            totals[cause] = bad


def added_to_totals(text: str | None, causes: Sequence[CauseIncrement], *, bad: int) -> str | None:
    """
    The text after the causes of a batch were added; None where it stays as it is.

    Args:
        text: As it is stored; None before the first.
        causes: Of the batch.
        bad: How many bad events of the batch were added to the record: not more are added here.

    Raises:
        ValueError: The text is damaged.
    """
    if text is not None and 0 < sum([count for *_, count in causes]) <= bad:
        # What nearly every flush brings: causes that have their rows.
        added = added_to_open(text, [CauseIncrement(_BUCKET, cause, count) for _, cause, count in causes])
        if added is not None:
            return added
    counts: dict[Cause, int] = {}
    left = bad
    for _, cause, count in causes:
        taken = min(count, left)
        left -= taken
        if taken > 0:
            counts[cause] = counts.get(cause, 0) + taken
    if not counts:
        return None
    totals = {} if text is None else parse_totals(text)
    add_totals(totals, counts)
    return places_text(_BUCKET, totals)


def parse_totals(text: str) -> dict[Cause, int]:
    """
    The totals of a text from a store.

    Raises:
        ValueError: It is none.
    """
    bucket, totals = read_places(text)
    if bucket != _BUCKET or len(totals) > MOST_TOTALS:
        raise ValueError(f"expected the text of totals by cause, got {text[:80]!r}")
    return totals
