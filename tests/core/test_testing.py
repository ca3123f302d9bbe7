"""What the core offers to users' tests."""

from __future__ import annotations

import pytest

from slo_core import SLORegistry
from slo_core.http.recorder import HTTPRecorder
from slo_core.testing import FakeClock, capture_requests


def test_a_clock_stands_still_until_it_is_told() -> None:
    """In seconds, minutes, hours and days, forward and back."""
    clock = FakeClock(100.0)
    assert clock() == clock() == 100.0

    clock.advance(1, minutes=1, hours=1, days=1)
    assert clock() == 100.0 + 1 + 60 + 3600 + 86_400

    clock.advance(-1, minutes=-1, hours=-1, days=-1)
    assert clock() == 100.0


def request(recorder: HTTPRecorder, path: str, *, status: int = 200) -> None:
    observed = recorder.begin({}, "GET", path)
    assert observed is not None
    observed.status = status
    recorder.finish(observed)


def test_captured_are_the_requests_that_count_inside_the_block() -> None:
    """Those before and after, and those no SLO counts, are not."""
    registry = SLORegistry.from_config({"a": {"target": 0.9, "exclude": ["/healthz"]}})
    recorder = HTTPRecorder(registry)
    request(recorder, "/before")

    with capture_requests(registry) as events:
        request(recorder, "/inside")
        request(recorder, "/healthz")
        with capture_requests(registry) as inner:
            request(recorder, "/both", status=500)
        request(recorder, "/inside-again")
    request(recorder, "/after")

    assert [event.path for event in events] == ["/inside", "/both", "/inside-again"]
    assert [(event.path, event.status, event.outcomes) for event in inner] == [("/both", 500, {"a": False})]
    assert registry.internals.request_listeners == []


def test_a_block_that_raises_captures_no_further() -> None:
    """The listener is taken away."""
    registry = SLORegistry()

    with pytest.raises(LookupError), capture_requests(registry):
        raise LookupError

    assert registry.internals.request_listeners == []
