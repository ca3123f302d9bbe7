"""What the answers of the script that reads say about one SLO."""

from __future__ import annotations

from typing import Any

from slo_core.stores.buckets import Series, Stored
from slo_core.stores.redis.blocks import BlockPlan
from slo_core.stores.shared.damage import damaged

__all__ = ["explained", "series_of", "stored_of"]


def stored_of(plan: BlockPlan, answer: Any) -> Stored:
    """The record and the sums in an answer; or the trouble with it."""
    try:
        if isinstance(answer, Exception):
            raise answer
        return plan.stored(answer)
    except Exception as exc:  # from any bytes in a store
        return Stored(None, (), explained(exc))


def series_of(plan: BlockPlan, answer: Any) -> Series:
    """
    For each range the buckets in an answer.

    Raises:
        DamagedError: There is trouble with it.
    """
    try:
        if isinstance(answer, Exception):
            raise answer
        return plan.series(answer)
    except Exception as exc:  # from any bytes in a store
        raise damaged(plan.slo, explained(exc)) from exc


def explained(failure: object) -> str:
    """A failure in words, fit for a log."""
    if isinstance(failure, Exception):
        return f"{type(failure).__name__}: {failure}"
    return "its record is made again and again"
