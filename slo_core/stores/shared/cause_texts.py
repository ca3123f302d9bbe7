"""The causes of bad events as texts, one for each block: what stores write and read."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from slo_core.budgets.causes import BlockKey, CauseBlock
from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import DAY
from slo_core.stores.buckets import Batch
from slo_core.stores.cause_totals import TOTALS, added_to_totals
from slo_core.stores.causes import FINEST_SECONDS, OPEN, StoredCauses, add_causes, block_text, parse_block
from slo_core.stores.open_causes import added_to_open

__all__ = ["changed_texts", "stored_causes"]


def changed_texts(
    batch: Batch,
    load: Callable[[BlockKey], str | None],
    *,
    bad: int,
    reference: float,
    keeps_seconds: int,
    damage: list[str],
) -> list[tuple[BlockKey, str]]:
    """
    The blocks that change when the causes of a batch are added, and the totals.

    A block that is damaged begins again: the batch counts in any case.

    Args:
        batch: It is added.
        load: Returns the text of a block; None for one that is not there.
        bad: How many bad events of the batch are added to the record.
        reference: As for `add_causes`.
        keeps_seconds: As there.
        damage: What is wrong with a block is added to it, fit for a log.
    """
    totals = _changed_totals(batch, load, bad=bad, damage=damage) if batch.totals_causes else []
    # What nearly every flush does, in a tenth of the time.
    if batch.causes and not batch.cause_blocks and 0 <= reference - batch.causes[0].bucket * FINEST_SECONDS < DAY:
        newest = load(OPEN)
        added = None if newest is None else added_to_open(newest, batch.causes)
        if added is not None:
            return [(OPEN, added), *totals]

    def block(key: BlockKey) -> CauseBlock | None:
        text = load(key)
        if text is None:
            return None
        try:
            return parse_block(key, text)
        except ValueError as exc:
            damage.append(f"SLO {batch.slo!r}: {exc}")
            return None

    changed = add_causes(batch.causes, batch.cause_blocks, load=block, reference=reference, keeps_seconds=keeps_seconds)
    return [*((key, block_text(key, changed[key])) for key in sorted(changed)), *totals]


def _changed_totals(
    batch: Batch, load: Callable[[BlockKey], str | None], *, bad: int, damage: list[str]
) -> list[tuple[BlockKey, str]]:
    before = load(TOTALS)
    try:
        after = added_to_totals(before, batch.causes, bad=bad)
    except ValueError as exc:
        damage.append(f"SLO {batch.slo!r}: {exc}")
        after = added_to_totals(None, batch.causes, bad=bad)
    return [] if after is None else [(TOTALS, after)]


def stored_causes(blocks: Iterable[tuple[BlockKey, str]], sums: Iterable[EventCounts]) -> StoredCauses:
    """
    The answer to a query.

    Args:
        blocks: As they are stored, in any order.
        sums: Of each of its ranges.
    """
    newest: CauseBlock | None = None
    parsed: list[tuple[int, CauseBlock]] = []
    trouble: str | None = None
    for key, text in blocks:
        try:
            block = parse_block(key, text)
        except ValueError as exc:
            trouble = str(exc)
            continue
        if key == OPEN:
            newest = block
        else:
            parsed.append((key.block, block))
    total = EventCounts()
    for each in sums:
        total = EventCounts(total.good + each.good, total.bad + each.bad)
    return StoredCauses(tuple(sorted(parsed, key=lambda each: each[0])), newest, total, trouble)
