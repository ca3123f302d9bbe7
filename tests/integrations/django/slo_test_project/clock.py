"""The clock that views move on, in place of sleeping."""

from __future__ import annotations

import asyncio

from slo_core.testing import FakeClock

__all__ = ["Arrivals", "arrivals", "clock"]

clock = FakeClock()


class Arrivals:
    """Views that have begun to wait, for a client that hangs up on one of them."""

    def __init__(self) -> None:
        self._count = 0

    def note(self) -> None:
        """A view waits now."""
        self._count += 1

    async def next(self) -> None:
        """Until one more view waits than now."""
        before = self._count
        while self._count == before:  # no event of asyncio: views may run in a loop of their own
            await asyncio.sleep(0.001)


arrivals = Arrivals()
