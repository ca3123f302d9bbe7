"""The causes of bad events, and how long events took, as texts, one for each block: what stores write and read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from slo_core.budgets.causes import BlockKey, CauseBlock, CauseIncrement
from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import DAY
from slo_core.stores.buckets import Batch
from slo_core.stores.cause_totals import TOTALS, added_to_totals
from slo_core.stores.causes import (
    CAUSES,
    FINEST_SECONDS,
    LATENCIES,
    OPEN,
    BlockKind,
    StoredCauses,
    add_causes,
    block_text,
    parse_block,
)
from slo_core.stores.open_causes import added_to_open

__all__ = ["BlockTexts", "changed_texts", "parts_of", "stored_causes"]

Blocks = Sequence[tuple[BlockKey, str]]


def parts_of(batch: Batch) -> list[tuple[BlockKind, Sequence[CauseIncrement], Blocks]]:
    """What a batch adds to blocks, of each kind of which it brings any."""
    parts: list[tuple[BlockKind, Sequence[CauseIncrement], Blocks]] = []
    if batch.causes or batch.cause_blocks:
        parts.append((CAUSES, batch.causes, batch.cause_blocks))
    if batch.latencies or batch.latency_blocks:
        parts.append((LATENCIES, batch.latencies, batch.latency_blocks))
    return parts


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
    The blocks that change when a batch is added, and the totals by cause, with the keys by which they are stored.

    A block that is damaged begins again: the batch counts in any case.

    Args:
        batch: It is added.
        load: Returns the text of a block, by the key by which it is stored; None for one that is not there.
        bad: How many bad events of the batch are added to the record.
        reference: As for `add_causes`.
        keeps_seconds: As there.
        damage: What is wrong with a block is added to it, fit for a log.
    """
    changed: list[tuple[BlockKey, str]] = []
    for kind, increments, blocks in parts_of(batch):
        texts = BlockTexts(kind, load)
        changed += texts.changed(increments, blocks, reference=reference, keeps_seconds=keeps_seconds)
        where = "" if kind is CAUSES else f", {kind.name}"
        damage += [f"SLO {batch.slo!r}{where}: {trouble}" for trouble in texts.damage]
    return [*changed, *_changed_totals(batch, load, bad=bad, damage=damage)] if batch.totals_causes else changed


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


class BlockTexts:
    """
    The blocks of one kind of one SLO, as texts.

    Args:
        kind: What they hold.
        load: Returns the text of a block, by the key by which it is stored; None for one that is not there.

    Attributes:
        damage: What was wrong with blocks that were loaded, fit for a log.
    """

    __slots__ = ("_kind", "_load", "damage")

    def __init__(self, kind: BlockKind, load: Callable[[BlockKey], str | None]) -> None:
        self._kind = kind
        self._load = load
        self.damage: list[str] = []

    def changed(
        self, increments: Sequence[CauseIncrement], blocks: Blocks = (), *, reference: float, keeps_seconds: int
    ) -> list[tuple[BlockKey, str]]:
        """
        The blocks that change, in the order of their keys, with the keys by which they are stored.

        Args:
            increments: As for `add_causes`.
            blocks: As there.
            reference: As there.
            keeps_seconds: As there.
        """
        kind = self._kind
        # What nearly every flush does, in a tenth of the time.
        if increments and not blocks and 0 <= reference - increments[0].bucket * FINEST_SECONDS < DAY:
            newest = self._load(kind.open)
            added = None if newest is None else added_to_open(newest, increments)
            if added is not None:
                return [(kind.open, added)]
        changed = add_causes(
            increments, blocks, load=self._block, reference=reference, keeps_seconds=keeps_seconds, kind=kind
        )
        return [(kind.stored(key), block_text(key, changed[key])) for key in sorted(changed)]

    def _block(self, key: BlockKey) -> CauseBlock | None:
        text = self._load(self._kind.stored(key))
        if text is None:
            return None
        try:
            return parse_block(key, text, self._kind)
        except ValueError as exc:
            self.damage.append(str(exc))
            return None


def stored_causes(
    blocks: Iterable[tuple[BlockKey, str]], sums: Iterable[EventCounts], kind: BlockKind = CAUSES
) -> StoredCauses:
    """
    The answer to a query.

    Args:
        blocks: As they are stored, in any order.
        sums: Of each of its ranges.
        kind: What was asked for.
    """
    newest: CauseBlock | None = None
    parsed: list[tuple[int, CauseBlock]] = []
    trouble: str | None = None
    for stored, text in blocks:
        key = BlockKey(stored.width_seconds - kind.more, stored.block)
        try:
            block = parse_block(key, text, kind)
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
