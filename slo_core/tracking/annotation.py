"""Writes a mark that an application or an operator gives."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.marks import Mark, MarkKind, mark_text, mark_text_problem
from slo_core.budgets.wording import printable
from slo_core.errors import ConfigError, Problem, StoreError
from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS
from slo_core.stores.marks import MarkStore
from slo_core.tracking.tracker_internals import finite_time

if TYPE_CHECKING:
    from slo_core.tracking.registry import SLORegistry

__all__ = ["annotate", "annotate_from_command", "check_release", "marked_text", "new_mark"]


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


def annotate_from_command(registry: SLORegistry, text: str, *, kind: MarkKind, at: float | None) -> str:
    """
    Write a mark from another process than those that count, and return a line that says so.

    Args:
        registry: The SLOs of the service.
        text: Of the mark.
        kind: Of the mark.
        at: Of the mark; None is now.

    Raises:
        StoreError: The store is not shared, keeps no marks, or is out of reach.
        ValueError: The mark is none.
    """
    store = registry.store
    if store.scope == "process":
        raise StoreError(
            f"the store {store.backend}:// is this command's own: no other process would see the mark; name a shared store, "
            "or call registry.annotate() in the service"
        )
    return marked_text(registry.service, registry.annotate(text, kind=kind, at=at))


def marked_text(service: str, mark: Mark) -> str:
    """That a mark is written, in a line: `shop: "migration 0042" is marked at 2026-03-01 12:00:00 UTC`."""
    when = datetime.fromtimestamp(mark.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{printable(service)}: {mark_text(mark)} is marked at {when}"


def new_mark(text: str, *, kind: MarkKind, at: float | None, now: float) -> Mark:
    """
    A mark of now or of the past.

    Raises:
        ValueError: The text, the kind or the time is wrong, or the time is more than 60 s ahead or 25 months ago.
    """
    instant = now if at is None else finite_time(at)
    if instant > now + FUTURE_TOLERANCE_SECONDS:
        raise ValueError(
            f"at: expected a time at most {FUTURE_TOLERANCE_SECONDS} s ahead of the clock ({now!r}), got {at!r}, "
            f"{instant - now:.0f} s ahead; is it in milliseconds?"
        )
    if 0 <= instant < now - KEPT_SECONDS:
        raise ValueError(f"at: expected a time of the last 25 months, for which marks are kept, got {at!r}")
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
