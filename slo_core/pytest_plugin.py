"""Fixtures for tests of services that use slo-suite; pytest loads them once slo-suite is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from slo_core.testing import FakeClock, RequestEvent
    from slo_core.tracking.registry import SLORegistry


@pytest.fixture
def slo_clock() -> FakeClock:
    """A clock that moves only when a test advances it: `slo_clock.advance(days=1)`."""
    from slo_core.testing import FakeClock

    return FakeClock()


@pytest.fixture
def slo_requests() -> Iterator[Callable[[SLORegistry], list[RequestEvent]]]:
    """`slo_requests(registry)` lists the requests that the registry counts from then on, until the test ends."""
    from slo_core.testing import capture_requests

    with ExitStack() as stack:
        yield lambda registry: stack.enter_context(capture_requests(registry))
