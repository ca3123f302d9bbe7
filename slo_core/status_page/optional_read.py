"""A read of the store for a part of the page that may be missing: numbers are shown all the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from slo_core.errors import StoreError

if TYPE_CHECKING:
    from slo_core.tracking.registry import SLORegistry

__all__ = ["or_nothing"]

T = TypeVar("T")


def or_nothing(read: Callable[[], Mapping[str, T]], registry: SLORegistry, trouble: str) -> Mapping[str, T]:
    """
    What is read; nothing where that fails.

    Args:
        read: Returns the parts by SLO.
        registry: The SLOs. It reports what a user's store raises.
        trouble: What is missing then, for the log.
    """
    try:
        return read()
    except StoreError:
        return {}  # the page says that the store is away
    except Exception as exc:  # of a user's store: it hides no number
        registry.internals.errors.report(trouble, exc)
        return {}
