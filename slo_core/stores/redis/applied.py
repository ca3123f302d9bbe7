"""The answer to batches, from those of the script that adds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slo_core.stores.buckets import Applied, Batch, Note, StoreIdentity
from slo_core.stores.redis.answers import explained
from slo_core.stores.redis.batch_call import has_damage, note_of, other_generation
from slo_core.stores.redis.generations import Generations
from slo_core.stores.redis.pipeline import is_damage

__all__ = ["applied_of"]


def applied_of(
    identity: StoreIdentity, now: float, batches: Sequence[Batch], answers: Sequence[Any], generations: Generations
) -> Applied:
    """
    The answer to batches.

    Args:
        identity: Of the store.
        now: Its clock.
        batches: As they were sent.
        answers: Of the script; an exception stands for one that is missing.
        generations: They take in what the script has answered.
    """
    notes: list[Note | None] = []
    failures = []
    damaged = []
    for batch, answer in zip(batches, answers, strict=True):
        if isinstance(answer, Exception):
            if is_damage(answer):
                raise answer
        elif other_generation(answer) is None:
            note = note_of(answer)
            notes.append(note)
            generations.note(batch.slo, note.generation)
            if has_damage(answer):
                damaged.append(f"SLO {batch.slo!r}")
            continue
        failures.append(answer)
        notes.append(None)
    trouble = explained(failures[0]) if failures else None
    return Applied(identity, now, tuple(notes), trouble, damage="; ".join(damaged) or None)
