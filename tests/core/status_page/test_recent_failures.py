"""Recent failures on the page of an SLO: a table, with links to their traces."""

from __future__ import annotations

import re

import pytest

from slo_core import SLORegistry, StoreError
from slo_core.budgets.causes import Cause
from slo_core.status_page.page import StatusPage
from slo_core.stores.failure_buffer import EventDetails
from slo_core.stores.memory.store import MemoryLedger
from slo_core.testing import FakeClock
from status_page_text import LINKS, PageText

TRACE = "ab" * 16
URL = "https://tempo.example/trace/{trace_id}?a=1&b=2"


def section_of(registry: SLORegistry) -> str:
    page = StatusPage(registry).detail("a", {}, links=LINKS).html
    sections = re.findall(r'<section class="slo-failing"><h2 id="slo-recent">.*?</section>', page)
    return sections[0] if sections else ""


def test_each_has_its_cause_duration_trace_and_request_id(clock: FakeClock) -> None:
    """The trace is a link; what is not known is a dash."""
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock, trace_url=URL)
    internals = registry["a"].internals
    internals.record_cause(registry["a"], Cause("GET /x/{id}", "503"), EventDetails(0.25, int(TRACE, 16), "r-1"))
    clock.advance(1)
    registry["a"].record_failure()

    html = section_of(registry)

    assert [PageText(row).text for row in re.findall(r"<th scope=\"col\">.*?</th>", html)] == [
        "Time", "Cause", "Duration", "Trace", "Request id",
    ]  # fmt: skip
    first, second = re.findall(r"<tr><th scope=\"row\">.*?</tr>", html)
    assert "not known" in first
    assert (
        f'<a href="https://tempo.example/trace/{TRACE}?a=1&amp;b=2" rel="noreferrer"><code dir="ltr">{TRACE}</code></a>'
        in second
    )
    for text in ("GET /x/{id}", "503", "250 ms", "r-1"):
        assert text in PageText(second).text


def test_names_are_text_and_never_markup(clock: FakeClock) -> None:
    """A route is the application's own text."""
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock)
    registry["a"].record_failure(cause="<script>alert(1)</script>")

    html = section_of(registry)

    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_ten_are_shown_and_the_json_has_all(clock: FakeClock) -> None:
    """Columns that are empty in each row are left out."""
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock)
    for _ in range(60):
        clock.advance(1)
        registry["a"].record_failure(cause="job")

    html = section_of(registry)

    assert html.count('<tr><th scope="row">') == 10
    assert "And 40 more: see the JSON." in PageText(html).text
    assert "Duration" not in html
    view = StatusPage(registry).json_view({"slo": "a"})
    assert [failure["at"] for failure in view["recent_failures"]] == [clock() - number for number in range(50)]
    assert "recent_failures" not in StatusPage(registry).json_view({})


@pytest.mark.parametrize("most", [0, 50])
def test_without_failures_there_is_no_section(clock: FakeClock, most: int) -> None:
    """Nor with the list switched off; the JSON has the key all the same."""
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock, recent_failures=most)
    if not most:
        registry["a"].record_failure()

    assert section_of(registry) == ""
    assert StatusPage(registry).json_view({"slo": "a"})["recent_failures"] == []


def test_numbers_are_shown_where_failures_cannot_be_read(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """They explain numbers, and hide none."""
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock)
    registry["a"].record_failure(cause="job")

    def fail(*_: object) -> None:
        raise StoreError("away")

    monkeypatch.setattr(MemoryLedger, "recent_failures", fail)

    view = StatusPage(registry).json_view({"slo": "a"})
    assert (view["recent_failures"], view["slos"][0]["failures"]) == ([], 1)
    assert registry.internals.errors.total > 0
