"""Writes a mark that an application or an operator gives."""

from __future__ import annotations

from slo_core.budgets.marks import Mark, MarkKind, mark_text_problem
from slo_core.errors import ConfigError, Problem, StoreError
from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS
from slo_core.stores.marks import MarkStore
from slo_core.tracking.tracker_internals import finite_time

__all__ = ["annotate", "check_release", "new_mark"]


def annotate(store: object, text: str, *, kind: MarkKind, at: float | None, now: float) -> Mark:
    """
    Write a mark into a store, and return it; as `SLORegistry.annotate`.

    Args:
        store: A `Store`.
        text: Of the mark.
        kind: Of the mark.
        at: Of the mark; None is now.
        now: The clock.

    Raises:
        StoreError: The store keeps no marks, or is out of reach.
        ValueError: The mark is none.
    """
    mark = new_mark(text, kind=kind, at=at, now=now)
    if not isinstance(store, MarkStore):
        raise StoreError(f"annotate(): {store!r} keeps no marks, or was opened for reading only")
    store.add_marks([mark])
    return mark


def new_mark(text: str, *, kind: MarkKind, at: float | None, now: float) -> Mark:
    """
    A mark of now or of the past.

    Raises:
        ValueError: The text, the kind or the time is wrong, or the time is more than 60 s ahead.
    """
    instant = now if at is None else finite_time(at)
    if instant > now + FUTURE_TOLERANCE_SECONDS:
        raise ValueError(
            f"at: expected a time at most {FUTURE_TOLERANCE_SECONDS} s ahead of the clock ({now!r}), got {at!r}, "
            f"{instant - now:.0f} s ahead; is it in milliseconds?"
        )
    return Mark(instant, kind, text)


def check_release(release: object) -> None:
    """
    See whether a release can be a mark.

    Raises:
        ConfigError: It cannot.
    """
    problem = mark_text_problem(release)
    if problem is not None:
        raise ConfigError([Problem("release", f"{problem}, or None")])
