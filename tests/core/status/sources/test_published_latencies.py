"""How long events took, read back from the JSON of a page."""

from __future__ import annotations

import json

from slo_core import SLORegistry
from slo_core.status.sources.published_latencies import latencies_of_json
from slo_core.status_page.page import StatusPage
from slo_core.testing import FakeClock


def test_what_a_page_says_is_what_its_tracker_says(clock: FakeClock) -> None:
    """To the edge; also where there is none."""
    registry = SLORegistry.from_config({"a": {"target": 0.9, "latency": "300ms"}, "b": {"target": 0.9}}, clock=clock)
    tracker = registry["a"]
    for seconds in (0.001, 0.1, 0.2, 9.0):
        tracker.internals.record_good(tracker, seconds)
    tracker.record(True)
    page = json.loads(json.dumps(StatusPage(registry).json_view({"slo": "a"})))

    assert latencies_of_json(page, span="1h") == tracker.latency(3600)
    assert latencies_of_json(page, span="2h") is None
    assert latencies_of_json(StatusPage(registry).json_view({"slo": "b"}), span="1h") is None
    assert latencies_of_json({"slos": []}, span="1h") is None
