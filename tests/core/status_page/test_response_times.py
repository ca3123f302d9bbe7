"""How long it takes: on the page of a latency SLO."""

from __future__ import annotations

import re

from slo_core import SLORegistry
from slo_core.status_page.page import StatusPage
from slo_core.testing import FakeClock
from status_page_text import LINKS, PageText


def page_of(clock: FakeClock, *times: float, definition: dict[str, object] | None = None) -> str:
    registry = SLORegistry.from_config({"checkout": definition or {"target": "99%", "latency": "300ms"}}, clock=clock)
    tracker = registry["checkout"]
    for each in times:
        tracker.internals.record_good(tracker, each)
    return StatusPage(registry).detail("checkout", {"causes": "1h"}, links=LINKS).html


def test_percentiles_and_the_cells_in_use_are_shown(clock: FakeClock) -> None:
    """Those between the first and the last that hold events; beyond the threshold they are too slow."""
    html = page_of(clock, *[0.1] * 98, 0.25, 0.4)

    assert "In the last hour: The median lies between 75 ms and 106 ms, 95% between 75" in PageText(html).text
    assert "99% would have met a threshold of 300 ms." in PageText(html).text
    (table,) = re.findall('<table class="slo-table slo-cards slo-times">.*?</table>', html)
    rows = re.findall("<tr><th scope=.row.>(.*?)</th><td.*?>(.*?)</td><td.*?>(.*?)<", table)
    assert [(PageText(name).text, count, share) for name, count, share in rows] == [
        ("Between 75 ms and 106 ms", "98", "98.0%"),
        ("Between 106 ms and 150 ms", "0", "0.0%"),
        ("Between 150 ms and 212 ms", "0", "0.0%"),
        ("Between 212 ms and 300 ms", "1", "1.0%"),
        ("Between 300 ms and 424 ms too slow", "1", "1.0%"),
    ]


def test_without_a_threshold_there_is_no_section(clock: FakeClock) -> None:
    """And without an event no table."""
    assert "How long it takes" not in page_of(clock, 0.1, definition={"target": "99%"})
    html = page_of(clock)
    assert "Of no event it is known how long it took." in PageText(html).text
    assert "slo-times" not in html
