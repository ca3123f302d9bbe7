"""What changed, on the page of an SLO and in its JSON."""

from __future__ import annotations

import re

import pytest

from slo_core import SLORegistry, StoreError
from slo_core.status_page.page import StatusPage
from slo_core.stores.memory.store import MemoryStore
from slo_core.testing import FakeClock
from status_page_text import LINKS, PageText


@pytest.fixture
def registry(clock: FakeClock) -> SLORegistry:
    """One SLO of 99 %, ten events a minute for two hours; half fails in the last 20 minutes, a minute after a release."""
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock)
    for minute in range(120):
        if minute == 99:
            registry.annotate("4.2", kind="release")
        for number in range(10):
            registry["a"].record(minute < 100 or number % 2 == 0)
        clock.advance(minutes=1)
    return registry


def page_of(registry: SLORegistry, **query: str) -> str:
    return StatusPage(registry).detail("a", query, links=LINKS).html


def test_the_headline_says_after_what_the_burn_began(registry: SLORegistry) -> None:
    """In the sentence that wakes people."""
    (headline,) = re.findall(r'<p class="slo-headline[^"]*">.*?</p>', page_of(registry))

    assert "50.0x the allowed rate; it began 2 minutes after release 4.2." in PageText(headline).text


def test_the_last_changes_of_the_range_are_listed(registry: SLORegistry, clock: FakeClock) -> None:
    """Ten at most, the newest first, as text and not as markup; with the failures before and after the last release."""
    for number in range(12):
        registry.annotate(f"note {number} <b>", at=clock() - 60 + number)
    registry.annotate("old", at=clock() - 7_000)

    (section,) = re.findall(r"<section><h2>Changes</h2>.*?</section>", page_of(registry, range="1h"))

    assert "release 4.2, 21m ago: 100 of 210 failed since, 0 of 210 in the 21m before" in PageText(section).text
    notes = [f"note {number} &lt;b&gt;" for number in range(11, 1, -1)]
    assert re.findall(r"<bdi>(.*?)</bdi>", section) == [*notes, "4.2"]
    assert "old" not in section


def test_a_service_without_marks_shows_no_section(clock: FakeClock) -> None:
    """Nor does its JSON lack the keys."""
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock)

    assert "Changes" not in page_of(registry)
    view = StatusPage(registry).json_view({"slo": "a"})
    assert (view["marks"], view["burn_began_after"], view["last_release"]) == ([], None, None)


def test_json_has_the_documented_keys(registry: SLORegistry, clock: FakeClock) -> None:
    """Those of the range, oldest first; the list of all SLOs has none of them."""
    registry.annotate("old", at=clock() - 7_000)
    released = clock() - 21 * 60
    release = {"at": released, "kind": "release", "text": "4.2"}

    page = StatusPage(registry)
    view, longer = (page.json_view({"slo": "a", "range": name}) for name in ("1h", "6h"))

    assert view["marks"] == [release]
    assert [mark["text"] for mark in longer["marks"]] == ["old", "4.2"]
    assert view["burn_began_after"] == {**release, "seconds": 121.0}
    assert view["last_release"] == {
        **release, "seconds": 1260.0, "after": {"total": 210, "failures": 100}, "before": {"total": 210, "failures": 0},
    }  # fmt: skip
    assert "marks" not in page.json_view({})


def test_marks_that_cannot_be_read_hide_no_numbers(
    registry: SLORegistry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The page shows all else; the log says why."""

    def fail(*_: object) -> None:
        raise StoreError("the store is slow")

    monkeypatch.setattr(MemoryStore, "marks", fail)

    assert "Paging for" in page_of(registry)
    assert "the marks of the service are not shown" in caplog.text
