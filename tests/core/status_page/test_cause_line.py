"""The time line of a cause."""

from __future__ import annotations

import re

from slo_core import SLODefinition, SLORegistry
from slo_core.budgets.cause_shares import CauseBreakdown, CauseShare
from slo_core.budgets.causes import Cause
from slo_core.budgets.events import EventCounts
from slo_core.status_page.cause_line import cause_lines
from slo_core.status_page.markup import html_of
from slo_core.status_page.page import StatusPage
from status_page_text import LINKS


def test_a_bar_stands_where_bad_events_were(clock):
    """All causes of the hour to one scale; the smallest can be seen; what is said of it is not in the way of names."""
    registry = SLORegistry(clock=clock)
    tracker = registry.define(SLODefinition("checkout", 0.99))
    clock.advance(days=1)
    clock.advance(seconds=300 - clock() % 300)
    for minutes, where, bad in ((0, "GET /a", 100), (10, "GET /a", 50), (0, "GET /b", 1)):
        clock.advance(minutes=minutes)
        for _ in range(bad):
            tracker.internals.record_cause(tracker, Cause(where, "503"))
    breakdown = tracker.causes(3600)
    first, second = cause_lines(breakdown, breakdown.causes)

    assert re.findall('d="(M[^h]*?)"', html_of(first)) == ["M21 20v-20M25 20v-10"]
    assert re.findall('d="(M[^h]*?)"', html_of(second)) == ["M25 20v-2"]
    assert 'aria-label="at most 100 in 5m"' in html_of(first)
    page = StatusPage(registry).detail("checkout", {"causes": "1h"}, links=LINKS).html
    assert html_of(first) in page


def test_the_window_has_at_most_48_bars(clock):
    """Of whole buckets each; the sum is that of the cause."""
    registry = SLORegistry(clock=clock)
    tracker = registry.define(SLODefinition("checkout", 0.99, window_seconds=90 * 86_400))
    for _ in range(90):
        tracker.internals.record_cause(tracker, Cause("GET /a", "503"))
        clock.advance(days=1)
    breakdown = tracker.causes(90 * 86_400)
    (line,) = cause_lines(breakdown, breakdown.causes)

    (path,) = re.findall('d="(M[^h]*?)"', html_of(line))
    assert path.count("M") in (45, 46)
    assert path.count("v-20") >= 44


def test_there_is_no_line_where_times_are_not_known():
    """Of a page of another service, and for rows that say only what happened."""
    share = CauseShare("GET /a", "503", 1, 1.0, False)
    breakdown = CauseBreakdown(0, EventCounts(0, 1), (share,))
    assert cause_lines(breakdown, [share]) == [None]
