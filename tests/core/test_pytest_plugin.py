"""The fixtures that the package ships."""

from __future__ import annotations

from collections.abc import Callable

from slo_core import SLORegistry
from slo_core.http.recorder import HTTPRecorder
from slo_core.pytest_plugin import slo_clock, slo_requests  # noqa: F401  # fixtures, found by their names
from slo_core.testing import FakeClock, RequestEvent


def test_a_clock(slo_clock: FakeClock) -> None:  # noqa: F811  # the fixture
    """It stands still."""
    before = slo_clock()

    slo_clock.advance(days=1)

    assert slo_clock() - before == 86_400


def test_the_requests_of_a_registry(
    slo_requests: Callable[[SLORegistry], list[RequestEvent]],  # noqa: F811  # the fixture
) -> None:
    """From the call on, until the test ends."""
    registry = SLORegistry.from_config({"a": {"target": 0.9}})
    recorder = HTTPRecorder(registry)

    events = slo_requests(registry)
    observed = recorder.begin({}, "GET", "/x")
    assert observed is not None
    observed.status = 503
    recorder.finish(observed)

    assert [event.outcomes for event in events] == [{"a": False}]
