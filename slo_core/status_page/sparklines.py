"""The sparklines of the list: read while its rows are drawn, and kept for half a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from slo_core.errors import StoreError
from slo_core.status_page.last_day import Sparkline, last_days, sparkline
from slo_core.status_page.optional_read import or_nothing

if TYPE_CHECKING:
    from slo_core.tracking.registry import SLORegistry

__all__ = ["Lines", "Sparklines"]

# By SLO.
Lines = Mapping[str, Sparkline]

# A bar is half an hour.
_KEPT_SECONDS = 30.0


class Sparklines:
    """
    Draws the last day of each SLO.

    Args:
        registry: The SLOs.
    """

    __slots__ = ("_kept", "_registry", "_shared")

    def __init__(self, registry: SLORegistry) -> None:
        self._registry = registry
        self._shared = registry.internals.shared(partial(_drawn, registry))
        # When they were read, by the monotonic clock.
        self._kept: tuple[float, Lines | None] = (0.0, None)

    def begin(self) -> Callable[[], Lines]:
        """
        Have them read, unless those of a shared store are half a minute old at most.

        Returns:
            A function that waits for them, to be called when the rest is drawn. Where the store has gone away since the
            numbers were read, there are none: the list shows the numbers all the same.
        """
        if self._registry.store.scope == "process":
            return partial(self._harmless, partial(_drawn, self._registry))
        read_at, kept = self._kept
        if kept is not None and 0 <= time.monotonic() - read_at < _KEPT_SECONDS:
            return partial(dict, kept)
        try:
            wait = self._shared.begin()
        except StoreError:
            return dict
        return partial(self._harmless, partial(self._keep, wait))

    def _keep(self, wait: Callable[[], Lines]) -> Lines:
        lines = wait()
        self._kept = (time.monotonic(), lines)
        return lines

    def _harmless(self, draw: Callable[[], Lines]) -> Lines:
        return or_nothing(draw, self._registry, "the last day could not be drawn for the status page")


def _drawn(registry: SLORegistry) -> Lines:
    days = last_days(registry)
    lines = ((t.name, sparkline(t.definition, days.get(t.name), at=t.internals.clock())) for t in registry)
    return {name: line for name, line in lines if line is not None}
